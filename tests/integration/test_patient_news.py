"""News of patients by HL7: merged, renumbered, renamed, gone, dead; and what a person must see."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import HeldReason
from findings.intake.importing import take_in
from findings.models import (
    Event,
    Examination,
    Finding,
    Patient,
    PatientChange,
    PatientIdentifier,
    PatientMerge,
    PatientUpdate,
    Receipt,
)
from findings.services.close import withdraw_finding
from findings.services.filing import WAS_ANOTHERS
from findings.services.identity import MERGED_NOTICE, survivor
from findings.services.merge import merge_patients, undo_merge
from findings.services.patient_change import Change, record_change, undo_change
from findings.services.senders import make_sender
from findings.services.timeline import add_note
from notifications.escalation import fire_finding
from tests.factories import Trust, a_trust, flagged
from tests.messages import NUMBER, adt, orm, oru, pid
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
Outcome = Receipt.Outcome
OTHER_NUMBER = "9990000026"


@pytest.fixture
def trust() -> Trust:
    trust = a_trust()
    for application in ("RIS", "PAS"):
        make_sender(code=f"{application}|RXX01", site=trust.site)
    return trust


def stamp(days_ago: float) -> str:
    return f"{timezone.now() - timedelta(days=days_ago):%Y%m%d%H%M%S}+0000"


def take(raw: bytes) -> Receipt:
    (receipt,) = take_in(raw, "news.hl7:1").receipts
    return receipt


def mrn(*values: str) -> str:
    """PID-3 or MRG-1 with these hospital numbers."""
    return "~".join(f"{value}^^^RXX^MR" for value in values)


def reported(numbers: str, accession: str, **more: str) -> Examination:
    raw = oru(accession=accession, control_id=accession, reported=stamp(1), **more)  # type: ignore[arg-type]
    receipt = take(raw.replace(b"9990000018^^^NHS^NH", numbers.encode()))
    assert receipt.report is not None, receipt.detail
    return receipt.report.examination


def merge(keep: str, merged: str, event: str = "A40", **more: str) -> Receipt:
    return take(adt(event, pid(mrn(keep), **more), f"MRG|{mrn(merged)}"))


def found(trust: Trust, examination: Examination, **fields: object) -> Finding:
    Examination.objects.filter(pk=examination.pk).update(
        requested_by=trust.referrer, requesting_team=trust.team
    )
    examination.refresh_from_db()
    return flagged(trust, examination=examination, **fields)  # type: ignore[arg-type]


# --- Merged, and undone ---------------------------------------------------------------------------


def test_a_merge_moves_everything_and_its_undoing_restores_it(trust: Trust) -> None:
    """Reported elsewhere: a merge left some rows with the retired record. Right: an open finding
    escalates at its time on the record that is kept, and taken back it is as it was."""
    at = timezone.now()
    first, second = reported(mrn("P1"), "A1"), reported(mrn("P2"), "A2")
    is_open = found(trust, second, at=at - timedelta(minutes=50))
    closed = found(trust, second)
    for text in ("One.", "Two.", "Three."):
        add_note(finding=is_open, by=trust.referrer, text=text)
    promised = list(is_open.steps.order_by("pk").values_list("due_at", flat=True))
    receipt = merge("P1", "P2")
    assert (receipt.outcome, receipt.patient) == (Outcome.MERGED, first.patient)
    made = PatientMerge.objects.get()
    assert (made.merged_by, made.because) == (None, "Another system says so (ADT^A40).")
    assert Examination.objects.filter(patient=first.patient).count() == 2
    assert list(is_open.steps.order_by("pk").values_list("due_at", flat=True)) == promised
    fire_finding(is_open, at=at + timedelta(minutes=10))
    assert is_open.steps.filter(fired_at=at + timedelta(minutes=10)).exists()
    assert closed.events.filter(kind=Event.Kind.PATIENT_MERGED).exists()
    undone = take(adt("A37", pid(mrn("P1")), pid(mrn("P2")), said="20260701090000"))
    assert undone.outcome == Outcome.UNMERGED
    second.refresh_from_db()
    assert second.patient != first.patient
    made.refresh_from_db()
    assert (made.undone_by, made.undone_because) == (None, "Another system says so (ADT^A37).")


def test_what_came_since_goes_with_the_number_under_which_it_was_sent(trust: Trust) -> None:
    reported(mrn("P1"), "A1")
    reported(mrn("P2"), "A2")
    merge("P1", "P2")
    under_the_merged, under_the_kept = reported(mrn("P2"), "A3"), reported(mrn("P1"), "A4")
    take(adt("A37", pid(mrn("P2")), pid(mrn("P1"))))
    for examination in (under_the_merged, under_the_kept):
        examination.refresh_from_db()
    of = {one.value: one.patient for one in PatientIdentifier.objects.select_related("patient")}
    assert under_the_merged.patient == of["P2"]
    assert under_the_kept.patient == of["P1"]


def test_reports_for_numbers_merged_twice_go_to_the_record_that_is_kept(trust: Trust) -> None:
    """Reported elsewhere: the old number was refused, or led to the hidden record. Right: the
    chain is followed, the number is shown as sent, and both numbers together are no conflict."""
    for number, accession in (("P1", "A1"), ("P2", "A2"), ("P3", "A3")):
        reported(mrn(number), accession)
    assert merge("P2", "P3").outcome == Outcome.MERGED
    assert merge("P1", "P2").outcome == Outcome.MERGED
    examination = reported(mrn("P3"), "A4")
    kept = PatientIdentifier.objects.get(value="P1").patient
    assert examination.patient == kept
    assert MERGED_NOTICE in examination.reports.get().notices
    assert reported(mrn("P1", "P2"), "A5").patient == kept
    found(trust, examination)
    page = words_of(signed_in(trust.referrer).get(reverse("report", args=[examination.public_id])))
    assert "P3 (RXX)" in page
    assert page.count("Records merged, on ") == 1, "what was said of the record that is kept"
    assert "by PAS at RXX01." in page
    assert MERGED_NOTICE in page


def test_a_merge_of_records_that_are_not_known_yet_is_kept_for_the_report(trust: Trust) -> None:
    """Reported elsewhere: the order of news and reports is not guaranteed. Right: both numbers are
    kept, and a report under the old one lands on the new one, with both."""
    receipt = merge("40800001", "40800000")
    assert receipt.outcome == Outcome.MERGED
    examination = reported(mrn("40800000"), "A1")
    assert examination.patient == receipt.patient
    assert {one.value for one in PatientIdentifier.objects.all()} == {"40800000", "40800001"}
    assert PatientMerge.objects.get().kept == examination.patient


@pytest.mark.parametrize("known", ["P1", "P2"])
def test_a_merge_of_records_that_are_half_known_is_kept_for_the_report(
    trust: Trust, known: str
) -> None:
    reported(mrn(known), "A1")
    receipt = merge("P1", "P2")
    for number, accession in (("P1", "A2"), ("P2", "A3")):
        assert reported(mrn(number), accession).patient == receipt.patient
    assert Examination.objects.filter(patient=receipt.patient).count() == 3


def test_two_records_that_are_merged_into_one_patient_are_two_merges(trust: Trust) -> None:
    """Some write each beneath the same PID."""
    kept = reported(mrn("P1"), "A1").patient
    for number in ("P2", "P3"):
        reported(mrn(number), number)
    raw = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", f"MRG|{mrn('P3')}")
    receipts = take_in(raw, "news.hl7:1").receipts
    assert [one.outcome for one in receipts] == [Outcome.MERGED, Outcome.MERGED]
    assert Examination.objects.filter(patient=kept).count() == 3


def test_two_merges_in_one_message_are_two(trust: Trust) -> None:
    raw = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", pid(mrn("P3")), f"MRG|{mrn('P4')}")
    receipts = take_in(raw, "news.hl7:1").receipts
    assert [one.outcome for one in receipts] == [Outcome.MERGED] * 2
    assert PatientMerge.objects.count() == 2


@pytest.mark.parametrize(
    ("kept", "merged"),
    [
        (f"{mrn('P1')}~9990000018^^^NHS^NH", f"{mrn('P2')}~9990000018^^^NHS^NH"),
        (mrn("P1", "P2"), mrn("P2")),
    ],
)
def test_numbers_that_stand_on_both_sides_tell_nothing_apart(
    trust: Trust, kept: str, merged: str
) -> None:
    one, other = reported(mrn("P1"), "A1"), reported(mrn("P2"), "A2")
    assert one.patient != other.patient
    assert take(adt("A40", pid(kept), f"MRG|{merged}")).outcome == Outcome.MERGED
    other.refresh_from_db()
    assert other.patient == one.patient


def test_the_same_merge_again_asks_for_nothing(trust: Trust) -> None:
    merge("P1", "P2")
    again = merge("P1", "P2", event="A34")
    assert (again.outcome, PatientMerge.objects.count()) == (Outcome.NOTHING, 1)
    assert merge("P1", "P1").outcome == Outcome.NOTHING


def test_two_records_that_can_hardly_be_one_patient_are_held(trust: Trust) -> None:
    reported(mrn("P1"), "A1")
    other = reported(mrn("P2"), "A2", name="BEECH^BOB", born="19900101")
    held = merge("P1", "P2")
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.IDENTITY_CONFLICT)
    other.refresh_from_db()
    assert survivor(other.patient) == other.patient


def test_what_a_person_merged_only_a_person_takes_apart(trust: Trust) -> None:
    one, other = reported(mrn("P1"), "A1"), reported(mrn("P2"), "A2")
    merge_patients(keep=one.patient, merged=other.patient, because="Seen.", by=trust.coordinator)
    held = take(adt("A37", pid(mrn("P1")), pid(mrn("P2"))))
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.NEEDS_DECISION)
    assert PatientMerge.objects.get().undone_at is None


def test_a_merge_that_was_taken_apart_is_not_made_again_by_its_message(trust: Trust) -> None:
    """Messages are run again, and come late. Newer news, or a person's word, stands."""
    reported(mrn("P1"), "A1"), reported(mrn("P2"), "A2")
    by_another = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", said=stamp(5))
    assert take(by_another).outcome == Outcome.MERGED
    older = adt("A37", pid(mrn("P1")), pid(mrn("P2")), said=stamp(6))
    assert take(older).outcome == Outcome.NOTHING, "it was said before the merge"
    assert take(adt("A37", pid(mrn("P1")), pid(mrn("P2")), said=stamp(4))).outcome == "unmerged"
    again = by_another.replace(b"|P|2.4", b"|P|2.5")
    assert take(again).outcome == Outcome.NOTHING
    newer = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", said=stamp(3))
    assert take(newer).outcome == Outcome.MERGED
    (standing,) = PatientMerge.objects.filter(undone_at__isnull=True)
    undo_merge(merge=standing, because="Twins.", by=trust.coordinator)
    assert take(newer.replace(b"|P|2.4", b"|P|2.5")).outcome == Outcome.NOTHING
    assert not PatientMerge.objects.filter(undone_at__isnull=True).exists()


