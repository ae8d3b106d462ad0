"""Died, discharged or transferred: whoever holds a finding is asked again, nothing is dropped."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingPatient
from findings.models import Action, Event, Finding, PatientChange, Pause, Person
from findings.rules import NotAllowed
from findings.services.acknowledge import hand_over_finding
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding
from findings.services.merge import merge_patients, undo_merge
from findings.services.patient_change import (
    Change,
    changes_of,
    confirm_owner,
    record_change,
    undo_change,
)
from findings.services.pause import hold_letter
from findings.services.tell_patient import record_letter_sent
from findings.states import State
from findings.words import local
from notifications.escalation import fire_finding
from notifications.messages import write
from notifications.models import Notification
from tests.factories import Trust, a_trust, acknowledged, flagged, nhs_number, reported
from tests.pages import fill_in, hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Kind, ToldHow = PatientChange.Kind, Finding.ToldHow
MISTAKE = "It was another patient of that name."


def happened(
    finding: Finding, kind: PatientChange.Kind, by: Person | None, **more: Any
) -> PatientChange:
    change = Change(kind, more.pop("happened_at", timezone.now() - HOUR), more.pop("whereto", ""))
    return record_change(patient=finding.examination.patient, change=change, by=by, **more)


def died(finding: Finding, by: Person | None = None, **more: Any) -> PatientChange:
    return happened(finding, Kind.DIED, by, **more)


def moment_in(name: str) -> dict[str, str]:
    """A few minutes ago, as it is typed."""
    at = local(timezone.now() - timedelta(minutes=5))
    parts = {"day": at.day, "month": at.month, "year": at.year, "time": f"{at:%H:%M}"}
    return {f"{name}-{part}": str(value) for part, value in parts.items()}


def now(finding: Finding) -> Finding:
    return Finding.objects.get(pk=finding.pk)


def limits(finding: Finding) -> list[tuple]:
    return list(finding.clocks.order_by("pk").values_list("kind", "due_at", "stopped_at"))


def told(finding: Finding, at: datetime) -> list[str]:
    """Whom the steps that fire at this moment tell about the patient, the highest last."""
    fire_finding(now(finding), at=at)
    steps = finding.steps.filter(clock__kind="tell_patient", fired_at=at).order_by("level")
    return list(steps.values_list("audience", flat=True))


def ended(trust: Trust, finding: Finding, how: Finding.ToldHow) -> Finding:
    finding = acknowledged(trust, finding)
    record_action(
        finding=finding,
        by=trust.referrer,
        kind=Action.Kind.NONE,
        text="They died.",
        result_expected_on=timezone.localdate(),
    )
    record_patient_told(finding=finding, by=trust.referrer, how=how, note="Daughter.")
    return close_finding(finding=finding, by=trust.referrer, outcome=Finding.Outcome.DIED)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_owner_of_each_open_finding_is_asked_and_nothing_else_moves(
    trust: Trust, kind: PatientChange.Kind
) -> None:
    examination = reported(trust)
    findings = [flagged(trust, examination=examination), acknowledged(trust)]
    findings.append(flagged(trust, examination=examination, category="urgent"))
    other = findings.pop(1)
    before = [limits(one) for one in findings]
    happened(findings[0], kind, trust.coordinator)
    assert [limits(one) for one in findings] == before
    for finding in findings:
        assert now(finding).state == finding.state
        asked = finding.steps.get(level=0)
        assert (asked.audience, asked.clock.kind) == ("owner", "acknowledge")
        assert finding.events.filter(kind=Event.Kind.PATIENT_CHANGED).count() == 1
    assert not other.events.filter(kind=Event.Kind.PATIENT_CHANGED).exists()


def test_a_message_says_it_without_a_person_and_said_again_it_asks_nobody(trust: Trust) -> None:
    finding = flagged(trust)
    first = died(finding)
    assert first.recorded_by is None
    assert died(finding, happened_at=timezone.now()) == first
    at = timezone.now() - HOUR
    happened(finding, Kind.DISCHARGED, None, happened_at=at)
    happened(finding, Kind.DISCHARGED, None, happened_at=at)
    assert finding.events.filter(kind=Event.Kind.PATIENT_CHANGED).count() == 2


def test_only_a_coordinator_of_a_trust_that_has_the_patient_records_it(trust: Trust) -> None:
    finding, other = flagged(trust), a_trust()
    for by in (trust.referrer, trust.radiologist, trust.governance, other.coordinator):
        with pytest.raises(NotAllowed):
            died(finding, by)
    with pytest.raises(ValueError, match="future"):
        died(finding, trust.coordinator, happened_at=timezone.now() + HOUR)


# --- Death -------------------------------------------------------------------------------------


def test_no_letter_goes_to_somebody_who_has_died(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.coordinator)
    page = reverse("patient-letter", args=[finding.reference])
    assert client.get(page).status_code == 200
    died(finding)
    assert client.get(page).status_code == 403
    assert client.post(page).status_code == 403
    shown = words_of(client.get(reverse("finding", args=[finding.reference])))
    assert "Letter to the patient held" in shown
    assert "write to the patient" not in shown
    with pytest.raises(NotAllowed, match="has died"):
        record_letter_sent(finding=now(finding), by=trust.referrer)


def test_nobody_is_asked_to_write_until_the_limit_and_then_everybody_hears(trust: Trust) -> None:
    at = timezone.now() - 20 * DAY
    examination = reported(trust, reported_at=at, performed_at=at)
    finding = flagged(trust, examination=examination, at=at)
    clock = finding.clocks.get(kind="tell_patient")
    died(finding, happened_at=at + DAY, at=at + DAY)
    assert told(finding, at + 17 * DAY) == []
    assert told(finding, clock.due_at) == ["owner", "responsible", "coordinator", "governance"]


def test_the_message_at_the_limit_asks_for_no_letter(trust: Trust) -> None:
    at = timezone.now() - 22 * DAY
    examination = reported(trust, reported_at=at, performed_at=at)
    finding = flagged(trust, examination=examination, at=at)
    due_at = finding.clocks.get(kind="tell_patient").due_at
    died(finding, happened_at=at + DAY, at=at + DAY)
    fire_finding(now(finding), at=due_at)
    messages = Notification.objects.filter(step__clock__kind="tell_patient")
    texts = {write(one, at=due_at, may_be_second=False).text for one in messages}
    assert texts
    for text in texts:
        assert "Do not write to the patient" in text
        assert "letter" not in text
        assert "died" not in text


def told_late(trust: Trust) -> tuple[Finding, datetime]:
    """The limit to tell the patient passed an hour ago, and the whole ladder has heard."""
    finding, late = past_the_limit(trust)
    fire_finding(now(finding), at=late)
    return finding, late


def past_the_limit(trust: Trust) -> tuple[Finding, datetime]:
    """By an hour; the engine was away."""
    at = timezone.now() - 30 * DAY
    examination = reported(trust, reported_at=at, performed_at=at)
    finding = flagged(trust, examination=examination, at=at)
    return finding, finding.clocks.get(kind="tell_patient").due_at + HOUR


def texts_at(at: datetime) -> set[str]:
    messages = Notification.objects.filter(step__clock__kind="tell_patient", created_at=at)
    return {write(one, at=at, may_be_second=False).text for one in messages}


LADDER = ["owner", "responsible", "coordinator", "governance"]


def test_after_the_limit_everybody_hears_at_once_that_no_letter_goes_and_is_asked_who_is_told(
    trust: Trust,
) -> None:
    finding, late = told_late(trust)
    assert any("letter" in text for text in texts_at(late))
    soon = late + HOUR
    for _ in range(2):
        died(finding, happened_at=late, at=soon)
    assert told(finding, soon) == LADDER
    for text in texts_at(soon) | texts_at(late):
        assert "Do not write to the patient" in text
        assert "letter" not in text
    assert finding.clocks.get(kind="tell_patient").is_running
    assert told(finding, soon + DAY) == [], "once"


def test_what_was_late_as_the_death_came_asks_nobody_to_write(trust: Trust) -> None:
    finding, late = past_the_limit(trust)
    died(finding, happened_at=late, at=late)
    assert told(finding, late) == LADDER
    assert {"letter" in text for text in texts_at(late)} == {False}


def test_a_mistaken_death_after_the_limit_asks_for_the_letter_again(trust: Trust) -> None:
    finding, late = told_late(trust)
    change = died(finding, happened_at=late, at=late + HOUR)
    undo_change(change=change, because=MISTAKE, by=trust.coordinator, at=late + 2 * HOUR)
    assert told(finding, late + 2 * HOUR) == LADDER
    assert any("has a letter" in text for text in texts_at(late + 2 * HOUR))


def test_a_hold_by_the_owner_ends_in_the_one_for_death_and_nobody_ends_that(trust: Trust) -> None:
    finding = flagged(trust)
    until_at = timezone.now() + DAY
    hold_letter(finding=finding, by=trust.referrer, because="Clinic.", until_at=until_at)
    died(finding)
    pause = finding.pauses.open().get()
    assert pause.kind == Pause.Kind.DEATH
    with pytest.raises(NotAllowed, match="held already"):
        hold_letter(finding=finding, by=trust.referrer, because="Clinic.", until_at=until_at)
    by = trust.coordinator
    hand_over_finding(finding=finding, by=by, because="Away.", to=trust.colleague)
    assert finding.pauses.open().get() == pause


def test_a_finding_that_is_flagged_after_the_death_is_held_from_the_start(trust: Trust) -> None:
    finding = flagged(trust)
    died(finding)
    later = flagged(trust, examination=finding.examination, category="urgent")
    assert later.pauses.open().get().kind == Pause.Kind.DEATH


def test_next_of_kin_and_coroner_are_told_of_the_dead_only(trust: Trust) -> None:
    finding = flagged(trust)
    for how in ToldHow.of_the_dead():
        with pytest.raises(ValueError, match="No death"):
            record_patient_told(finding=finding, by=trust.referrer, how=how)
    death = died(finding)
    with pytest.raises(ValueError, match="died before that"):
        record_patient_told(finding=finding, by=trust.referrer, how=ToldHow.TELEPHONE)
    record_patient_told(
        finding=finding,
        by=trust.referrer,
        how=ToldHow.TELEPHONE,
        told_at=death.happened_at - timedelta(minutes=1),
    )
    other = flagged(trust, examination=finding.examination)
    record_patient_told(finding=other, by=trust.referrer, how=ToldHow.CORONER)
    assert not other.clocks.filter(kind="tell_patient", stopped_at=None).exists()


def test_the_page_says_who_is_told_instead(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    page = reverse("patient-told", args=[finding.reference])
    of_finding = reverse("finding", args=[finding.reference])
    assert "Telling the patient due" in words_of(client.get(of_finding))
    assert "Next of kin" not in words_of(client.get(page))
    died(finding, trust.coordinator)
    assert "Recording who was told instead due" in words_of(client.get(of_finding))
    assert "Telling the patient due" not in words_of(client.get(of_finding))
    assert "Say who was told instead" in words_of(client.get(page))
    fill_in(client, page, {"how": "kin", "said": "Daughter."} | moment_in("told_at"))
    shown = words_of(client.get(of_finding))
    assert "Next of kin told, as the patient has died" in shown
    assert "No letter goes to the patient. Nothing closes by itself" in shown


# --- A mistake ---------------------------------------------------------------------------------


def test_a_mistaken_death_is_taken_back_and_the_letter_falls_due_again(trust: Trust) -> None:
    finding = flagged(trust)
    before = list(finding.steps.filter(clock__kind="tell_patient").values_list("falls_at"))
    change = died(finding)
    undo_change(change=change, because=MISTAKE, by=trust.coordinator)
    assert not finding.pauses.open().exists()
    steps = finding.steps.filter(clock__kind="tell_patient")
    assert list(steps.values_list("falls_at")) == before
    client = signed_in(trust.coordinator)
    assert client.get(reverse("patient-letter", args=[finding.reference])).status_code == 200
    with pytest.raises(NotAllowed, match="already"):
        undo_change(change=change, because=MISTAKE, by=trust.coordinator)


@pytest.mark.parametrize("how", [ToldHow.KIN, ToldHow.NOT_TOLD])
def test_whoever_was_told_instead_the_patient_is_to_be_told_after_all(
    trust: Trust, how: Finding.ToldHow
) -> None:
    finding = flagged(trust)
    change = died(finding)
    record_patient_told(finding=finding, by=trust.referrer, how=how, note="Daughter.")
    undo_change(change=change, because=MISTAKE, by=trust.coordinator)
    assert now(finding).patient_told_at is None
    assert finding.clocks.filter(kind="tell_patient", stopped_at=None).exists()


def test_what_was_closed_because_of_it_is_open_again(trust: Trust) -> None:
    finding = flagged(trust)
    change = died(finding)
    finding = ended(trust, finding, ToldHow.KIN)
    undo_change(change=change, because=MISTAKE, by=trust.coordinator)
    finding = now(finding)
    assert (finding.state, finding.patient_told_how) == (State.AWAITING, "")
    assert finding.clocks.filter(kind="tell_patient", stopped_at=None).exists()
    page = signed_in(trust.referrer).get(reverse("finding", args=[finding.reference]))
    assert "The report changed" not in words_of(page)
    fire_finding(finding, at=timezone.now())
    one = Notification.objects.filter(
        step__fired_at__gte=change.recorded_at, channel="email"
    ).last()
    assert one is not None
    assert "report has changed" not in write(one, at=timezone.now(), may_be_second=False).text


def test_what_ended_before_or_otherwise_stays_closed(trust: Trust) -> None:
    known = ended_otherwise(trust)
    change = died(known)
    undo_change(change=change, because=MISTAKE, by=trust.coordinator)
    assert now(known).state == State.CLOSED


def ended_otherwise(trust: Trust, finding: Finding | None = None) -> Finding:
    finding = acknowledged(trust, finding)
    record_action(
        finding=finding,
        by=trust.referrer,
        kind=Action.Kind.NONE,
        text="Known.",
        result_expected_on=timezone.localdate(),
    )
    record_patient_told(finding=finding, by=trust.referrer, how=ToldHow.TELEPHONE)
    return close_finding(finding=finding, by=trust.referrer, outcome=Finding.Outcome.KNOWN)


# --- Records that are one patient --------------------------------------------------------------


def test_a_death_follows_the_records_that_are_merged_and_taken_apart(trust: Trust) -> None:
    dead, finding = flagged(trust), flagged(trust)
    died(dead)
    keep, merged = finding.examination.patient, dead.examination.patient
    by = trust.coordinator
    merge = merge_patients(keep=keep, merged=merged, because="One person.", by=by)
    assert finding.pauses.open().get().kind == Pause.Kind.DEATH
    with pytest.raises(NotAllowed):
        record_letter_sent(finding=now(finding), by=trust.referrer)
    undo_merge(merge=merge, because="They are two.", by=by)
    assert not finding.pauses.open().exists()
    assert dead.pauses.open().get().kind == Pause.Kind.DEATH
    record_letter_sent(finding=now(finding), by=trust.referrer)


# --- Discharged or transferred -----------------------------------------------------------------


def test_who_is_responsible_now_is_asked_and_answered(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    page = reverse("finding", args=[finding.reference])
    assert "Still mine" not in words_of(client.get(page))
    happened(finding, Kind.TRANSFERRED, trust.coordinator, whereto="St Example's")
    shown = words_of(client.get(page))
    assert "The patient was transferred" in shown
    assert "to St Example's" in shown
    assert "Who is responsible now?" in shown
    answer = reverse("still-mine", args=[finding.reference])
    assert fill_in(client, answer, {"text": ""}).status_code == 422
    fill_in(client, answer, {"text": "I have rung their team."})
    shown = words_of(client.get(page))
    assert "answered on" in shown
    assert "Who is responsible now?" not in shown
    assert limits(finding)[0][2] is None


def in_two_trusts(trust: Trust) -> tuple[Finding, Finding, Trust]:
    """Findings of one patient, one in each trust."""
    here, other = flagged(trust), a_trust()
    known = ArrivingPatient(nhs_number=here.examination.patient.nhs_number or "")
    return here, flagged(other, examination=reported(other, patient=known)), other


@pytest.mark.parametrize("kind", [Kind.DISCHARGED, Kind.TRANSFERRED])
@pytest.mark.parametrize("by_a_person", [True, False])
def test_a_discharge_by_one_trust_asks_nobody_in_another(
    trust: Trust, kind: PatientChange.Kind, by_a_person: bool
) -> None:
    here, there, other = in_two_trusts(trust)
    patient, at = here.examination.patient, timezone.now() - HOUR

    def said_by(whose: Trust) -> PatientChange:
        change = Change(kind, at, organisation=None if by_a_person else whose.organisation)
        by = whose.coordinator if by_a_person else None
        return record_change(patient=patient, change=change, by=by)

    made = said_by(trust)
    for finding, asked in ((here, True), (there, False)):
        lines = finding.events.filter(kind=Event.Kind.PATIENT_CHANGED)
        assert lines.exists() is asked
        holder = signed_in(finding.owner_person)
        page = words_of(holder.get(reverse("finding", args=[finding.reference])))
        assert ("Who is responsible now?" in page) is asked
    assert not changes_of(other.coordinator).exists()
    with pytest.raises(NotAllowed, match="trust that recorded this"):
        undo_change(change=made, because=MISTAKE, by=other.coordinator)
    assert said_by(other) != made == said_by(trust)
    undo_change(change=made, because=MISTAKE, by=trust.coordinator)
    assert not there.events.filter(kind=Event.Kind.PATIENT_CHANGE_UNDONE).exists()
    confirm_owner(finding=there, by=other.referrer, text="Mine.")


def test_a_death_is_asked_about_in_every_trust(trust: Trust) -> None:
    here, there, other = in_two_trusts(trust)
    died(here, trust.coordinator)
    assert there.events.filter(kind=Event.Kind.PATIENT_CHANGED).exists()
    assert changes_of(other.coordinator).exists()


def test_nobody_else_answers_and_nobody_twice(trust: Trust) -> None:
    finding = flagged(trust)
    with pytest.raises(NotAllowed, match="Nobody has asked"):
        confirm_owner(finding=finding, by=trust.referrer, text="Mine.")
    happened(finding, Kind.DISCHARGED, None)
    with pytest.raises(NotAllowed):
        confirm_owner(finding=finding, by=trust.coordinator, text="Theirs.")
    confirm_owner(finding=finding, by=trust.referrer, text="Mine.")
    with pytest.raises(NotAllowed, match="Nobody has asked"):
        confirm_owner(finding=finding, by=trust.referrer, text="Mine.")


# --- The pages of coordinators -----------------------------------------------------------------


def test_a_coordinator_sees_whose_record_it_is_before_anything_is_recorded(trust: Trust) -> None:
    finding = flagged(trust)
    patient = finding.examination.patient
    client = signed_in(trust.coordinator)
    page = reverse("patient-changes")
    typed = {"kind": "died", "number": patient.nhs_number, **moment_in("happened_at")}
    wrong = fill_in(client, page, typed | {"number": nhs_number(4999)})
    assert "No record of your trust has this number" in words_of(wrong)
    asked = fill_in(client, page, typed)
    assert "Is this the patient?" in words_of(asked)
    assert "1 open finding would be asked about" in words_of(asked)
    assert not PatientChange.objects.exists()
    done = client.post(page, typed | {"seen": hidden_in(asked)["seen"]})
    assert done.status_code == 302
    change = PatientChange.objects.get()
    undo = reverse("undo-patient-change", args=[change.pk])
    assert "Say how you know" in words_of(fill_in(client, undo, {"because": ""}))
    fill_in(client, undo, {"because": MISTAKE})
    assert MISTAKE in words_of(client.get(page))
    file = client.get(page, {"as": "csv"}).getvalue().decode()
    assert MISTAKE in file
    assert patient.nhs_number in file


# --- The database ------------------------------------------------------------------------------


def test_the_database_refuses_a_second_death_and_one_that_changes(trust: Trust) -> None:
    change = died(flagged(trust))
    rows = PatientChange.objects.filter(pk=change.pk)
    with transaction.atomic(), pytest.raises(IntegrityError, match="a_patient_dies_once"):
        PatientChange.objects.create(
            patient=change.patient,
            kind=Kind.DIED,
            happened_at=change.happened_at,
            recorded_at=change.recorded_at,
        )
    with transaction.atomic(), pytest.raises(DatabaseError, match="Cannot update rows"):
        rows.update(happened_at=timezone.now())
    undo_change(change=change, because=MISTAKE, by=trust.coordinator)
    with transaction.atomic(), pytest.raises(IntegrityError, match="was undone"):
        rows.update(undone_because="Another reason.")


def test_the_database_refuses_a_pause_by_nobody_of_somebody_who_lives(trust: Trust) -> None:
    finding = flagged(trust)
    until_at = timezone.now() + DAY
    pause = hold_letter(finding=finding, by=trust.referrer, because="Clinic.", until_at=until_at)
    Pause.objects.filter(pk=pause.pk).update(ended_at=timezone.now())
    with transaction.atomic(), pytest.raises(IntegrityError, match="somebody_pauses_unless"):
        Pause.objects.create(
            finding=finding,
            clock=pause.clock,
            kind=Pause.Kind.HOLD,
            because="Clinic.",
            started_at=pause.started_at,
            until_at=until_at,
        )
