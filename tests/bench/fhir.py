"""Reports by FHIR: POST DiagnosticReport to the server as `make run` starts it. Each connection
sends its next report when the last was answered.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import limits, naive_fhir, way_in
from tests.bench.mllp import WARM, Run

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench, Database

HERE = Path(__file__).resolve().parent.parent.parent
MANY = 8
OURS, NAIVE = "imaging_safety.wsgi", "tests.bench.naive_fhir"
PATH = "/fhir/R4/DiagnosticReport"
ANSWERS_WITHIN = 30.0


def measure(bench: "Bench") -> None:
    from tests.bench.__main__ import say

    bodies = list(reports(WARM + bench.given.reports, bench.given.seed))
    print(f"a report of {len(bodies[-1]):,} bytes")
    for connections, words in ((MANY, f"{MANY} connections"), (1, "one connection")):
        ours: list[Run] = []
        naive: list[Run] = []
        processor: list[float] = []
        for _ in range(bench.given.runs):
            with bench.copy() as database:
                run, spent = _ours(bench, database, bodies, connections)
                ours.append(run)
                processor.append(spent)
            with bench.copy() as database:
                naive.append(_naive(bench, database, bodies, connections))
        limit = [run.rate for run in naive]
        say(f"FHIR, {words}, reports/s (limit: one row)", [run.rate for run in ours], limit)
        say("   answered, ms, in the median", [run.half for run in ours])
        say("   99 of 100 answered within, ms", [run.most for run in ours])
        say("   processor for each, with database, ms", processor)


def _ours(
    bench: "Bench", database: "Database", bodies: Sequence[bytes], connections: int
) -> tuple[Run, float]:
    token = _token(database)
    with serving(bench, database, OURS) as (port, pid):
        asyncio.run(_send(port, token, bodies[:WARM], MANY))
        shared = pid, bench.servers.postgres.pid
        before = limits.spent(*shared)
        run = send(port, token, bodies[WARM:], connections)
        spent = 1000 * (limits.spent(*shared) - before) / len(bodies[WARM:])
    kept = "SELECT count(*) FROM findings_receipt WHERE outcome = 'new_report'"
    assert database.ask(kept) == way_in.PAST + len(bodies), "not every report was a new one"
    return run, spent


def _naive(bench: "Bench", database: "Database", bodies: Sequence[bytes], connections: int) -> Run:
    with database.superuser.cursor() as cursor:
        cursor.execute(naive_fhir.TABLE + "; GRANT ALL ON taken TO PUBLIC")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")
    with serving(bench, database, NAIVE) as (port, _):
        asyncio.run(_send(port, "none", bodies[:WARM], MANY))
        run = send(port, "none", bodies[WARM:], connections)
    assert database.ask("SELECT count(*) FROM taken") == len(bodies)
    return run


def reports(count: int, seed: int) -> Iterator[bytes]:
    """The reports of `way_in` as a RIS would send them by FHIR, with all that they refer to inside.
    No number is used twice."""
    from tests import fhir

    for number, who, nhs, size in way_in.drawn(count, seed):
        patient = fhir.patient(
            identifier=[{"system": fhir.NHS, "value": nhs}],
            name=[{"use": "official", "family": f"FAMILY{who}", "given": ["GIVEN"]}],
            birthDate=f"1950-0{1 + who % 9}-01",
        )
        asked_by = {"type": "Practitioner", "reference": "#d"}
        doctor = {
            "resourceType": "Practitioner",
            "id": "d",
            "identifier": [{"system": fhir.GMC, "value": "C9000001"}],
            "name": [{"family": "REFER", "given": ["REX"]}],
        }
        request = fhir.request(f"ACC{number}") | {"requester": asked_by}
        words = "\n".join(way_in.WORDS.format(size=size, line=line) for line in range(1, 14))
        sent = fhir.report(
            f"ACC{number}",
            contained=[patient, request, doctor],
            effectiveDateTime="2026-11-25T09:00:00Z",
            issued="2026-11-25T10:14:00Z",
            presentedForm=[fhir.form(words)],
        )
        yield json.dumps(sent).encode()


def _token(database: "Database") -> str:
    """Of the sender whose reports these are."""
    command = ["manage.py", "make_api_token", "--sender", "|".join(way_in.SENDER)]
    said = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"DATABASE_URL": database.url},
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return said.stdout.splitlines()[1].strip()


@contextmanager
def serving(bench: "Bench", database: "Database", what: str) -> Iterator[tuple[int, int]]:
    """The port, and the process from which those that answer descend."""
    from imaging_safety.run import WEB, free_port

    port = free_port()
    env = os.environ | {"DATABASE_URL": database.url}
    command = [sys.executable, "-m", "gunicorn", what, "--bind", f"127.0.0.1:{port}", *WEB]
    with (bench.room / f"web{bench.copies}.log").open("w") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=HERE)
        try:
            _wait_for(port)
            yield port, child.pid
        finally:
            child.terminate()
            child.wait()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + ANSWERS_WITHIN
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The server does not answer.")


def send(port: int, token: str, bodies: Sequence[bytes], connections: int) -> Run:
    began = time.perf_counter()
    took = sorted(asyncio.run(_send(port, token, bodies, connections)))
    rate = len(took) / (time.perf_counter() - began)
    return Run(rate, 1000 * took[len(took) // 2], 1000 * took[int(len(took) * 0.99)])


async def _send(port: int, token: str, bodies: Sequence[bytes], connections: int) -> list[float]:
    shares = [bodies[start::connections] for start in range(connections)]
    took = await asyncio.gather(*[_share(port, token, share) for share in shares])
    return [one for of_share in took for one in of_share]


async def _share(port: int, token: str, bodies: Sequence[bytes]) -> list[float]:
    """One connection that is kept, or opened again where the server has closed it."""
    took, stream = [], None
    for body in bodies:
        began = time.perf_counter()
        stream = stream or await asyncio.open_connection("127.0.0.1", port)
        is_kept = await _post(*stream, token, body)
        took.append(time.perf_counter() - began)
        if not is_kept:
            stream[1].close()
            stream = None
    if stream:
        stream[1].close()
    return took


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, body: bytes
) -> bool:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    said = await reader.readuntil(b"\r\n\r\n")
    names: dict[bytes, Any] = dict(
        line.lower().split(b": ", 1) for line in said.split(b"\r\n")[1:] if b": " in line
    )
    answer = await reader.readexactly(int(names[b"content-length"]))
    assert said.split(b" ", 2)[1] == b"201", answer
    return names.get(b"connection") != b"close"
