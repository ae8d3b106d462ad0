"""Measures by the API: as the page, the file and the paper have them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings import measures
from findings.models import Finding, Viewing
from tests.calling import calling
from tests.factories import Trust, a_trust, acknowledged, flagged, unreported
from tests.integration.test_measures import SOME, happened
from tests.pages import words_of

pytestmark = pytest.mark.django_db
MEASURES = "/api/v1/measures/"
HOUR = timedelta(hours=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ask(trust: Trust, code: str, expected: int = 200, **query: str) -> dict:
    answer = calling(trust.governance).get(f"{MEASURES}{code}/", query)
    assert answer.status_code == expected, answer.content
    return answer.json()


def test_every_measure_is_defined(trust: Trust) -> None:
    found = calling(trust.governance).get(MEASURES).json()
    assert [one["code"] for one in found] == list(measures.MEASURES)
    for one in found:
        of = measures.MEASURES[one["code"]]
        assert (one["question"], one["numerator"]) == (of.question, of.numerator)
        assert [by["code"] for by in one["dimensions"]] == [
            by.code for by in measures.dimensions_of(of)
        ]


def test_api_file_and_page_agree_about_days(trust: Trust, client: Client) -> None:
    """23:59 on 30 June and 00:30 on 1 July in summer: 22:59 and 23:30 of one day in UTC."""
    june = flagged(trust, at=datetime(2026, 6, 30, 22, 59, tzinfo=UTC))
    july = flagged(trust, at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    client.force_login(trust.governance)
    for first, last, found in (
        (date(2026, 6, 1), date(2026, 6, 30), [june]),
        (date(2026, 6, 30), date(2026, 6, 30), [june]),
        (date(2026, 7, 1), date(2026, 7, 31), [july]),
        (date(2026, 7, 1), date(2026, 7, 1), [july]),
        (date(2026, 6, 30), date(2026, 7, 1), [july, june]),
    ):
        days = {"from": str(first), "to": str(last)}
        number = ask(trust, "closed", **days)["reading"]["denominator"]
        rows = ask(trust, "closed/rows", **days)["results"]
        assert number == len(found)
        assert [row["finding"] for row in rows] == [one.reference for one in found]
        assert in_file(client, first, last) == {one.reference for one in found}
        assert f"(0 of {len(found)})" in words_of(
            client.get(reverse("measure", args=["closed"]), own(first, last))
        )


def own(first: date, last: date) -> dict[str, str]:
    return {"period": "own", "first": str(first), "last": str(last)}


def in_file(client: Client, first: date, last: date) -> set[str]:
    answer = client.get(reverse("measure-rows", args=["closed"]), own(first, last) | {"as": "csv"})
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    return {line.split(",")[0] for line in lines[1:]}


def test_months_and_parts_are_those_of_the_measure(trust: Trust) -> None:
    for case in SOME:
        happened(trust, *case)
    today = timezone.localdate()
    period = measures.Period(today - timedelta(days=69), today)
    days = {"from": str(period.first), "to": str(period.last)}
    for code in ("closed", "reported", "undelivered"):
        of_rows = measures.dimensions_of(measures.MEASURES[code])
        # Those of groups: test_circumstances.py.
        for dimension in (one for one in of_rows if not one.is_of_groups):
            found = ask(trust, code, by=dimension.code, series="month", **days)
            parts = measures.by(code, trust.organisation, period, dimension.code)
            months = measures.series(code, trust.organisation, period)
            assert [(one["key"], one["label"]) for one in found["parts"]] == [
                (one.key, one.label) for one in parts
            ]
            assert counts(found["parts"]) == [
                (one.reading.numerator, one.reading.denominator) for one in parts
            ]
            assert [(one["numerator"], one["denominator"]) for one in found["series"]] == [
                (one.numerator, one.denominator) for one in months
            ]
            for part in found["parts"]:
                alone = ask(trust, code, **days, **{dimension.code: part["key"]})
                assert alone["reading"]["denominator"] == part["reading"]["denominator"]
    assert ask(trust, "closed", series="week", **days)["series"][0]["first"] == days["from"]


def counts(parts: list[dict]) -> list[tuple[int, int]]:
    return [(one["reading"]["numerator"], one["reading"]["denominator"]) for one in parts]


def test_what_is_open_is_said_beside_the_number(trust: Trust) -> None:
    acknowledged(trust, flagged(trust, at=timezone.now() - 50 * HOUR))
    flagged(trust, at=timezone.now() - 60 * HOUR)
    found = ask(trust, "acknowledged")
    assert found["reading"]["open"] == 1
    assert found["reading"]["oldest_open_seconds"] // 3600 == 60
    assert found["took"] == {"median_seconds": pytest.approx(50 * 3600, abs=60), **WAITING}
    assert found["time_zone"] == "Europe/London"


WAITING = {"nine_in_ten_seconds": None, "count": 2, "open": 1}


def test_a_small_number_is_flagged_and_not_hidden(trust: Trust) -> None:
    for _ in range(9):
        flagged(trust)
    assert ask(trust, "closed")["reading"]["is_small"]
    flagged(trust)
    found = ask(trust, "closed")["reading"]
    assert (found["denominator"], found["is_small"]) == (10, False)


def test_rows_are_references_come_in_pages_and_looking_is_recorded(trust: Trust) -> None:
    every = [flagged(trust) for _ in range(5)]
    caller, address = calling(trust.governance), f"{MEASURES}closed/rows/?page_size=2"
    seen: list[dict] = []
    while address:
        page = caller.get(address).json()
        seen, address = seen + page["results"], page["next"]
        if len(seen) == 2:
            flagged(trust)  # while somebody turns the page
    assert [row["finding"] for row in seen] == [one.reference for one in reversed(every)]
    assert {tuple(row) for row in seen} == {("finding", "examination", "counts_at", "is_met")}
    looked_at = {patient for one in Viewing.objects.all() for patient in one.patients}
    assert looked_at == set(
        Finding.objects.filter(pk__in=[one.pk for one in every]).values_list(
            "examination__patient", flat=True
        )
    )


def test_rows_of_examinations_are_theirs(trust: Trust) -> None:
    waiting = unreported(trust, performed_at=timezone.now() - timedelta(days=40))
    (row,) = ask(trust, "reported/rows", met="no")["results"]
    assert (row["finding"], row["examination"]) == (None, str(waiting.public_id))
    assert ask(trust, "reported/rows", met="yes")["results"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-06-31", "to": "2026-07-01"}, "from"),
        ({"from": "2026-06-01"}, "to"),
        ({"from": "2026-06-02", "to": "2026-06-01"}, "to"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "to"),
        ({"from": "2006-06-02", "to": "2026-06-01"}, "to"),
        ({"series": "day"}, "series"),
        ({"by": "postcode"}, "by"),
        # Of examinations alone, or of another measure.
        ({"by": "useful"}, "by"),
        ({"useful": "yes"}, "useful"),
        ({"categori": "1"}, "categori"),
        ({"team": "x"}, "team"),
        ({"sex": "\x00"}, "sex"),
    ],
)
def test_what_cannot_be_asked_is_named(trust: Trust, query: dict[str, str], field: str) -> None:
    assert ask(trust, "acknowledged", 400, **query)["field"] == field


def test_what_is_not_there_or_not_theirs(trust: Trust) -> None:
    ask(trust, "nothing", 404)
    ask(trust, "nothing/rows", 404)
    flagged(trust)
    other = a_trust()
    assert ask(other, "closed")["reading"]["denominator"] == 0
    assert ask(other, "closed/rows")["results"] == []
    for path in ("", "closed/", "closed/rows/"):
        assert calling(trust.referrer).get(MEASURES + path).status_code == 403
