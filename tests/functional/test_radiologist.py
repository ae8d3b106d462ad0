"""The radiologist's way in a real browser: find a report, flag a finding, see what became of it."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingIdentifier, ArrivingPatient, ArrivingStatus
from findings.models import Action, Finding, Rating, Report, Role
from findings.services.act import record_action
from findings.services.close import withdraw_finding
from findings.services.rate import rate_finding
from notifications.models import Route
from tests.factories import a_trust, acknowledged, flagged, nhs_number, report, reported
from tests.functional.browser import DESKTOP, PHONE, check, follow, overflow, screenshot, violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# `check` looks at every width, so each way of running starts at one.
WAYS = pytest.mark.parametrize(
    ("viewport", "javascript"),
    [(DESKTOP, True), (PHONE, False)],
    ids=["desktop", "phone-no-script"],
)
TEXT = """CLINICAL DETAILS
Cough for six weeks, ex-smoker. Infection?

FINDINGS
There is a 14 mm spiculated nodule in the right upper lobe. No effusion. The mediastinal
contours are normal. Old healed fracture of the left seventh rib.

IMPRESSION:
Spiculated nodule in the right upper lobe, suspicious for a primary lung cancer.
CT of the chest is advised.

Reported by Dr Ada Example"""


@pytest.fixture
def trust():
    return a_trust(
        radiologist={"given_name": "Sunita", "family_name": "Rao"},
        referrer={"given_name": "Fiona", "family_name": "Buchanan"},
        coordinator={
            "given_name": "Denise",
            "family_name": "Farrow",
            "title": "Ms",
            "phone": "020 7946 0123",
        },
        governance={"given_name": "Angela", "family_name": "Merriweather"},
    )


@pytest.fixture
def examination(trust):
    return reported(trust, text=TEXT, accession="ACC-2026-0017", patient=_okafor(trust))


def _okafor(trust):
    return ArrivingPatient(
        family_name="O\u2019Connor-Okafor",
        given_name="Zoë",
        birth_date=date(1961, 5, 4),
        sex="F",
        nhs_number=nhs_number(4242),
        identifiers=(ArrivingIdentifier("RX00123", trust.organisation.ods_code, "MR"),),
    )


def flag_of(examination):
    return reverse("flag", args=[examination.public_id])


def looked_at(page, name, javascript=True, browser=None):
    """axe needs the page's own JavaScript; without it the page must still fit."""
    if javascript:
        check(page, f"radiologist {name}", browser)
    else:
        screenshot(page, f"radiologist {name} no script")
        assert overflow(page) == []


# --- The journey ---------------------------------------------------------------------------------


@WAYS
def test_from_the_list_to_a_flag_in_one_press_after_the_choices(
    browser, trust, examination, viewport, javascript
):
    page = browser.open("/reports/", viewport, javascript=javascript, person=trust.radiologist)
    looked_at(page, "reports", javascript, browser)
    page.fill("#id_words", "acc 2026 0017")
    follow(page, "#id_words", "Enter")
    page.wait_for_url("**/reports/*-*/")
    looked_at(page, "report", javascript, browser)
    follow(page, "text=Flag a finding")
    looked_at(page, "flag fresh", javascript, browser)
    assert "suspicious for a primary lung cancer" in page.input_value("#id_description")
    # Without script nothing hides it: whether it is needed, its category says.
    assert page.is_visible("#id_primary_site") != javascript

    page.check("input[value=cancer]")
    page.fill("#id_primary_site", "Lung")
    page.select_option("#id_action", "imaging")
    assert page.is_visible(".app-ahead[data-place='3']")
    assert not page.is_visible(".app-ahead[data-place='1']")
    assert "Dr Fiona Buchanan" in page.inner_text(".app-ahead[data-place='3']")
    looked_at(page, "flag chosen", javascript, browser)
    assert Finding.objects.count() == 0

    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    assert "Flagged. Dr Fiona Buchanan is told now." in page.inner_text("body")
    finding = Finding.objects.get()
    assert (finding.category_id, finding.primary_site) == ("cancer", "Lung")


