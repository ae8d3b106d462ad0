"""The clocks that run beside the one of the state, in a real browser: the examination that was
advised, the letter to the patient, putting either off; and two records that are one patient."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Finding, PatientMerge
from tests.factories import Trust, a_trust, acknowledged, flagged, reported
from tests.functional.browser import (
    DESKTOP,
    PHONE,
    check,
    follow,
    overflow,
    screenshot,
    screenshot_of_print,
)
from tests.functional.test_referrer import MAIN_BUTTON, page_of
from tests.integration.test_follow_up import ANN, later

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
BANNER, ERRORS = ".nhsuk-notification-banner", ".nhsuk-error-summary"


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    return a_trust(referrer={"phone": "020 7946 0199"})


def send(page, then: str) -> str:
    """Press the main button; what stands in the element that then comes."""
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(then)
    return page.inner_text(then)


def type_day(page, name: str, on: date) -> None:
    for part, value in (("day", on.day), ("month", on.month), ("year", on.year)):
        page.fill(f"[name={name}-{part}]", str(value))


def stands_beside(page, name: str) -> str:
    """What is said to be wrong in the group of this field."""
    group = page.locator(".nhsuk-form-group--error", has=page.locator(f"[name^={name}]"))
    return group.locator(".nhsuk-error-message").inner_text()


def fits(page, name: str) -> None:
    """axe needs the page's own JavaScript; without it the page must still fit."""
    screenshot(page, f"{name} no script")
    assert overflow(page) == []


def test_the_letter_to_a_patient_is_read_printed_and_recorded(browser, trust):
    finding = acknowledged(trust, flagged(trust, category="significant_unexpected"))
    page = browser.open(page_of(finding), person=trust.coordinator)
    follow(page, page.get_by_role("link", name="Letter to the patient", exact=True))
    check(page, "clocks letter", browser)
    said = page.inner_text(".app-letter")
    assert trust.referrer.phone in said
    assert finding.reference in said
    assert finding.description not in page.inner_text("main")
    screenshot_of_print(page, "clocks letter printed")
    for unseen in (".nhsuk-header", ".nhsuk-footer", "h1", "main form", ".app-strip"):
        assert not page.locator(unseen).first.is_visible(), unseen
    assert page.locator(".app-letter").is_visible()
    page.emulate_media(media="screen")
    assert "the letter was sent" in send(page, BANNER)
    check(page, "clocks letter sent", browser)


@BOTH
def test_an_examination_is_advised_and_a_later_one_is_confirmed_to_be_it(
    browser, trust, javascript
):
    def look(name: str) -> None:
        check(page, f"clocks {name}", browser) if javascript else fits(page, f"clocks {name}")

    def opened(address: str, person):
        return browser.open(address, PHONE, javascript=javascript, person=person)

    soon = timezone.localdate() + timedelta(days=20)
    examination = reported(trust, patient=ANN)
    page = opened(reverse("flag", args=[examination.public_id]), trust.radiologist)
    page.check("[name=category][value=significant_unexpected]")
    page.fill("[name=description]", "Nodule of 7 mm.")
    page.select_option("[name=action]", "repeat")
    page.get_by_text("An examination to look out for").click()
    page.get_by_label("Examination to look out for").select_option("CT")
    page.get_by_label("Part of the body to examine").fill("chest")
    follow(page, "button[value=flag]")
    page.wait_for_selector(ERRORS)
    assert "the examination is due" in stands_beside(page, "recommended_on")
    look("flag without a date")
    type_day(page, "recommended_on", soon)
    follow(page, "button[value=flag]")
    page.wait_for_selector(".app-timeline")
    finding = Finding.objects.get()

    found = later(trust, timezone.localdate() + timedelta(days=2))
    page = opened(page_of(finding), trust.referrer)
    look("finding with an examination that may be it")
    follow(page, page.get_by_role("button", name="What became of the examination"))
    send(page, ERRORS)
    look("follow up with errors")
    assert page.get_by_role("group", name="What became of it: CT chest, due by").is_visible()
    page.get_by_label(found.accession).check()
    assert "that was the recommended examination" in send(page, BANNER)
    look("finding with its examination confirmed")