def test_what_was_taken_back_is_not_recorded_again_by_its_message(trust: Trust) -> None:
    found(trust, reported(mrn("P1"), "A1"))
    news = [
        adt("A03", pid(mrn("P1")), said=stamp(0.2), visit=WARD),
        adt("A08", pid(mrn("P1"), has_died="Y"), said=stamp(0.1)),
    ]
    for raw in news:
        take(raw)
    for change in PatientChange.objects.all():
        undo_change(change=change, because="Another patient.", by=trust.coordinator)
    for raw in news:
        assert take(raw.replace(b"|P|2.4", b"|P|2.5")).outcome == Outcome.NOTHING
    assert not PatientChange.objects.standing().exists()


def test_what_a_person_took_apart_only_a_person_merges_again(trust: Trust) -> None:
    """An index sends the same merge every night, as a new message."""
    reported(mrn("P1"), "A1"), reported(mrn("P2"), "A2")
    merge("P1", "P2")
    undo_merge(merge=PatientMerge.objects.get(), because="Twins.", by=trust.coordinator)
    newer = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", said=stamp(-0.1))
    held = take(newer)
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.NEEDS_DECISION)
    assert not PatientMerge.objects.filter(undone_at__isnull=True).exists()


def test_of_two_merged_records_a_person_says_whose_it_is_that_came_since(trust: Trust) -> None:
    """That it came under the number of one of them does not say of which."""
    for number in ("P1", "P2", "P3"):
        reported(mrn(number), number)
    merge("P1", "P2"), merge("P1", "P3")
    apart = adt("A37", pid(mrn("P1")), pid(mrn("P2")), said="20260701090000")
    third = reported(mrn("P3"), "A4")
    held = take(apart)
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.NEEDS_DECISION)
    assert third.patient.identifiers.get().value == "P1"


