"""A folder into which an interface engine drops files when nothing else works.

A file is taken when it is complete, that is when it has not changed for a while; each message in
it is kept as by import_hl7; then it is moved to `done` or `problem` beneath the folder. Nothing is
ever deleted, and whatever ends us between storing and moving, the same file repeats nothing.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from findings.intake.batch import FileWarning, natural, walk
from findings.intake.importing import Importer, Summary
from findings.models import Sender

DONE, PROBLEM = "done", "problem"
# How programs name what they are still writing; they rename it then.
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".writing", "~")
LONGEST_NAME = 200  # bytes, of 255, with what is put before it

_Signature = tuple[int, int, int]


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

    def _files(self) -> Iterator[Path]:
        with os.scandir(self.folder) as entries:
            for one in entries:
                name = one.name.lower()
                if name.startswith(".") or name.endswith(UNFINISHED):
                    continue
                if one.is_file(follow_symlinks=False):
                    yield Path(one.path)

    def _since(self, file: Path, signature: _Signature, now: float) -> tuple[_Signature, float]:
        before = self._seen.get(file)
        return before if before and before[0] == signature else (signature, now)

    def _take(self, file: Path) -> Taken:
        before = _signature(file)
        warnings: list[FileWarning] = []
        summary = Importer(sender=self.sender, warned=warnings.append).take(walk([file]))
        moved_to = None
        if before is not None and _signature(file) == before:
            moved_to = _move(file, self.folder / (PROBLEM if warnings else DONE))
        self._seen.pop(file, None)
        return Taken(file, summary, warnings, moved_to)


def _signature(file: Path) -> _Signature | None:
    """What changes when a file does; None where it is gone."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _move(file: Path, to: Path) -> Path | None:
    """Under a name that nothing else has: when it was taken, a few letters, and its own name."""
    own = os.fsencode(file.name)[-LONGEST_NAME:]
    ours = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}-"
    target = to / (ours + own.decode(errors="replace"))
    try:
        file.rename(target)
    except FileNotFoundError:
        return None  # somebody else has taken it, too
    return target
