"""A coordinator looks ahead: who will be there, who will not, and where it is mended."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Category, Post
from findings.services.coverage import check_coverage
from findings.services.rota import add_entry, make_post
from findings.services.routing import add_rule
from findings.services.sender_settings import change_sender
from notifications.models import Route
from tests.factories import Trust, a_trust, flagged
from tests.functional.browser import DESKTOP, PHONE, check, follow
from tests.integration.test_rotas import around
from tests.messages import oru

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    return a_trust()


@pytest.fixture
def post(trust: Trust) -> Post:
    """Somebody is on now and tomorrow, with a gap between."""
    post = make_post(
        team=trust.team,
        by=trust.coordinator,
        name="On-call consultant, Royal Infirmary",
        stands_for="responsible",
    )
    for days in (0, 1):
        shift = around(timezone.now() + timedelta(days=days))
        add_entry(post=post, person=trust.colleague, shift=shift, by=trust.coordinator)
    return post


def test_the_pages_of_cover_can_be_read_by_everybody_at_every_width(browser, trust, post):
    flagged(trust)
    Route.objects.filter(person__in=[trust.referrer, trust.director]).delete()
    check_coverage()
    category = Category.objects.get(code="critical")
    made = add_rule(
        organisation=trust.organisation, by=trust.coordinator, team=trust.team, category=category
    )
    shift = post.entries.first()
    pages = {
        "coverage": reverse("coverage"),
        "rotas": reverse("rotas"),
        "rota": reverse("post", args=[post.pk]),
        "add to rota": reverse("add-to-rota", args=[post.pk]),
        "take off rota": reverse("remove-shift", args=[shift.pk]),
        "add post": reverse("add-post"),
        "import rota": reverse("import-rota"),
        "routing": reverse("routing"),
        "routing rule": reverse("change-routing-rule", args=[made.pk]),
        "remove rule": reverse("remove-routing-rule", args=[made.pk]),
        "senders": reverse("senders"),
        "sender": reverse("sender", args=[trust.sender.pk]),
    }
    page = browser.new_page(DESKTOP, person=trust.coordinator)
    for name, address in pages.items():
        page.goto(browser.address + address)
        check(page, f"cover {name}", browser)


def test_a_message_is_tried_before_the_settings_of_its_sender_are_saved(browser, trust):
    change_sender(sender=trust.sender, by=trust.administrator, zone="Europe/Paris")
    address = reverse("sender", args=[trust.sender.pk])
    page = browser.open(address, PHONE, javascript=False, person=trust.coordinator)
    page.get_by_label("Try it on a message").fill(oru(status="Odd").decode().replace("\r", "\n"))
    page.get_by_label("Its words for the status of a report").fill("odd = final")
    follow(page, page.get_by_role("button", name="Try it"))
    assert "ALDER, ANN" in page.inner_text("main")
    check(page, "cover sender tried", browser)
    follow(page, page.get_by_role("button", name="Save"))
    assert "Saved." in page.inner_text(".nhsuk-notification-banner")


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_night_is_put_on_the_rota_with_the_keyboard(browser, trust, post, javascript):
    page = browser.open(reverse("rotas"), PHONE, javascript=javascript, person=trust.coordinator)
    follow(page, page.get_by_role("link", name=post.name))
    follow(page, page.get_by_role("button", name="Add to the rota"))
    page.get_by_label("Who?").select_option(str(trust.referrer.pk))
    for field, day, time in (("starts", "1", "21:00"), ("ends", "2", "10:00")):
        for part, value in (("day", day), ("month", "2"), ("year", "2027"), ("time", time)):
            page.fill(f"[name={field}-{part}]", value)
    follow(page, "[name=ends-time]", "Enter")
    page.wait_for_url(f"**{reverse('post', args=[post.pk])}")
    said = page.inner_text(".nhsuk-notification-banner")
    assert f"Added: {trust.referrer}, 1 February 2027 at 21:00 to 2 February 2027 at 10:00" in said
