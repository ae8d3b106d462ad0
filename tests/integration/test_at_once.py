"""Messages that arrive at the same moment, on connections of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from django.db import connection

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
)
from findings.intake.importing import take_in
from findings.models import (
    Clock,
    Examination,
    IncomingMessage,
    Patient,
    Receipt,
    Report,
    Step,
)
from findings.services.receive import receive_report
from findings.services.senders import make_sender
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
