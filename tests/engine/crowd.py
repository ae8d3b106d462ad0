"""Many engines at once: `python -m tests.engine.crowd fire fire deliver deliver`.

One process each, forked from one that has loaded Django, since that takes long. Each says by its
sender's address who it is, so that the mail server can kill it at a chosen moment.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import django

from imaging_safety.children import die_with_parent

PAUSE = 0.05  # seconds between two rounds


def become(part: str) -> None:
    """Never returns."""
    die_with_parent(signal.SIGKILL)
    from django.conf import settings

    from notifications import rounds

    settings.DEFAULT_FROM_EMAIL = f"sender-{os.getpid()}@localhost"
    rounds_of: dict[str, Callable[[], object]] = {
        "fire": rounds.fire,
        "deliver": rounds.deliver,
        "reckon": rounds.reckon,
    }
    while True:
        rounds_of[part]()
        time.sleep(PAUSE)


def main(parts: list[str]) -> None:
    django.setup()
    for part in parts:
        if os.fork() == 0:
            become(part)
    print("ready", flush=True)
    with suppress(ChildProcessError):
        while True:
            os.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
