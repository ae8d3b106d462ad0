"""The pages of measures: every number leads to its rows, and only whoever may sees them."""

import io
import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from findings import measures
from findings.measures.period import financial_year_of
from findings.models import Viewing
from findings.services.measured_days import keep_up
from tests.factories import Trust, a_trust, acknowledged, flagged
from tests.pages import queries_without_banner, words_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def lead(trust: Trust, client: Client) -> Client:
    client.force_login(trust.governance)
    return client


def history(trust: Trust, number: int) -> None:
    for nth in range(number):
        finding = flagged(trust, at=timezone.now() - (30 + 40 * nth) * HOUR)
        if nth % 3:
            acknowledged(trust, finding, at=finding.flagged_at + nth * HOUR / 3)


def rows_in(client: Client, address: str) -> int:
    joint = "&" if "?" in address else "?"
    file = b"".join(client.get(f"{address}{joint}as=csv").streaming_content).decode("utf-8-sig")
    return len(file.splitlines()) - 1


def test_every_number_leads_to_as_many_rows(trust: Trust, lead: Client) -> None:
    history(trust, 6)
    seen = 0
    for address in (reverse("measures"), reverse("measure", args=["acknowledged"])):
        page = unescape(lead.get(address).content.decode())
        links = re.findall(r'href="(/measures/\w+/rows/[^"]*)"[^>]*>([^<]*)<', page)
        for rows, words in links:
            said = re.search(r"of (\d+)|^(\d+)$", words)
            if said:
                seen += 1
                assert rows_in(lead, rows) == int(said[1] or said[2]), (rows, words)
    assert seen > 25


def test_a_measure_says_what_it_counts_and_who_asks_for_it(trust: Trust, lead: Client) -> None:
    for code, measure in measures.MEASURES.items():
        page = words_of(lead.get(reverse("measure", args=[code])))
        for said in (measure.question, measure.numerator, measure.exclusions, measure.source):
            assert " ".join(said.split()) in " ".join(page.split()), code


def test_a_breakdown_can_be_entered_and_left(trust: Trust, lead: Client) -> None:
    history(trust, 3)
    address = reverse("measure", args=["acknowledged"])
    key = measures.by("acknowledged", trust.organisation, _lately(), "category")[0].key
    page = words_of(lead.get(address, {"category": key}))
    assert "By category: Critical" in page
    assert lead.get(address, {"team": "99999"}).status_code == 200
    assert lead.get(address, {"team": "x"}).status_code == 404
    assert lead.get(reverse("measure", args=["reported"]), {"category": key}).status_code == 404
    assert lead.get(reverse("measure", args=["nothing"])).status_code == 404


def _lately() -> measures.Period:
    today = timezone.localdate()
    return measures.Period(today - timedelta(days=89), today)


def test_own_days_are_said_in_the_address_and_wrong_ones_beside_the_field(lead: Client) -> None:
    page = words_of(lead.get("/measures/?period=own&first=1/10/2026&last=31 October 2026"))
    assert "October 2026" in page
    wrong = words_of(lead.get("/measures/?period=own&first=1/10/2026&last=30/9/2026"))
    assert "The last day must not be before the first" in wrong
    assert "must be a day" in words_of(lead.get("/measures/?period=own&first=tomorrow"))


def test_the_numbers_are_a_workbook_too(trust: Trust, lead: Client) -> None:
    history(trust, 6)
    answer = lead.get("/measures/?period=year&as=xlsx")
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    numbers = {row[0]: row for row in book["Numbers"].iter_rows(values_only=True)}
    found = measures.read("acknowledged", trust.organisation, financial_year_of(_lately().last))
    assert numbers["Acknowledged in time"][1:3] == (found.numerator, found.denominator)
    assert len(numbers) == len(measures.MEASURES) + 1
    defined = {row[0]: row for row in book["Definitions"].iter_rows(values_only=True)}
    assert defined["Declined"][1] == measures.MEASURES["declined"].question


def test_looking_at_rows_is_recorded(trust: Trust, lead: Client) -> None:
    history(trust, 2)
    lead.get(reverse("measures"))
    assert not Viewing.objects.exists()
    lead.get(reverse("measure-rows", args=["closed"]))
    assert len(Viewing.objects.get().patients) == 2


@pytest.mark.parametrize("code", ["acknowledged", "reported", "undelivered"])
def test_a_measure_asks_the_same_however_many_cases_there_are(
    trust: Trust, lead: Client, code: str
) -> None:
    """With days that are kept and something written since, which asks the most."""
    pages = [reverse("measures"), reverse("measure", args=[code])]
    pages.append(reverse("measure-rows", args=[code]))
    history(trust, 2)
    keep_up()
    history(trust, 1)
    few = [queries_without_banner(lead, page) for page in pages]
    history(trust, 5)
    assert [queries_without_banner(lead, page) for page in pages] == few
    assert max(few) <= 25
