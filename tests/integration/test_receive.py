"""What becomes of what arrives: versions, duplicates, identity, and asking again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    Problem,
    ReadMessage,
)
from findings.models import (
    Event,
    Examination,
    IncomingMessage,
    Patient,
    PatientIdentifier,
    Receipt,
    Report,
)
from findings.services import filing
from findings.services.act import record_action
from findings.services.close import close_finding
from findings.services.identity import names_agree
from findings.services.receive import (
    CONTROL_ID_REUSED,
    AccessionHeld,
    Held,
    IdentityHeld,
    Received,
    receive_message,
    receive_report,
)
from findings.states import ClockKind, State
from tests.factories import (
    SiteFactory,
    TeamFactory,
    Trust,
    a_trust,
    acknowledged,
    arriving,
    flagged,
    report,
)

Outcome = Receipt.Outcome
AT = datetime(2026, 6, 30, 10, 5, tzinfo=UTC)


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def message(
    trust: Trust, *parts: ArrivingReport | Problem, body: bytes = b"MSH", control_id: str = "1"
) -> Received:
    read = ReadMessage("RIS", "TRUST", control_id, "ORU^R01", None, parts)
    return receive_message(sender=trust.sender, body=body, origin="a.hl7", read=read)


def ann(**fields: object) -> ArrivingPatient:
    known = ArrivingPatient("ALDER", "Ann", date(1950, 2, 12), "F", "9990000018")
    return replace(known, **fields)  # type: ignore[arg-type]


# --- Messages and receipts


def test_every_part_of_a_message_has_one_receipt(trust: Trust) -> None:
    problem = Problem(HeldReason.NO_TEXT, "OBR[3]-4", "No text.", "Wait for it.", "A3")
    received = message(trust, arriving(trust), arriving(trust), problem)
    assert [one.outcome for one in received.receipts] == [
        Outcome.NEW_REPORT,
        Outcome.NEW_REPORT,
        Outcome.HELD,
    ]
    assert received.receipts[2].accession == "A3"
    assert bytes(received.message.body) == b"MSH"


def test_the_same_bytes_twice_change_nothing(trust: Trust) -> None:
    first = message(trust, arriving(trust))
    again = message(trust, arriving(trust))
    assert again.known
    assert again.message == first.message
    assert [one.pk for one in again.receipts] == [one.pk for one in first.receipts]
    assert (IncomingMessage.objects.count(), Report.objects.count()) == (1, 1)


def test_a_message_with_nothing_in_it_is_held(trust: Trust) -> None:
    (receipt,) = message(trust).receipts
    assert (receipt.outcome, receipt.reason) == (Outcome.HELD, HeldReason.UNREADABLE)


def test_one_bad_part_does_not_stop_the_others(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = filing._add_version

    def fails_for_the_second(examination: Examination, *rest: object) -> Report:
        made = honest(examination, *rest)  # type: ignore[arg-type]
        if examination.accession == "BAD":
            raise ZeroDivisionError("ALDER, Ann")
        return made

    monkeypatch.setattr(filing, "_add_version", fails_for_the_second)
    received = message(trust, arriving(trust), arriving(trust, accession="BAD"), arriving(trust))
    outcomes = [one.outcome for one in received.receipts]
    assert outcomes == [Outcome.NEW_REPORT, Outcome.HELD, Outcome.NEW_REPORT]
    held = received.receipts[1]
    assert held.reason == HeldReason.OUR_FAULT
    assert "ALDER" not in held.detail
    assert not Examination.objects.filter(accession="BAD").exists(), "rolled back with the error"


def test_a_control_id_used_again_for_another_message_is_stored_and_said(trust: Trust) -> None:
    first = message(trust, arriving(trust), body=b"one", control_id="RR8")
    second = message(trust, arriving(trust), body=b"two", control_id="RR8")
    assert (first.control_id_reused, second.control_id_reused) == (False, True)
    assert second.receipts[0].outcome == Outcome.NEW_REPORT
    assert CONTROL_ID_REUSED in second.receipts[0].report.notices
    assert CONTROL_ID_REUSED not in first.receipts[0].report.notices


def test_a_report_from_the_future_is_held(trust: Trust) -> None:
    """Else it would stay the one to read, whatever is corrected until then."""
    late = arriving(trust, reported_at=timezone.now() + timedelta(days=400))
    (receipt,) = message(trust, late).receipts
    assert (receipt.reason, receipt.location) == (HeldReason.BAD_TIME, "OBR-22")


def test_long_accessions_are_never_cut_to_the_same_one(trust: Trust) -> None:
    for number in "12":
        with pytest.raises(AccessionHeld):
            receive_report(
                sender=trust.sender, arriving=arriving(trust, accession="A" * 80 + number)
            )
    assert not Examination.objects.exists()


# --- Versions


def versions(trust: Trust, *given: tuple[ArrivingStatus, timedelta, str]) -> list[Report]:
    same = arriving(trust)
    return [
        receive_report(
            sender=trust.sender,
            arriving=replace(same, status=status, reported_at=AT + after, text=text),
        )[1]
        for status, after, text in given
    ]


def test_an_older_version_that_arrives_later_is_kept_as_history(trust: Trust) -> None:
    final, preliminary = versions(
        trust,
        (ArrivingStatus.FINAL, timedelta(0), "Final words."),
        (ArrivingStatus.PRELIMINARY, timedelta(minutes=-25), "First words."),
    )
    examination = Examination.objects.get()
    assert examination.current_report == final
    assert list(examination.reports.order_by("reported_at")) == [preliminary, final]


def test_at_the_same_moment_the_more_finished_version_is_read(trust: Trust) -> None:
    _, final, _ = versions(
        trust,
        (ArrivingStatus.PRELIMINARY, timedelta(0), "First words."),
        (ArrivingStatus.FINAL, timedelta(0), "Final words."),
        (ArrivingStatus.PRELIMINARY, timedelta(0), "Late first words."),
    )
    assert Examination.objects.get().current_report == final


def test_the_same_words_with_another_time_stamp_are_the_same_version(trust: Trust) -> None:
    first, again = versions(
        trust,
        (ArrivingStatus.FINAL, timedelta(0), "Words."),
        (ArrivingStatus.FINAL, timedelta(minutes=5), "Words."),
    )
    assert first == again


def test_what_the_first_version_left_out_is_filled_in(trust: Trust) -> None:
    nobody = arriving(trust, requester=ArrivingPerson(), requesting_location="")
    receive_report(sender=trust.sender, arriving=nobody)
    named = replace(
        nobody, text="More.", requester=ArrivingPerson(code=trust.referrer.professional_code)
    )
    receive_report(sender=trust.sender, arriving=named)
    examination = Examination.objects.get()
    assert examination.requested_by == trust.referrer
    assert examination.requesting_team == trust.team


def test_another_requester_in_a_later_version_is_said_and_changes_nothing(trust: Trust) -> None:
    first = arriving(trust)
    receive_report(sender=trust.sender, arriving=first)
    other = replace(
        first, text="More.", requester=ArrivingPerson(code=trust.colleague.professional_code)
    )
    _, second = receive_report(sender=trust.sender, arriving=other)
    assert second.examination.requested_by == trust.referrer
    assert "another requester" in " ".join(second.notices)


# --- Who asked, and where


@pytest.mark.parametrize(
    ("recorded", "sent", "is_found"),
    [
        ("C1234567", "C1234567", True),
        ("C1234567", "1234567", True),
        ("1234567", "C1234567", True),
        ("C1234567", "c1234567", True),
        ("G1234567", "1234567", False),
        ("C1234567", "C1234568", False),
        ("C1234567", "C123456\u0667", False),
        ("", "", False),
    ],
)
def test_a_requester_is_found_by_code_with_or_without_its_letter(
    trust: Trust, recorded: str, sent: str, is_found: bool
) -> None:
    trust.referrer.professional_code = recorded
    trust.referrer.save()
    found = filing.person_of(ArrivingPerson(code=sent, family_name=trust.referrer.family_name))
    assert (found == trust.referrer) is is_found


def test_a_ward_of_another_trust_with_the_same_code_is_not_ours(trust: Trust) -> None:
    TeamFactory(location_code="WARD-X")
    team = filing._team(trust.site, trust.referrer, arriving(trust, requesting_location="WARD-X"))
    assert team == trust.team


@pytest.mark.parametrize("location", ["WARD-X", "ward-x", "WARD-X, Room 2, Bed 1"])
def test_a_bed_belongs_to_the_team_of_its_ward(trust: Trust, location: str) -> None:
    team = TeamFactory(organisation=trust.organisation, location_code="WARD-X")
    examination = report(trust, requesting_location=location).examination
    assert examination.requesting_team == team
    assert examination.location_as_sent == location


def test_an_unknown_site_leaves_the_senders_own(trust: Trust) -> None:
    other = SiteFactory(organisation=trust.organisation, name="Northgate")
    assert report(trust, site_code="northgate").examination.site == other
    assert report(trust, site_code="NOWHERE").examination.site == trust.site


# --- Identity


@pytest.mark.parametrize(
    "name",
    ["ONEILL GARCIA", "O\u2019NEILL-GARCIA", "GARCIA O NEILL", "O'Neill", "García", "ONEILLGARCIA"],
)
def test_ways_of_writing_a_double_surname_agree(name: str) -> None:
    assert names_agree("O'NEILL-GARCÍA", name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("O NEILL", "O BRIEN"), ("VAN DYKE", "VAN GOGH"), ("LEE", "EEL"), ("ALDER", "BEECH")],
)
def test_other_names_do_not_agree(one: str, other: str) -> None:
    assert not names_agree(one, other)


def test_a_known_number_with_another_name_and_birth_date_is_held(trust: Trust) -> None:
    report(trust, patient=ann())
    bob = ann(family_name="BEECH", given_name="BOB", birth_date=date(1990, 1, 1))
    (receipt,) = message(trust, arriving(trust, patient=bob)).receipts
    assert (receipt.reason, receipt.location) == (HeldReason.IDENTITY_CONFLICT, "PID-3")
    assert "BEECH" not in receipt.detail + receipt.suggestion
    assert Patient.objects.get().family_name == "ALDER"
    assert Report.objects.count() == 1


def test_a_known_number_with_both_names_other_and_no_birth_date_is_held(trust: Trust) -> None:
    report(trust, patient=ann())
    with pytest.raises(IdentityHeld):
        report(trust, patient=ann(family_name="BEECH", given_name="BOB", birth_date=None))


def test_a_married_name_is_accepted_with_a_notice(trust: Trust) -> None:
    report(trust, patient=ann())
    married = report(trust, patient=ann(family_name="ALDER-SMITH"))
    assert "written differently" in " ".join(married.notices)
    renamed = report(trust, patient=ann(family_name="BEECH"))
    assert "not the one on record" in " ".join(renamed.notices)
    assert Patient.objects.get().family_name == "ALDER", "a report never changes the record"


def test_identifiers_of_two_patients_are_held(trust: Trust) -> None:
    report(trust, patient=ann())
    number = ArrivingIdentifier("N501", "RR8", "PI")
    report(trust, patient=ArrivingPatient("BEECH", identifiers=(number,)))
    with pytest.raises(IdentityHeld) as held:
        report(trust, patient=ann(identifiers=(number,)))
    assert held.value.reason == HeldReason.IDENTITY_CONFLICT


def test_a_hospital_number_with_another_nhs_number_is_held(trust: Trust) -> None:
    number = ArrivingIdentifier("N501", "RR8", "PI")
    report(trust, patient=ann(identifiers=(number,)))
    with pytest.raises(IdentityHeld):
        report(trust, patient=ann(nhs_number="9990000026", identifiers=(number,)))


def test_new_identifiers_are_kept_unless_the_birth_date_speaks_against_it(trust: Trust) -> None:
    report(trust, patient=ann())
    report(trust, patient=ann(identifiers=(ArrivingIdentifier("N501", "RR8"),)))
    doubtful = report(
        trust,
        patient=ann(birth_date=date(1951, 2, 12), identifiers=(ArrivingIdentifier("N502", "RR8"),)),
    )
    assert list(PatientIdentifier.objects.values_list("value", flat=True)) == ["N501"]
    assert "were therefore not added" in " ".join(doubtful.notices)


def test_an_accession_of_another_patient_is_held(trust: Trust) -> None:
    report(trust, accession="A1")
    with pytest.raises(AccessionHeld) as held:
        report(trust, accession="A1")
    assert held.value.location == "OBR-3"


# --- Asking again


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
    clock = finding.clocks.get(stopped_at__isnull=True)
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
    clock = finding.clocks.get()
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    assert finding.clocks.get(stopped_at__isnull=True) == clock
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
        finding.clocks.get(stopped_at__isnull=True)
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


# --- At once


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


def test_held_says_where_and_never_who(trust: Trust) -> None:
    with pytest.raises(Held) as held:
        report(trust, patient=ArrivingPatient("ALDER"))
    assert held.value.location == "PID-3"
    assert "ALDER" not in str(held.value)
