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
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired
from typing import Any

PR_SET_PDEATHSIG = 1
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
NOBODY = 65534

# Every child inherits these open files. `make run` keeps its lock here: the lock is free again
# only when the last child, and the last child of a child, is gone.
inherited: list[int] = []


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
    """Start a program in a session of its own, writing to `log`. Call it from the main thread.

    A session of its own: Ctrl-C at the terminal reaches only us, and we stop the others in order.
    """
    with log.open("ab") as lines:
        child = Popen(
            [str(argument) for argument in arguments],
            stdout=lines,
            stderr=STDOUT,
            stdin=DEVNULL,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            pass_fds=inherited,
            preexec_fn=_before_exec(farewell),
            **(account or {}),
        )
    if guard is not None:
        guard.watch(child.pid)
    return child


def stop(child: Popen[bytes] | None, how: int = signal.SIGTERM, within: float = 10) -> None:
    """Ask, wait, then insist; whatever it started itself goes with it."""
    if child is None:
        return
    if child.poll() is None:
        child.send_signal(how)
        try:
            child.wait(within)
        except TimeoutExpired:
            child.kill()
            child.wait()
    end_group(child.pid)


def end_group(leader: int) -> None:
    """What a child that has ended left behind in its session."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


class Guard:
    """A process that ends the others when we die, where the kernel does not do it (macOS)."""

    def __init__(self) -> None:
        self._child = Popen(
            [sys.executable, str(Path(__file__).with_name("guard.py"))],
            stdin=PIPE,
            stdout=DEVNULL,
            start_new_session=True,
            pass_fds=inherited,
        )

    def watch(self, pid: int) -> None:
        if self._child.stdin:
            self._child.stdin.write(b"%d\n" % pid)
            self._child.stdin.flush()

    def dismiss(self) -> None:
        self._child.kill()
        self._child.wait()


guard: Guard | None = None


def begin_guard() -> None:
    """Start the guard if this system needs one. Children started later are watched."""
    global guard
    if guard is None and not sys.platform.startswith("linux"):
        guard = Guard()


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
