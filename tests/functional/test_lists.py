"""A list as a coordinator uses it: turned, kept under a name, and fresh."""

import pytest
from django.urls import reverse

from findings.views import listing
from tests.factories import a_trust, acknowledged, flagged
from tests.functional.browser import PHONE, check, follow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_list_is_turned_and_kept_and_says_what_changed(browser, monkeypatch, javascript):
    monkeypatch.setattr(listing, "ROWS_ON_A_PAGE", 3)
    trust = a_trust()
    findings = [flagged(trust) for _ in range(5)]
    address = f"{reverse('open-findings')}?category=critical"
    page = browser.open(address, PHONE, javascript=javascript, person=trust.coordinator)
    follow(page, page.get_by_role("link", name="Keep these filters as a view"), "Enter")
    check(page, f"list keep {javascript}", browser)
    page.get_by_label("Name of this view").fill("Critical ones")
    follow(page, page.get_by_role("button", name="Keep"), "Enter")
    assert page.get_by_role("link", name="Critical ones").get_attribute("aria-current") == "true"
    check(page, f"list kept {javascript}", browser)
    page.set_viewport_size(PHONE)
    follow(page, page.get_by_role("link", name="Next page"), "Enter")
    assert "Showing 4 to 5 of 5." in page.inner_text(".app-count")
    if javascript:
        acknowledged(trust, findings[4])
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.get_by_text("1 row has changed.").wait_for()
        assert "Acknowledged" not in page.inner_text("table"), "nothing moves by itself"
        check(page, "list changed", browser)
        follow(page, page.get_by_role("link", name="Show what changed"), "Enter")
        assert "Acknowledged" in page.inner_text("table")
        assert "has changed" not in page.inner_text("main")
    follow(page, page.get_by_role("link", name="Rename or remove this view"), "Enter")
    check(page, f"list view {javascript}", browser)
    follow(page, page.get_by_role("button", name="Remove this view"), "Enter")
    follow(page, page.get_by_role("button", name="Put it back"), "Enter")
    page.get_by_role("link", name="Critical ones").wait_for()
