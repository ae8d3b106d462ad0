"""The history: one line before each act of a client, and one with what it was told.

`invoked` comes first, then `ok`, `refused` (by a rule) or `unknown` (the connection died, and so
nobody can say). After a kill the last line of a client is `invoked`, which means the same.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError

from findings.rules import NotAllowed
from findings.states import MoveRefused

HISTORY = "history"
# An act is known by what it is and by its key: a flag's own, or the finding that it is about.
Acts = dict[tuple[str, str], list[dict[str, Any]]]


class Refused(Exception):
    """The other side said no, and why does not matter."""


class NobodyKnows(Exception):
    """The connection ended, or the other side failed: it may or may not have happened."""


class Writer:
    """Appends to the history; each line at once, so that a kill loses none."""

    def __init__(self, room: Path) -> None:
        self._file = os.open(room / HISTORY, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def act(self, what: str, key: str, **said: Any) -> "Written":
        return Written(self._file, {"act": what, "key": key, **said})


class Written:
    """One act with its two lines. What ends in doubt or is refused ends quietly."""

    def __init__(self, file: int, said: dict[str, Any]) -> None:
        self.file, self.said = file, said
        self.is_ok = self.is_unknown = False

    def __enter__(self) -> "Written":
        self._line("invoked")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            self.is_ok = True
            self._line("ok")
        elif isinstance(error, (NotAllowed, MoveRefused, Refused)):
            self._line("refused")
        elif isinstance(error, (DatabaseError, InterfaceError, OSError, NobodyKnows)):
            self.is_unknown = True
            self._line("unknown")
        else:
            return False
        return True

    def _line(self, what: str) -> None:
        line = {"what": what, "at": time.time(), **self.said}
        os.write(self.file, (json.dumps(line) + "\n").encode())


class Reader:
    """Reads on from where it stopped: the storm asks often, and the file grows."""

    def __init__(self, room: Path) -> None:
        self.path, self.read_to, self.acts = room / HISTORY, 0, Acts()
        # Findings whose flag a client was told of.
        self.flagged = 0

    def read(self) -> Acts:
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self.read_to)
                whole = file.read()
            whole = whole[: whole.rfind(b"\n") + 1]
            self.read_to += len(whole)
            for line in whole.splitlines():
                self._take(json.loads(line))
        return self.acts

    def _take(self, said: dict[str, Any]) -> None:
        lines = self.acts.setdefault((said["act"], said["key"]), [])
        if said["act"] in ("flag", "bulk") and said["what"] == "ok" and not was_told(lines):
            self.flagged += said.get("count", 1)
        lines.append(said)


def was_told(lines: list[dict[str, Any]]) -> bool:
    return any(line["what"] == "ok" for line in lines)
