"""What the words mean: each is on the help page once, and the pages that use it lead there."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from findings.presenters.glossary import TERMS, term
from tests.factories import a_trust, flagged
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
USED = re.compile(r"""\bterm\(["']([a-z-]+)["']""")


def used() -> set[str]:
    """The words to whose meaning some template leads."""
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.jinja")
    return {name for one in templates for name in USED.findall(one.read_text())}


def test_every_word_has_its_place_and_some_page_leads_to_it() -> None:
    page = Client().get(reverse("help"))
    places = re.findall(r'id="term-([a-z-]+)"', page.content.decode())
    assert places == list(TERMS)
    assert used() == set(TERMS)
    text = words_of(page)
    for one in TERMS.values():
        assert " ".join(one.means.split()) in text
        assert one.means.endswith(".")


def test_a_word_without_a_meaning_stops_the_page() -> None:
    with pytest.raises(KeyError):
        term("ticket", "ticket")


def test_pages_lead_to_the_meaning_where_a_word_comes_first() -> None:
    """As they are drawn: a link that is no address would be a fault of each page."""
    trust = a_trust()
    finding = flagged(trust)
    anchor = re.compile(r'href="/help/#term-([a-z-]+)">')
    for person, address, expected in (
        (trust.referrer, reverse("finding", args=[finding.reference]), {"acknowledge", "step"}),
        (trust.referrer, reverse("my-findings"), {"owner"}),
        (trust.referrer, reverse("inbox"), {"notification", "acknowledge"}),
        (trust.radiologist, reverse("my-flags"), {"finding", "outcome"}),
        (trust.coordinator, reverse("held-items"), {"held-item", "report"}),
        (trust.coordinator, reverse("wordings"), {"ladder", "step", "examination"}),
    ):
        found = anchor.findall(signed_in(person).get(address).content.decode())
        assert expected <= set(found) <= set(TERMS), address
