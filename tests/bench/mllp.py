"""The HL7 listener under load: each connection sends its next report when the last was answered."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import naive_mllp, way_in

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench, Database

HERE = Path(__file__).resolve().parent.parent.parent
MANY = 8
WARM = 50  # messages before the time begins


@dataclass
class Run:
    """Reports a second, and milliseconds until the answer."""

    rate: float
    half: float
    most: float  # of a hundred, 99 are answered within it


def measure(bench: "Bench") -> None:
    for connections, words in ((MANY, f"{MANY} connections"), (1, "one connection")):
        ours: list[Run] = []
        by_hand: list[Run] = []
        library: list[Run] = []
        reports = list(way_in.messages(WARM + bench.given.reports, bench.given.seed))
        for _ in range(bench.given.runs):
            with bench.copy() as database:
                with listening(bench, database) as port:
                    ours.append(send(port, reports, connections))
                count = database.ask("SELECT count(*) FROM findings_receipt")
                assert count == way_in.PAST + len(reports)
            for how, runs in (("by_hand", by_hand), ("library", library)):
                with bench.copy() as database, naive_listening(database, how) as port:
                    runs.append(send(port, reports, connections))
                    assert database.ask("SELECT count(*) FROM taken") == len(reports)
        _say(words, ours, by_hand, library)


def _say(words: str, ours: list[Run], by_hand: list[Run], library: list[Run]) -> None:
    from tests.bench.__main__ import say

    rates = [run.rate for run in ours]
    say(f"MLLP, {words}, reports/s (limit: one row)", rates, [run.rate for run in by_hand])
    say("   (limit: one row, with python-hl7)", rates, [run.rate for run in library])
    say("   answered, ms, in the median", [run.half for run in ours])
    say("   99 of 100 answered within, ms", [run.most for run in ours])
    say("   the same where one row is kept", [run.most for run in by_hand])
    say("   the same with python-hl7", [run.most for run in library])


@contextmanager
def listening(bench: "Bench", database: "Database") -> Iterator[int]:
    log = bench.room / f"mllp{bench.copies}.log"
    env = os.environ | {"DATABASE_URL": database.url, "MLLP_PORT": "0"}
    with log.open("w") as errors:
        command = [sys.executable, "manage.py", "mllp"]
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env, cwd=HERE
        )
        assert child.stdout is not None
        try:
            found = next(filter(None, (re.search(r":(\d+)", line) for line in child.stdout)))
            yield int(found[1])
        finally:
            child.terminate()
            child.wait()


@contextmanager
def naive_listening(database: "Database", how: str) -> Iterator[int]:
    with database.superuser.cursor() as cursor:
        cursor.execute(naive_mllp.TABLE + "; GRANT ALL ON taken TO PUBLIC")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")
    command = [sys.executable, "-m", "tests.bench.naive_mllp", database.url, how]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE)
    assert child.stdout is not None
    try:
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


def send(port: int, reports: Sequence[bytes], connections: int) -> Run:
    """All of them, after some that only warm the listener up."""
    asyncio.run(_send(port, reports[:WARM], 1))
    began = time.perf_counter()
    took = sorted(asyncio.run(_send(port, reports[WARM:], connections)))
    rate = len(took) / (time.perf_counter() - began)
    return Run(rate, 1000 * took[len(took) // 2], 1000 * took[int(len(took) * 0.99)])


async def _send(port: int, reports: Sequence[bytes], connections: int) -> list[float]:
    shares = [reports[start::connections] for start in range(connections)]
    took = await asyncio.gather(*[_share(port, share) for share in shares])
    return [one for of_share in took for one in of_share]


async def _share(port: int, reports: Sequence[bytes]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for report in reports:
        began = time.perf_counter()
        writer.write(b"\x0b" + report + b"\x1c\r")
        answer = await reader.readuntil(b"\x1c\r")
        took.append(time.perf_counter() - began)
        assert b"MSA|AA|" in answer, answer
    writer.close()
    return took
