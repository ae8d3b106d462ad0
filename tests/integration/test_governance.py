"""The numbers of governance: what each counts, that each opens its rows, and who may look."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings import measures
from findings.measures.period import last_days
from findings.models import Event, Finding, Viewing
from findings.services.acknowledge import hand_over_finding
from findings.services.close import withdraw_finding
from findings.services.phone import Call, record_call
from findings.services.timeline import record
from findings.words import when
from tests.factories import Trust, a_trust, acknowledged, flagged, leaves_unseen
from tests.pages import queries_without_banner, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def count(trust: Trust, code: str) -> int:
    clocks = measures.promises_visible_to(trust.governance)
    return measures.COUNTS[code].select(clocks, timezone.now()).count()


def share(trust: Trust, code: str) -> tuple[int, int]:
    """How many were in time of how many that were due in the last ninety days."""
    period = last_days(90, timezone.localdate())
    found = measures.read(code, trust.organisation, period)
    return found.numerator, found.denominator


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
    assert share(trust, "acknowledged") == (3, 5)


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
    assert share(trust, "acknowledged") == (1, 2)
    assert share(trust, "acted") == (0, 0)


def test_an_owner_who_left_is_counted(trust: Trust) -> None:
    flagged(trust)
    leaves_unseen(trust.referrer)
    assert count(trust, "owner_left") == 1


# --- Told in time ------------------------------------------------------------------------------


def shares(trust: Trust) -> tuple[int, int, int]:
    return (*share(trust, "told"), count(trust, "told_nobody"))


def sent(finding: Finding, at: datetime, channel: str = "email", **more: Any) -> None:
    """A line of the timeline as delivery writes it."""
    said = {"to": "Dr Ada Example", "channel": channel, "level": 1, "attempt": 1, **more}
    kind = Event.Kind.SEND_FAILED if more else Event.Kind.SENT
    record(finding=finding, kind=kind, by=None, at=at, **said)


def test_a_message_that_left_within_the_hour_that_policy_gives_is_in_time(trust: Trust) -> None:
    prompt, late, shown = (flagged(trust, at=ago(hours=3)) for _ in range(3))
    fresh = flagged(trust)
    sent(prompt, ago(hours=2.1))
    sent(late, ago(hours=1.9))
    sent(shown, ago(hours=2.9), channel="in_app")
    assert prompt.tell_by == prompt.flagged_at + timedelta(hours=1)
    assert shares(trust) == (1, 3, 1)
    assert fresh.tell_by > timezone.now(), "its time has not ended"


def test_a_message_that_came_back_told_nobody(trust: Trust) -> None:
    finding = flagged(trust, at=ago(hours=3))
    sent(finding, ago(hours=2.5))
    sent(finding, ago(hours=2.4), because="No such mailbox.", came_back=True)
    assert shares(trust) == (0, 1, 1)
    sent(finding, ago(hours=2.2), channel="sms")
    assert shares(trust) == (1, 1, 0)


def test_a_call_counts_from_when_it_was_made_and_an_acknowledgement_too(trust: Trust) -> None:
    called, taken = (flagged(trust, at=ago(hours=3)) for _ in range(2))
    call = Call(called_at=ago(hours=2.5), said="Nodule.", was_read_back=True, spoke_to_words="A")
    record_call(finding=called, by=trust.radiologist, call=call)
    acknowledged(trust, taken, at=ago(hours=2.2))
    assert shares(trust) == (2, 2, 0)


def test_each_category_has_its_own_time_and_one_without_is_left_out(trust: Trust) -> None:
    """A working day for cancer, whatever the day; and nothing where policy says nothing."""
    friday = datetime(2026, 11, 20, 15, tzinfo=UTC)
    finding = flagged(trust, category="cancer", at=friday)
    assert finding.tell_by == datetime(2026, 11, 23, 15, tzinfo=UTC)
    Finding.objects.filter(pk=finding.pk).update(tell_by=None)
    assert shares(trust) == (0, 0, 0)


def test_handing_over_and_withdrawing_count_nothing_twice_and_nothing_that_was_taken_back(
    trust: Trust,
) -> None:
    handed = acknowledged(trust, flagged(trust, at=ago(hours=3)), at=ago(hours=2.5))
    hand_over_finding(
        finding=handed, by=trust.coordinator, because="Leave.", to=trust.colleague, at=ago(hours=1)
    )
    gone = flagged(trust, at=ago(hours=3))
    withdraw_finding(finding=gone, by=trust.radiologist, because="Artefact.", at=ago(hours=2.5))
    assert shares(trust) == (1, 1, 0)


def test_the_rows_say_by_when_somebody_was_to_be_told_and_when_they_were(
    trust: Trust, client: Client
) -> None:
    nobody = flagged(trust, at=ago(hours=3))
    client.force_login(trust.governance)
    page = words_of(client.get(reverse("governance-rows", args=["told_nobody"])))
    assert "First told" in page
    assert when(nobody.tell_by) in page
    assert "nobody" in page


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
    flagged(trust, at=ago(hours=3))
    with_one = queries_without_banner(client, address)
    for _ in range(10):
        flagged(trust, at=ago(hours=3))
    assert queries_without_banner(client, address) == with_one <= 17