@WAYS
def test_an_alert_code_is_confirmed_or_said_to_be_no_finding(browser, trust, viewport, javascript):
    document = {"documents": (b"%PDF-1.4",)}
    reported(trust, text=f"{TEXT}\nCANCER: lung", patient=_okafor(trust), **document)
    reported(trust, text="Free gas. Previous report: CRITICAL ALERT, see there.")
    page = browser.open("/to-confirm/", viewport, javascript=javascript, person=trust.radiologist)
    looked_at(page, "to confirm", javascript, browser)
    follow(page, "text=/Cancer, lung/")
    page.wait_for_url("**/reports/*-*/")
    assert page.is_visible("text=Open document 1")
    looked_at(page, "report with an alert code", javascript, browser)
    follow(page, ".app-flags a >> nth=0")
    assert page.is_checked("input[value=cancer]")
    assert page.input_value("#id_primary_site") == "lung"
    page.select_option("#id_action", "imaging")
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    assert Finding.objects.get().proposals.get().outcome == "confirmed"

    page.goto(page.url.partition("/findings/")[0] + "/to-confirm/")
    follow(page, "a[href*=not-a-finding]")
    page.fill("#id_because", "")
    follow(page, 'button:has-text("It is not a finding")')
    page.wait_for_selector(".nhsuk-error-summary")
    looked_at(page, "not a finding", javascript, browser)
    page.fill("#id_because", "It quotes the report before.")
    follow(page, 'button:has-text("It is not a finding")')
    page.wait_for_selector("text=Nothing waits to be confirmed")


@WAYS
def test_another_owner_is_found_by_name_and_shown_before_saving(
    browser, trust, examination, viewport, javascript
):
    for given in ("Ann", "Bob"):
        trust.add(Role.REFERRER, team=trust.team, given_name=given, family_name="Twin")
    page = browser.open(
        flag_of(examination), viewport, javascript=javascript, person=trust.radiologist
    )
    page.check("input[value=urgent]")
    page.select_option("#id_action", "review")
    page.check("input[value=other]")
    page.fill("#id_name", "twin")
    follow(page, "text=Check who will be told")
    page.wait_for_selector(".nhsuk-error-summary")
    assert "2 people are found" in page.inner_text("#id_person-error")
    looked_at(page, "flag several owners", javascript, browser)
    page.check("text=Dr Bob Twin")
    follow(page, "text=Check who will be told")
    page.wait_for_selector("text=Dr Bob Twin of")
    looked_at(page, "flag checked", javascript, browser)
    assert Finding.objects.count() == 0
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    assert str(Finding.objects.get().owner) == "Dr Bob Twin"


def test_a_typical_finding_takes_three_decisions_and_one_press(browser, trust, examination):
    """What a person does on the page is counted by the page itself; the rest is filled in."""
    page = browser.open(flag_of(examination), person=trust.radiologist)
    page.evaluate(COUNT)
    page.check("input[value=cancer]")
    page.fill("#id_primary_site", "Lung")
    page.select_option("#id_action", "imaging")
    page.wait_for_selector("[data-live-said]:has-text('Cancer')", state="attached")
    said = page.inner_text("[data-live-said]")
    assert said.startswith("Cancer. Dr Fiona Buchanan of ")
    assert "is told. Acknowledgement due" in said
    assert page.evaluate("window.decided.size") == 3
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    assert "Flagged. Dr Fiona Buchanan is told now." in page.inner_text("body")


# Whatever was changed by hand, each field once.
COUNT = """window.decided = new Set();
document.addEventListener("input", (event) => window.decided.add(event.target.name));"""