def test_what_was_ordered_since_goes_with_its_number_too(trust: Trust) -> None:
    """Else its report would be held, as that of another patient."""
    reported(mrn("P1"), "A1"), reported(mrn("P2"), "A2")
    merge("P1", "P2")
    take(orm("NW", accession="A3", said=stamp(2), patient=pid(mrn("P2"))))
    take(adt("A37", pid(mrn("P1")), pid(mrn("P2")), said="20260701090000"))
    assert reported(mrn("P2"), "A3").patient.identifiers.get().value == "P2"


@pytest.mark.parametrize("known", [(), ("P1",), ("P1", "P2")])
def test_a_merge_that_comes_after_it_was_taken_back_is_not_made(
    trust: Trust, known: tuple[str, ...]
) -> None:
    """Nor where one was merged into a third record meanwhile; a newer merge is."""
    for number in known:
        reported(mrn(number), number)
    apart = take(adt("A37", pid(mrn("P2")), pid(mrn("P1")), said=stamp(4)))
    assert apart.outcome == Outcome.NOTHING
    older = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", said=stamp(5))
    assert take(older).detail == "The two were taken apart since."
    merge("P3", "P1")
    assert take(older.replace(b"|P|2.4", b"|P|2.5")).outcome == Outcome.NOTHING
    assert reported(mrn("P1"), "A1").patient != reported(mrn("P2"), "A2").patient
    newer = adt("A40", pid(mrn("P1")), f"MRG|{mrn('P2')}", said=stamp(3))
    assert take(newer).outcome == Outcome.MERGED


