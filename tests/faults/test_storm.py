"""The short form of `make faults`: a few dozen kills, with servers of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent.parent
SHORT = ("--kills", "25", "--findings", "60", "--rest", "0.3")
WITHIN = 400  # seconds, on a machine that does other things as well


@pytest.mark.engine
def test_a_storm_loses_nothing_and_every_second_copy_is_explained() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.campaign", *SHORT],
        cwd=HERE,
        env=kept | {"PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN,
    )
    assert done.returncode == 0, done.stdout
    numbers = dict(re.findall(r"^(\w[\w ]+?) {2,}(\d+)$", done.stdout, re.MULTILINE))
    assert numbers["lost"] == "0"
    assert int(numbers["fired"]) == int(numbers["due"]) >= 60
    assert int(numbers["delivered"]) > 60
