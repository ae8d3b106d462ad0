"""A coordinator looks after examinations that wait for a report."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Examination, Membership, Person, Team
from findings.services.report_by import expect_report, no_report_expected
from notifications import inbox
from notifications.firing import fire_due_steps
from tests.factories import Trust, a_trust, flagged, unreported
from tests.functional.browser import DESKTOP, PHONE, check, follow
from tests.integration.test_waiting_list import line, listed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    trust = a_trust()
    team = Team.objects.create(
        organisation=trust.organisation, kind=Team.Kind.REPORTING, name="Imaging reporting"
    )
    trust.add(team=team, duty=Membership.Duty.DIRECTOR)
    return trust


def waits(trust: Trust, days: float) -> Examination:
    made = timezone.now() - timedelta(days=days)
    examination = unreported(trust, performed_at=made)
    expect_report(examination)
    return examination


def test_the_pages_of_waiting_can_be_read_by_everybody_at_every_width(browser, trust):
    late, ended = waits(trust, 31), waits(trust, 12)
    waits(trust, 3), waits(trust, 23)
    Examination.objects.filter(pk=late.pk).update(performed_at=None)
    no_report_expected(
        ended, reason="cancelled", because="Nothing was imaged.", by=trust.coordinator
    )
    pages = {
        "list": reverse("waiting"),
        "late": reverse("wait", args=[late.public_id]),
        "ended": reverse("wait", args=[ended.public_id]),
        "no report": reverse("no-report", args=[late.public_id]),
        "expected": reverse("report-expected", args=[ended.public_id]),
        "enter": reverse("enter-waiting"),
        "choose list": reverse("import-waiting"),
        "governance": reverse("governance"),
        "late reporting": reverse("late-reporting"),
    }
    page = browser.new_page(DESKTOP, person=trust.coordinator)
    for name, address in pages.items():
        page.goto(browser.address + address)
        check(page, f"waiting {name}", browser)
    page.set_viewport_size(DESKTOP)  # which shows every column of governance
    page.wait_for_timeout(100)
    assert page.locator(".nhsuk-scroll--scrollable").count() == 0


def test_it_stands_beside_findings_in_the_inbox_and_among_what_nobody_can_be_told_of(
    browser, trust
):
    examination, director = (
        waits(trust, 31),
        Person.objects.get(memberships__team__kind="reporting"),
    )
    flagged(trust, category="cancer")
    fire_due_steps()
    inbox.show(50)
    page = browser.new_page(PHONE, person=director)
    page.goto(browser.address + reverse("inbox"))
    check(page, "waiting in the inbox", browser)
    director.routes.all().update(removed_at=timezone.now())
    other = browser.new_page(DESKTOP, person=trust.coordinator)
    other.goto(browser.address + reverse("coverage"))
    check(other, "waiting on coverage", browser)
    follow(page, page.get_by_role("button", name="Open").first, "Enter")
    page.wait_for_url(f"**{reverse('wait', args=[examination.public_id])}")
    page.get_by_text(examination.accession).first.wait_for()


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_list_is_kept_and_a_wait_is_ended(browser, trust, javascript, tmp_path):
    file = tmp_path / "ris.csv"
    file.write_bytes(listed(line("A1", 40)))
    page = browser.open(reverse("waiting"), PHONE, javascript=javascript, person=trust.coordinator)
    follow(page, page.get_by_role("link", name="a list of them"))
    page.set_input_files("[name=file]", file)
    follow(page, page.get_by_role("button", name="Show what would be kept"))
    check(page, f"waiting list shown {javascript}", browser)
    follow(page, page.get_by_role("button", name="Keep these"), "Enter")
    page.wait_for_url(f"**{reverse('waiting')}")
    assert "1 late" in page.inner_text(".app-counts")
    follow(page, page.locator("table a").first)
    follow(page, page.get_by_role("button", name="No report is to be expected"), "Enter")
    page.get_by_label("It was reported elsewhere").check()
    page.get_by_label("How do you know?").fill("At the regional centre; the report is on paper.")
    follow(page, "text=No report is to be expected >> nth=-1", "Enter")
    page.get_by_text("Its clock has stopped").wait_for()
    assert not Examination.objects.waiting().exists()
