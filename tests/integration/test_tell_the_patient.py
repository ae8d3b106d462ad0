"""The last safety net: that the patient hears within 21 days that there is something to talk about.

The number is national (UK-PATIENT-FAILSAFE); the days of its ladder before that are local.
"""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from findings.models import Category, Clock, Event, Finding, PatientChange
from findings.rules import NotAllowed
from findings.services.act import record_patient_told
from findings.services.close import withdraw_finding
from findings.services.patient_change import Change, record_change
from findings.services.pause import NOT_SAID_WHO
from findings.services.tell_patient import WAS_MISSING, record_letter_sent
from findings.states import ClockKind
from notifications.escalation import fire_finding
from notifications.models import Notification
from tests.factories import TEXT, Trust, a_trust, acknowledged, arriving, flagged, reported
from tests.integration.test_finding_page import corrected
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def to_tell(finding: Finding) -> Clock:
    return finding.clocks.filter(kind=ClockKind.TELL_PATIENT).order_by("pk").last()


def told_at(finding: Finding, at: datetime) -> set[object]:
    """Whoever has a message of this clock made at this moment."""
    made = Notification.objects.filter(step__clock=to_tell(finding), created_at=at)
    return {one.recipient for one in made.select_related("recipient")}


def tell(finding: Finding, trust: Trust, how: str = "in_person", note: str = "") -> None:
    record_patient_told(finding=finding, by=trust.referrer, how=Finding.ToldHow(how), note=note)


def test_the_patient_is_promised_to_hear_within_21_days_of_the_report(trust: Trust) -> None:
    finding = flagged(trust)
    clock = to_tell(finding)
    assert clock.due_at == finding.report.reported_at + 21 * DAY
    assert clock.rule.policy_id == "UK-PATIENT-FAILSAFE"
    assert clock.rule.is_national


def test_the_owner_is_asked_first_and_the_coordinator_to_write_before_the_limit(
    trust: Trust,
) -> None:
    finding = acknowledged(trust)
    began = to_tell(finding).started_at
    for days, person in (
        (11, trust.referrer),
        (14, trust.responsible),
        (16, trust.coordinator),
        (21, trust.governance),
    ):
        at = began + days * DAY
        fire_finding(finding, at=at - timedelta(seconds=1))
        fire_finding(finding, at=at)
        assert told_at(finding, at) == {person}


def test_two_promises_that_fall_due_together_are_told_each_for_itself(trust: Trust) -> None:
    """After a gap the message about one of them must not swallow the other."""
    finding = flagged(trust, category="critical")
    at = to_tell(finding).due_at
    fire_finding(finding, at=at)
    kinds = set(finding.notifications.values_list("step__clock__kind", flat=True))
    assert kinds == {"acknowledge", "tell_patient"}
    assert told_at(finding, at) == {
        trust.referrer,
        trust.responsible,
        trust.coordinator,
        trust.governance,
    }


def test_the_clock_goes_on_whatever_else_becomes_of_the_finding(trust: Trust) -> None:
    finding = acknowledged(trust)
    assert to_tell(finding).is_running
    assert to_tell(finding).due_at == finding.report.reported_at + 21 * DAY


def test_recording_that_the_patient_was_told_stops_it(trust: Trust) -> None:
    finding = flagged(trust)
    tell(finding, trust)
    clock = to_tell(finding)
    assert clock.stopped_because == Clock.StoppedBecause.ANSWERED
    assert not clock.steps.unfired().exists()
    assert finding.clocks.get(kind="acknowledge").is_running


def test_recording_why_the_patient_is_not_told_stops_it_too(trust: Trust) -> None:
    finding = flagged(trust)
    tell(finding, trust, "not_told", "The patient is unconscious; the family knows.")
    assert not to_tell(finding).is_running


