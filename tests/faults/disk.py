"""A disk of the storm's own that can be full: in memory, and seen by nobody but our children.

Its mount is in a namespace of this process, so that nothing of it is left, however the storm ends.
Only root on Linux can do that; elsewhere the disk is never full.
"""

import ctypes
import os
import sys
from pathlib import Path

LARGEST = 4 << 30  # bytes; only what is used is taken
LEFT_WHEN_FULL = 256 << 10
CLONE_NEWNS = 0x20000
MS_REMOUNT, MS_REC, MS_PRIVATE = 32, 16384, 1 << 18


class Disk:
    """Call `mount` before any thread and any child is started."""

    def __init__(self, at: Path) -> None:
        self.at = at
        self.is_ours = False

    def mount(self) -> bool:
        """False where it may not be: then nothing has changed."""
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            return False
        before = self.at.stat()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.is_ours = (
            self._libc.unshare(CLONE_NEWNS) == 0
            and self._mount("none", Path("/"), MS_REC | MS_PRIVATE)
            and self._mount("tmpfs", self.at, 0, f"size={LARGEST},mode=700")
        )
        if self.is_ours:
            os.chown(self.at, before.st_uid, before.st_gid)
        return self.is_ours

    def fill(self) -> None:
        """A moment's work fits, and then no more."""
        there = os.statvfs(self.at)
        used = (there.f_blocks - there.f_bfree) * there.f_frsize
        self._resize(used + LEFT_WHEN_FULL)

    def empty(self) -> None:
        self._resize(LARGEST)

    def _resize(self, size: int) -> None:
        if not self._mount("tmpfs", self.at, MS_REMOUNT, f"size={size}"):
            raise OSError(ctypes.get_errno(), "the disk could not be resized")

    def _mount(self, kind: str, at: Path, flags: int, options: str = "") -> bool:
        given = [kind.encode(), os.fsencode(at), kind.encode()]
        done: int = self._libc.mount(*given, ctypes.c_ulong(flags), options.encode() or None)
        return done == 0
