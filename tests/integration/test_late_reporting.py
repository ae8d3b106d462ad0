"""Late reporting: every number leads to the rows that it counts, and the rows add up to it."""

import re
from datetime import timedelta
from html import unescape
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from findings.measures import waiting
from findings.measures.late_reporting import late_reporting
from findings.models import Clock, Examination, Person
from findings.services.report_by import no_report_expected
from tests.factories import Trust, a_trust, waiting_examination
from tests.pages import queries_without_banner

pytestmark = pytest.mark.django_db
SETTINGS = ["", "inpatient", "cancer"]


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def found(trust: Trust, now=None):
    now, person = now or timezone.now(), trust.governance
    return late_reporting(waiting.waits_visible_to(person), waiting.seen_by(person), now)


def some_waits(trust: Trust, number: int, seed: int) -> list[Examination]:
    random, now = Random(seed), timezone.now()
    return [
        waiting_examination(
            trust,
            performed_at=now - timedelta(hours=random.randrange(1, 40 * 24)),
            setting=random.choice(SETTINGS),
            modality=random.choice(["CT", "DX", ""]),
        )
        for _ in range(number)
    ]


def reported(examination: Examination, days: float) -> None:
    """As its report leaves its clock, so many days after the images."""
    clock = examination.clocks.get()
    stopped = clock.started_at + timedelta(days=days)
    Clock.objects.filter(pk=clock.pk).update(
        stopped_at=stopped, stopped_because=Clock.StoppedBecause.REPORTED
    )


def test_every_number_leads_to_as_many_rows(trust: Trust) -> None:
    some_waits(trust, 25, seed=4)
    client = signed_in(trust.governance)
    page = client.get("/late-reporting/").content.decode()
    links = re.findall(r'href="(/waiting/\?[^"]+)"[^>]*>(?:<strong>)?(\d+)<', unescape(page))
    assert len(links) > 20
    for address, number in links:
        assert int(number) > 0
        file = b"".join(client.get(f"{address}&as=csv").streaming_content).decode()
        assert len(file.splitlines()) - 1 == int(number), address
    assert {"late", "week", "day", "age", "setting", "modality", "site"} <= {
        name for address, _ in links for name, _ in parse_qsl(urlsplit(address).query)
    }


def test_the_rows_of_each_table_add_up_to_its_total(trust: Trust) -> None:
    some_waits(trust, 25, seed=5)
    page = found(trust)
    for rows in (page.by_setting, page.by_modality, page.by_site):
        for name in ("waiting", "late", "due"):
            assert sum(getattr(row, name) for row in rows) == getattr(page.total, name)
        bands = zip(*(row.by_age for row in rows), strict=True)
        assert tuple(map(sum, bands)) == page.total.by_age
    assert sum(page.total.by_age) == page.total.waiting == 25
    assert sum(day.due for day in page.days) == page.total.due


def test_what_is_foretold_is_what_became_of_those_that_waited_as_long(trust: Trust) -> None:
    """Of forty, half had their report after 5 days and the others wait: what is 26 days old now is
    one of those that nobody reports, so all of them will be late."""
    now = timezone.now()
    old = [waiting_examination(trust, performed_at=now - timedelta(days=60)) for _ in range(40)]
    for one in old[:20]:
        reported(one, days=5.5)
    for one in old[20:30]:
        reported(one, days=30.5)
    for _ in range(3):
        waiting_examination(trust, performed_at=now - timedelta(days=26))
    page = found(trust, now)
    assert page.learnt == 30
    assert page.total.due == 3
    assert page.total.expected.late == pytest.approx(3)
    # The limit of these is four weeks away.
    waiting_examination(trust, performed_at=now - timedelta(days=1))
    assert found(trust, now).total.due == 3


def test_nothing_is_foretold_from_too_little(trust: Trust) -> None:
    waiting_examination(trust, performed_at=timezone.now() - timedelta(days=26))
    page = found(trust)
    assert page.total.expected is None
    shown = signed_in(trust.governance).get("/late-reporting/").content.decode()
    assert "cannot be told yet" in shown


def test_what_nobody_expects_any_more_is_not_counted(trust: Trust) -> None:
    ended = waiting_examination(trust)
    no_report_expected(ended, reason="cancelled", because="Not done.", by=trust.coordinator)
    assert found(trust).total.waiting == 0


def test_another_trust_has_numbers_of_its_own(trust: Trust) -> None:
    some_waits(trust, 3, seed=1)
    assert found(a_trust()).total.waiting == 0


def test_the_limits_say_whose_they_are(trust: Trust) -> None:
    shown = signed_in(trust.governance).get("/late-reporting/").content.decode()
    words = re.sub(r"<[^>]+>|\s+", " ", shown)
    assert re.search(r"28 days from when the images were made .*National guidance: NHSE", words)
    assert words.count("No limit of its own") == 3


def test_the_page_asks_the_same_however_many_wait(trust: Trust) -> None:
    client = signed_in(trust.governance)
    some_waits(trust, 2, seed=1)
    few = queries_without_banner(client, "/late-reporting/")
    some_waits(trust, 12, seed=2)
    assert queries_without_banner(client, "/late-reporting/") == few <= 25
