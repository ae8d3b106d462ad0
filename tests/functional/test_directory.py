"""Pages of the directory, of leave, of offers and of bank holidays, in a real browser."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from findings.intake.importing import take_in
from findings.models import BankHoliday, Leave, Person, Role
from findings.services.leave import set_leave
from findings.services.leavers import plan_goodbye
from findings.services.offer import offer_finding
from findings.services.senders import make_sender
from findings.services.taken_folders import looked_into
from notifications.models import Route
from tests.factories import TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.functional.browser import DESKTOP, PHONE, Keys, check, follow
from tests.functional.test_referrer import MAIN_BUTTON, look_at
from tests.integration.test_wordings import ADDRESS
from tests.messages import oru

MAIN_FORM_BUTTON = "main form[novalidate] button.nhsuk-button"
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    return a_trust(referrer={"job_title": "Consultant physician"})


def days_off(trust: Trust) -> None:
    today = timezone.localdate()
    for person, deputy in ((trust.referrer, trust.colleague), (trust.colleague, None)):
        set_leave(
            person=person,
            by=trust.coordinator,
            first_on=today + timedelta(days=7),
            last_on=today + timedelta(days=14),
            deputy=deputy,
        )


def test_the_directory_and_leave_fit_and_have_nothing_for_axe_to_find(browser, trust):
    days_off(trust)
    flagged(trust)
    acknowledged(trust)
    plan_goodbye(
        person=trust.director,
        by=trust.coordinator,
        last_day=timezone.localdate(),
        because="Retires.",
    )
    pages = {
        "people": reverse("people"),
        "nobody found": reverse("people") + "?name=nobodyatall",
        "person": reverse("person", args=[trust.referrer.pk]),
        "person who leaves": reverse("person", args=[trust.director.pk]),
        "let leave": reverse("let-leave", args=[trust.referrer.pk]),
        "leave of somebody": reverse("leave", args=[trust.referrer.pk]),
    }
    look_at(browser, trust.coordinator, pages, "directory")
    own = {"me": reverse("me"), "routes": reverse("routes", args=[trust.colleague.pk])}
    look_at(browser, trust.colleague, own, "own")


def test_leave_is_entered_and_a_message_worded_by_keyboard_alone(browser, trust):
    page = browser.open(reverse("people"), person=trust.coordinator)
    keys = Keys(page)
    keys.write("main [name=name]", trust.referrer.family_name)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    keys.go(f"main a[href$='{reverse('person', args=[trust.referrer.pk])}']")
    keys.go(f"main a[href$='{reverse('leave', args=[trust.referrer.pk])}']")
    on = timezone.localdate() + timedelta(days=3)
    for name in ("first_on", "last_on"):
        for part in ("day", "month", "year"):
            keys.write(f"[name={name}-{part}]", str(getattr(on, part)))
    keys.go(MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-notification-banner")
    assert Leave.objects.get().person == trust.referrer

    page = browser.open(reverse("change-wording", kwargs=ADDRESS), person=trust.governance)
    keys = Keys(page)
    keys.write("[name=headline]", "Something was found that cannot wait.")
    keys.go(MAIN_FORM_BUTTON)
    assert "This is what would be sent" in page.inner_text("main")
    check(page, "wording by keyboard")
    keys.go(MAIN_FORM_BUTTON)
    page.wait_for_selector(".nhsuk-notification-banner")
    assert "Something was found that cannot wait." in page.inner_text("main")


def test_a_route_is_added_and_verified(browser, trust):
    page = browser.open(reverse("routes", args=[trust.referrer.pk]), PHONE, person=trust.referrer)
    follow(page, MAIN_FORM_BUTTON)
    page.wait_for_selector(".nhsuk-error-summary")
    check(page, "routes with errors", browser)
    page.check("[name=channel][value=email]")
    page.fill("[name=address]", "ada.home@trust.example")
    follow(page, MAIN_FORM_BUTTON)
    page.wait_for_url("**/verify/")
    check(page, "verify route", browser)
    code = re.search(r"([0-9]{6})", mail.outbox[0].body)[1]
    page.fill("[name=code]", code)
    follow(page, MAIN_BUTTON)
    page.wait_for_url("**/routes/")
    assert Route.objects.usable().filter(address="ada.home@trust.example").exists()


def test_a_staff_list_is_shown_before_it_changes_anything(browser, trust):
    flagged(trust)
    code = trust.organisation.ods_code
    lines = [
        "username,given_name,family_name,organisation,roles,teams,leaves",
        f"sian,Siân,O'Brien,{code},referrer,{trust.team}=responsible,",
        f"{trust.referrer.username},Ada,Changed,{code},referrer,{trust.team},now",
    ]
    page = browser.open(reverse("people"), person=trust.administrator)
    follow(page, page.get_by_role("button", name="Import a staff list"))
    check(page, "import people", browser)

    def choose(text: str) -> None:
        page.set_input_files(
            "[name=file]", {"name": "s.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        follow(page, page.get_by_role("button", name="Show the changes"))

    choose("\n".join([*lines, f"x,,No,{code},wizard,,"]))
    page.get_by_text("There is no role wizard").wait_for()
    check(page, "staff list with mistakes", browser)
    follow(page, page.get_by_role("link", name="Back to choose another file"))
    choose("\n".join(lines))
    page.wait_for_selector("table")
    check(page, "staff list changes", browser)
    follow(page, page.get_by_role("button", name="Make these changes"))
    page.wait_for_selector(".nhsuk-notification-banner")
    assert Person.objects.get(username="sian").has_role(Role.REFERRER)


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_somebody_leaves_after_a_look_at_what_they_hold(browser, trust, javascript):
    finding = flagged(trust)
    page = browser.open(reverse("people"), PHONE, javascript=javascript, person=trust.coordinator)
    follow(page, page.get_by_role("link", name=str(trust.referrer)))
    follow(page, page.get_by_role("button", name="Let them leave"))
    assert "1 open finding will move" in page.inner_text("main")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-error-summary")
    if javascript:
        check(page, "let leave with errors", browser)
    page.fill("[name=because]", "End of contract.")
    page.check("[name=when][value=now]")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-notification-banner")
    assert "1 finding went to the team" in page.inner_text(".nhsuk-notification-banner")
    finding.refresh_from_db()
    assert finding.owner == trust.team


def test_a_deputy_of_a_common_name_is_chosen_from_a_list(browser, trust):
    for given in ("Ada", "Bea"):
        trust.add(Role.REFERRER, team=trust.team, given_name=given, family_name="Twice")
    page = browser.open(reverse("me"), DESKTOP, person=trust.referrer)
    follow(page, page.get_by_role("button", name="Enter leave"))
    on = timezone.localdate() + timedelta(days=3)
    for name in ("first_on", "last_on"):
        page.fill(f"[name={name}-day]", str(on.day))
        page.fill(f"[name={name}-month]", str(on.month))
        page.fill(f"[name={name}-year]", str(on.year))
    page.fill("[name=name]", "twice")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-error-summary")
    check(page, "leave with people found", browser)
    chosen = Person.objects.get(given_name="Bea")
    page.check(f"[name=person][value='{chosen.pk}']")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-notification-banner")
    assert str(chosen) in page.inner_text("main")


def test_offers_fit_and_have_nothing_for_axe_to_find(browser, trust):
    team = TeamFactory(organisation=trust.organisation, name="Gastroenterology")
    other = trust.add(Role.REFERRER, team=team)
    fresh, offered = flagged(trust), acknowledged(trust)
    offer_finding(finding=offered, by=trust.referrer, to=other, because="Already in your clinic.")
    own = {
        "offer": reverse("offer", args=[fresh.reference]),
        "offered away": reverse("finding", args=[offered.reference]),
        "take back": reverse("take-offer-back", args=[offered.reference]),
    }
    look_at(browser, trust.referrer, own, "offering")
    theirs = {
        "list": reverse("my-findings"),
        "finding": reverse("finding", args=[offered.reference]),
        "accept": reverse("accept-offer", args=[offered.reference]),
        "refuse": reverse("refuse-offer", args=[offered.reference]),
    }
    look_at(browser, other, theirs, "offered")


def test_bank_holidays_fit_and_have_nothing_for_axe_to_find(browser, trust):
    day = BankHoliday.objects.counting("ENG").latest("on")
    pages = {
        "list": reverse("bank-holidays"),
        "of one year": reverse("bank-holidays") + "?nation=SCT&year=2026",
        "add": reverse("add-bank-holiday"),
        "remove": reverse("remove-bank-holiday", args=[day.pk]),
    }
    look_at(browser, trust.administrator, pages, "bank holidays")


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_telephone_call_is_recorded(browser, trust, javascript):
    finding = flagged(trust)
    page = browser.open(
        reverse("finding", args=[finding.reference]),
        PHONE,
        javascript=javascript,
        person=trust.radiologist,
    )
    follow(page, page.get_by_role("button", name="Record a telephone call"))
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-error-summary")
    now = timezone.localtime()
    for part, value in (("day", now.day), ("month", now.month), ("year", now.year)):
        page.fill(f"[name=called_at-{part}]", str(value))
    page.fill("[name=called_at-time]", f"{now:%H:%M}")
    page.check("[name=known][value=directory]")
    page.fill("[name=name]", trust.referrer.family_name)
    page.fill("[name=said]", "Nodule, please arrange CT.")
    page.check("[name=was_read_back]")
    page.check("[name=took_it_on][value=yes]")
    page.fill("[name=plan]", "CT this week.")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".nhsuk-error-summary")
    if javascript:
        check(page, "call with people found", browser)
    page.check(f"[name=person][value='{trust.referrer.pk}']")
    follow(page, MAIN_BUTTON)
    page.wait_for_selector(".app-timeline")
    finding.refresh_from_db()
    assert finding.acknowledged_by == trust.referrer
    if javascript:
        check(page, "finding taken on by telephone", browser)


def test_what_each_sender_sends_fits_and_has_nothing_for_axe_to_find(browser, trust):
    ris = make_sender(code="RIS|RXX01", site=trust.site)
    filed = take_in(oru(), "first.hl7").message
    take_in(oru(control_id="2", status="Odd"), "second.hl7")
    stranger = take_in(oru(control_id="3", application="NEW"), "of nobody").receipts[0]
    another = oru(control_id="4", accession="B", name="CEDAR^CAT", born="19710101")
    whose = take_in(another, "whose.hl7").receipts[0]
    take_in(b"not HL7", "third.hl7")
    looked_into("/srv/reports", problems=2, problems_since=None, left=1, goes_on=True)
    pages = {
        "integration": reverse("integration"),
        "feed": reverse("feed", args=[ris.pk]),
        "feed of nobody": reverse("unknown-feed"),
        "stored message": reverse("stored-message", args=[filed.pk]),
        "held items": reverse("held-items"),
        "held of nobody": reverse("held-item", args=[stranger.pk]),
        "held with two patients": reverse("held-item", args=[whose.pk]),
    }
    look_at(browser, trust.coordinator, pages, "coordinator")
