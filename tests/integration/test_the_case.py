"""The case from flag to closure, by the services: what each answer does to clock and owner."""

from datetime import timedelta

import pytest
from django.utils import timezone

from findings.arrivals import ArrivingPatient, ArrivingPerson, ArrivingStatus
from findings.models import Event, Finding, Role, Rule
from findings.rules import NotAllowed
from findings.services.acknowledge import (
    acknowledge_finding,
    decline_finding,
    hand_over_finding,
)
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding, withdraw_finding
from findings.services.flag import owner_from_order
from findings.services.policy import PolicyError, sign_rule
from findings.services.timeline import record_reading
from findings.states import BY_STATE, MoveRefused, State
from tests.factories import (
    Trust,
    a_trust,
    acknowledged,
    flagged,
    report,
    reported,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def running(finding: Finding):
    return finding.clocks.get(stopped_at__isnull=True, kind__in=BY_STATE)


def acted_on(trust: Trust) -> Finding:
    finding = acknowledged(trust)
    record_action(
        finding=finding,
        by=trust.referrer,
        kind="imaging",
        text="CT requested.",
        result_expected_on=(timezone.now() + timedelta(days=14)).date(),
    )
    finding.refresh_from_db()
    return finding


def known(finding: Finding) -> ArrivingPatient:
    patient = finding.examination.patient
    return ArrivingPatient(
        family_name=patient.family_name,
        given_name=patient.given_name,
        birth_date=patient.birth_date,
        nhs_number=patient.nhs_number or "",
    )


def kinds(finding: Finding) -> list[str]:
    return list(finding.events.order_by("number").values_list("kind", flat=True))


def test_flagging_writes_finding_clock_steps_and_events(trust: Trust) -> None:
    finding = flagged(trust, category="critical")
    clock = running(finding)
    assert finding.state == State.AWAITING
    assert clock.due_at - clock.started_at == timedelta(hours=1)
    assert [step.audience for step in clock.steps.order_by("level")] == [
        "owner",
        "owner",
        "responsible",
        "team",
        "radiologist",
        "coordinator",
        "department",
        "governance",
    ]
    assert kinds(finding) == ["flagged", "clock_started", "clock_started"]


def test_the_owner_is_whoever_asked(trust: Trust) -> None:
    assert flagged(trust).owner == trust.referrer


def test_a_leavers_order_goes_to_their_team(trust: Trust) -> None:
    examination = reported(trust)
    trust.referrer.is_active = False
    trust.referrer.save()
    examination.refresh_from_db()
    held = owner_from_order(examination)
    assert (held.person, held.owner_team) == (None, trust.team)
    assert "no longer works here" in held.because


def test_an_order_that_names_nobody_goes_to_the_coordinators(trust: Trust) -> None:
    examination = reported(trust, requester=ArrivingPerson(), requesting_location="")
    assert flagged(trust, examination=examination).owner == trust.coordination


def test_only_a_radiologist_of_the_site_can_flag(trust: Trust) -> None:
    stranger = a_trust()
    with pytest.raises(NotAllowed):
        flagged(stranger, examination=reported(trust))


def test_acknowledging_stops_the_first_clock_and_starts_the_second(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, category="urgent"))
    clock = running(finding)
    assert clock.kind == "act"
    assert clock.due_at == finding.flagged_at + timedelta(hours=24)
    first = finding.clocks.get(kind="acknowledge")
    assert first.stopped_because == "answered"
    assert not first.steps.unfired().exists()


def test_answering_late_buys_no_time(trust: Trust) -> None:
    now = timezone.now()
    finding = flagged(trust, category="urgent", at=now - timedelta(hours=30))
    acknowledged(trust, finding, at=now)
    clock = running(finding)
    assert clock.due_at == now - timedelta(hours=6)
    # ... but the ladder is measured from the answer, so nobody higher is told in this second.
    assert [step.due_at - now for step in clock.steps.filter(audience="governance")] == [
        timedelta(hours=24)
    ]


def test_an_acknowledgement_needs_a_plan(trust: Trust) -> None:
    with pytest.raises(ValueError, match="plan"):
        acknowledge_finding(finding=flagged(trust), by=trust.referrer, plan="  ")


def test_the_second_to_acknowledge_is_refused_and_overwrites_nothing(trust: Trust) -> None:
    finding = flagged(trust)
    acknowledged(trust, finding)
    with pytest.raises(MoveRefused):
        acknowledge_finding(finding=finding, by=trust.colleague, plan="Mine as well.")
    finding.refresh_from_db()
    assert finding.acknowledged_by == trust.referrer


def test_reading_is_recorded_and_is_not_acknowledging(trust: Trust) -> None:
    finding = flagged(trust)
    record_reading(finding=finding, by=trust.referrer, page="finding")
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert running(finding).kind == "acknowledge"
    assert kinds(finding)[-1] == "read"


def test_declining_does_not_reset_the_clock(trust: Trust) -> None:
    finding = flagged(trust)
    due_at = running(finding).due_at
    decline_finding(finding=finding, by=trust.referrer, because="Ward round.", to=trust.colleague)
    finding.refresh_from_db()
    assert finding.owner == trust.colleague
    assert running(finding).due_at == due_at
    assert finding.clocks.filter(kind="acknowledge").count() == 1
    assert finding.steps.due().filter(audience="owner", level=0).exists()


