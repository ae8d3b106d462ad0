"""Whoever can answer what an alert code proposes hears of it before its limit runs out."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from findings.alert_codes import find
from findings.arrivals import ArrivingPerson, ArrivingStatus
from findings.models import Clock, Examination, Person, Report, Role, Step
from findings.services.flag import flag_finding
from findings.services.proposals import reject
from findings.services.propose import propose
from findings.states import ClockKind
from notifications import rounds, watchdog
from notifications.delivery import Delivered, deliver_due
from notifications.firing import fire_due_steps
from tests.engine.mail import MailServer
from tests.factories import Trust, report
from tests.integration.test_alert_codes import _change_unsigned, _who
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

URGENT, CRITICAL = "URGENT ALERT", "Free gas under the diaphragm.\nCRITICAL ALERT"
Because = Clock.StoppedBecause


@pytest.fixture
def other(trust: Trust) -> Person:
    return trust.add(Role.RADIOLOGIST, site=trust.site)


def came(trust: Trust, minutes: float = 0, words: str = CRITICAL, **fields: Any) -> Examination:
    """A report with these alert codes came so many minutes ago."""
    reporter = ArrivingPerson(trust.radiologist.professional_code)
    received = report(trust, text="Normal.", **{"reporter": reporter, **fields})
    proposed(received, minutes, words)
    return received.examination


def proposed(received: Report, minutes: float, words: str) -> None:
    since = timezone.now() - timedelta(minutes=minutes)
    alerts = find(words)
    assert alerts
    propose(examination=received.examination, report=received, alerts=alerts, since=since)


def told(examination: Examination) -> set[Person]:
    return {one.recipient for one in examination.notifications.select_related("recipient")}


def clocks(examination: Examination) -> list[str]:
    """What became of each, "" of the one that runs."""
    every = examination.clocks.filter(kind=ClockKind.CONFIRM).order_by("pk")
    return list(every.values_list("stopped_because", flat=True))


def running(examination: Examination) -> Clock:
    return examination.clocks.running(ClockKind.CONFIRM).get()


def test_whoever_reported_it_hears_at_once_and_nothing_of_the_patient(
    mail: MailServer, trust: Trust, other: Person
) -> None:
    examination = came(trust)
    fire_due_steps()
    assert told(examination) == {trust.radiologist}
    assert deliver_due() == Delivered(sent=2)
    (arrived,) = mail.to(trust.radiologist.email)
    subject = str(arrived.message["Subject"])
    assert subject.startswith("Critical: please confirm an alert code by ")
    assert subject.endswith(f" today ({examination.reference})") or " tomorrow (" in subject
    for said in ("/to-confirm/", "you reported this examination", "flagged as it is proposed"):
        assert said in arrived.text
    secrets = [examination.patient.family_name, examination.accession, "gas", "CRITICAL ALERT"]
    everything = " ".join([arrived.text, arrived.raw, subject])
    assert [one for one in [*secrets, str(trust.site)] if one in everything] == []
    message = examination.notifications.get(channel="in_app")
    opened = signed_in(trust.radiologist).post(f"/inbox/{message.public_id}/open/")
    assert opened.headers["Location"] == "/to-confirm/"


@pytest.mark.parametrize(("minutes", "also"), [(6, ["other"]), (11, ["other", "coordinator"])])
def test_before_the_limit_others_hear_who_can_answer_and_then_who_can_see_to_it(
    mail: MailServer, trust: Trust, other: Person, minutes: int, also: list[str]
) -> None:
    examination = came(trust, minutes)
    fire_due_steps()
    everybody = {"other": other, "coordinator": trust.coordinator}
    assert told(examination) == {trust.radiologist, *(everybody[one] for one in also)}
    deliver_due()
    (arrived,) = mail.to(other.email)
    assert "you are a radiologist of the site where the images were made" in arrived.text
    if "coordinator" in also:
        (arrived,) = mail.to(trust.coordinator.email)
        assert "Please see that a radiologist of the site reads it" in arrived.text


def test_where_nobody_knows_who_reported_it_all_who_can_answer_hear_at_once(
    trust: Trust, other: Person
) -> None:
    examination = came(trust, reporter=ArrivingPerson(""))
    fire_due_steps()
    assert told(examination) == {trust.radiologist, other}
    fired = Step.objects.filter(examination=examination, fired_at__isnull=False)
    assert [one.level for one in fired] == [1], "and they hear again before the coordinators do"


def leave(people: Iterable[Person]) -> None:
    Person.objects.filter(pk__in=[one.pk for one in people]).update(is_active=False)


def test_where_it_reaches_nobody_it_climbs_and_in_the_end_the_watchdog_speaks(
    trust: Trust,
) -> None:
    first = came(trust)
    leave([trust.radiologist])
    fire_due_steps()
    assert told(first) == {trust.coordinator}
    leave([trust.coordinator])
    second = came(trust)
    fire_due_steps()
    assert told(second) == set()
    said = [one for one in watchdog.look() if one.page == "to-confirm"]
    assert [one.text for one in said] == [
        "Nobody could be reached of 1 report with an alert code to confirm."
    ]
    assert not [one for one in watchdog.look() if "ladder" in one.text]


@pytest.mark.parametrize("how", ["rejected", "flagged", "by the system", "withdrawn"])
def test_once_it_is_answered_nothing_fires_and_nothing_is_sent(
    mail: MailServer, trust: Trust, other: Person, how: str
) -> None:
    examination = came(trust, 16 if how == "by the system" else 6)
    fire_due_steps()
    proposal = examination.proposals.get()
    if how == "rejected":
        reject(proposal=proposal, by=other, because="Quoted.")
    elif how == "flagged":
        given = {"description": "Free gas.", "recommended_action": "Call.", "primary_site": ""}
        flag_finding(examination=examination, by=other, category=proposal.category, **given)
    elif how == "withdrawn":
        same = {"accession": examination.accession, "patient": _who(proposal)}
        given = {"status": ArrivingStatus.WITHDRAWN, "reported_at": timezone.now()}
        report(trust, text="", **same, **given)
    else:
        rounds.fire()
    assert not examination.proposals.open().exists()
    assert clocks(examination) in ([Because.ANSWERED], [])
    of_confirming = Step.objects.filter(clock__kind=ClockKind.CONFIRM)
    assert not of_confirming.unfired().exists()
    deliver_due()
    assert mail.to(other.email) == [] or how == "by the system"


def test_the_limit_of_what_is_left_holds_and_whoever_knows_is_not_told_again(
    trust: Trust, other: Person
) -> None:
    examination = came(trust, words=f"{CRITICAL}\n{URGENT}")
    critical, urgent = examination.proposals.order_by("due_at")
    fire_due_steps()
    assert running(examination).due_at == critical.due_at
    reject(proposal=critical, by=other, because="Quoted.")
    assert clocks(examination) == [Because.ANSWERED, ""]
    assert running(examination).due_at == urgent.due_at
    assert list(running(examination).steps.values_list("level", flat=True)) == [2, 3]


def test_a_nearer_limit_takes_the_place_of_a_farther_one_and_is_told_anew(trust: Trust) -> None:
    examination = came(trust, words=URGENT)
    fire_due_steps()
    proposed(examination.current_report, 0, CRITICAL)
    assert clocks(examination) == [Because.NEARER, ""]
    fire_due_steps()
    told_by = examination.notifications.filter(channel="in_app").values_list("priority", flat=True)
    assert sorted(told_by) == [1, 2]


def test_a_report_that_is_waited_for_has_a_promise_of_its_own_beside_it(trust: Trust) -> None:
    examination = came(trust, status=ArrivingStatus.PRELIMINARY)
    kinds = examination.clocks.running().order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["confirm", "report_by"]
    fire_due_steps()
    assert told(examination) == {trust.radiologist}
    page = signed_in(trust.coordinator).get(f"/waiting/{examination.public_id}/")
    assert "alert code" not in page.content.decode()


def test_without_a_signed_limit_or_with_a_trusted_sender_nothing_is_promised(
    trust: Trust,
) -> None:
    trust.sender.flags_at_once = True
    trust.sender.save()
    examination = came(trust)
    assert examination.findings.count() == 1
    _change_unsigned("DEF-CONFIRM")
    trust.sender.flags_at_once = False
    trust.sender.save()
    waits = came(trust, words="CANCER: lung")
    assert waits.proposals.open().exists()
    assert clocks(examination) == clocks(waits) == []