def test_whom_it_would_reach_is_shown_as_the_owner_changes(browser, trust, examination):
    for given in ("Ann", "Bob"):
        trust.add(Role.REFERRER, team=trust.team, given_name=given, family_name="Twin")
    page = browser.open(flag_of(examination), person=trust.radiologist)
    page.check("input[value=urgent]")
    page.select_option("#id_action", "review")
    page.check("input[value=other]")
    page.wait_for_selector("#ahead :text('Name who will hold it')")
    assert "Urgent" not in page.inner_text("#ahead")
    page.fill("#id_name", "nobody of that name")
    page.press("#id_name", "Tab")
    page.wait_for_selector("#ahead :text('Nobody who can hold this finding')")
    page.fill("#id_name", "twin")
    page.press("#id_name", "Tab")
    page.wait_for_selector("#ahead :text('2 people are found')")
    check(page, "radiologist flag live several owners", browser)
    page.check("text=Dr Bob Twin")
    page.wait_for_selector("#ahead :text('Dr Bob Twin of')")
    page.wait_for_selector("[data-live-said]:has-text('Dr Bob Twin')", state="attached")
    assert page.is_visible(".app-ahead[data-place='2']")
    assert page.evaluate("document.activeElement.name") == "person"
    check(page, "radiologist flag live", browser)
    assert page.url.endswith("/flag/")
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    assert str(Finding.objects.get().owner) == "Dr Bob Twin"


def test_what_was_not_shown_is_shown_and_asks_again(browser, trust, examination):
    page = browser.open(flag_of(examination), person=trust.radiologist, javascript=False)
    page.check("input[value=urgent]")
    page.select_option("#id_action", "review")
    page.check("input[value=other]")
    page.fill("#id_name", trust.colleague.professional_code)
    follow(page, "button[value=flag]")
    page.wait_for_selector("text=Nothing is saved yet")
    check(page, "radiologist flag not saved yet", browser)
    assert Finding.objects.count() == 0
    follow(page, "text=Look at what will happen")
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")


def test_where_nobody_can_be_reached_the_page_gives_telephone_numbers(browser, trust, examination):
    Route.objects.all().delete()
    page = browser.open(flag_of(examination), PHONE, person=trust.radiologist)
    page.check("input[value=critical]")
    check(page, "radiologist flag nobody reachable", browser)
    assert "020 7946 0123" in page.inner_text(".app-ahead[data-place='1']")


@WAYS
def test_an_empty_form_says_what_is_missing(browser, trust, examination, viewport, javascript):
    page = browser.open(
        flag_of(examination), viewport, javascript=javascript, person=trust.radiologist
    )
    page.fill("#id_description", "")
    follow(page, "button[value=flag]")
    page.wait_for_selector(".nhsuk-error-summary")
    assert page.title().startswith("Error: ")
    looked_at(page, "flag errors", javascript, browser)


def test_the_whole_flag_is_made_with_the_keyboard(browser, trust, examination):
    page = browser.open(flag_of(examination), person=trust.radiologist)
    page.focus("#id_category")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "id_action":
            break
    page.keyboard.type("Clinical")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "flag":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/F-*/")
    finding = Finding.objects.get()
    assert (finding.category_id, finding.recommended_action) == ("urgent", "Clinical review")


def test_a_second_press_makes_no_second_finding(browser, trust, examination):
    page = browser.open(flag_of(examination), javascript=False, person=trust.radiologist)
    page.check("input[value=urgent]")
    page.select_option("#id_action", "review")
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    page.go_back()
    page.wait_for_selector("input[value=urgent]")
    page.check("input[value=urgent]")
    page.select_option("#id_action", "review")
    follow(page, "button[value=flag]")
    page.wait_for_url("**/findings/F-*/")
    assert Finding.objects.count() == 1
    assert "You have flagged this already" in page.inner_text("body")


# --- The other pages -----------------------------------------------------------------------------


def test_a_report_with_versions_and_flags_has_nothing_for_axe_to_find(browser, trust, examination):
    moment = timezone.now()
    report(
        trust,
        accession=examination.accession,
        patient=_okafor(trust),
        status=ArrivingStatus.CORRECTED,
        text=TEXT.replace("14 mm", "18 mm").replace("No effusion.", "Small effusion."),
        reported_at=moment - timedelta(minutes=10),
        notices=("The time of the examination was not readable.",),
    )
    flagged(trust, examination=examination)
    page = browser.open(reverse("report", args=[examination.public_id]), person=trust.radiologist)
    for summary in page.locator("details summary").all():
        summary.click()
    check(page, "radiologist report versions", browser)