def test_two_that_are_one_in_another_way_are_taken_apart_by_a_person(trust: Trust) -> None:
    merge("P2", "P3")
    merge("P1", "P2")
    reported(mrn("P1", "P4"), "A1")
    for other in ("P3", "P4"):
        held = take(adt("A37", pid(mrn("P1")), pid(mrn(other)), said=stamp(0.1)))
        assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.NEEDS_DECISION)


# --- Other numbers, other names -------------------------------------------------------------------


def test_a_patient_with_new_numbers_is_found_by_the_old_ones_too(trust: Trust) -> None:
    examination = reported(mrn("OLD1"), "A1")
    receipt = merge("NEW1", "OLD1", event="A47")
    assert (receipt.outcome, receipt.patient) == (Outcome.PATIENT_CHANGED, examination.patient)
    for number, accession in (("OLD1", "A2"), ("NEW1", "A3")):
        assert reported(mrn(number), accession).patient == examination.patient
    assert not PatientMerge.objects.exists()


def test_a_patient_with_a_new_nhs_number_is_found_by_both(trust: Trust) -> None:
    nhs, new = f"{NUMBER}^^^NHS^NH~", f"{OTHER_NUMBER}^^^NHS^NH"
    reported(nhs + mrn("P1"), "A1")
    receipt = take(adt("A47", pid(f"{new}~{mrn('P1', 'P2')}"), f"MRG|{nhs}{mrn('P1')}"))
    assert receipt.outcome == Outcome.MERGED, receipt.detail
    for number, sent in enumerate((nhs, new, mrn("P1"), mrn("P2"), f"{new}~{mrn('P1', 'P2')}")):
        assert reported(sent, f"B{number}").patient == receipt.patient
    assert receipt.patient is not None
    assert receipt.patient.nhs_number == OTHER_NUMBER