def test_declining_without_a_name_climbs_at_once(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=5))
    decline_finding(finding=finding, by=trust.referrer, because="I do not know the patient.")
    finding.refresh_from_db()
    assert finding.owner == trust.team
    assert finding.steps.exclude(brought_forward_to=None).get().audience == "owner"
    assert kinds(finding)[-1] == "step_brought_forward"


def test_nobody_outside_the_team_can_answer(trust: Trust) -> None:
    outsider = a_trust().referrer
    finding = flagged(trust)
    for answer in (
        lambda: acknowledge_finding(finding=finding, by=outsider, plan="x"),
        lambda: decline_finding(finding=finding, by=outsider, because="x"),
        lambda: acknowledge_finding(finding=finding, by=trust.coordinator, plan="x"),
        lambda: acknowledge_finding(finding=finding, by=trust.radiologist, plan="x"),
    ):
        with pytest.raises(NotAllowed):
            answer()


def test_handing_over_asks_again_and_keeps_the_limit_to_act(trust: Trust) -> None:
    finding = acknowledged(trust)
    act_due = running(finding).due_at
    hand_over_finding(
        finding=finding, by=trust.coordinator, because="On leave.", to=trust.colleague
    )
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == (State.AWAITING, trust.colleague)
    acknowledged(trust, finding, by=trust.colleague)
    assert running(finding).due_at == act_due


def test_an_action_starts_the_wait_for_its_result(trust: Trust) -> None:
    finding = acted_on(trust)
    assert finding.state == State.ACTED_ON
    assert running(finding).kind == "follow_up"


def test_a_result_cannot_be_expected_in_the_past(trust: Trust) -> None:
    with pytest.raises(ValueError, match="has passed"):
        record_action(
            finding=acknowledged(trust),
            by=trust.referrer,
            kind="imaging",
            text="CT",
            result_expected_on=(timezone.now() - timedelta(days=2)).date(),
        )


def test_closing_needs_word_of_the_patient(trust: Trust) -> None:
    finding = acted_on(trust)
    with pytest.raises(NotAllowed, match="patient was told"):
        close_finding(finding=finding, by=trust.referrer, outcome="nothing")
    record_patient_told(finding=finding, by=trust.referrer, how="telephone")
    finding = close_finding(finding=finding, by=trust.referrer, outcome="nothing")
    assert not finding.clocks.filter(stopped_at__isnull=True).exists()
    assert kinds(finding)[-2:] == ["closed", "clock_stopped"]


def test_a_finding_is_not_closed_before_anything_was_done(trust: Trust) -> None:
    finding = acknowledged(trust)
    record_patient_told(finding=finding, by=trust.referrer, how="telephone")
    with pytest.raises(MoveRefused):
        close_finding(finding=finding, by=trust.referrer, outcome="nothing")


def test_withdrawing_stops_everything_and_says_why(trust: Trust) -> None:
    finding = flagged(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Artefact.")
    finding.refresh_from_db()
    assert finding.state == State.WITHDRAWN
    assert not finding.steps.unfired().exists()
    assert finding.events.get(kind=Event.Kind.WITHDRAWN).data == {"because": "Artefact."}


def test_another_radiologist_cannot_withdraw_it(trust: Trust) -> None:
    other = trust.add(Role.RADIOLOGIST, site=trust.site)
    with pytest.raises(NotAllowed):
        withdraw_finding(finding=flagged(trust), by=other, because="x")


def test_unsigned_local_limits_start_no_clock(trust: Trust, settings) -> None:
    settings.DEMONSTRATION = False
    newest = Rule.objects.in_force().get(policy_id="DEF-CRIT")
    Rule.objects.create(
        policy_id="DEF-CRIT",
        version=newest.version + 1,
        category="critical",
        acknowledge_within="PT1H",
        basis="local",
        source="test",
        fingerprint="changed",
    )
    with pytest.raises(PolicyError, match="sign_policy DEF-CRIT"):
        flagged(trust)
    assert not Finding.objects.exists()


def test_editing_policy_does_not_move_a_promise_already_made(trust: Trust) -> None:
    finding = flagged(trust)
    promised = list(finding.steps.order_by("level").values_list("due_at", flat=True))
    old = Rule.objects.in_force().get(policy_id="DEF-CRIT")
    Rule.objects.create(
        policy_id="DEF-CRIT",
        version=old.version + 1,
        category="critical",
        acknowledge_within="PT2H",
        act_within="PT8H",
        basis="local",
        source="test",
        fingerprint="changed",
    )
    sign_rule(policy_id="DEF-CRIT", name="Dr Sign Example", role="Medical director")
    assert list(finding.steps.order_by("level").values_list("due_at", flat=True)) == promised
    assert running(finding).rule == old
    later = flagged(trust)
    assert running(later).due_at - running(later).started_at == timedelta(hours=2)


def test_a_changed_report_asks_again_and_the_patient_must_hear_of_it(trust: Trust) -> None:
    finding = acted_on(trust)
    record_patient_told(finding=finding, by=trust.referrer, how="telephone")
    report(
        trust,
        accession=finding.examination.accession,
        patient=known(finding),
        text="A mass, not a nodule.",
        status=ArrivingStatus.CORRECTED,
        reported_at=timezone.now(),
    )
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert (finding.acknowledged_by, finding.patient_told_how) == (None, "")
    assert Finding.objects.reopened().get() == finding
