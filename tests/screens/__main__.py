"""`make screenshots`: `python -m tests.screens`.

Starts the application with a demonstration hospital of its own, walks every page of each role by
its links, then makes the states that no link leads to, and writes docs/screens/ anew. It takes some
minutes. A page without a picture is named in the index.
"""

import os
import secrets
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent.parent
# Of this process, which asks only for the names of pages.
ENVIRONMENT = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "HTTPS": "off",
    "DEMONSTRATION": "on",
    "DATABASE_URL": "postgresql://nowhere/nothing",
    "REDIS_URL": "redis://nowhere",
    "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
}

# What answers with a file: a list to print when all this is down, and a PDF, never opened here.
FILES = {"downtime-list", "report-document"}


def main() -> int:
    os.environ |= ENVIRONMENT
    import django

    django.setup()
    from tests.supervised import Running

    with tempfile.TemporaryDirectory(prefix="imaging-safety-screens-") as room:
        print("Starting the application and loading the hospital: about a minute.", flush=True)
        running = Running(Path(room) / "local")
        try:
            running.wait_until_up()
            return _photograph_all(f"http://127.0.0.1:{running.port}")
        finally:
            running.end_if_running()


def _photograph_all(address: str) -> int:
    """0 where every state could be made."""
    from playwright.sync_api import sync_playwright

    from tests.browser import chromium
    from tests.functional.browser import ARGUMENTS
    from tests.safety.table_of_addresses import pages
    from tests.screens.album import Album
    from tests.screens.scenes import play
    from tests.screens.visit import Visit
    from tests.screens.walk import walk

    album = Album(HERE / "docs" / "screens")
    album.begin()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        visit = Visit(started, address)
        taken = walk(visit, album) | play(visit, album)
        started.close()
    without = pages() - taken - FILES
    album.write_index(without)
    print(
        f"{len(album.pictures)} pages. Without a picture: {', '.join(sorted(without)) or 'none'}."
    )


if __name__ == "__main__":
    sys.exit(main())