def test_a_new_number_that_is_another_patients_is_held(trust: Trust) -> None:
    reported(mrn("OLD1"), "A1")
    reported(mrn("NEW1"), "A2")
    held = merge("NEW1", "OLD1", event="A47")
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.IDENTITY_CONFLICT)


def test_a_visit_of_another_patient_is_shown_to_a_person_only_where_it_matters(
    trust: Trust,
) -> None:
    assert merge("P1", "P2", event="A45").outcome == Outcome.NOTHING
    for accession in ("A1", "A2"):
        reported(mrn("P2"), accession)
    for event in ("A43", "A44", "A45"):
        held = take(adt(event, pid(mrn("P1")), f"MRG|{mrn('P2')}", said="20260701080000"))
        assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.NEEDS_DECISION)
    assert held.suggestion.endswith("the right patient: A2, A1.")


def test_what_its_sender_withdrew_it_may_send_again_under_another_patient(trust: Trust) -> None:
    """Not while somebody holds a finding of it, nor by what is older than the withdrawal."""
    examination = reported(mrn("P1"), "A1")

    def sent(number: str, status: str, days_ago: float) -> Receipt:
        raw = oru(control_id=f"{days_ago}", status=status, reported=stamp(days_ago))
        return take(raw.replace(b"9990000018^^^NHS^NH", mrn(number).encode()))

    finding = found(trust, examination)
    assert sent("P2", "F", 0.9).reason == HeldReason.ACCESSION_CONFLICT, "it stands"
    sent("P1", "X", 0.8)
    assert sent("P2", "F", 0.7).reason == HeldReason.ACCESSION_CONFLICT, "somebody holds it"
    withdraw_finding(finding=finding, by=trust.radiologist, because="Another patient's images.")
    assert sent("P2", "F", 0.85).reason == HeldReason.ACCESSION_CONFLICT, "it is older"
    filed = sent("P2", "C", 0.6)
    assert filed.outcome == Outcome.NEW_VERSION, filed.detail
    assert filed.report is not None
    assert WAS_ANOTHERS in filed.report.notices
    assert filed.report.examination.patient.identifiers.get().value == "P2"
    assert sent("P1", "C", 0.5).reason == HeldReason.ACCESSION_CONFLICT, "it stands again"


def test_a_new_name_is_kept_with_what_stood_there_before(trust: Trust) -> None:
    examination = reported(mrn("P1"), "A1")
    renamed = pid(f"{mrn('P1')}~9990000018^^^NHS^NH", name="BEECH^ANN")
    receipt = take(adt("A08", renamed))
    patient = Patient.objects.get(pk=examination.patient_id)
    assert (receipt.outcome, receipt.detail) == (Outcome.PATIENT_CHANGED, "Changed: family name.")
    assert (patient.family_name, patient.nhs_number) == ("BEECH", None)
    kept = PatientUpdate.objects.get()
    assert (kept.before, kept.after) == ({"family_name": "ALDER"}, {"family_name": "BEECH"})


def test_older_news_changes_nothing_whichever_comes_first(trust: Trust) -> None:
    examination = reported(mrn("P1"), "A1")
    for name, said in (("ALDER", "20260701120000"), ("BEECH", "20260630120000")):
        take(adt("A08", pid(mrn("P1"), name=f"{name}^ANN"), said=said))
    assert Patient.objects.get(pk=examination.patient_id).family_name == "ALDER"
    assert not PatientUpdate.objects.exists()


