#!/usr/bin/env python
"""Django's command line for Imaging Safety.

Beside a `make run` it works on that run's database, unless the environment names another.
"""

import json
import os
import sys
from pathlib import Path


def borrow_environment() -> None:
    """What `make run` of this directory uses, where nothing else is set."""
    place = Path(os.environ.get("LOCAL_DIR") or Path(__file__).resolve().parent / ".local")
    if "DATABASE_URL" in os.environ or not (place / "environment").exists():
        return
    for name, value in json.loads((place / "environment").read_text()).items():
        os.environ.setdefault(name, value)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imaging_safety.settings")
    borrow_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
