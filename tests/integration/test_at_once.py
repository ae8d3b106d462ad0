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
from findings.services.waiting_list import keep_waiting
from tests.factories import (
    a_trust,
    arriving,
)
from tests.integration.test_receive import message

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