@pytest.mark.parametrize(
    "conflict",
    [
        pid(mrn("P1"), name="BEECH^BOB", born="19900101"),
        pid(f"{mrn('P1')}~{OTHER_NUMBER}^^^NHS^NH"),
    ],
)
def test_news_that_contradicts_the_record_is_held(trust: Trust, conflict: str) -> None:
    """A number typed wrongly at booking: nothing of another person is written over hers."""
    first = reported(f"{mrn('P1')}~9990000018^^^NHS^NH", "A1")
    held = take(adt("A08", conflict))
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.IDENTITY_CONFLICT)
    patient = Patient.objects.get(pk=first.patient_id)
    assert (patient.family_name, patient.birth_date) == ("ALDER", date(1950, 2, 12))


@pytest.mark.parametrize("event", ["A02", "A03", "A08", "A13", "A31"])
def test_of_whoever_is_not_known_nothing_is_kept(trust: Trust, event: str) -> None:
    assert take(adt(event)).outcome == Outcome.NOTHING
    assert not Patient.objects.exists()


def test_news_of_a_sender_that_is_not_set_up_waits(trust: Trust) -> None:
    held = take(adt("A08", application="NEWPAS"))
    assert held.reason == HeldReason.UNKNOWN_SENDER
    assert take(adt("A04", application="NEWPAS")).outcome == Outcome.NOTHING


# --- Gone, and dead -------------------------------------------------------------------------------

WARD = "PV1|1|I|W7^R1^B1|||W5^R1^B1"


def asked(finding: Finding) -> list[str]:
    changed = finding.events.filter(kind=Event.Kind.PATIENT_CHANGED).order_by("number")
    return [event.data["change"] for event in changed]


def test_the_owner_is_asked_again_after_a_transfer_and_a_discharge(trust: Trust) -> None:
    finding = found(trust, reported(mrn("P1"), "A1"))
    for event in ("A02", "A03"):
        news = adt(event, pid(mrn("P1")), said=stamp(0.1), visit=WARD)
        assert take(news).outcome == Outcome.PATIENT_CHANGED
    assert asked(finding) == ["transferred", "discharged"]
    transfer = PatientChange.objects.get(kind="transferred")
    assert (transfer.whereto, transfer.recorded_by) == ("W7", None)
    assert transfer.organisation == trust.organisation


def test_a_discharge_that_was_cancelled_is_taken_back(trust: Trust) -> None:
    finding = found(trust, reported(mrn("P1"), "A1"))
    take(adt("A03", pid(mrn("P1")), said=stamp(0.2), visit=WARD))
    receipt = take(adt("A13", pid(mrn("P1")), said=stamp(0.1), visit=WARD))
    assert receipt.outcome == Outcome.PATIENT_CHANGED
    assert PatientChange.objects.get().undone_because == "Another system says so (ADT^A13)."
    assert finding.events.filter(kind=Event.Kind.PATIENT_CHANGE_UNDONE).exists()
    again = take(adt("A13", pid(mrn("P1")), said=stamp(0.05), visit=WARD))
    assert again.outcome == Outcome.NOTHING


def test_what_a_person_recorded_only_a_person_takes_back(trust: Trust) -> None:
    finding = found(trust, reported(mrn("P1"), "A1"))
    at = timezone.now() - timedelta(days=1)
    change = Change(PatientChange.Kind.DISCHARGED, at)
    record_change(patient=finding.examination.patient, change=change, by=trust.coordinator)
    held = take(adt("A13", pid(mrn("P1")), said=stamp(0.1)))
    assert held.reason == HeldReason.NEEDS_DECISION


def test_without_an_open_finding_nobody_is_asked(trust: Trust) -> None:
    reported(mrn("P1"), "A1")
    for event in ("A02", "A03"):
        receipt = take(adt(event, pid(mrn("P1")), said=stamp(0.1), visit=WARD))
        assert receipt.outcome == Outcome.NOTHING, receipt.detail
    assert not PatientChange.objects.exists()


