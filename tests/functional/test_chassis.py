"""What stands around every page, in a real browser: header, forms, banners, errors."""

import pytest

from findings.demonstration.guide import WORTH_SEEING
from findings.models import Role
from notifications import watchdog
from tests.factories import PersonFactory, RouteFactory
from tests.functional.browser import check, follow, overflow

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.functional.example_pages"),
]

PUBLIC = {
    "sign in": "/sign-in/",
    "help": "/help/",
    "accessibility": "/accessibility/",
    "not found": "/nowhere/",
    "refused": "/example/refused/",
    "unreadable": "/example/unreadable/",
    "example form": "/example/form/",
    "components": "/example/components/",
    "charts": "/example/charts/",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_page_has_nothing_for_axe_to_find_and_fits(browser, name):
    page = browser.open(PUBLIC[name])
    check(page, name, browser)


def test_a_picture_is_drawn_of_its_table_and_leads_to_the_rows(browser):
    page = browser.open("/example/charts/")
    drawn = "one => window.Chart.getChart(one).data.datasets.map(({label, data}) => [label, data])"
    lines = dict(page.locator("canvas").first.evaluate(drawn))
    assert lines["In time"] == [88, 91, 90, 89, 92, 90, 91, None, 89, 91, 70, 68]
    assert lines["Target"] == [95] * 12
    assert page.locator("canvas").count() == page.locator("figure:visible").count() == 4
    canvas, meta = page.locator("canvas").first, "window.Chart.getChart(one).getDatasetMeta(0)"
    at = canvas.evaluate(f"one => ({{x: {meta}.data[11].x, y: {meta}.data[11].y}})")
    with page.expect_navigation():
        canvas.click(position=at)
    assert page.url.endswith("/help/")


def test_without_a_script_the_table_says_it_all(browser):
    page = browser.open("/example/charts/", javascript=False)
    assert page.locator("figure:visible").count() == 0
    assert "68 %" in page.inner_text("#months")


def test_the_last_error_page_is_a_page_too(browser):
    page = browser.open("/example/broken/")
    check(page, "server error", browser)
    assert "Nothing that you sent was half saved" in page.inner_text("main")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_a_form_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(browser, javascript):
    page = browser.open("/example/form/", javascript=javascript)
    page.fill("#id_words", "<b>12345678901234")
    page.check("input[name=answer][value=not_mine]")
    page.fill("#id_on-day", "31")
    page.fill("#id_on-month", "November")
    page.fill("#id_on-year", "2099")
    page.fill("#id_at-day", "29")
    page.fill("#id_at-month", "3")
    page.fill("#id_at-year", "2026")
    page.fill("#id_at-time", "01:30")
    follow(page, "main button[type=submit]:not(.nhsuk-password-input__toggle)")
    page.wait_for_selector(".nhsuk-error-summary")

    assert page.title().startswith("Error: ")
    assert page.input_value("#id_words") == "<b>12345678901234"
    assert page.input_value("#id_on-month") == "November"
    assert "November 2099 has 30 days" in page.inner_text("#id_on-error")
    assert "Did you mean 02:30?" in page.inner_text("#id_at-error")
    assert "Say why not" in page.inner_text("#id_because-error")
    assert page.is_checked("input[name=answer][value=not_mine]")
    assert "nhsuk-input--error" in page.get_attribute("#id_on-day", "class")
    assert "nhsuk-input--error" not in page.get_attribute("#id_on-year", "class")
    check(page, f"form with errors {'with' if javascript else 'without'} javascript", browser)


def test_every_line_of_the_error_summary_leads_to_its_field(browser):
    page = browser.open("/example/form/", javascript=False)
    follow(page, "main button[type=submit]")
    links = page.locator(".nhsuk-error-summary a")
    targets = [links.nth(n).get_attribute("href") for n in range(links.count())]
    assert len(targets) >= 11
    for target in targets:
        assert page.locator(target).evaluate("one => one.matches('input, select, textarea')"), (
            target
        )


def test_the_error_summary_takes_the_focus(browser):
    page = browser.open("/example/form/")
    follow(page, "main button[type=submit]:not(.nhsuk-password-input__toggle)")
    page.wait_for_selector(".nhsuk-error-summary")
    page.locator(".nhsuk-error-summary:focus").wait_for()


def test_a_revealed_field_is_hidden_until_its_choice_is_made(browser):
    page = browser.open("/example/form/")
    page.locator("#id_because").wait_for(state="hidden")
    page.check("input[name=answer][value=not_mine]")
    assert page.is_visible("#id_because")


def test_without_javascript_every_revealed_field_can_be_reached(browser):
    page = browser.open("/example/form/", javascript=False)
    assert page.is_visible("#id_because")


def test_the_first_key_leads_past_the_header(browser):
    page = browser.open("/help/")
    page.locator("[data-nhsuk-skip-link-init]").wait_for(state="attached")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
    page.keyboard.press("Enter")
    page.locator("main:focus, main :focus").wait_for()


def test_hostile_words_stay_words(browser):
    page = browser.open("/example/components/")
    assert page.locator("main script").count() == 0
    assert "<script>alert(1)</script><b>" in page.inner_text(".app-finding-card >> nth=0")


def test_signing_in_and_out_without_javascript(browser):
    PersonFactory(username="ada", password="correct horse battery", roles=[Role.RADIOLOGIST])
    page = browser.open("/policy/", javascript=False)
    page.fill("#id_username", "ada")
    page.fill("#id_password", "wrong")
    follow(page, "main button[type=submit]")
    assert "The sign-in name or the password is not right" in page.inner_text(
        ".nhsuk-error-summary"
    )
    assert page.input_value("#id_username") == "ada"
    assert page.input_value("#id_password") == ""
    page.fill("#id_password", "correct horse battery")
    follow(page, "main button[type=submit]")
    assert page.url.endswith("/policy/")
    page.goto(browser.address + "/help/")
    assert "Dr Ada" in page.inner_text("header")
    follow(page, "text=Sign out")
    assert page.url.endswith("/sign-in/")
    assert "You have signed out." in page.inner_text(".nhsuk-notification-banner")
    assert page.locator("nav[aria-label=Main]").count() == 0


def test_a_person_with_every_role_sees_a_header_that_fits(browser, settings):
    settings.DEMONSTRATION = True
    person = PersonFactory(roles=[role.value for role in Role])
    page = browser.open("/example/components/", person=person)
    check(page, "every role", browser)
    assert "every patient and person here is invented" in page.inner_text("body")


def test_without_a_script_no_width_is_too_narrow_for_a_page(browser):
    """Widths between those of the other tests; and a word that no phone is wide enough for."""
    person = PersonFactory(roles=list(Role), email=f"{'a.long.name.' * 4}@trust.example")
    RouteFactory(person=person)
    page = browser.open("/me/", javascript=False, person=person)
    for width in (320, 480, 640, 641, 769, 960, 1024, 1099, 1101, 1163, 1165):
        page.set_viewport_size({"width": width, "height": 800})
        assert overflow(page) == [], width
    assert person.email in page.inner_text("main")


def test_printed_pages_leave_out_what_cannot_be_pressed(browser):
    page = browser.open("/example/components/")
    page.emulate_media(media="print")
    assert not page.is_visible("footer")
    assert not page.is_visible(".app-filter")
    assert page.is_visible(".app-timeline")


def test_in_a_demonstration_one_press_signs_in(browser, settings):
    settings.DEMONSTRATION = True
    name = WORTH_SEEING[0][0]
    PersonFactory(username=name, roles=[Role.RADIOLOGIST])
    page = browser.open("/sign-in/?next=/help/")
    check(page, "sign in to a demonstration", browser)
    follow(page, ".app-people button")
    assert page.url.endswith("/help/")
    assert "(Radiologist)" in page.inner_text("header")


def test_a_warning_about_the_clock_fits_too(browser):
    watchdog.forget()  # nothing has ever run in this database, and it says so
    page = browser.open("/help/", person=PersonFactory(roles=[Role.REFERRER]))
    check(page, "warning", browser)
    assert "somebody has to look" in page.inner_text(".app-strip--watchdog")


def test_a_locked_name_is_told_what_to_do(browser):
    page = browser.open("/sign-in/")
    for _ in range(8):
        page.fill("#id_username", "nobody")
        page.fill("#id_password", "wrong")
        follow(page, "main button[type=submit]")
    check(page, "locked out", browser)
    assert "closed here for 15 minutes" in page.inner_text("main")


def test_a_form_that_was_open_too_long_is_explained(browser):
    page = browser.open("/sign-in/")
    page.context.clear_cookies()
    page.fill("#id_username", "ada")
    page.fill("#id_password", "wrong")
    follow(page, "main button[type=submit]")
    check(page, "form too old", browser)
    assert "That form could not be sent" in page.inner_text("h1")
