"""A governance lead reads what happened: measures, late reporting, papers."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import Trust, a_trust, acknowledged, flagged, waiting_examination
from tests.functional.browser import DESKTOP, PHONE, check, follow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOUR = timedelta(hours=1)


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    """Findings of some weeks, half of them answered in time; examinations that wait."""
    trust, now = a_trust(), timezone.now()
    for nth in range(12):
        finding = flagged(trust, at=now - (100 + 120 * nth) * HOUR)
        acknowledged(trust, finding, at=finding.flagged_at + (nth % 4) * HOUR / 2)
    for days in (3, 25, 31):
        waiting_examination(trust, performed_at=now - timedelta(days=days))
    return trust


def test_a_lead_goes_from_a_number_to_its_rows(browser, trust: Trust) -> None:
    page = browser.open(reverse("measures"), DESKTOP, person=trust.governance)
    check(page, "measures", browser)
    follow(page, "a:text-is('Acknowledged in time')")
    check(page, "measure", browser)
    assert page.locator("figure:visible canvas").count() >= 2
    row = page.locator("#by-category a[href*='/rows/']").first
    said = row.inner_text()
    follow(page, row)
    check(page, "rows of a measure", browser)
    assert f"of {page.inner_text('h1').split(' in all')[0].split()[-1]}" in said
    follow(page, "main table a >> nth=0")
    assert "/findings/" in page.url


def test_on_a_phone_without_a_script_everything_is_said(browser, trust: Trust) -> None:
    page = browser.open(
        reverse("measure", args=["acknowledged"]), PHONE, javascript=False, person=trust.governance
    )
    check(page, "measure without a script", browser)
    assert page.locator("figure:visible").count() == 0
    assert "Half took" in page.inner_text("main")
    page.select_option("#id_period", "year")
    follow(page, "main form button")
    assert "period=year" in page.url


def test_papers_are_made_on_one_page_and_print_without_what_is_for_a_screen(
    browser, trust: Trust
) -> None:
    page = browser.open(reverse("papers"), DESKTOP, person=trust.governance)
    check(page, "papers", browser)
    follow(page, "button:text('Make the board paper')")
    check(page, "board paper", browser)
    page.emulate_media(media="print")
    assert not page.locator(".nhsuk-header").is_visible()
    assert not page.locator(".app-not-printed").is_visible()
    assert page.locator("h2:text('The learning')").is_visible()
    page.emulate_media(media="screen")
    page.goto(browser.address + reverse("paper-audit"))
    check(page, "audit", browser)
    for team in (trust.team.pk, "all"):
        page.goto(f"{browser.address}{reverse('paper-weekly')}?team={team}")
        check(page, f"weekly list {team}", browser)
    reference = trust.organisation.findings.first().reference
    page.goto(browser.address + reverse("case-pack", args=[reference]))
    check(page, "case pack", browser)


def test_deciles_are_looked_at_and_kept(browser, trust: Trust) -> None:
    page = browser.open(reverse("measures"), DESKTOP, person=trust.governance)
    follow(page, "a:text('deciles that are loaded')")
    check(page, "deciles", browser)

    def choose(*lines: str) -> None:
        text = "\n".join(["postcode,decile,nation,index", *lines])
        page.set_input_files(
            "[name=file]", {"name": "d.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        follow(page, "button:text('Show what would change')")

    choose("nowhere,1,ENG,Invented index")
    check(page, "deciles with a mistake", browser)
    assert "Line 2: This is no postcode." in page.inner_text("main")
    follow(page, "a:text('Back to choose another file')")
    choose("AB1 2CD,1,ENG,Invented index", "AB1 2EF,,ENG,Invented index")
    check(page, "deciles to keep", browser)
    assert "2 lines, 1 without a decile" in page.inner_text("main")
    follow(page, "button:text('Keep these deciles')")
    assert "Invented index" in page.inner_text("main")