@pytest.mark.parametrize("event", ["A01", "A03", "A08"])
def test_a_death_is_kept_and_asked_about_whatever_tells_of_it(trust: Trust, event: str) -> None:
    finding = found(trust, reported(mrn("P1"), "A1"))
    died = pid(mrn("P1"), died=stamp(0.3), has_died="Y")
    receipt = take(adt(event, died, said=stamp(0.2), visit=WARD))
    assert (receipt.outcome, receipt.detail) == (Outcome.PATIENT_CHANGED, "Died.")
    assert asked(finding) == ["died"]
    again = take(adt("A31", died, said=stamp(0.1)))
    assert (again.outcome, PatientChange.objects.count()) == (Outcome.PATIENT_CHANGED, 1)


def test_a_death_without_a_finding_is_kept_for_one_that_comes(trust: Trust) -> None:
    examination = reported(mrn("P1"), "A1")
    take(adt("A08", pid(mrn("P1"), has_died="Y"), said=stamp(0.2)))
    assert examination.patient.death() is not None


@pytest.mark.parametrize("event", ["A01", "A03", "A08", "A40"])
def test_a_death_before_the_patient_is_known_is_kept_for_a_report_that_comes(
    trust: Trust, event: str
) -> None:
    """News and reports come in any order. Held against name and birth date, as ever: a number that
    was typed wrongly must not let somebody else die."""
    died = pid(mrn("P1"), name="BEECH^ANN", died=stamp(0.3), has_died="Y")
    merged = [f"MRG|{mrn('P2')}"] if event == "A40" else []
    take(adt(event, died, *merged, said=stamp(0.2), visit=WARD))
    if event == "A08":
        older = take(adt("A08", pid(mrn("P1"), name="ALDER^ANN"), said=stamp(0.4)))
        assert older.detail == "Newer news of this patient came before it."
    patient = reported(mrn("P1"), "A1", name="BEECH^ANN").patient
    assert patient.death() is not None
    other = oru(accession="A2", name="ELM^BOB", born="19900101", reported=stamp(1))
    held = take(other.replace(b"9990000018^^^NHS^NH", mrn("P1").encode()))
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.IDENTITY_CONFLICT)
    assert take(adt("A08", died, said=stamp(0.1))).patient == patient
    assert PatientChange.objects.count() == 1


def test_whoever_is_said_to_live_after_all_is_shown_to_a_person(trust: Trust) -> None:
    examination = reported(mrn("P1"), "A1")
    take(adt("A08", pid(mrn("P1"), has_died="Y"), said=stamp(0.2)))
    alive = pid(mrn("P1"), has_died="N")
    assert take(adt("A08", alive, said=stamp(0.3))).outcome == Outcome.NOTHING, "said before"
    held = take(adt("A08", alive, said=stamp(-0.1)))
    assert (held.reason, held.location) == (HeldReason.NEEDS_DECISION, "PID-30")
    assert examination.patient.death() is not None


def test_a_moment_in_the_future_is_held(trust: Trust) -> None:
    found(trust, reported(mrn("P1"), "A1"))
    held = take(adt("A03", pid(mrn("P1")), said=stamp(0.1), happened=stamp(-3), visit=WARD))
    assert held.reason == HeldReason.BAD_TIME
    a_little = take(adt("A03", pid(mrn("P1")), said=stamp(0.05), happened=stamp(-0.1), visit=WARD))
    assert a_little.outcome == Outcome.PATIENT_CHANGED


@pytest.mark.parametrize(
    "number",
    ["999 000 0018", "999-000-0018", "999\u00a0000\u00a00018", "\uff19\uff19\uff190000018"],
)
def test_a_number_is_found_however_it_is_written(trust: Trust, number: str) -> None:
    examination = reported("9990000018^^^NHS^NH", "A1")
    receipt = take(adt("A08", pid(f"{number}^^^NHS^NH", name="BEECH^ANN")))
    assert (receipt.outcome, receipt.patient) == (Outcome.PATIENT_CHANGED, examination.patient)


def test_nine_digits_are_nobodys_number(trust: Trust) -> None:
    assert take(adt("A08", pid("123000009^^^NHS^NH"))).outcome == Outcome.NOTHING
    held = take(adt("A40", pid("123000009^^^NHS^NH"), f"MRG|{mrn('P1')}"))
    assert held.reason == HeldReason.BAD_NHS_NUMBER
