"""A referrer with a phone in a corridor: from the message to a closed finding, in a real browser.

Signing in is not counted; the presses after it are.
"""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingStatus
from findings.models import Finding
from findings.services.acknowledge import acknowledge_finding
from findings.services.ask import ask_radiologist
from findings.services.close import withdraw_finding
from notifications.downtime import write_lists
from notifications.rounds import deliver, fire
from tests.factories import TEXT, TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.functional.browser import (
    DESKTOP,
    PHONE,
    Keys,
    check,
    follow,
    overflow,
    screenshot,
    screenshot_of_print,
)
from tests.integration.test_asking_again import correct
from tests.integration.test_finding_page import corrected
from tests.integration.test_merge import merged_and_more

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

JAVASCRIPT = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
PASSWORD = "a-long-enough-one-1234"
MAIN_BUTTON = "main form button.nhsuk-button"


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    return a_trust(referrer={"password": PASSWORD, "username": "referrer.example"})


def page_of(finding: Finding) -> str:
    return reverse("finding", args=[finding.reference])


def look_at(browser, person, pages: dict[str, str], whose: str) -> None:
    page = browser.new_page(DESKTOP, person=person)
    for words, address in pages.items():
        page.goto(browser.address + address)
        check(page, f"{whose} {words}", browser)


class Presses:
    """Presses things and counts."""

    def __init__(self, page) -> None:
        self.page, self.count = page, 0

    def link(self, words: str) -> None:
        self._press(self.page.get_by_role("button", name=words, exact=True).first)

    def choose(self, words: str) -> None:
        self.page.get_by_label(words, exact=True).check()
        self.count += 1

    def _press(self, what) -> None:
        follow(self.page, what)
        self.count += 1


@JAVASCRIPT
def test_from_the_message_to_an_answer_in_two_presses_after_signing_in(browser, trust, javascript):
    finding = flagged(trust, category="urgent")
    fire()
    deliver()
    page = browser.open(page_of(finding), PHONE, javascript=javascript)
    page.fill("[name=username]", "referrer.example")
    page.fill("[name=password]", PASSWORD)
    follow(page, "[name=password]", "Enter")
    page.wait_for_url(f"**{page_of(finding)}")

    presses = Presses(page)
    assert overflow(page) == []
    screenshot(page, f"finding to answer {'with' if javascript else 'without'} script")
    presses.choose("Do what the radiologist recommends")
    finding.refresh_from_db()
    assert finding.state == "awaiting", "neither opening it nor choosing is an answer"
    presses.link("Mine: acknowledge")

    assert presses.count == 2
    assert page.url.endswith(page_of(finding))
    assert "The first clock has stopped. Action due" in page.inner_text(
        ".nhsuk-notification-banner"
    )
    finding.refresh_from_db()
    assert finding.plan == "As recommended: CT chest within two weeks."


def test_every_page_of_a_referrer_has_nothing_for_axe_to_find_and_fits(browser, trust):
    late = flagged(trust, category="critical", at=timezone.now() - timedelta(hours=3))
    taken = acknowledged(trust)
    changed, doubtful = flagged(trust), flagged(trust)
    fire()
    deliver()
    corrected(trust, changed, TEXT.replace("14 mm", "19 mm"))
    correct(trust, doubtful.examination, "", ArrivingStatus.WITHDRAWN)
    pages = {
        "my findings": reverse("my-findings"),
        "my week": reverse("my-week"),
        "inbox": reverse("inbox"),
        "finding late": page_of(late),
        "finding acknowledged": page_of(taken),
        "finding with a changed report": page_of(changed),
        "finding with a withdrawn report": page_of(doubtful),
        "acknowledge": reverse("acknowledge", args=[late.reference]),
        "decline": reverse("decline", args=[late.reference]),
        "acknowledged by mistake": reverse("take-back", args=[taken.reference]),
        "act": reverse("act", args=[taken.reference]),
        "patient told": reverse("patient-told", args=[taken.reference]),
        "note": reverse("note", args=[late.reference]),
        "ask": reverse("ask", args=[late.reference]),
        "too late": reverse("acknowledge", args=[taken.reference]),
        "refused": reverse("hand-over", args=[late.reference]),
    }
    ask_radiologist(finding=taken, by=trust.referrer, text="Is it new since March?")
    ask_radiologist(finding=taken, by=trust.colleague, text="Which lobe is it in?")
    look_at(browser, trust.referrer, pages, "referrer")
    asked = {
        "flags with a question": reverse("my-flags"),
        "answer": reverse("answer-question", args=[taken.reference]),
    }
    look_at(browser, trust.radiologist, asked, "radiologist")


def test_my_week_prints_without_what_is_only_for_a_screen(browser, trust):
    acknowledged(trust)
    page = browser.open(reverse("my-week"), person=trust.referrer)
    screenshot_of_print(page, "my week printed")
    assert page.get_by_text("Do what was planned").is_visible()
    assert not page.get_by_role("button", name="Sign out").is_visible()


