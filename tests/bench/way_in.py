"""How quickly reports come in: read, imported from a file, and by MLLP.

`python -m tests.bench.way_in FILE` imports a file as `manage.py import_hl7` does, and prints the
seconds that it took without the start of the process.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nhs_number

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench, Database

HERE = Path(__file__).resolve().parent.parent.parent
SENDER = ("RIS", "BENCH")
# Of so many patients: most of the messages of a run are about somebody known.
PATIENTS = 5000
# Reports from before: of a hospital's first minute a benchmark must not be (rows.py).
PAST, FIRST_OF_PAST = 5000, 10_000_000
LINES = 13
WORDS = (
    "There is a {size} mm spiculated nodule in the right upper lobe, not present on the previous"
    " examination, line {line}."
)


def messages(count: int, seed: int, first: int = 0) -> Iterator[bytes]:
    """Reports of 2.5 kB, each of an examination of its own; the same with the same seed."""
    for one in drawn(count, seed, first):
        yield _message(*one)


def drawn(count: int, seed: int, first: int = 0) -> Iterator[tuple[int, int, str, int]]:
    """Of each report: its number, whose it is, by which NHS number, and the size of a nodule."""
    chance = random.Random(seed)
    numbers = list(islice(_nhs_numbers(), PATIENTS))
    for number in range(first, first + count):
        who = chance.randrange(PATIENTS)
        yield number, who, numbers[who], chance.randrange(4, 60)


def _nhs_numbers() -> Iterator[str]:
    """Of nobody whom the factories make."""
    for nine in count_from(999_500_000):
        check = nhs_number.calculate_checksum(str(nine))
        if check < 10:
            yield f"{nine}{check}"


def _message(number: int, who: int, nhs: str, size: int) -> bytes:
    requester = "C9000001^REFER^REX^^^DR^^^GMC"
    segments = [
        f"MSH|^~\\&|{SENDER[0]}|{SENDER[1]}|ALERT|TRUST|20261125101500||ORU^R01^ORU_R01|M{number:09}"
        "|P|2.4|||||GBR|UNICODE UTF-8",
        f"PID|1||{nhs}^^^NHS^NH~X{who:06}^^^RXX^MR||FAMILY{who}^GIVEN^^^MRS||19500{1 + who % 9}01|F"
        "|||1 HIGH STREET^^TOWN^^AA1 1AA^GBR",
        f"PV1|1|O|CLIN1^^^RXX|||||{requester}||||||||||||V{number}",
        f"ORC|RE|ORD{number}|ACC{number}||CM||||20261125090000|||{requester}",
        f"OBR|1|ORD{number}|ACC{number}|CCHAP^CT Chest abdomen pelvis^NICIP|||20261125090000|||||||"
        f"|CHEST|{requester}||||||20261125101400||CT|F||^^^^^R|||||9000002&REPORTER&RAE&&&DR",
    ]
    for line in range(1, LINES + 1):
        words = WORDS.format(size=size, line=line)
        segments.append(f"OBX|{line}|TX|GDT^Report text^L|{line}|{words}||||||F|||20261125101400")
    return "\r".join(segments).encode() + b"\r"


def measure_parse(bench: "Bench") -> None:
    from tests.bench.__main__ import say

    some = list(messages(1000, bench.given.seed))
    runs = [(_rate(_read, some), _rate(_split, some)) for _ in range(bench.given.runs)]
    print(f"a report of {len(some[-1]):,} bytes")
    say(
        "read, reports/s (limit: split at its signs)",
        [read for read, _ in runs],
        [split for _, split in runs],
    )


def _rate(work: Any, some: list[bytes]) -> float:
    """A second of processor: nothing here waits for anything."""
    began = time.process_time()
    for one in some:
        work(one)
    return len(some) / (time.process_time() - began)


def _read(raw: bytes) -> object:
    from findings.arrivals import SenderProfile
    from findings.intake.oru import read_message

    return read_message(raw, SenderProfile())


def _split(raw: bytes) -> object:
    """All that is in it, as lists in lists."""
    return [
        [[one.split("^") for one in value.split("~")] for value in segment.split("|")]
        for segment in raw.decode().split("\r")
    ]


def measure_import(bench: "Bench") -> None:
    from tests.bench import limits
    from tests.bench.__main__ import say

    count = bench.given.reports
    path = bench.room / "reports.hl7"
    path.write_bytes(b"".join(messages(count, bench.given.seed)))
    measured, limit = [], []
    for _ in range(bench.given.runs):
        with bench.copy() as database:
            measured.append(count / _import(database, path))
            assert database.ask("SELECT count(*) FROM findings_receipt") == PAST + count
            limit.append(limits.kept_in_sql(database.superuser))
    say("imported, reports/s (limit: the rows in raw SQL)", measured, limit)


def a_past(seed: int) -> None:
    """A sender, and what it has sent before; PostgreSQL knows its tables, as on any day but the
    first."""
    from django.db import connection

    from findings.intake.importing import Reading, take_in_all
    from findings.models import Site
    from findings.services.senders import make_sender, sender_code

    make_sender(code=sender_code(*SENDER), site=Site.objects.earliest("pk"))
    past = messages(PAST, seed, FIRST_OF_PAST)
    while some := [(one, "the past") for one in islice(past, 500)]:
        take_in_all(some, Reading())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _import(database: "Database", path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.way_in", str(path)],
        env=os.environ | {"DATABASE_URL": database.url},
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(path: str) -> None:
    import django

    django.setup()
    from findings.intake.batch import walk
    from findings.intake.importing import Importer

    began = time.perf_counter()
    summary = Importer().take(walk([path]))
    print(time.perf_counter() - began)
    assert not summary.waiting, "something is held"


if __name__ == "__main__":
    main(sys.argv[1])
