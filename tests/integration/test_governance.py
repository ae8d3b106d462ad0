"""The numbers of governance: what each counts, that each opens its rows, and who may look."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from findings import measures
from findings.models import Viewing
from findings.services.acknowledge import hand_over_finding
from findings.services.close import withdraw_finding
from tests.factories import Trust, a_trust, acknowledged, flagged, leaves_unseen

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def count(trust: Trust, code: str) -> int:
    clocks = measures.promises_visible_to(trust.governance)
    return measures.MEASURES[code].select(clocks, timezone.now()).count()


def ago(**time: float):
    return timezone.now() - timedelta(**time)


def test_only_what_is_past_its_limit_is_late(trust: Trust) -> None:
    flagged(trust, at=ago(minutes=59))
    flagged(trust, at=ago(minutes=61))
    assert count(trust, "waiting") == 2
    assert count(trust, "late_acknowledgement") == 1


def test_acknowledged_and_forgotten_is_late_to_act(trust: Trust) -> None:
    acknowledged(trust, flagged(trust, at=ago(hours=5)), at=ago(hours=4.9))
    assert count(trust, "forgotten") == 1
    assert count(trust, "late_acknowledgement") == 0


def test_whoever_still_waits_counts_as_not_in_time(trust: Trust) -> None:
    for minutes in (10, 20, 50):
        finding = flagged(trust, at=ago(hours=9))
        acknowledged(trust, finding, at=finding.flagged_at + timedelta(minutes=minutes))
    late = flagged(trust, at=ago(hours=9))
    acknowledged(trust, late, at=ago(hours=1))
    flagged(trust, at=ago(hours=9))
    assert (count(trust, "acknowledged_in_time"), count(trust, "acknowledgement_due")) == (3, 5)


def test_a_promise_that_ended_before_its_limit_is_left_out(trust: Trust) -> None:
    withdrawn = flagged(trust, at=ago(hours=9))
    withdraw_finding(
        finding=withdrawn, by=trust.radiologist, because="Artefact.", at=ago(hours=8.5)
    )
    handed = flagged(trust, at=ago(hours=9))
    acknowledged(trust, handed, at=ago(hours=8.9))
    hand_over_finding(
        finding=handed,
        by=trust.coordinator,
        because="Leave.",
        to=trust.colleague,
        at=ago(hours=8.8),
    )
    # The withdrawn one is out; the handed-over one was answered, then asked again and is late.
    assert (count(trust, "acknowledged_in_time"), count(trust, "acknowledgement_due")) == (1, 2)
    assert count(trust, "action_due") == 0


def test_an_owner_who_left_is_counted(trust: Trust) -> None:
    flagged(trust)
    leaves_unseen(trust.referrer)
    assert count(trust, "owner_left") == 1


def test_another_trusts_findings_are_not_counted(trust: Trust) -> None:
    flagged(a_trust())
    assert count(trust, "open") == 0


def test_each_number_equals_the_rows_it_opens(trust: Trust, client: Client) -> None:
    flagged(trust, at=ago(hours=2))
    flagged(trust, category="urgent")
    acknowledged(trust, flagged(trust, at=ago(hours=6)), at=ago(hours=5.5))
    client.force_login(trust.governance)
    page = client.get(reverse("governance")).content.decode()
    links = re.findall(r'href="(/governance/[a-z_]+/[^"]*)">(\d+)\s*<span', page)
    assert len(links) > 10
    for address, number in links:
        rows = client.get(address.replace("&amp;", "&")).content.decode()
        assert f"{number} in all" in rows, address


def test_the_rows_name_patients_and_looking_is_recorded(trust: Trust, client: Client) -> None:
    finding = flagged(trust)
    client.force_login(trust.governance)
    assert client.get(reverse("governance")).status_code == 200
    assert not Viewing.objects.exists()
    client.get(reverse("governance-rows", args=["open"]))
    viewing = Viewing.objects.get()
    assert (viewing.person, viewing.patients) == (
        trust.governance,
        [finding.examination.patient_id],
    )


@pytest.mark.parametrize("query", ["?by=site&key=x", "?by=nonsense&key=1"])
def test_an_address_that_means_nothing_is_not_found(
    trust: Trust, client: Client, query: str
) -> None:
    client.force_login(trust.governance)
    assert client.get(reverse("governance-rows", args=["open"]) + query).status_code == 404
    assert client.get("/governance/nonsense/").status_code == 404


@pytest.mark.parametrize("role", ["referrer", "radiologist", "administrator"])
def test_others_are_refused(trust: Trust, client: Client, role: str) -> None:
    client.force_login(getattr(trust, role))
    assert client.get(reverse("governance")).status_code == 403


@pytest.mark.parametrize("name", ["governance", "governance-rows"])
def test_the_number_of_queries_does_not_grow(trust: Trust, client: Client, name: str) -> None:
    client.force_login(trust.governance)
    address = reverse(name, args=["open"] if name == "governance-rows" else [])

    def asked() -> int:
        client.get(address)  # what is asked once a process is asked now
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    flagged(trust, at=ago(hours=3))
    with_one = asked()
    for _ in range(10):
        flagged(trust, at=ago(hours=3))
    assert asked() == with_one <= 25
