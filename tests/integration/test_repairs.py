"""Held items put right on their page: one press keeps what was chosen, and runs the item again."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from findings.arrivals import HeldReason
from findings.intake.importing import replay, take_in
from findings.models import (
    Examination,
    IncomingMessage,
    Patient,
    Receipt,
    Repair,
    Report,
    Sender,
    Viewing,
)
from findings.services.identity import CHOSEN_NOTICE
from findings.services.senders import make_sender
from tests.factories import Trust, a_trust
from tests.messages import NUMBER, oru
from tests.pages import signed_in, words_of

OTHER = "9990000026"
SECOND = (
    "OBR|2|||XABDO^XR Abdomen|||20260630090000|||||||||C1^R^R||||||20260630103000||CR|F",
    "OBX|1|TX|&GDT||Normal.||||||F",
)


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture
def sender(trust: Trust) -> Sender:
    return make_sender(code="RIS|RXX01", site=trust.site)


def held(raw: bytes, part: int = 1) -> Receipt:
    receipt: Receipt = take_in(raw, "night.hl7:1").receipts[part - 1]
    assert receipt.is_waiting, receipt.outcome
    return receipt


def page_of(receipt: Receipt) -> str:
    return reverse("held-item", args=[receipt.pk])


def put_right(trust: Trust, receipt: Receipt, **typed: Any) -> Any:
    """As the page's form sends it."""
    sent = {"do": "repair", "reason": receipt.reason, **typed}
    answer = signed_in(trust.coordinator).post(page_of(receipt), sent, follow=True)
    receipt.refresh_from_db()
    return answer


def test_a_sender_is_set_up_and_all_that_waited_for_it_is_filed(trust: Trust) -> None:
    items = [held(oru(accession=f"A{n}", control_id=f"{n}")) for n in range(3)]
    stranger = held(oru(accession="B", control_id="9", application="OTHER"))
    page = words_of(signed_in(trust.coordinator).get(page_of(items[0])))
    assert "2 other items of it will be run again" in page
    assert "How it would be read: a report" in page
    typed = {"site": trust.site.pk, "name": "RIS of the trust", "authority": "RXX"}
    empty = put_right(trust, items[0], **typed | {"name": ""})
    assert (empty.status_code, Sender.objects.filter(code="RIS|RXX01").count()) == (422, 0)
    foreign = put_right(trust, items[0], **typed | {"site": a_trust().site.pk})
    assert foreign.status_code == 422
    done = words_of(put_right(trust, items[0], **typed))
    assert "2 filed and 0 still held" in done
    assert list(Receipt.objects.waiting()) == [stranger]
    (change,) = Sender.objects.get(code="RIS|RXX01").changes.all()
    assert (change.by, change.before) == (trust.coordinator, {})
    assert change.after == {"name": "RIS of the trust", "number_authority": "RXX"}


def test_an_accession_is_entered_for_the_examination_that_lacks_it(
    trust: Trust, sender: Sender
) -> None:
    receipt = held(oru(more=SECOND), part=2)
    assert (receipt.reason, receipt.location) == (HeldReason.MISSING_ACCESSION, "OBR[2]-3")
    same = put_right(trust, receipt, accession="A1")
    assert (same.status_code, Repair.objects.count()) == (422, 0)
    put_right(trust, receipt, accession=" A2 ")
    assert (receipt.outcome, receipt.resolved_by) == ("new_report", trust.coordinator)
    assert Report.objects.get(examination__accession="A2").text == "Normal."
    repair = Repair.objects.get()
    assert (repair.by, repair.accession, repair.examination_number) == (trust.coordinator, "A2", 2)
    assert replay(IncomingMessage.objects.get(), trust.coordinator) == [], "and is not lost"
    late = words_of(put_right(trust, receipt, accession="A3"))
    assert f"dealt with already by {trust.coordinator}" in late
    assert Repair.objects.count() == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        Repair.objects.update(accession="A4")


