"""Documents that came with a report: kept as they came, handed over as files, never opened here."""

import re

import pytest
from django.urls import reverse

from findings.documents import kind_of
from findings.models import Document, Receipt, Report, Viewing
from findings.services.receive import receive_report
from tests.factories import Trust, a_trust, acknowledged, arriving, flagged, report, reported
from tests.pages import queries_without_banner, signed_in, words_of

PDF, OTHER = b"%PDF-1.4 one", b"%PDF-1.4 two"
PLACE = "[attached document: PDF, not shown here]"
Outcome = Receipt.Outcome


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def page_of(received: Report) -> str:
    return reverse("report", args=[received.examination.public_id])


def address_of(document: Document) -> str:
    return reverse("report-document", args=[document.report.examination.public_id, document.pk])


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\r\n%PDF-1.7", "application/pdf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"{\\rtf1", "application/rtf"),
        (b"<html><script>alert(1)</script>", "application/octet-stream"),
        (b"MZ\x90", "application/octet-stream"),
        (b"see %PDF-1.4", "application/octet-stream"),
    ],
)
def test_what_a_document_is_follows_from_its_bytes(content: bytes, media_type: str) -> None:
    assert kind_of(content).media_type == media_type


def test_a_document_is_handed_over_as_a_file_and_nothing_in_it_runs(trust: Trust) -> None:
    received = report(trust, documents=(PDF, b"<html><script>alert(1)</script>"))
    first, second = received.documents.all()
    assert (first.size, len(first.sha256), first.number, second.number) == (len(PDF), 64, 1, 2)
    client = signed_in(trust.radiologist)
    for document, content, ending in ((first, PDF, "pdf"), (second, second.content, "bin")):
        answer = client.get(address_of(document))
        assert (answer.status_code, answer.content) == (200, bytes(content))
        assert answer["Content-Type"] == document.media_type
        assert answer["X-Content-Type-Options"] == "nosniff"
        named = f'attachment; filename="report-document-{document.number}.{ending}"'
        assert answer["Content-Disposition"] == named
        assert "sandbox" in answer["Content-Security-Policy"]
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert answer["Cache-Control"] == "no-store"


def test_every_reading_is_recorded_and_only_readers_read(trust: Trust) -> None:
    document = report(trust, documents=(PDF,)).documents.get()
    patient = document.report.examination.patient
    assert signed_in(trust.referrer).get(address_of(document)).status_code == 200
    seen = Viewing.objects.get()
    assert (seen.person, seen.page, seen.patients) == (
        trust.referrer,
        "report-document",
        [patient.pk],
    )
    stranger = a_trust().coordinator
    assert signed_in(stranger).get(address_of(document)).status_code == 404
    another = reported(trust)
    wrong = reverse("report-document", args=[another.public_id, document.pk])
    assert signed_in(trust.radiologist).get(wrong).status_code == 404
    assert Viewing.objects.count() == 1


def test_a_report_that_is_nothing_but_a_document_says_so_and_can_be_flagged(trust: Trust) -> None:
    received = report(trust, text=PLACE, documents=(PDF,))
    client = signed_in(trust.radiologist)
    shown = words_of(client.get(page_of(received)))
    assert "This report is a document" in shown
    assert "Open document 1 (PDF, 12 bytes)" in shown
    assert PLACE not in shown
    flag = client.get(reverse("flag", args=[received.examination.public_id]))
    assert "Open document 1 (PDF, 12 bytes)" in words_of(flag)
    finding = flagged(trust, examination=received.examination)
    of_owner = signed_in(trust.referrer).get(reverse("finding", args=[finding.reference]))
    assert address_of(received.documents.get()) in of_owner.content.decode()


def test_a_document_that_could_not_be_kept_is_said(trust: Trust) -> None:
    shown = words_of(signed_in(trust.radiologist).get(page_of(report(trust, text=PLACE))))
    assert "It could not be kept here." in shown


def test_a_text_that_names_no_document_gets_its_place(trust: Trust) -> None:
    received = report(trust, text="See letter.", documents=(PDF,))
    assert received.text == f"See letter.\n\n{PLACE}"


def test_another_document_under_the_same_words_is_another_version(trust: Trust) -> None:
    first = arriving(trust, text=PLACE, documents=(PDF,))
    assert receive_report(sender=trust.sender, arriving=first)[0] == Outcome.NEW_REPORT
    assert receive_report(sender=trust.sender, arriving=first)[0] == Outcome.DUPLICATE
    finding = acknowledged(trust, flagged(trust, examination=Report.objects.get().examination))
    corrected = arriving(
        trust,
        accession=first.accession,
        patient=first.patient,
        reported_at=first.reported_at,
        text=PLACE,
        documents=(OTHER,),
    )
    outcome, version = receive_report(sender=trust.sender, arriving=corrected)
    assert (outcome, version.version) == (Outcome.NEW_VERSION, 2)
    finding.refresh_from_db()
    assert finding.state == "awaiting", "whoever acknowledged it is asked again"
    again = receive_report(sender=trust.sender, arriving=corrected)
    assert again == (Outcome.DUPLICATE, version)


def test_a_page_without_documents_asks_nothing_about_them(trust: Trust) -> None:
    client = signed_in(trust.radiologist)
    with_one = queries_without_banner(client, page_of(report(trust, documents=(PDF,))))
    three = queries_without_banner(client, page_of(report(trust, documents=(PDF, OTHER, PDF))))
    without = queries_without_banner(client, page_of(report(trust)))
    assert (with_one, without) == (three, three - 1)


def test_no_words_of_the_patient_are_in_the_address_or_the_name(trust: Trust) -> None:
    document = report(trust, documents=(PDF,)).documents.get()
    examination = document.report.examination
    named = address_of(document) + document.file_name
    for word in (examination.accession, examination.patient.family_name):
        assert not re.search(re.escape(word), named, re.IGNORECASE)
