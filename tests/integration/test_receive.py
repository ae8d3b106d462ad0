"""What becomes of what arrives: versions, duplicates, identity, and asking again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from findings.arrivals import (
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    Problem,
    ReadMessage,
    Refusal,
)
from findings.models import (
    Examination,
    IncomingMessage,
    Receipt,
    Report,
)
from findings.services import filing
from findings.services.hold import sent_again
from findings.services.messages import CONTROL_ID_REUSED, Received, receive_message
from findings.services.receive import AccessionHeld, receive_report
from findings.services.records import ONE_BY_ONE
from tests.factories import (
    SiteFactory,
    TeamFactory,
    Trust,
    a_trust,
    arriving,
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


def test_what_was_refused_waits_for_nobody_and_says_why(trust: Trust) -> None:
    refusal = Refusal(HeldReason.WRONG_SENDER, "MSH-3", "Not from there.", "Ask the sender.")
    (receipt,) = message(trust, refusal).receipts
    assert (receipt.outcome, receipt.reason) == (Outcome.REFUSED, HeldReason.WRONG_SENDER)
    assert not Receipt.objects.waiting().exists()


def test_what_was_refused_and_is_not_now_is_filed_after_all(trust: Trust) -> None:
    refusal = Refusal(HeldReason.WRONG_SENDER, "MSH-3", "Not from there.", "Ask the sender.")
    message(trust, refusal)
    received = message(trust, arriving(trust), arriving(trust))
    assert [one.outcome for one in received.receipts] == [Outcome.NEW_REPORT] * 2
    # And the other way round: what is filed stays.
    assert message(trust, refusal).receipts == received.receipts


def test_what_is_refused_again_is_not_held_by_it(trust: Trust) -> None:
    refusal = Refusal(HeldReason.WRONG_SENDER, "MSH-3", "Not from there.", "Ask the sender.")
    received = message(trust, refusal)
    (receipt,) = sent_again(received.message, trust.sender, [replace(refusal, location="MSH-4")])
    assert (receipt.outcome, receipt.location) == (Outcome.REFUSED, "MSH-4")
    assert not Receipt.objects.waiting().exists()


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
    team = filing._team(
        trust.site, trust.referrer, arriving(trust, requesting_location="WARD-X"), ONE_BY_ONE
    )
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