def test_a_person_says_which_of_two_patients_it_is(trust: Trust, sender: Sender) -> None:
    take_in(oru(), "1")
    take_in(oru(nhs_number=OTHER, name="BEECH^BOB", born="19900101", accession="B"), "2")
    ann, bob = Patient.objects.order_by("pk")
    # The number is Ann's, name and birth date are another's.
    one = oru(name="CEDAR^CAT", born="19710101", accession="C", control_id="3")
    receipt = held(one)
    assert receipt.reason == HeldReason.IDENTITY_CONFLICT
    page = signed_in(trust.coordinator).get(page_of(receipt))
    assert "CEDAR, CAT" in words_of(page)
    assert "ALDER, ANN" in words_of(page)
    assert Viewing.objects.latest("pk").patients == [ann.pk]
    assert put_right(trust, receipt, patient=bob.pk).status_code == 422, "nothing leads to him"
    put_right(trust, receipt, patient=ann.pk)
    report = Report.objects.get(examination__accession="C")
    assert report.examination.patient == ann
    assert CHOSEN_NOTICE in report.notices
    ann.refresh_from_db()
    assert (ann.family_name, ann.nhs_number) == ("ALDER", NUMBER), "nothing of it is believed"
    # The next of the kind asks again: the choice was for one message.
    receipt = held(one.replace(b"|3|P", b"|4|P").replace(b"14 mm", b"15 mm"))
    # Of a record that only another trust has is said that it is there.
    Examination.objects.update(site=a_trust().site)
    page = words_of(signed_in(trust.coordinator).get(page_of(receipt)))
    assert "leads to 1 record of another trust" in page
    assert "ALDER, ANN" not in page


def test_a_report_without_a_patient_is_given_one_that_was_looked_at(
    trust: Trust, sender: Sender
) -> None:
    take_in(oru(), "1")
    receipt = held(oru(nhs_number="", accession="C", control_id="3", more=SECOND))
    assert receipt.reason == HeldReason.MISSING_PATIENT
    assert put_right(trust, receipt, number=OTHER).status_code == 422
    looked = put_right(trust, receipt, number=NUMBER)
    assert "ALDER, ANN" in words_of(looked)
    assert receipt.is_waiting
    put_right(trust, receipt, number=NUMBER, seen=str(Patient.objects.get().pk))
    assert receipt.outcome == "new_report"
    assert CHOSEN_NOTICE in receipt.report.notices
    # Its second examination is about the same patient, and has no accession number still.
    assert Receipt.objects.waiting().get().reason == HeldReason.MISSING_ACCESSION


def test_an_accession_of_another_patient_goes_to_that_patient_only(
    trust: Trust, sender: Sender
) -> None:
    take_in(oru(), "1")
    receipt = held(oru(nhs_number=OTHER, name="BEECH^BOB", born="19900101", control_id="3"))
    assert receipt.reason == HeldReason.ACCESSION_CONFLICT
    put_right(trust, receipt, patient=Examination.objects.get().patient.pk)
    assert receipt.outcome == "duplicate", receipt.detail
    assert Patient.objects.filter(nhs_number=OTHER).count() == 0


def test_a_word_for_the_status_is_learned_once(trust: Trust, sender: Sender) -> None:
    items = [held(oru(accession=f"A{n}", control_id=f"{n}", status="Odd")) for n in range(2)]
    page = signed_in(trust.coordinator).get(page_of(items[0]))
    assert "wrote “Odd”" in words_of(page)
    stale = put_right(trust, items[0], meaning="final", reason="bad_time")
    assert "held for another reason" in words_of(stale)
    assert put_right(trust, items[0], meaning="finished").status_code == 422
    assert "1 filed and 0 still held" in words_of(put_right(trust, items[0], meaning="final"))
    assert set(Report.objects.values_list("status", flat=True)) == {"final"}
    sender.refresh_from_db()
    assert sender.status_words == {"odd": "final"}
    assert sender.changes.get().by == trust.coordinator
