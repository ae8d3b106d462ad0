"""The policy page: every rule with who says so, for everybody who signs in."""

from html import unescape
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from findings.models import Rule
from findings.presenters.policy import CLOCKS
from findings.services.policy import load_policy
from notifications import watchdog
from tests.factories import Trust
from tests.integration.policy_files import own_copy, stricter, with_inpatient_limit

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return own_copy(tmp_path)


@pytest.fixture
def page(trust: Trust) -> "Page":
    return Page(trust)


class Page:
    """The policy page as somebody sees it."""

    def __init__(self, trust: Trust) -> None:
        self.trust, self.client = trust, Client()

    def text(self, person=None) -> str:
        self.client.force_login(
            person or self.trust.referrer, backend="django.contrib.auth.backends.ModelBackend"
        )
        return self.again()

    def again(self) -> str:
        """The same person opens it once more."""
        response = self.client.get("/policy/")
        assert response.status_code == 200
        return unescape(" ".join(response.content.decode().split()))


def test_everybody_who_signs_in_reads_the_policy(page: Page):
    trust = page.trust
    for person in (trust.radiologist, trust.coordinator, trust.governance, trust.administrator):
        assert "Every rule in force" in page.text(person)


def test_nobody_reads_it_without_signing_in(client: Client):
    assert client.get("/policy/").status_code == 302


def test_the_page_holds_every_rule_with_its_source(page: Page):
    text = page.text()
    for rule in Rule.objects.in_force():
        assert str(rule) in text
        assert rule.source in text


def test_the_page_says_where_a_source_gives_no_number(page: Page):
    assert "The source gives no number" in page.text()


def test_only_national_rules_are_marked_as_national_guidance(page: Page):
    text = page.text()
    marks = text[text.rindex("Every rule in force") :].count("National guidance </strong>")
    assert marks == sum(rule.is_national for rule in Rule.objects.in_force())


def test_the_page_shows_each_step_of_each_local_ladder(page: Page):
    text = page.text()
    assert CLOCKS["acknowledge"].lower() in text.lower()
    for words in ("4 hours after the clock starts", "4 hours before the limit", "At the limit"):
        assert words in text
    assert "3 working days after the clock starts" in text


def test_the_page_shows_by_when_reports_are_due_and_who_hears(page: Page, tmp_path: Path):
    load_policy(with_inpatient_limit(tmp_path))
    text = page.text()
    reports = text[text.index("By when an examination") : text.rindex("Every rule in force")]
    assert "28 days" in reports
    assert "21 days after the clock starts" in reports
    assert "the imaging managers" in reports
    assert "DEF-TAT-IP v1" in reports
    assert "1 working day" in reports
    assert "Not signed by this trust" in reports


def test_an_unsigned_local_rule_is_marked(page: Page, folder):
    assert "Not signed by this trust" not in page.text()
    stricter(folder, "DEF-CRIT", "PT30M")
    text = page.text()
    assert "Not signed by this trust" in text
    assert "manage.py sign_policy DEF-CRIT" in text


def test_earlier_versions_stay_on_the_page(page: Page, folder):
    assert "No rule has been changed" in page.text()
    stricter(folder)
    text = page.text()
    earlier = text[text.index("Earlier versions") :]
    assert "DEF-URG v1" in earlier
    assert "12 hours" in earlier


def test_the_page_asks_the_database_as_often_for_many_rules_as_for_few(page: Page, folder):
    stricter(folder)
    page.text()
    watchdog.sentences()  # for the banner, which asks again only after a while
    with CaptureQueriesContext(connection) as few:
        page.again()
    stricter(folder, "DEF-CRIT", "PT30M")
    stricter(folder, "DEF-SIG", "P4D")
    watchdog.sentences()
    with CaptureQueriesContext(connection) as many:
        page.again()
    assert len(many) <= len(few) < 16