def test_every_page_of_a_coordinator_has_nothing_for_axe_to_find_and_fits(browser, trust, settings):
    settings.DEMONSTRATION = True
    finding = flagged(trust, at=timezone.now() - timedelta(hours=3))
    gone = flagged(trust)
    fire()
    deliver()
    message = finding.notifications.filter(channel="email").first()
    withdraw_finding(finding=gone, by=trust.radiologist, because="The scan of another patient.")
    deliver()
    pages = {
        "open findings": reverse("open-findings"),
        "open findings filtered": reverse("open-findings") + "?late=yes",
        "nothing like it": reverse("open-findings") + "?category=cancer",
        "finding": page_of(finding),
        "hand over": reverse("hand-over", args=[finding.reference]),
        "withdraw": reverse("withdraw", args=[finding.reference]),
        "withdrawn": page_of(gone),
        "undo merge": reverse("undo-merge", args=[merged_and_more(trust)[0].pk]),
        "compare with a list": reverse("reconcile"),
        "messages": reverse("messages"),
        "message": reverse("message", args=[message.public_id]),
    }
    look_at(browser, trust.coordinator, pages, "coordinator")


def test_the_list_for_downtime_opens_from_a_disk_and_reads_well(browser, trust, tmp_path):
    flagged(trust, at=timezone.now() - timedelta(hours=3))
    acknowledged(trust)
    (path, *_) = write_lists(tmp_path, timezone.now())
    page = browser.new_page()
    page.goto(path.as_uri())
    check(page, "downtime list", browser)
    screenshot_of_print(page, "downtime list printed")


@JAVASCRIPT
def test_not_mine_is_given_to_whom_the_list_names(browser, trust, javascript):
    from findings.models import Role

    elsewhere = TeamFactory(organisation=trust.organisation, name="Gastroenterology")
    right = trust.add(Role.REFERRER, team=elsewhere, given_name="Sian", family_name="O'Brien")
    trust.add(Role.REFERRER, team=elsewhere, given_name="Sian", family_name="Obrist")
    finding = flagged(trust)
    page = browser.open(
        reverse("decline", args=[finding.reference]),
        PHONE,
        javascript=javascript,
        person=trust.referrer,
    )
    page.fill("[name=because]", "Under the liver team.")
    page.check("[name=whose][value=named]")
    page.fill("[name=name]", "sian ob")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-error-summary")
    assert "2 people are found" in page.inner_text(".nhsuk-error-summary")
    assert page.input_value("[name=because]") == "Under the liver team."
    assert page.input_value("[name=name]") == "sian ob"
    screenshot(page, f"decline with people found {'with' if javascript else 'without'} script")
    assert overflow(page) == []
    if javascript:
        check(page, "decline with people found", browser)
    page.check(f"[name=person][value='{right.pk}']")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-notification-banner")
    assert f"Passed to {right}" in page.inner_text(".nhsuk-notification-banner")
    finding.refresh_from_db()
    assert finding.owner == right


def test_the_whole_path_by_keyboard_alone(browser, trust):
    """Acknowledge, record an action, tell the patient and close: Tab, Space, Enter and words."""
    finding = flagged(trust)
    page = browser.open(page_of(finding), person=trust.referrer)

    keys = Keys(page)
    reach, press = keys.reach, keys.press

    def go(name: str) -> None:
        keys.go(f"a[href$='{reverse(name, args=[finding.reference])}']")

    def send() -> None:
        keys.go(MAIN_BUTTON)

    press("[name=choice]", "Space")
    reach("[name=details]")
    page.keyboard.type("Clinic on Friday.")
    send()  # on the finding's own page
    go("act")
    press("[name=kind]", "Space")
    reach("[name=text]")
    page.keyboard.type("CT booked.")
    send()
    go("close")
    press("[name=outcome]", "Space")
    press("[name=how]", "Space")
    send()
    finding.refresh_from_db()
    assert (finding.state, finding.outcome) == ("closed", "cancer")
    assert finding.patient_told_how == "in_person"
    assert browser.said == []
    check(page, "closed finding", browser)


@JAVASCRIPT
def test_the_second_of_two_sees_who_was_first_and_keeps_what_was_typed(browser, trust, javascript):
    finding = flagged(trust)
    page = browser.open(
        reverse("acknowledge", args=[finding.reference]),
        PHONE,
        javascript=javascript,
        person=trust.colleague,
    )
    acknowledge_finding(finding=finding, by=trust.referrer, plan="I see them at noon.")
    page.check("[name=choice][value=other]")
    page.fill("[name=details]", "I will telephone.")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".app-timeline")
    said = page.inner_text("main")
    assert f"{trust.referrer} was first" in said
    assert "I see them at noon." in said
    assert "I will telephone." in said
    screenshot(page, f"too late {'with' if javascript else 'without'} script")
    if javascript:
        check(page, "too late with words", browser)


@JAVASCRIPT
def test_an_unread_message_is_opened_with_one_press(browser, trust, javascript):
    finding = flagged(trust)
    fire()
    deliver()
    page = browser.open(reverse("inbox"), PHONE, javascript=javascript, person=trust.referrer)
    unread = page.locator(".app-inbox__item").get_by_text("Unread")
    assert unread.count() == 1
    follow(page, page.get_by_role("button", name="Open").first)
    page.wait_for_url(f"**{page_of(finding)}")
    page.goto(browser.address + reverse("inbox"))
    assert unread.count() == 0


def test_a_page_on_paper_has_no_buttons_and_all_of_its_words(browser, trust):
    finding = flagged(trust)
    page = browser.open(page_of(finding), person=trust.referrer)
    page.emulate_media(media="print")
    assert page.get_by_text(finding.recommended_action).first.is_visible()
    assert page.locator("#timeline").is_visible()
    assert not page.locator(".nhsuk-button-group").first.is_visible()
