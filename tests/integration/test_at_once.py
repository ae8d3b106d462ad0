"""Messages that arrive at the same moment, on connections of their own."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from django.db import connection, transaction

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
)
from findings.intake.importing import run_again, take_in
from findings.models import (
    Clock,
    Examination,
    IncomingMessage,
    Patient,
    PatientIdentifier,
    Receipt,
    Report,
    Step,
)
from findings.services.merge import merge_patients
from findings.services.receive import receive_report
from findings.services.senders import make_sender
from findings.services.turns import key_of
from findings.services.waiting_list import keep_waiting
from tests.factories import (
    a_trust,
    arriving,
)
from tests.integration.test_receive import message
from tests.messages import adt, orm, oru, pid

Outcome = Receipt.Outcome


def all_at_once(*calls: Callable[[], object]) -> list[object]:
    """What the calls give, each made on a connection of its own at the same moment."""
    ready = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        try:
            ready.wait(10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


@pytest.mark.django_db(transaction=True)
def test_one_message_on_four_connections_is_one_message() -> None:
    trust = a_trust()
    part = arriving(trust)
    received = all_at_once(*[lambda: message(trust, part)] * 4)
    assert sorted(one.known for one in received) == [False, True, True, True]
    assert len({one.receipts[0].pk for one in received}) == 1
    assert (IncomingMessage.objects.count(), Report.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_versions_of_one_accession_at_once_are_numbered_without_a_gap() -> None:
    """The patient is new and has no NHS number: nothing but the turn keeps them one."""
    trust = a_trust()
    number = ArrivingIdentifier("N501", "RR8", "PI")
    same = arriving(trust, patient=ArrivingPatient("ALDER", identifiers=(number,)))
    bodies = [f"body {n}".encode() for n in range(6)]
    parts = [replace(same, text=f"Words {n}.") for n in range(6)]
    received = all_at_once(
        *[
            lambda body=body, part=part: message(trust, part, body=body, control_id="")
            for body, part in zip(bodies, parts, strict=True)
        ]
    )
    outcomes = [one.receipts[0].outcome for one in received]
    assert outcomes.count(Outcome.NEW_REPORT) == 1
    assert set(outcomes) == {Outcome.NEW_REPORT, Outcome.NEW_VERSION}
    assert (Patient.objects.count(), Examination.objects.count()) == (1, 1)
    assert list(Report.objects.values_list("version", flat=True)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.django_db(transaction=True)
def test_messages_that_name_the_same_two_patients_never_wait_for_each_other() -> None:
    trust = a_trust()
    one, two = arriving(trust), arriving(trust)
    received = all_at_once(
        *[
            lambda n=n: message(
                trust,
                *((one, two) if n % 2 else (two, one)),
                body=f"body {n}".encode(),
                control_id="",
            )
            for n in range(8)
        ]
    )
    outcomes = [receipt.outcome for each in received for receipt in each.receipts]
    assert outcomes.count(Outcome.NEW_REPORT) == 2
    assert outcomes.count(Outcome.DUPLICATE) == 14


@pytest.mark.django_db(transaction=True)
def test_a_list_and_the_report_that_it_has_not_heard_of_leave_nothing_to_wait_for() -> None:
    trust = a_trust()
    final = arriving(trust)
    number = final.patient.nhs_number
    listed = f"accession,performed_at,nhs_number\n{final.accession},2026-11-01 09:00,{number}\n"
    lists = [lambda: keep_waiting(listed.encode(), sender=trust.sender)] * 3
    reports = [lambda: receive_report(sender=trust.sender, arriving=final)] * 2
    outcomes = all_at_once(*lists, *reports)
    assert not [mistake for outcome in outcomes[:3] for mistake in outcome.mistakes]  # type: ignore[attr-defined]
    assert (Examination.objects.count(), Report.objects.count()) == (1, 1)
    assert not Examination.objects.waiting().exists()
    assert not Step.objects.unfired().filter(examination__isnull=False).exists()
    assert Clock.objects.count() <= 1


@pytest.mark.django_db(transaction=True)
def test_an_order_its_end_and_its_report_at_once_leave_nothing_to_wait_for() -> None:
    make_sender(code="RIS|RXX01", site=a_trust().site)
    made = orm("SC", order="CM", said="20260630100000", performed="20260630090000")
    news = [orm("NW"), made, orm("CA", said="20260630110000"), oru(), oru(control_id="2")]
    received = all_at_once(*[lambda raw=raw: take_in(raw, "at once") for raw in news])
    assert not [one for each in received for one in each.receipts if one.is_waiting]  # type: ignore[attr-defined]
    examination = Examination.objects.get()
    assert examination.performed_at is not None
    assert not Examination.objects.waiting().exists()
    assert Report.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_merges_and_reports_that_cross_leave_nothing_with_a_record_that_was_merged() -> None:
    """Each merge takes the turns of all numbers of its records, once it knows them."""
    for application in ("RIS", "PAS"):
        make_sender(code=f"{application}|RXX01", site=a_trust().site)

    def mrn(number: int) -> str:
        return f"P{number}^^^RXX^MR"

    def report_of(number: int, control_id: str) -> bytes:
        raw = oru(accession=f"A{control_id}", control_id=control_id)
        return raw.replace(b"9990000018^^^NHS^NH", mrn(number).encode())

    for number in range(5):
        take_in(report_of(number, f"first{number}"), "before")
    crossing = [
        adt("A40", pid(mrn(number)), f"MRG|{mrn(number + 1)}", said=f"2026063012000{number}")
        for number in range(4)
    ]
    crossing += [report_of(number, f"second{number}") for number in range(5)]
    received = all_at_once(*[lambda raw=raw: take_in(raw, "at once") for raw in crossing])
    outcomes = [one.outcome for each in received for one in each.receipts]  # type: ignore[attr-defined]
    assert outcomes == [Outcome.MERGED] * 4 + [Outcome.NEW_REPORT] * 5
    kept = Patient.objects.get(merged_into=None)
    assert Examination.objects.filter(patient=kept).count() == 10


def until_somebody_waits(how_many: int) -> None:
    asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(1000):
        with connection.cursor() as cursor:
            cursor.execute(asked)
            if cursor.fetchone()[0] == how_many:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("how", ["on the page", "run again"])
@pytest.mark.django_db(transaction=True)
def test_a_merge_that_has_to_wait_for_one_turn_more_gives_back_those_that_it_has(how: str) -> None:
    """It was to merge B into A; while it waits, A is merged into C. With the turns of A and B in
    its hand it would wait for C's, which a report has that waits for A's."""
    trust = a_trust()
    make_sender(code="RIS|RXX01", site=trust.site)
    numbers = sorted((f"P{n}" for n in range(3)), key=lambda n: key_of(f"identifier|RXX|{n}"))
    c, b, a = (f"{number}^^^RXX^MR" for number in numbers)

    def report_of(accession: str, numbers: str) -> bytes:
        raw = oru(accession=accession, control_id=accession)
        return raw.replace(b"9990000018^^^NHS^NH", numbers.encode())

    for accession, number in (("A1", a), ("A2", b), ("A3", c)):
        take_in(report_of(accession, number), "before")
    records = {
        one.value: one.patient for one in PatientIdentifier.objects.select_related("patient")
    }
    of_c, of_b, of_a = (records[number] for number in numbers)
    held = take_in(adt("A40", pid(a), f"MRG|{b}"), "before").receipts[0]
    assert held.is_waiting, "its sender is not set up"
    make_sender(code="PAS|RXX01", site=trust.site)

    def merge() -> object:
        if how == "run again":
            return run_again(held, trust.coordinator)
        return merge_patients(keep=of_a, merged=of_b, because="Seen.", by=trust.coordinator)

    def closing(call: Callable[[], object]) -> object:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            merge_patients(keep=of_c, merged=of_a, because="Seen.", by=trust.coordinator)
            merging = pool.submit(closing, merge)
            until_somebody_waits(1)
            report = report_of("A4", f"{c}~{a}")
            reporting = pool.submit(closing, lambda: take_in(report, "at once"))
            until_somebody_waits(2)
        merging.result(20)
        (receipt,) = reporting.result(20).receipts  # type: ignore[attr-defined]
    assert receipt.outcome == Outcome.NEW_REPORT
    assert Examination.objects.filter(patient=of_c).count() == 4
