"""Starting another program so that it never outlives us, and never runs as root without need.

Only the standard library: this runs before Django's settings exist.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Any

PR_SET_PDEATHSIG = 1
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
NOBODY = 65534


def die_with_parent(farewell: int, parent: int | None = None) -> None:
    """Ask the kernel to send us `farewell` when our parent dies, even by kill -9.

    Only Linux can; elsewhere `imaging_safety.guard` watches instead. It must be called after the
    account was changed, because a change of account clears the wish.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, farewell)
    if parent is not None and os.getppid() != parent:
        os._exit(1)  # the parent died before the wish was heard


def _before_exec(farewell: int) -> Callable[[], None]:
    parent = os.getpid()
    return lambda: die_with_parent(farewell, parent)


def start(
    arguments: Sequence[str | Path],
    *,
    log: Path,
    farewell: int = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Mapping[str, Any] | None = None,
) -> Popen[bytes]:
    """Start a program in a session of its own, writing to `log`.

    A session of its own: Ctrl-C at the terminal reaches only us, and we stop the others in order.
    """
    with log.open("ab") as lines:
        return Popen(
            [str(argument) for argument in arguments],
            stdout=lines,
            stderr=STDOUT,
            stdin=DEVNULL,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_before_exec(farewell),
            **(account or {}),
        )


def unprivileged_account() -> dict[str, Any]:
    """How `Popen` leaves root: PostgreSQL refuses to run as root. Empty when we are not root."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED_ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}
