"""FHIR requests at the same moment, on connections of their own: one wins, the others hear it."""

from dataclasses import replace
from threading import Event as Signal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from findings.models import (
    Event,
    Examination,
    IncomingMessage,
    Patient,
    Receipt,
    Report,
    ReportIdentifier,
)
from findings.services.receive import receive_report
from findings.services.senders import account_of
from tests.calling import body, calling, post
from tests.factories import a_trust, arriving, flagged, nhs_number
from tests.fhir import NHS, REPORTS, TASKS, patient, report, request, send
from tests.integration.test_at_once import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_conditional_creates_one_creates() -> None:
    """They name the same report, and different accessions and patients: only the name makes them
    wait for each other."""
    trust = a_trust()
    clients = [calling(account_of(trust.sender)) for _ in range(5)]
    unless = {"If-None-Exist": "identifier=urn:ris|R1"}
    name = [{"system": "urn:ris", "value": "R1"}]
    answers = all_at_once(
        *[
            lambda c=client, n=number: send(
                c, report(f"A{n}", identifier=name, contained=of_somebody(n)), **unless
            )
            for number, client in enumerate(clients)
        ]
    )
    assert sorted(one.status_code for one in answers) == [200, 200, 200, 200, 201]
    assert len({one["Location"] for one in answers}) == 1
    assert (Report.objects.count(), ReportIdentifier.objects.count()) == (1, 1)
    assert Examination.objects.count() == Patient.objects.count() == 1


def of_somebody(number: int) -> list[dict[str, Any]]:
    nhs = [{"system": NHS, "value": nhs_number(number)}]
    return [patient(identifier=nhs), request(f"A{number}")]


def test_of_updates_of_one_version_one_is_taken() -> None:
    trust = a_trust()
    clients = [calling(account_of(trust.sender)) for _ in range(4)]
    send(clients[0], report())
    public_id = str(Examination.objects.get().public_id)
    address, match = f"{REPORTS}/{public_id}", {"If-Match": 'W/"1"'}
    answers = all_at_once(
        *[
            lambda c=client, n=number: send(
                c,
                report(id=public_id, issued="2026-06-30T16:00:00Z", conclusion=f"Words {n}."),
                address,
                "PUT",
                **match,
            )
            for number, client in enumerate(clients)
        ]
    )
    assert sorted(one.status_code for one in answers) == [200, 412, 412, 412]
    assert list(Report.objects.values_list("version", flat=True)) == [1, 2]


def test_a_key_of_the_json_api_is_used_once() -> None:
    trust = a_trust()
    clients = [calling(account_of(trust.sender)) for _ in range(4)]
    key = {"Idempotency-Key": "k-1"}
    same = all_at_once(*[lambda c=client: post(c, body(), **key) for client in clients])
    assert sorted(one.status_code for one in same) == [200, 200, 200, 201]
    key = {"Idempotency-Key": "k-2"}
    other = all_at_once(
        *[
            lambda c=client, n=number: post(
                c,
                body(
                    accession=f"B{n}",
                    patient={"nhs_number": nhs_number(n), "family_name": "BEECH"},
                ),
                **key,
            )
            for number, client in enumerate(clients)
        ]
    )
    assert sorted(one.status_code for one in other) == [201, 409, 409, 409]
    assert Report.objects.count() == IncomingMessage.objects.count() == Receipt.objects.count() == 2


def test_of_two_who_accept_one_task_one_holds_it() -> None:
    trust = a_trust()
    finding = flagged(trust)
    address = f"{TASKS}/{finding.reference}"

    def take(client: object, plan: str) -> object:
        task = {
            "resourceType": "Task",
            "id": finding.reference,
            "intent": "order",
            "status": "accepted",
            "statusReason": {"text": plan},
        }
        return send(client, task, address, "PUT")  # type: ignore[arg-type]

    people = (trust.referrer, trust.colleague, trust.responsible)
    clients = [calling(person) for person in people]
    answers = all_at_once(
        *[lambda c=client, n=number: take(c, f"Plan {n}.") for number, client in enumerate(clients)]
    )
    assert sorted(one.status_code for one in answers) == [200, 422, 422]
    assert finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).count() == 1
    assert finding.events.filter(kind=Event.Kind.REFUSED).count() == 2


def test_what_is_numbered_and_not_yet_there_is_waited_for() -> None:
    """A correction has its number, another report is there before it, and somebody begins to read:
    the correction must not take the place of its report when that was passed already."""
    trust = a_trust()
    first = arriving(trust)
    for one in (first, arriving(trust), arriving(trust)):
        receive_report(sender=trust.sender, arriving=one)
    client = calling(trust.referrer)
    written, there, read, released = Signal(), Signal(), Signal(), Signal()

    def correct() -> None:
        with transaction.atomic():
            other = replace(first, text="Other words.", reported_at=timezone.now())
            receive_report(sender=trust.sender, arriving=other)
            written.set()
            released.wait(10)

    def pages() -> list[str]:
        written.wait(10)
        receive_report(sender=trust.sender, arriving=arriving(trust))
        there.set()
        url, ids = f"{REPORTS}?_count=2", []
        while url:
            page = client.get(url.removeprefix("http://127.0.0.1:8000")).json()
            read.set()
            released.wait(10)
            ids += [one["resource"]["id"] for one in page["entry"]]
            url = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")
        return ids

    def versions() -> list[str]:
        """Newest first, down to what is known: nothing may come to be below the first."""
        there.wait(10)
        return [one["version"] for one in client.get("/api/v1/reports/").json()["results"]]

    def release() -> None:
        """Whoever does not wait has read a page, or all, by then."""
        read.wait(1)
        released.set()

    _, ids, numbers, _ = all_at_once(correct, pages, versions, release)
    assert len(ids) == len(set(ids)) == 4, "neither repeated nor missed"
    assert sorted(numbers) == [1, 1, 1, 1, 2]