def test_lists_with_rows_and_without_have_nothing_for_axe_to_find(browser, trust):
    page = browser.open("/reports/", person=trust.radiologist)
    check(page, "radiologist reports empty", browser)
    page = browser.open("/flags/", person=trust.radiologist)
    check(page, "radiologist my flags empty", browser)
    flagged(trust, at=timezone.now() - timedelta(hours=30))
    taken = acknowledged(trust, flagged(trust, category="significant_unexpected"))
    expected = timezone.localdate() + timedelta(days=14)
    asked = "CT of the chest requested, with contrast."
    kind = Action.Kind.IMAGING
    record_action(
        finding=taken, by=trust.referrer, kind=kind, text=asked, result_expected_on=expected
    )
    note = "The size in two planes."
    rate_finding(finding=taken, by=trust.referrer, useful=Rating.Useful.CATEGORY, note=note)
    trust.referrer.phone = "020 7946 0456"
    trust.referrer.save()
    gone = flagged(trust, category="urgent")
    withdraw_finding(finding=gone, by=trust.radiologist, because="It was on the scan of 2019.")
    for _ in range(30):
        reported(trust)
    page = browser.open("/flags/", person=trust.radiologist)
    check(page, "radiologist my flags", browser)
    page = browser.open("/reports/", person=trust.radiologist)
    follow(page, page.get_by_role("link", name="Next page"))
    check(page, "radiologist reports second page", browser)
    page.fill("#id_words", "nobody of this name")
    follow(page, "#id_words", "Enter")
    page.wait_for_selector("text=Nothing is found")
    check(page, "radiologist reports nothing found", browser)


@WAYS
def test_a_report_is_typed_in_and_keeps_what_was_typed(browser, trust, viewport, javascript):
    page = browser.open("/reports/new/", viewport, javascript=javascript, person=trust.radiologist)
    looked_at(page, "write report", javascript, browser)
    page.fill("#id_nhs_number", "999000001")
    page.fill("#id_text", "Lungs clear.")
    follow(page, "text=Save report")
    page.wait_for_selector(".nhsuk-error-summary")
    assert "leading zero" in page.inner_text("#id_nhs_number-error")
    assert page.input_value("#id_text") == "Lungs clear."
    looked_at(page, "write report errors", javascript, browser)
    page.fill("#id_nhs_number", "999 000 0018")
    page.fill("#id_family_name", "Okafor")
    for part, value in {"day": "4", "month": "May", "year": "1961"}.items():
        page.fill(f"#id_birth_date-{part}", value)
    page.check("input[name=sex][value=F]")
    page.select_option("#id_modality", "DX")
    page.fill("#id_examination", "XR chest")
    for part, value in {"day": "1", "month": "11", "year": "2025", "time": "09:30"}.items():
        page.fill(f"#id_performed_at-{part}", value)
    page.fill("#id_name", "buchanan")
    follow(page, "text=Save report")
    page.wait_for_url("**/reports/*-*/")
    assert "Saved as T" in page.inner_text("body")
    assert Report.objects.get().examination.requested_by == trust.referrer


def test_nothing_of_the_patient_stands_in_an_address(browser, trust, examination):
    page = browser.open("/reports/", person=trust.radiologist)
    visited = []
    page.on("request", lambda request: visited.append(request.url))
    for typed in ("okafor", nhs_number(4242), "RX00123"):
        page.goto(browser.address + "/reports/")
        page.fill("#id_words", typed)
        follow(page, "#id_words", "Enter")
    assert visited
    assert not [url for url in visited if nhs_number(4242) in url or "okafor" in url.lower()]
    assert violations(page) == []
