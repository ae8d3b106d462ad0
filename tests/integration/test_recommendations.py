"""National recommendations: what they are known from, where a trust stands, and the report."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.db import InternalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import NationalRecommendation, ProgressReport, RecommendationStanding
from findings.services.national import FILE, FileError, lines_in, load_recommendations, make_report
from tests.factories import Trust, a_trust, acknowledged
from tests.integration.test_papers import some, workbook
from tests.pages import hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
LIST, REPORTS = reverse("recommendations"), reverse("progress-reports")


@pytest.fixture
def lead(trust: Trust) -> Client:
    load_recommendations()
    return signed_in(trust.governance)


def said(lead: Client, code: str, **given: Any) -> Any:
    address = reverse("recommendation", args=[code])
    page = lead.get(address)
    return lead.post(address, hidden_in(page) | {"status": "under_way"} | given, follow=True)


def test_every_recommendation_says_how_well_it_is_known(lead: Client) -> None:
    reports = set(NationalRecommendation.objects.values_list("report", flat=True))
    assert {"PHSO 2021", "HSIB 2019", "CQC 2018", "RCR BFCR(16)4", "NPSA SPN 16 2007"} < reports
    assert {"RCR REALM standards", "NHSE TAT 2023"} < reports
    unknown = NationalRecommendation.objects.filter(grade="not_available")
    assert not unknown.exclude(text="").exists()
    page = words_of(lead.get(reverse("recommendation", args=["RCR-8"])))
    assert "The text was not available to us" in page
    page = words_of(lead.get(reverse("recommendation", args=["RCR-6"])))
    assert "Read in a secondary source; the document was not available to us" in page


def test_loading_again_keeps_what_a_trust_said_and_a_bad_row_is_named(lead, tmp_path) -> None:
    said(lead, "RCR-3", evidence="An audit.")
    assert load_recommendations() == NationalRecommendation.objects.count()
    assert RecommendationStanding.objects.get().evidence == "An audit."
    rows = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()))
    rows[0]["measures"] = "nothing-of-ours"
    bad = tmp_path / "recommendations.csv"
    with bad.open("w") as file:
        written = csv.DictWriter(file, rows[0])
        written.writeheader()
        written.writerows(rows)
    with pytest.raises(FileError, match="PHSO-1: there is no measure nothing-of-ours"):
        load_recommendations(bad)


def test_a_lead_says_where_the_trust_stands_and_every_change_stays(
    trust: Trust, lead: Client
) -> None:
    refused = said(lead, "PHSO-1", status="not_applicable")
    assert refused.status_code == 422
    assert "Enter why it does not apply" in words_of(refused)
    yesterday = timezone.localdate() - timedelta(days=1)
    day = {"review_on-day": yesterday.day, "review_on-month": yesterday.month}
    kept = said(
        lead,
        "PHSO-5",
        evidence="Minutes of March.",
        owner=trust.governance.pk,
        **day,
        **{"review_on-year": yesterday.year},
    )
    assert "Kept." in words_of(kept)
    assert "That day has passed." in words_of(kept)
    assert "Late" in words_of(lead.get(LIST))
    again = said(
        lead,
        "PHSO-5",
        evidence="Minutes of March.",
        owner=trust.governance.pk,
        **day,
        **{"review_on-year": yesterday.year},
    )
    assert "Nothing has changed" in words_of(again)
    said(lead, "PHSO-5", status="done", evidence="Minutes of June.")
    page = words_of(signed_in(trust.coordinator).get(reverse("recommendation", args=["PHSO-5"])))
    assert "Minutes of March." in page
    assert "Say where it stands" not in page
    rows = RecommendationStanding.objects.filter(recommendation="PHSO-5")
    assert [one.status for one in rows] == ["done", "under_way"]
    with pytest.raises(InternalError), transaction.atomic():
        rows.update(status="not_started")
    other = a_trust()
    theirs = words_of(signed_in(other.governance).get(reverse("recommendation", args=["PHSO-5"])))
    assert "Nobody has said yet." in theirs


def test_whoever_keeps_second_is_told_who_was_first(trust: Trust, lead: Client) -> None:
    address = reverse("recommendation", args=["CQC-1"])
    stale = hidden_in(lead.get(address))
    said(lead, "CQC-1", evidence="First.")
    second = lead.post(address, stale | {"status": "done", "evidence": "Second."})
    assert second.status_code == 409
    assert f"{trust.governance} changed it since you opened it." in words_of(second)
    assert "Second." in second.content.decode(), "what was typed is still there"
    assert RecommendationStanding.objects.count() == 1


def test_a_report_is_one_press_and_names_what_changed(trust: Trust, lead: Client) -> None:
    acknowledged(trust)
    said(lead, "RCR-5", evidence="Wards are told.")
    first = lead.post(REPORTS, follow=True)
    assert "This is the first report." in words_of(first)
    said(lead, "RCR-5", status="done", evidence="Wards are told.")
    second = words_of(lead.post(REPORTS, follow=True))
    assert "RCR BFCR(16)4, 5 What Status Before Under way Now Done" in second
    before, after = ProgressReport.objects.order_by("pk")
    assert after.before == before
    said(lead, "RCR-5", status="under_way", evidence="Else.")
    shown = words_of(lead.get(reverse("progress-report", args=[after.pk])))
    assert "Else." not in shown, "a report stays as it was made"
    sheets = workbook(lead, reverse("progress-report", args=[after.pk]))
    assert ["RCR BFCR(16)4, 5", "Status", "Under way", "Done"] in sheets["What changed"]
    assert {"Each recommendation", "What each asks for"} < set(sheets)
    coordinator = signed_in(trust.coordinator)
    assert coordinator.get(reverse("progress-report", args=[after.pk])).status_code == 200
    assert coordinator.post(REPORTS).status_code == 403
    other = signed_in(a_trust().governance)
    assert other.get(reverse("progress-report", args=[after.pk])).status_code == 404


def test_a_report_hides_what_is_small_as_every_paper_does(trust: Trust, lead: Client) -> None:
    some(trust, 9)
    few = make_report(by=trust.governance)
    some(trust, 12)
    more = make_report(by=trust.governance)
    said = [[one for line in lines_in(report) for one in line.measures] for report in (few, more)]
    assert "Acknowledged in time: too few to show" in said[0]
    assert "Acknowledged in time: 47 % of about 20" in said[1]


def test_the_pages_ask_no_more_as_there_is_more(trust: Trust, lead: Client) -> None:
    report = make_report(by=trust.governance)
    pages = [
        LIST,
        REPORTS,
        reverse("recommendation", args=["RCR-6"]),
        reverse("progress-report", args=[report.pk]),
    ]
    said(lead, "RCR-6")
    few = [queries_without_banner(lead, page) for page in pages]
    for code in ("RCR-5", "RCR-1", "TAT-1"):
        said(lead, code, owner=trust.governance.pk)
    said(lead, "RCR-6", evidence="More.")
    make_report(by=trust.governance)
    assert [queries_without_banner(lead, page) for page in pages] == few
    assert max(few) <= 25
