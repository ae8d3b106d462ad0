"""A governance lead changes a limit in a draft, looks at what it would have done, and two sign it;
then says where the trust stands with what national bodies recommend, and reports it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import PolicyDraft, ProgressReport, Rule
from findings.services.acknowledge import acknowledge_finding
from findings.services.national import load_recommendations
from notifications import rounds
from notifications.escalation import fire_finding
from tests.factories import a_trust, flagged
from tests.functional.browser import DESKTOP, PHONE, check, follow, screenshot_of_print

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BANNER = ".nhsuk-notification-banner"


def late_case(trust):
    at = timezone.now() - timedelta(days=3)
    finding = flagged(trust, category="urgent", at=at)
    for hours in (0, 4, 12, 15, 18):
        fire_finding(finding, at=at + timedelta(hours=hours, seconds=2))
    late = at + timedelta(hours=20)
    acknowledge_finding(finding=finding, by=trust.referrer, plan="Now.", at=late)
    return finding


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_limit_is_changed_replayed_and_signed_by_two(browser, javascript):
    trust = a_trust()
    finding = late_case(trust)
    page = browser.open(
        reverse("policy-lab"), PHONE, javascript=javascript, person=trust.governance
    )
    follow(page, page.get_by_role("button", name="Make a draft"), "Enter")
    page.get_by_label("Which rule?").select_option(label="Urgent (DEF-URG)")
    page.get_by_label("What is the change for?").fill("The consultant hears too late.")
    check(page, f"new draft {javascript}", browser)
    page.set_viewport_size(PHONE)
    follow(page, page.get_by_role("button", name="Go on"), "Enter")
    _change(page, browser, javascript)
    check(page, f"policy draft {javascript}", browser)
    follow(page, page.get_by_role("button", name="Replay the last 12 months"), "Enter")
    assert "It waits for its turn." in page.inner_text("main")
    check(page, f"replay that waits {javascript}", browser)
    rounds.reckon()
    follow(page, page.get_by_role("button", name="See how far it is"), "Enter")
    assert "People answer when they answered in fact." in page.inner_text("main")
    check(page, f"policy replay {javascript}", browser)
    screenshot_of_print(page, f"policy replay printed {javascript}")
    page.emulate_media(media="screen")
    follow(page, page.locator("main a", has_text="1 promises that would").first)
    assert finding.reference in page.inner_text("main")
    check(page, f"replayed cases {javascript}", browser)
    _sign(browser, trust, javascript)


def _change(page, browser, javascript):
    page.get_by_label("Acknowledge within", exact=True).fill("30")
    follow(page, page.get_by_role("button", name="Save the draft").last, "Enter")
    assert "must not be less than the time to acknowledge" in page.inner_text("main")
    check(page, f"change draft wrong {javascript}", browser)
    page.get_by_label("Acknowledge within", exact=True).fill("8")
    follow(page, page.get_by_role("button", name="Take away step 3").first, "Enter")
    follow(page, page.get_by_role("button", name="Add a step").first, "Enter")
    page.get_by_label("When: step 7 until it is acknowledged").fill("2")
    page.get_by_label("Whom to tell: step 7 until it is acknowledged").select_option("responsible")
    page.get_by_label("What it is: step 7 until it is acknowledged").fill("consultant sooner")
    check(page, f"change draft {javascript}", browser)
    follow(page, page.get_by_role("button", name="Save the draft").last, "Enter")
    assert "Saved." in page.inner_text(BANNER)
    assert PolicyDraft.objects.get().versions.count() == 2


def _sign(browser, trust, javascript):
    draft = PolicyDraft.objects.get()
    people = (
        (trust.governance, "For the trust", "Medical director"),
        (trust.administrator, "As clinical safety officer", "Clinical safety officer"),
    )
    for person, capacity, title in people:
        address = reverse("sign-draft", args=[draft.pk])
        page = browser.open(address, DESKTOP, javascript=javascript, person=person)
        check(page, f"sign draft {title} {javascript}", browser)
        page.get_by_label(capacity).check()
        page.get_by_label("Your role").fill(title)
        follow(page, page.get_by_role("button", name="Sign", exact=True), "Enter")
    assert "Signed by both: DEF-URG v2 is in force." in page.inner_text(BANNER)
    check(page, f"signed draft {javascript}", browser)
    assert Rule.objects.in_force().get(policy_id="DEF-URG").version == 2


def test_where_the_trust_stands_is_said_and_reported(browser):
    trust = a_trust()
    load_recommendations()
    page = browser.open(reverse("recommendations"), PHONE, person=trust.governance)
    check(page, "recommendations", browser)
    follow(page, page.get_by_role("link", name="RCR-6"), "Enter")
    page.get_by_label("Under way").check()
    page.get_by_label("What shows it?").fill("The timeline of each finding.")
    follow(page, page.get_by_role("button", name="Keep"), "Enter")
    assert "Kept." in page.inner_text(BANNER)
    check(page, "recommendation", browser)
    page.goto(browser.address + reverse("progress-reports"))
    follow(page, page.get_by_role("button", name="Make a report now"), "Enter")
    assert "The timeline of each finding." in page.inner_text("main")
    check(page, "progress report", browser)
    screenshot_of_print(page, "progress report printed")
    assert not page.get_by_role("button", name="Sign out").is_visible()
    assert ProgressReport.objects.count() == 1
