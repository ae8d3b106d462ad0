"""What a corrected, repeated or withdrawn report does to what was flagged in it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from findings.arrivals import (
    ArrivingPatient,
    ArrivingStatus,
)
from findings.models import (
    Event,
    Examination,
    Receipt,
    Report,
)
from findings.services.act import record_action
from findings.services.close import close_finding
from findings.states import BY_STATE, ClockKind, State
from tests.factories import (
    Trust,
    a_trust,
    acknowledged,
    arriving,
    flagged,
    report,
)
from tests.integration.test_receive import message

Outcome = Receipt.Outcome


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def correct(trust: Trust, examination: Examination, text: str, status: ArrivingStatus) -> Report:
    """The next version of the report of this examination, a second after the newest."""
    newest = examination.reports.order_by("-reported_at").first()
    patient = examination.patient
    return report(
        trust,
        accession=examination.accession,
        patient=ArrivingPatient(nhs_number=patient.nhs_number or ""),
        status=status,
        text=text,
        reported_at=newest.reported_at + timedelta(seconds=1),
    )


def test_a_correction_after_the_acknowledgement_asks_again_at_once(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, at=timezone.now() - timedelta(hours=2)))
    corrected = correct(
        trust, finding.examination, "Suspicious lesion, left breast.", ArrivingStatus.CORRECTED
    )
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert finding.report == corrected
    clock = finding.clocks.get(stopped_at__isnull=True, kind__in=BY_STATE)
    assert clock.kind == ClockKind.ACKNOWLEDGE
    assert clock.started_at == finding.counts_from > finding.flagged_at
    first = clock.steps.order_by("falls_at", "level").first()
    assert first.audience == "owner"
    assert first.falls_at <= timezone.now()
    kinds = list(finding.events.values_list("kind", flat=True))
    assert kinds.index(Event.Kind.ACKNOWLEDGED) < kinds.index(Event.Kind.REOPENED)


def test_the_same_words_again_do_not_reopen(trust: Trust) -> None:
    finding = acknowledged(trust)
    again = correct(
        trust, finding.examination, finding.report.text + "\n", ArrivingStatus.CORRECTED
    )
    finding.refresh_from_db()
    assert finding.state == State.ACKNOWLEDGED
    assert finding.report == again
    assert "same words" in finding.events.last().data["text"]


def test_a_correction_of_an_unanswered_finding_moves_no_limit(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=50))
    clock = finding.clocks.get(kind="acknowledge")
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert finding.clocks.get(stopped_at__isnull=True, kind__in=BY_STATE) == clock
    extra = clock.steps.get(words="the report has changed")
    assert (extra.audience, extra.falls_at <= timezone.now()) == ("owner", True)
    assert "the limit stays" in finding.events.get(kind=Event.Kind.REOPENED).data["because"]


def closed(trust: Trust) -> object:
    from findings.models import Action, Finding
    from findings.services.act import record_patient_told

    finding = acknowledged(trust)
    record_action(
        finding=finding,
        by=trust.referrer,
        kind=Action.Kind.IMAGING,
        text="CT requested.",
        result_expected_on=timezone.localdate() + timedelta(days=7),
    )
    record_patient_told(finding=finding, by=trust.referrer, how=Finding.ToldHow.TELEPHONE)
    return close_finding(finding=finding, by=trust.referrer, outcome=Finding.Outcome.NOTHING)


def test_a_withdrawn_report_reopens_even_a_closed_finding_so_that_a_person_looks(
    trust: Trust,
) -> None:
    finding = closed(trust)
    correct(trust, finding.examination, finding.report.text, ArrivingStatus.WITHDRAWN)
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    because = finding.events.filter(kind=Event.Kind.REOPENED).get().data["because"]
    assert "withdrawn by its sender" in because


def test_a_withdrawal_taken_back_asks_again_although_the_words_are_the_same(trust: Trust) -> None:
    finding = acknowledged(trust)
    words = finding.report.text
    correct(trust, finding.examination, words, ArrivingStatus.WITHDRAWN)
    before = finding.events.count()
    correct(trust, finding.examination, words, ArrivingStatus.FINAL)
    finding.refresh_from_db()
    assert finding.events.count() > before
    assert (
        finding.clocks.get(stopped_at__isnull=True, kind__in=BY_STATE)
        .steps.filter(words="the report has changed")
        .exists()
    )


def test_an_older_version_reopens_nothing(trust: Trust) -> None:
    finding = acknowledged(trust)
    events = finding.events.count()
    report(
        trust,
        accession=finding.examination.accession,
        patient=ArrivingPatient(nhs_number=finding.examination.patient.nhs_number or ""),
        status=ArrivingStatus.PRELIMINARY,
        reported_at=finding.report.reported_at - timedelta(hours=1),
        text="First words.",
    )
    finding.refresh_from_db()
    assert (finding.state, finding.events.count()) == (State.ACKNOWLEDGED, events)


def test_a_correction_that_cannot_start_its_clock_is_held_and_not_lost(
    trust: Trust, settings: object
) -> None:
    from findings.models import Rule

    finding = acknowledged(trust)
    rule = Rule.objects.in_force().get(policy_id=finding.category.local_policy_id)
    rule.pk, rule.version, rule.fingerprint = None, rule.version + 1, "new"
    rule.save(force_insert=True)
    (receipt,) = message(
        trust,
        arriving(
            trust,
            accession=finding.examination.accession,
            patient=ArrivingPatient(nhs_number=finding.examination.patient.nhs_number or ""),
            text="Other words.",
            reported_at=timezone.now(),
        ),
    ).receipts
    assert receipt.outcome == Outcome.HELD
    assert "not signed" in receipt.detail
