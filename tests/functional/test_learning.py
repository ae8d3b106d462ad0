"""A governance lead learns from a broken promise, on a phone and without script; a radiologist
reads what was learned."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Improvement, LearningPoint, Meeting, ReadReceipt, Review, Role
from findings.services.improvements import ask_for_improvement, carry_out
from findings.services.meetings import share_point
from findings.services.open_reviews import open_for
from tests.factories import a_trust, flagged
from tests.functional.browser import DESKTOP, PHONE, check, follow, screenshot_of_print
from tests.integration.desk_scene import ago

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BANNER = ".nhsuk-notification-banner"


def fill_day(page, name, day):
    for part in ("day", "month", "year"):
        page.locator(f"[name={name}-{part}]").fill(str(getattr(day, part)))


def test_from_a_broken_promise_to_what_a_radiologist_has_read(browser):
    trust = a_trust()
    finding = flagged(trust, at=ago(minutes=90))
    open_for(trust.organisation.pk, since=ago(days=1), until=timezone.now())
    review = finding.reviews.get()
    page = browser.open(reverse("reviews"), PHONE, javascript=False, person=trust.governance)
    check(page, "reviews", browser)
    page.set_viewport_size(PHONE)
    follow(page, page.get_by_role("link", name=review.reference), "Enter")
    _reviewed(browser, page, review)
    _improved(browser, page, trust)
    _met(browser, page, trust, review)
    _read(browser, trust)


def _reviewed(browser, page, review):
    page.get_by_label("Theme").select_option(label="Not acted on")
    page.get_by_label("Harm to the patient").select_option("moderate")
    follow(page, page.get_by_role("button", name="Keep"), "Enter")
    page.locator("summary", has_text="Add a cause").press("Enter")
    page.get_by_label("Contributory cause").select_option(label="Nobody was on cover")
    check(page, "review", browser)
    page.set_viewport_size(PHONE)
    follow(page, page.get_by_role("button", name="Add the cause"), "Enter")
    page.locator("summary", has_text="Record a step").press("Enter")
    page.get_by_label("Step that was taken").select_option("apology")
    fill_day(page, "done_on", timezone.localdate())
    follow(page, page.get_by_role("button", name="Record the step"), "Enter")
    follow(page, page.get_by_role("button", name="Conclude the review"), "Enter")
    follow(page, page.locator("main form button").first, "Enter")
    assert "Say what was learned" in page.inner_text("main")
    check(page, "review to conclude", browser)
    page.get_by_label("What was learned?").fill("The rota had a gap.")
    follow(page, page.locator("main form button").first, "Enter")
    assert "Concluded." in page.inner_text(BANNER)
    check(page, "review concluded", browser)
    assert Review.objects.get(pk=review.pk).found_causes.get().cause.code == "cover_gap"


def _improved(browser, page, trust):
    page.set_viewport_size(PHONE)
    follow(page, page.get_by_role("link", name="Ask for an improvement"), "Enter")
    page.get_by_label("What is to change?").fill("A second name on the rota.")
    page.get_by_label("Who owns it?").select_option(str(trust.responsible.pk))
    fill_day(page, "due_on", timezone.localdate() + timedelta(days=30))
    page.get_by_label("Which number is to get better?").select_option("acknowledged")
    check(page, "improvement to ask for", browser)
    follow(page, page.get_by_role("button", name="Ask for it"), "Enter")
    assert "A second name on the rota." in page.inner_text("main")
    check(page, "improvement", browser)
    assert Improvement.objects.get().owner == trust.responsible


def _met(browser, page, trust, review):
    page.goto(browser.address + reverse("meetings"))
    check(page, "meetings", browser)
    page.set_viewport_size(PHONE)
    follow(page, page.get_by_role("link", name="Plan a meeting"), "Enter")
    page.get_by_label("Radiology events and learning meeting").check()
    fill_day(page, "held_at", timezone.localdate(ago(days=1)))
    page.locator("[name=held_at-time]").fill("12:30")
    page.get_by_label(review.reference).check()
    check(page, "meeting to plan", browser)
    follow(page, page.get_by_role("button", name="Plan it"), "Enter")
    page.get_by_label(str(trust.radiologist)).check()
    follow(page, page.get_by_role("button", name="Record who was there"), "Enter")
    page.get_by_label("What came of it?").fill("Rotas are looked at a week before.")
    check(page, "meeting", browser)
    follow(page, page.get_by_role("button", name="Close the record"), "Enter")
    follow(page, page.get_by_role("link", name="Case sheets"), "Enter")
    assert review.finding.examination.patient.family_name not in page.inner_text("main")
    check(page, "case sheets", browser)
    page.set_viewport_size(DESKTOP)
    screenshot_of_print(page, "case sheets printed")
    page.emulate_media(media="screen")
    meeting = Meeting.objects.get()
    page.goto(browser.address + reverse("meeting", args=[meeting.pk]))
    follow(page, page.get_by_role("link", name="Share a learning point"), "Enter")
    page.get_by_label("In one line").fill("Look at next week's rota")
    page.get_by_label("What everybody is to know").fill("A gap is filled while there is time.")
    page.get_by_label("Radiologist").check()
    check(page, "learning point to share", browser)
    follow(page, page.get_by_role("button", name="Share it"), "Enter")
    assert LearningPoint.objects.get().roles == [Role.RADIOLOGIST]


def _read(browser, trust):
    page = browser.open(reverse("my-flags"), PHONE, javascript=False, person=trust.radiologist)
    follow(page, page.get_by_role("link", name="1 learning point to read"), "Enter")
    check(page, "learning", browser)
    follow(page, page.get_by_role("button", name="I have read this"), "Enter")
    assert "it is recorded" in page.inner_text(BANNER)
    assert ReadReceipt.objects.get().person == trust.radiologist


def test_the_other_pages_of_learning_can_be_read_at_every_width(browser):
    trust = a_trust()
    for week in range(9, 2, -1):
        flagged(trust, at=ago(days=7 * week))
    done = ask_for_improvement(
        by=trust.governance,
        what="A rota.",
        owner=trust.referrer,
        due_on=timezone.localdate(),
        measure="acknowledged",
    )
    day = timezone.localdate(ago(days=21))
    carry_out(improvement=done, by=trust.referrer, evidence="The rota.", in_force_on=day)
    given = {"title": "Look twice", "text": "At the apices.", "roles": [Role.GOVERNANCE]}
    point = share_point(by=trust.governance, **given)
    pages = {
        "reviews to start": reverse("start-review"),
        "lists of reviews": reverse("review-lists"),
        "improvements": reverse("improvements"),
        "improvement done": reverse("improvement", args=[done.reference]),
        "improvement to check": reverse("check-improvement", args=[done.reference]),
        "learning point to withdraw": reverse("withdraw-point", args=[point.pk]),
        "learning of a lead": reverse("learning"),
    }
    page = browser.new_page(DESKTOP, person=trust.governance)
    for name, address in pages.items():
        page.goto(browser.address + address)
        check(page, name, browser)
