"""The short form of `make faults`: the long one, with servers of its own, ended by Ctrl-C.

However it ends it ends with a verdict, and so a storm of seconds is judged like one of hours.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent.parent
SHORT = ("--rest", "0.15", "--at-once", "10")
STORM = 20  # seconds from its first progress line on
WITHIN = 400  # seconds, on a machine that does other things as well


@pytest.mark.engine
def test_a_storm_loses_nothing_and_every_second_copy_is_explained() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    campaign = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.campaign", *SHORT],
        cwd=HERE,
        env=kept | {"PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert campaign.stdout is not None
    said = []
    try:
        for line in campaign.stdout:
            said.append(line)
            if "storm:" in line:
                time.sleep(STORM)
                campaign.send_signal(signal.SIGINT)
                break
        rest, _ = campaign.communicate(timeout=WITHIN)
    finally:
        campaign.kill()
    told = "".join([*said, rest])
    assert campaign.returncode == 0, told
    numbers = dict(re.findall(r"^(\w[\w ]+?) {2,}(\d+)$", told, re.MULTILINE))
    assert numbers["lost"] == "0"
    # How much there was of each depends on what else the machine does; that it was there, not.
    assert int(numbers["fired"]) == int(numbers["due"]) > 3
    assert int(numbers["delivered"]) > 3
    assert int(numbers["by hl7"]) > 0
    assert int(numbers["improvements"]) > 0
    assert int(numbers["kills"]) > 3
    assert int(numbers["rounds of the watch"]) > 1
