"""Two processes file about the same patients and examinations, each in the order of the other."""

import os
import subprocess
import sys
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import connection, transaction

from findings.intake.importing import Reading, take_in_all
from findings.models import Examination, IncomingMessage, Patient, Receipt
from findings.services.senders import make_sender
from findings.services.turns import key_of
from imaging_safety import children
from tests.engine.world import HERE, test_database_url, wait_until
from tests.factories import Trust, nhs_number
from tests.messages import NUMBER, oru

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

PEOPLE = 60
WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock' AND wait_event = %s AND pid <> pg_backend_pid()
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def asked(sql: str, *values: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(sql, values)
        return int(cursor.fetchone()[0])


def wait_for_both(what: str) -> None:
    wait_until(lambda: asked(WAITING, what) == 2, what=f"both to wait at {what}")


def feeds(first: int) -> tuple[list[bytes], list[bytes]]:
    """Of the same people, from that number on: preliminary reports in their order; and, the last
    one first, some of these and the final ones."""

    def message(number: int, examination: str, status: str, minute: int) -> bytes:
        whole = oru(
            accession=f"{examination}{number}",
            control_id=f"{examination}{number}{status}",
            status=status,
            text=f"Nodule, {'first' if status == 'P' else 'second'} reading.",
            reported=f"202606301{minute}00",
        )
        numbers = f"H{number}^^^RXX^MR~{nhs_number(number)}"
        return whole.replace(NUMBER.encode(), numbers.encode(), 1)

    people = range(first, first + PEOPLE)
    one = [message(number, which, "P", 100) for number in people for which in "AB"]
    other = [message(number, which, "F", 130) for number in people for which in "AB"]
    return one, [*reversed(one[::3]), *reversed(other)]


def state(first: int) -> list[object]:
    """What is there of them, whatever came first."""
    numbers = [nhs_number(number) for number in range(first, first + PEOPLE)]
    patients = Patient.objects.filter(nhs_number__in=numbers)
    examinations = Examination.objects.filter(patient__in=patients).order_by("accession")
    receipts = Receipt.objects.filter(report__examination__in=examinations)
    return [
        patients.count(),
        [(one.accession[0], int(one.accession[1:]) - first, read(one)) for one in examinations],
        Examination.objects.waiting().count(),
        receipts.count(),
        receipts.filter(outcome=Receipt.Outcome.NEW_REPORT).count(),
    ]


def read(examination: Examination) -> tuple[object, ...]:
    current = examination.current_report
    every = examination.reports.values_list("status", "text")
    identifiers = examination.patient.identifiers.count()
    return current and current.text, sorted(every), identifiers


def start(stack: ExitStack, file: Path, feed: list[bytes]) -> subprocess.Popen[bytes]:
    file.write_bytes(b"\n".join(feed))
    command = [sys.executable, HERE / "manage.py", "import_hl7", file]
    env = {**os.environ, "DATABASE_URL": test_database_url()}
    child = children.start(command, log=file.with_suffix(".log"), cwd=HERE, env=env)
    stack.callback(children.stop, child)
    return child


def test_two_who_file_in_opposite_orders_have_the_outcome_of_one_after_the_other(
    trust: Trust, tmp_path: Path
) -> None:
    make_sender(code="RIS|RXX01", site=trust.site)
    given = both, _ = feeds(2000)
    for feed in feeds(1000):
        take_in_all([(one, "one after the other") for one in feed], Reading())
    before, turn = asked(DEADLOCKS), key_of(f"nhs|{nhs_number(2000 + PEOPLE // 2)}")
    asked("SELECT 1 FROM pg_advisory_lock(%s)", turn)
    with ExitStack() as stack:
        # Both are stopped in the middle of the messages that they keep, then of the turns that they
        # take: had each its own order, each would have by then what the other one still wants.
        with transaction.atomic():
            fingerprint = sha256(both[60].strip()).hexdigest()
            IncomingMessage.objects.create(body=b"", fingerprint=fingerprint)
            started = [start(stack, tmp_path / f"{n}", feed) for n, feed in enumerate(given)]
            wait_for_both("transactionid")
            transaction.set_rollback(True)
        wait_for_both("advisory")
        asked("SELECT pg_advisory_unlock(%s)::int", turn)
        assert [child.wait(60) for child in started] == [0, 0]
    assert asked(DEADLOCKS) == before, "tried again alone, and so filed"
    assert state(2000) == state(1000)
    assert not Receipt.objects.waiting().exists()
    assert state(2000)[0] == PEOPLE
