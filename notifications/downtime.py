"""Keeps the list of open findings, and of examinations without a report, on disk, for the day when
nothing here answers.

Each trust has one file in DOWNTIME_FOLDER, written anew every hour by whoever watches: a place that
outlives this machine, such as a share that the imaging department can open. It names patients:
only the account that runs the application can read what it writes.
"""

import os
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings

from findings.models import Organisation
from findings.presenters.downtime import document, open_findings_of, waits_of
from findings.services.timeline import database_now
from notifications import pulse


def keep_lists() -> None:
    """Write the lists when an hour has passed."""
    if folder := settings.DOWNTIME_FOLDER:
        pulse.each_hour(pulse.LISTS, lambda: write_lists(Path(folder), database_now()))


def write_lists(folder: Path, at: datetime) -> list[Path]:
    """One file for each trust, each replaced in one move. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        _write(
            folder / file_name(trust), document(trust, open_findings_of(trust), waits_of(trust), at)
        )
        for trust in Organisation.objects.filter(kind=Organisation.Kind.TRUST)
    ]


def file_name(trust: Organisation) -> str:
    return f"open-findings-{trust.ods_code}.html"


def _write(path: Path, text: str) -> Path:
    """Whoever opens the file sees the old list or the new one, never half of one."""
    handle, half = tempfile.mkstemp(dir=path.parent, prefix=".half-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, path)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
    return path
