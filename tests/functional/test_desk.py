"""A coordinator with eighty open findings and a telephone: the desk, by keyboard alone."""

import pytest
from django.urls import reverse

from findings.models import Event, PhoneCall, Role, ShiftSheet
from findings.services.timeline import add_note
from tests.factories import a_trust, flagged
from tests.functional.browser import DESKTOP, PHONE, check, follow, screenshot_of_print
from tests.integration.desk_scene import ago, everything

# Of the range that is kept for telephone numbers of nobody.
NUMBER = "01632 960123"
BANNER = ".nhsuk-notification-banner"
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_the_desk_is_worked_through_and_handed_over(browser, javascript):
    trust = a_trust(referrer={"phone": NUMBER})
    everything(trust)
    first, second, third = (flagged(trust, at=ago(minutes=110 - n)) for n in range(3))
    page = browser.open("/", PHONE, javascript=javascript, person=trust.coordinator)
    assert page.url.endswith(reverse("desk"))
    check(page, f"desk {javascript}", browser)
    page.set_viewport_size(PHONE)
    row = page.locator(f"#finding-{first.pk}")
    assert NUMBER in row.inner_text()
    follow(page, row.get_by_role("button", name="I have phoned"), "Enter")
    assert PhoneCall.objects.filter(finding=first, spoke_to=trust.referrer).exists()
    assert "you phoned" in page.inner_text(BANNER)
    for finding in (second, third):
        page.locator(f"#tick-finding-{finding.pk}").press("Space")
    follow(page, page.get_by_role("button", name="Add a note"), "Enter")
    assert "Add the note to 2 findings" in page.inner_text("main")
    check(page, f"desk together {javascript}", browser)
    page.get_by_label("Note").fill("In theatre until five.")
    follow(page, page.get_by_role("button", name="Add the note to 2 findings"), "Enter")
    assert f"2 of 2: {second.reference}, {third.reference}" in page.inner_text(BANNER)
    assert Event.objects.filter(kind="note", data__text="In theatre until five.").count() == 2
    follow(page, page.get_by_role("link", name="Hand over the shift"), "Enter")
    check(page, f"shift to hand over {javascript}", browser)
    follow(page, page.get_by_role("button", name="Sign and hand over"), "Enter")
    _taken_over(browser, trust, javascript)


def _taken_over(browser, trust, javascript):
    address = reverse("shift-sheet", args=[ShiftSheet.objects.get().pk])
    night = trust.add(Role.COORDINATOR)
    page = browser.open(address, DESKTOP, javascript=javascript, person=night)
    check(page, f"shift to take over {javascript}", browser)
    follow(page, page.get_by_role("button", name="I have read it and take over"), "Enter")
    assert ShiftSheet.objects.get().taken_by == night
    follow(page, page.get_by_role("link", name="Back to shift sheets"), "Enter")
    check(page, f"shift sheets {javascript}", browser)
    page.goto(browser.address + address)
    screenshot_of_print(page, "shift sheet printed")
    assert page.get_by_text("Taken over by").is_visible()
    assert not page.get_by_role("button", name="Sign out").is_visible()


def test_who_was_first_and_an_empty_desk_are_said(browser):
    trust = a_trust()
    page = browser.open(reverse("desk"), person=trust.coordinator)
    assert "Nothing needs you now." in page.inner_text("main")
    check(page, "desk empty", browser)
    finding = flagged(trust, at=ago(minutes=90))
    page.goto(browser.address + reverse("desk"))
    add_note(finding=finding, by=trust.add(Role.COORDINATOR), text="I am ringing her.")
    follow(page, page.get_by_role("button", name="I have phoned"), "Enter")
    assert "I am ringing her." in page.inner_text("main")
    check(page, "desk somebody was first", browser)