def test_a_withdrawn_finding_tells_nobody_to_write_to_the_patient(trust: Trust) -> None:
    finding = flagged(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Flagged in error.")
    assert not to_tell(finding).is_running


def test_what_was_told_no_longer_counts_when_the_report_changes(trust: Trust) -> None:
    finding = acknowledged(trust)
    tell(finding, trust)
    first = to_tell(finding)
    corrected(trust, finding, TEXT.replace("14 mm", "19 mm"))
    finding.refresh_from_db()
    assert to_tell(finding) != first
    assert to_tell(finding).due_at == finding.report.reported_at + 21 * DAY


def test_a_correction_gives_nobody_more_time_to_tell_the_patient(trust: Trust) -> None:
    finding = acknowledged(trust)
    before = to_tell(finding)
    corrected(trust, finding, TEXT.replace("14 mm", "19 mm"))
    assert to_tell(finding) == before
    assert to_tell(finding).is_running


def test_a_flag_after_three_weeks_counts_from_the_flag(trust: Trust) -> None:
    """Nobody could have kept a limit that had passed before anybody knew of the finding."""
    at = timezone.now()
    old = reported(trust, reported_at=at - 60 * DAY)
    clock = to_tell(flagged(trust, examination=old, at=at))
    assert clock.due_at == at + 21 * DAY


def test_a_flag_late_in_the_three_weeks_still_asks_the_coordinator_to_write(trust: Trust) -> None:
    at = timezone.now()
    finding = flagged(trust, examination=reported(trust, reported_at=at - 18 * DAY), at=at)
    fire_finding(finding, at=at)
    assert trust.coordinator in told_at(finding, at)


def test_a_category_without_the_rule_promises_nothing(trust: Trust) -> None:
    Category.objects.update(patient_policy_id="")
    assert not flagged(trust).clocks.filter(kind=ClockKind.TELL_PATIENT).exists()


def test_the_letter_says_whom_to_contact_and_never_what_was_found(trust: Trust) -> None:
    finding = flagged(trust, category="cancer", examination=reported(trust, **_named()))
    page = signed_in(trust.coordinator).get(reverse("patient-letter", args=[finding.reference]))
    words = words_of(page).partition("Print this page")[2]
    assert "Dear Ann Alder" in words
    assert f"Please contact the team of {trust.referrer}" in words
    forbidden = ("cancer", "lung", "nodule", "14 mm", "chest", " CT ", "X-ray", "Respiratory")
    assert not [one for one in forbidden if one.lower() in words.lower()]
    assert finding.examination.patient.nhs_number not in words.replace("\xa0", "").replace(" ", "")


def _named() -> dict[str, object]:
    from dataclasses import replace

    patient = arriving(a_trust()).patient
    return {"patient": replace(patient, family_name="Alder", given_name="Ann")}


def test_looking_at_the_letter_records_nothing_and_sending_it_stops_no_clock(
    trust: Trust,
) -> None:
    finding = flagged(trust)
    client = signed_in(trust.coordinator)
    address = reverse("patient-letter", args=[finding.reference])
    client.get(address)
    assert not finding.events.filter(kind=Event.Kind.LETTER_SENT).exists()
    page = client.post(address, follow=True)
    assert "Recorded that the letter was sent" in words_of(page)
    assert "Letter sent to the patient" in words_of(page)
    assert to_tell(finding).is_running


def test_no_letter_is_sent_to_whom_the_team_has_told(trust: Trust) -> None:
    finding = flagged(trust)
    tell(finding, trust)
    with pytest.raises(NotAllowed):
        record_letter_sent(finding=finding, by=trust.coordinator)
    page = signed_in(trust.coordinator).get(reverse("patient-letter", args=[finding.reference]))
    assert page.status_code == 403


def test_the_page_of_the_finding_shows_the_promise_and_whose_number_it_is(trust: Trust) -> None:
    finding = flagged(trust)
    words = words_of(signed_in(trust.referrer).get(reverse("finding", args=[finding.reference])))
    assert "Telling the patient due" in words
    assert "Tell the patient within 21 days National guidance" in words


# --- After an upgrade ----------------------------------------------------------------------------


def from_before(trust: Trust, days: float) -> Finding:
    """Flagged so many days ago, when there was no clock to tell the patient."""
    at = timezone.now() - days * DAY
    Category.objects.filter(code="critical").update(patient_policy_id="")
    examination = reported(trust, reported_at=at - DAY, performed_at=at - DAY)
    finding = flagged(trust, category="critical", at=at, examination=examination)
    Category.objects.filter(code="critical").update(patient_policy_id="UK-PATIENT-FAILSAFE")
    return Finding.objects.get(pk=finding.pk)


def start_missing(*more: str) -> str:
    said = StringIO()
    call_command("start_missing_clocks", *more, stdout=said)
    return said.getvalue()


def test_a_finding_from_before_the_upgrade_gets_its_clock_as_if_it_had_always_run(
    trust: Trust,
) -> None:
    old, new, told = from_before(trust, 12), flagged(trust), from_before(trust, 1)
    tell(told, trust)
    assert "1 clock missing" in start_missing("--dry-run")
    assert not old.clocks.filter(kind=ClockKind.TELL_PATIENT).exists()
    assert "1 clock started, 0 of them late" in start_missing()
    clock = to_tell(old)
    assert (clock.started_at, clock.due_at) == (
        old.report.reported_at,
        old.report.reported_at + 21 * DAY,
    )
    due = {step.level: step.due_at for step in clock.steps.all()}
    started = old.events.get(kind=Event.Kind.CLOCK_STARTED, data__clock="tell_patient").at
    assert due[1] == started, "the reminder of the 11th day falls now"
    assert due[2] == clock.started_at + 14 * DAY
    assert old.events.filter(kind=Event.Kind.NOTE, by=None, data__text=WAS_MISSING).exists()
    assert "0 clocks started" in start_missing()
    assert old.clocks.filter(kind=ClockKind.TELL_PATIENT).count() == 1
    assert not told.clocks.filter(kind=ClockKind.TELL_PATIENT).exists()
    assert new.clocks.filter(kind=ClockKind.TELL_PATIENT).count() == 1


def test_where_its_limit_has_passed_the_whole_ladder_hears_once_and_none_comes_late(
    trust: Trust,
) -> None:
    old = from_before(trust, 30)
    assert "1 clock started, 1 of them late" in start_missing()
    at = to_tell(old).steps.latest("due_at").due_at
    fire_finding(old, at=at)
    everybody = {trust.referrer, trust.responsible, trust.coordinator, trust.governance}
    assert told_at(old, at) == everybody
    late = old.events.filter(kind=Event.Kind.STEP_FIRED, data__late_seconds__gt=60)
    assert not late.filter(data__words__contains="patient").exists()


def test_of_somebody_who_has_died_nobody_is_asked_for_a_letter(trust: Trust) -> None:
    soon, late = from_before(trust, 12), from_before(trust, 30)
    for finding in (soon, late):
        change = Change(PatientChange.Kind.DIED, timezone.now() - DAY)
        record_change(patient=finding.examination.patient, change=change, by=None)
    start_missing()
    assert soon.pauses.deaths().exists()
    words = to_tell(late).steps.unfired().values_list("words", flat=True)
    assert set(words) == {NOT_SAID_WHO}
