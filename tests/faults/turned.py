"""PostgreSQL by a clock that can be turned back: libfaketime stands before the system's own.

Each process of the server asks the file at every look at the clock. Where the library is not on
this machine, the database's clock is right all the time.
"""

import glob
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imaging_safety import embedded

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")
NOT_HERE = "libfaketime is not on this machine: the database's clock is right all the time."


def library() -> str | None:
    return next((found for where in LIBRARIES for found in glob.glob(where)), None)


class Clock:
    """The database's. Remembers when it was wrong, and by how much."""

    def __init__(self, file: Path) -> None:
        self.file, self.library = file, library()
        # What it showed while it was wrong: from when until when, and by how much it was.
        self.wrong: list[tuple[datetime, datetime]] = []
        self._since: tuple[datetime, timedelta] | None = None
        self._write(timedelta())

    def environment(self) -> dict[str, str]:
        if self.library is None:
            return {}
        return {
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def turn(self, by: timedelta) -> None:
        """From now on it is wrong by so much."""
        self.set_right()
        self._since = datetime.now(UTC), by
        self._write(by)

    def set_right(self) -> None:
        self._write(timedelta())
        if self._since:
            since, by = self._since
            self.wrong.append((since + by, datetime.now(UTC) + by))
            self._since = None

    def showed(self, at: datetime) -> bool:
        """Whether a row may have this time from a wrong clock."""
        return any(since <= at <= until for since, until in self.wrong)

    def _write(self, by: timedelta) -> None:
        """Never half: it is read all the time."""
        beside = self.file.with_suffix(".next")
        beside.write_text(f"{by.total_seconds():+.0f}")
        beside.chmod(0o644)
        os.replace(beside, self.file)


class TurnedPostgres(embedded.Postgres):
    """Made with a clock, and started by it; its files are made by the true one."""

    clock: Clock

    def _environment(self) -> dict[str, str]:
        faked = self.clock.environment() if self.data.exists() else {}
        return super()._environment() | faked
