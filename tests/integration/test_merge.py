"""Two records that are one patient: everything moves, no due time does, and it can be undone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingIdentifier, ArrivingPatient
from findings.models import Event, Examination, Finding, Patient, PatientMerge, Viewing
from findings.rules import NotAllowed
from findings.services.close import withdraw_finding
from findings.services.follow_up import Advised
from findings.services.identity import MERGED_NOTICE, survivor
from findings.services.merge import came_since, merge_patients, sent_under_merged, undo_merge
from findings.services.receive import receive_report
from findings.services.timeline import add_note
from notifications.escalation import fire_finding
from tests.factories import Trust, a_trust, acknowledged, arriving, flagged, reported
from tests.integration.test_patient_change import ended_otherwise
from tests.pages import hidden_in, queries_without_banner, signed_in, turn, words_of

pytestmark = pytest.mark.django_db
WHY = "The patient index has merged them."


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def known_as(trust: Trust, *numbers: str) -> ArrivingPatient:
    """The same woman as a sender names her, by these hospital numbers and no NHS number."""
    return ArrivingPatient(
        family_name="Alder",
        given_name="Ann",
        birth_date=timezone.localdate() - timedelta(days=20_000),
        sex="F",
        nhs_number="",
        identifiers=tuple(ArrivingIdentifier(number, "RR8", "PI") for number in numbers),
    )


def record_of(trust: Trust, *numbers: str) -> Patient:
    return reported(trust, patient=known_as(trust, *numbers)).patient


def merge(trust: Trust, keep: Patient, merged: Patient) -> PatientMerge:
    return merge_patients(keep=keep, merged=merged, because=WHY, by=trust.coordinator)


def everything(patient: Patient) -> dict[str, int]:
    """How much of everything hangs on a record."""
    findings = Finding.objects.filter(examination__patient=patient)
    return {
        "examinations": patient.examinations.count(),
        "reports": sum(one.reports.count() for one in patient.examinations.all()),
        "findings": findings.count(),
        "notes": Event.objects.filter(finding__in=findings, kind="note").count(),
        "acknowledgements": findings.filter(acknowledged_at__isnull=False).count(),
        "steps": sum(finding.steps.count() for finding in findings),
    }


def test_a_merge_moves_everything_and_the_open_finding_escalates_at_its_original_time(
    trust: Trust,
) -> None:
    at = timezone.now()
    first, second = record_of(trust, "P1"), record_of(trust, "P2")
    an_examination = second.examinations.get()
    is_open = flagged(trust, examination=an_examination, at=at - timedelta(minutes=50))
    answered = acknowledged(trust, flagged(trust, examination=an_examination))
    for text in ("One.", "Two.", "Three."):
        add_note(finding=is_open, by=trust.referrer, text=text)
    before, there = everything(second), everything(first)
    promised = list(is_open.steps.order_by("pk").values_list("due_at", "falls_at"))
    merge(trust, first, second)
    assert set(everything(second).values()) == {0}
    after = everything(first)
    assert {name: after[name] - there[name] for name in after} == before
    assert list(is_open.steps.order_by("pk").values_list("due_at", "falls_at")) == promised
    clock = is_open.clocks.get(kind="acknowledge")
    assert clock.due_at == at + timedelta(minutes=10)
    fire_finding(is_open, at=clock.due_at)
    assert is_open.steps.filter(audience="radiologist", fired_at=clock.due_at).exists()
    for finding in (is_open, answered):
        assert finding.events.filter(kind=Event.Kind.PATIENT_MERGED, by=trust.coordinator).exists()


def test_undoing_a_merge_restores_exactly_what_was(trust: Trust) -> None:
    first, second = record_of(trust, "P1"), record_of(trust, "P2")
    finding = flagged(trust, examination=second.examinations.get())
    before = everything(first), everything(second)
    made = merge(trust, first, second)
    undo_merge(merge=made, because="Twins.", by=trust.coordinator)
    assert finding.steps.filter(level=0, audience="owner", words__contains="apart").count() == 1
    before[1]["steps"] += 1
    second.refresh_from_db()
    assert (everything(first), everything(second)) == before
    assert second.merged_into is None
    assert finding.events.filter(kind=Event.Kind.MERGE_UNDONE).exists()
    made.refresh_from_db()
    assert (made.undone_by, made.undone_because) == (trust.coordinator, "Twins.")


def test_what_was_answered_while_records_were_merged_is_asked_again(trust: Trust) -> None:
    """Whoever answered saw the other patient, and may have told them."""
    first, second = record_of(trust, "P1"), record_of(trust, "P2")
    examination = second.examinations.get()
    before, since, ended, withdrawn = (flagged(trust, examination=examination) for _ in range(4))
    acknowledged(trust, before)
    made = merge(trust, first, second)
    acknowledged(trust, since)
    ended_otherwise(trust, ended)
    withdraw_finding(finding=withdrawn, by=trust.radiologist, because="Artefact.")
    undo_merge(merge=made, because="Twins.", by=trust.coordinator)
    states = [
        (Finding.objects.get(pk=one.pk).state, one.events.filter(kind="reopened").exists())
        for one in (before, since, ended, withdrawn)
    ]
    assert states == [
        ("acknowledged", False), ("awaiting", True), ("awaiting", True), ("withdrawn", False),
    ]  # fmt: skip
    assert before.steps.filter(level=0, words__contains="apart").exists()


def test_a_report_under_a_number_that_was_merged_twice_goes_to_the_record_that_is_kept(
    trust: Trust,
) -> None:
    p1, p2, p3 = (record_of(trust, number) for number in ("P1", "P2", "P3"))
    merge(trust, p2, p3)
    merge(trust, p1, p2)
    arrived = arriving(trust, patient=known_as(trust, "P3"))
    _, report = receive_report(sender=trust.sender, arriving=arrived)
    assert report.examination.patient == p1
    assert MERGED_NOTICE in report.notices
    page = signed_in(trust.referrer).get(reverse("report", args=[report.examination.public_id]))
    assert "P3 (RR8)" in words_of(page)
    assert survivor(Patient.objects.get(pk=p3.pk)) == p1


def test_a_report_with_the_numbers_of_both_records_is_no_conflict_after_the_merge(
    trust: Trust,
) -> None:
    p1, p2 = record_of(trust, "P1"), record_of(trust, "P2")
    merge(trust, p1, p2)
    assert record_of(trust, "P1", "P2") == p1


def test_the_nhs_number_of_the_merged_record_is_no_conflict_either(trust: Trust) -> None:
    one, other = reported(trust), reported(trust)
    named = arriving(trust).patient
    merged = other.patient
    merge(trust, one.patient, merged)
    again = replace(
        named,
        nhs_number=merged.nhs_number or "",
        family_name=merged.family_name,
        birth_date=merged.birth_date,
        identifiers=(),
    )
    assert reported(trust, patient=again).patient == one.patient


def test_a_later_merge_is_undone_first(trust: Trust) -> None:
    p1, p2, p3 = (record_of(trust, number) for number in ("P1", "P2", "P3"))
    earlier = merge(trust, p2, p3)
    later = merge(trust, p1, p2)
    with pytest.raises(NotAllowed, match="undo that first"):
        undo_merge(merge=earlier, because="Twins.", by=trust.coordinator)
    undo_merge(merge=later, because="Twins.", by=trust.coordinator)
    undo_merge(merge=earlier, because="Twins.", by=trust.coordinator)
    assert [everything(one)["examinations"] for one in (p1, p2, p3)] == [1, 1, 1]


def test_what_one_record_waited_for_is_proposed_from_the_other(trust: Trust) -> None:
    p1, p2 = record_of(trust, "P1"), known_as(trust, "P2")
    soon = timezone.localdate() + timedelta(days=5)
    first = p1.examinations.get()
    Examination.objects.filter(pk=first.pk).update(performed_at=timezone.now() - timedelta(days=30))
    first.refresh_from_db()
    finding = flagged(trust, examination=first, advised=Advised("CT", "chest", soon))
    found = reported(trust, patient=p2, modality="CT", examination_description="CT Chest")
    merge(trust, p1, found.patient)
    assert finding.recommendations.get().matches.get().examination == found


def test_the_database_files_nothing_under_a_record_that_was_merged(trust: Trust) -> None:
    p1, p2 = record_of(trust, "P1"), record_of(trust, "P2")
    examination = p2.examinations.get()
    merge(trust, p1, p2)
    with transaction.atomic(), pytest.raises(IntegrityError, match="was merged"):
        Examination.objects.filter(pk=examination.pk).update(patient=p2)


def test_only_a_coordinator_merges_and_only_records_of_their_own_trust(trust: Trust) -> None:
    other = a_trust()
    record_of(trust, "P1"), record_of(other, "P2")
    page = signed_in(trust.coordinator).post(
        reverse("merges"), {"keep": "P1", "merged": "P2", "because": WHY}
    )
    assert "No record of your trust has this number" in words_of(page)
    assert signed_in(trust.governance).get(reverse("merges")).status_code == 403


def test_a_coordinator_sees_both_records_merges_them_and_takes_it_back(trust: Trust) -> None:
    first, second = record_of(trust, "P1"), record_of(trust, "P2")
    client = signed_in(trust.coordinator)
    typed = {"keep": "P1", "merged": "P2", "because": WHY}
    shown = client.post(reverse("merges"), typed)
    assert "Are these one patient? Nothing is merged yet. 1 examination would move" in words_of(
        shown
    )
    assert not PatientMerge.objects.exists()
    done = client.post(reverse("merges"), hidden_in(shown) | typed, follow=True)
    assert "The two records are one now" in words_of(done)
    made = PatientMerge.objects.get()
    assert (made.kept, made.merged) == (first, second)
    undone = client.post(reverse("undo-merge", args=[made.pk]), {"because": "Twins."}, follow=True)
    assert "The merge is undone" in words_of(undone)
    assert second.examinations.count() == 1
    file = client.get(reverse("merges"), {"as": "csv"}).getvalue().decode()
    assert f"{first.display_name}" in file
    assert "Twins." in file
    seen = Viewing.objects.get(page="merges.csv")
    assert set(seen.patients) == {first.pk, second.pk}


def test_merges_go_on_behind_a_row(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings.views.listing.ROWS_ON_A_PAGE", 2)
    kept = record_of(trust, "P1")
    for number in (2, 3, 4):
        merge(trust, kept, record_of(trust, f"P{number}"))
    client = signed_in(trust.coordinator)
    later = client.get(turn(client.get(reverse("merges"))))
    assert [f"P{n} (RR8)" in words_of(later) for n in (2, 3, 4)] == [True, False, False]
    back = client.get(turn(later, "prev"))
    assert [f"P{n} (RR8)" in words_of(back) for n in (2, 3, 4)] == [False, True, True]


def test_the_number_of_queries_of_the_merges_is_flat(trust: Trust) -> None:
    client = signed_in(trust.coordinator)

    def merged_twice(letter: str) -> None:
        kept = record_of(trust, f"{letter}1")
        for number in (2, 3):
            merge(trust, kept, record_of(trust, f"{letter}{number}"))

    merged_twice("P")
    few = queries_without_banner(client, reverse("merges"))
    merged_twice("Q")
    shown = words_of(client.get(reverse("merges")))
    assert "Q3 (RR8)" in shown
    assert queries_without_banner(client, reverse("merges")) == few <= 11


# --- What came between the merge and its undoing ------------------------------------------------


def merged_and_more(trust: Trust) -> tuple[PatientMerge, Examination, Examination]:
    """Two records merged; then an examination under a number of each."""
    first, second = record_of(trust, "P1"), record_of(trust, "P2")
    made = merge(trust, first, second)
    kept_number = reported(trust, patient=known_as(trust, "P1"))
    merged_number = reported(trust, patient=known_as(trust, "P2"))
    return made, kept_number, merged_number


def test_what_came_since_stays_unless_somebody_says_whose_it_is(trust: Trust) -> None:
    made, kept_number, merged_number = merged_and_more(trust)
    stays = flagged(trust, examination=kept_number)
    goes = flagged(trust, examination=merged_number)
    assert list(came_since(made)) == [kept_number, merged_number]
    assert sent_under_merged(came_since(made)) == {merged_number.pk}
    undo_merge(merge=made, because="Twins.", by=trust.coordinator, also=[merged_number.pk])
    for examination, record in ((kept_number, made.kept), (merged_number, made.merged)):
        examination.refresh_from_db()
        assert examination.patient == record
    said = {
        finding: finding.events.get(kind=Event.Kind.MERGE_UNDONE).data.get("stays", False)
        for finding in (stays, goes)
    }
    assert said == {stays: True, goes: False}
    assert made.merged.examinations.count() == 2


def test_without_a_word_everything_that_came_since_stays(trust: Trust) -> None:
    made, _, merged_number = merged_and_more(trust)
    undo_merge(merge=made, because="Twins.", by=trust.coordinator)
    merged_number.refresh_from_db()
    assert merged_number.patient == made.kept


def test_what_was_there_before_cannot_be_sent_along(trust: Trust) -> None:
    made, _, _ = merged_and_more(trust)
    older = made.kept.examinations.exclude(pk__in=came_since(made)).first()
    for wrong in (older, reported(trust)):
        with pytest.raises(ValueError, match="came since the merge"):
            undo_merge(merge=made, because="Twins.", by=trust.coordinator, also=[wrong.pk])
    made.refresh_from_db()
    assert made.undone_at is None


def test_the_page_lists_what_came_since_and_where_it_will_be(trust: Trust) -> None:
    made, kept_number, merged_number = merged_and_more(trust)
    client, address = signed_in(trust.coordinator), reverse("undo-merge", args=[made.pk])
    shown = client.get(address)
    for examination in (kept_number, merged_number):
        assert f"accession {examination.accession}" in words_of(shown)
    ticked = [line for line in shown.content.decode().split("<input") if " checked" in line]
    assert len(ticked) == 1
    assert f'value="{merged_number.pk}"' in ticked[0]
    typed = {"because": "Twins.", "also": [str(merged_number.pk)]}
    done = words_of(client.post(address, typed, follow=True))
    assert "1 examination went with the record that was taken out" in done
    assert "1 examination stayed with the one that was kept" in done
