"""A folder into which an interface engine drops files when nothing else works.

A file is taken when it is complete, that is when it has not changed for a while; each message in
it is kept as by import_hl7; then it is moved to `done` or `problem` beneath the folder. Whoever
still writes it writes on there, so what grows after that is taken again. Nothing is ever deleted,
and whatever ends us between storing and moving, the same file repeats nothing.
"""

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from findings.intake.batch import FileWarning, natural, walk
from findings.intake.importing import Importer, Summary
from findings.models import Sender

DONE, PROBLEM = "done", "problem"
# When a file was moved, before its own name.
STAMP = "%Y%m%dT%H%M%SZ"
# How programs name what they are still writing; they rename it then.
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".writing", "~")
# Seconds after which whoever writes a file has not come back to rename it.
LEFT_AFTER = 3600.0
LONGEST_NAME = 200  # bytes, of 255, with what is put before it
# For how long a file that was moved is watched.
GROWS_WITHIN = timedelta(days=1)
# When it was moved, a few letters, how many bytes it had then, and its own name.
_MOVED = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}\.(\d+)-(.+)", re.DOTALL)

_Signature = tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """What waits for a person: files in `problem`, since when, and what is never taken."""

    problems: int
    problems_since: datetime | None
    left: int


@dataclass(frozen=True)
class Taken:
    """A file that was taken in, with what came of it, and where it is now."""

    file: Path
    summary: Summary
    warnings: list[FileWarning]
    # None: it changed meanwhile or somebody else has moved it; what is left is taken later.
    moved_to: Path | None


@dataclass
class DropFolder:
    """One folder. `settle`: seconds for which a file must not have changed."""

    folder: Path
    settle: float
    sender: Sender | None = None
    # Called now and then while a file is taken in.
    progress: Callable[[], None] = lambda: None
    _seen: dict[Path, tuple[_Signature, float]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the two folders beneath. Raises OSError where we may not."""
        for name in (DONE, PROBLEM):
            (self.folder / name).mkdir(exist_ok=True)

    def complete(self, now: float) -> list[Path]:
        """The files that have not changed for `settle` seconds of the clock of `now`, in natural
        order. Ours, not the clock of whoever writes: the two may differ."""
        found = {file: signature for file in self._files() if (signature := _signature(file))}
        self._seen = {file: self._since(file, signature, now) for file, signature in found.items()}
        settled = (file for file, (_, since) in self._seen.items() if now - since >= self.settle)
        return sorted(settled, key=natural)

    def take(self, is_stopping: Callable[[], bool], now: float) -> Iterator[Taken]:
        """Take the complete files in, one after another. Raises `NotStored` where the database does
        not answer: that file stays, and is taken again."""
        for file in self.complete(now):
            if is_stopping():
                return
            yield self._take(file)

    def found(self) -> Found:
        """What a person has to see to."""
        problems = sorted(one.name for one in _entries(self.folder / PROBLEM))
        left = sum(1 for one in _entries(self.folder) if _is_left(one))
        return Found(len(problems), _moved_at(problems[0]) if problems else None, left)

    def _files(self) -> Iterator[Path]:
        yield from (Path(one.path) for one in _entries(self.folder) if _is_taken(one))
        for name in (DONE, PROBLEM):
            yield from _grown(self.folder / name)

    def _since(self, file: Path, signature: _Signature, now: float) -> tuple[_Signature, float]:
        before = self._seen.get(file)
        return before if before and before[0] == signature else (signature, now)

    def _take(self, file: Path) -> Taken:
        before = _signature(file)
        warnings: list[FileWarning] = []
        summary = Importer(sender=self.sender, warned=warnings.append).take(
            walk([file]), self.progress
        )
        moved_to = None
        if before is not None and _signature(file) == before:
            moved_to = _move(file, self.folder / (PROBLEM if warnings else DONE), before[1])
        self._seen.pop(file, None)
        return Taken(file, summary, warnings, moved_to)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Nothing that is hidden: systems keep things of their own there."""
    with os.scandir(folder) as entries:
        return [one for one in entries if not one.name.startswith(".")]


def _is_taken(one: os.DirEntry[str]) -> bool:
    return one.is_file(follow_symlinks=False) and not one.name.lower().endswith(UNFINISHED)


def _grown(moved: Path) -> Iterator[Path]:
    """What is longer than when it was moved: whoever writes it had only paused."""
    since = f"{datetime.now(UTC) - GROWS_WITHIN:{STAMP}}"
    for one in _entries(moved):
        found = _MOVED.fullmatch(one.name)
        if found is None or found[1] < since:
            continue
        file = Path(one.path)
        if (signature := _signature(file)) and signature[1] > int(found[2]):
            yield file


def _is_left(one: os.DirEntry[str]) -> bool:
    """A folder, or what never got the name of a finished file, an hour after."""
    if one.name in (DONE, PROBLEM) or _is_taken(one):
        return False
    try:
        return time.time() - one.stat(follow_symlinks=False).st_mtime > LEFT_AFTER
    except FileNotFoundError:
        return False


def _moved_at(name: str) -> datetime | None:
    """As `_move` has put it before the name; None of what somebody else has put there."""
    try:
        return datetime.strptime(name.split("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _signature(file: Path) -> _Signature | None:
    """What changes when a file does; None where it is gone."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _move(file: Path, to: Path, size: int) -> Path | None:
    """Under a name that nothing else has (see _MOVED)."""
    moved = _MOVED.fullmatch(file.name)
    own = os.fsencode(moved[3] if moved else file.name)[-LONGEST_NAME:]
    ours = f"{datetime.now(UTC):{STAMP}}-{secrets.token_hex(4)}.{size}-"
    target = to / (ours + own.decode(errors="replace"))
    try:
        file.rename(target)
    except FileNotFoundError:
        return None  # somebody else has taken it, too
    return target
