"""The HL7 listener as a process of its own, for whoever sends to it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from imaging_safety import children
from tests.engine.world import HERE, wait_until


class Listening:
    """`manage.py mllp` on a port that was free."""

    def __init__(self, log: Path, **env: str) -> None:
        self.log = log
        self.child: subprocess.Popen[bytes] = children.start(
            [sys.executable, HERE / "manage.py", "mllp"],
            log=log,
            cwd=HERE,
            env={**os.environ, "MLLP_PORT": "0", **env},
        )

    @property
    def port(self) -> int:
        wait_until(lambda: "Listening" in self.log.read_text(), what="the listener")
        return int(re.findall(r"on [\d.]+:(\d+),", self.log.read_text())[0])

    @property
    def megabytes(self) -> float:
        return psutil.Process(self.child.pid).memory_info().rss / 2**20

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(20)