@BOTH
def test_an_examination_is_arranged_with_the_action(browser, trust, javascript):
    finding = acknowledged(trust)
    page = browser.open(
        reverse("act", args=[finding.reference]),
        PHONE,
        javascript=javascript,
        person=trust.referrer,
    )
    page.get_by_label("Further imaging").check()
    page.fill("[name=text]", "MRI requested.")
    page.get_by_label("Examination to look out for").select_option("MR")
    page.get_by_label("Part of the body to examine").fill("x" * 61)
    send(page, ERRORS)
    assert "Shorten this" in stands_beside(page, "region")
    check(page, "clocks act", browser) if javascript else fits(page, "clocks act")
    page.fill("[name=region]", "liver")
    send(page, BANNER)
    assert "MRI liver" in page.inner_text("main")


def test_reminders_and_the_letter_are_put_off_and_that_is_ended(browser, trust):
    finding = acknowledged(trust, flagged(trust, category="significant_unexpected"))
    page = browser.open(page_of(finding), PHONE, person=trust.referrer)
    follow(page, page.get_by_role("link", name="Snooze", exact=True))
    type_day(page, "until_at", timezone.localdate() + timedelta(days=300))
    page.fill("[name=because]", "The clinic is on Thursday.")
    send(page, ERRORS)
    assert "at the latest" in stands_beside(page, "until_at")
    check(page, "clocks snooze too long", browser)
    type_day(page, "until_at", timezone.localdate() - timedelta(days=1))
    send(page, ERRORS)
    assert "in the past" in stands_beside(page, "until_at")
    type_day(page, "until_at", timezone.localdate() + timedelta(days=1))
    assert "Snoozed until" in send(page, BANNER)

    follow(page, page.get_by_role("link", name="Hold the letter to the patient"))
    type_day(page, "until_on", timezone.localdate() - timedelta(days=1))
    page.fill("[name=because]", "I see them on Thursday.")
    send(page, ERRORS)
    assert "in the past" in stands_beside(page, "until_on")
    check(page, "clocks hold in the past", browser)
    type_day(page, "until_on", timezone.localdate() + timedelta(days=2))
    assert "held until" in send(page, BANNER)
    check(page, "clocks finding put off", browser)

    follow(page, page.get_by_role("link", name="End the snooze"))
    check(page, "clocks end", browser)
    assert "It is not snoozed any more" in send(page, BANNER)
    follow(page, page.get_by_role("link", name="End the hold of the letter"))
    assert "not held any more" in send(page, BANNER)
    assert not finding.pauses.open().exists()


@BOTH
def test_two_records_are_looked_at_merged_and_taken_apart(browser, trust, javascript):
    def look(name: str) -> None:
        check(page, f"clocks {name}", browser) if javascript else fits(page, f"clocks {name}")

    numbers = ("PAS000001", "PAS000002")
    known = (replace(one, value=n) for n in numbers for one in ANN.identifiers)
    for number in known:
        reported(trust, patient=replace(ANN, nhs_number="", identifiers=(number,)))
    page = browser.open(reverse("merges"), DESKTOP, javascript=javascript, person=trust.coordinator)
    look("merges none")
    page.fill("[name=keep]", numbers[0])
    page.fill("[name=merged]", "nobody's")
    send(page, ERRORS)
    assert "No record" in stands_beside(page, "merged")
    look("merges with errors")
    page.fill("[name=merged]", numbers[1])
    page.fill("[name=because]", "The patient index has merged them.")
    follow(page, MAIN_BUTTON)
    page.get_by_text("Are these one patient?").wait_for()
    look("merges both records")
    assert not PatientMerge.objects.exists()
    assert "one now" in send(page, BANNER)
    look("merges done")
    follow(page, page.get_by_role("link", name="Undo"))
    look("undo merge")
    page.fill("[name=because]", "They are twins.")
    assert "undone" in send(page, BANNER)
    look("merges undone")
