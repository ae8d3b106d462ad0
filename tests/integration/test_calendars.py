"""Whose bank holidays count, what a person may change in them, and what warns of a missing year."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from findings.models import BankHoliday, BankHolidayChange, Clock, Rule
from findings.rules import NotAllowed
from findings.services import calendars
from findings.services.calendars import add_holiday, calendar, load_holidays, remove_holiday
from findings.services.policy import load_policy
from findings.timetable import parse_duration
from notifications import watchdog
from tests.factories import SiteFactory, Trust, flagged
from tests.integration.policy_files import change, own_copy
from tests.pages import fill_in, signed_in, words_of

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")
ENG, WLS, SCT, NIR = "ENG", "WLS", "SCT", "NIR"

# Days from Monday to Friday on which each nation is closed, as its government published them
# (2024 to 2027) or as the statutes give them (2028 to 2030).
EVERYWHERE = """
    2024-01-01 2024-03-29 2024-05-06 2024-05-27 2024-12-25 2024-12-26
    2025-01-01 2025-04-18 2025-05-05 2025-05-26 2025-12-25 2025-12-26
    2026-01-01 2026-04-03 2026-05-04 2026-05-25 2026-12-25 2026-12-28
    2027-01-01 2027-03-26 2027-05-03 2027-05-31 2027-12-27 2027-12-28
    2028-01-03 2028-04-14 2028-05-01 2028-05-29 2028-12-25 2028-12-26
    2029-01-01 2029-03-30 2029-05-07 2029-05-28 2029-12-25 2029-12-26
    2030-01-01 2030-04-19 2030-05-06 2030-05-27 2030-12-25 2030-12-26
"""
NOT_IN_SCOTLAND = """
    2024-04-01 2024-08-26 2025-04-21 2025-08-25 2026-04-06 2026-08-31 2027-03-29 2027-08-30
    2028-04-17 2028-08-28 2029-04-02 2029-08-27 2030-04-22 2030-08-26
"""
ONLY_IN = {
    ENG: "",
    WLS: "",
    SCT: """
        2024-01-02 2024-08-05 2024-12-02 2025-01-02 2025-08-04 2025-12-01
        2026-01-02 2026-06-15 2026-08-03 2026-11-30 2027-01-04 2027-08-02 2027-11-30
        2028-01-04 2028-08-07 2028-11-30 2029-01-02 2029-08-06 2029-11-30
        2030-01-02 2030-08-05 2030-12-02
    """,
    NIR: """
        2024-03-18 2024-07-12 2025-03-17 2025-07-14 2026-03-17 2026-07-13
        2027-03-17 2027-07-12 2028-03-17 2028-07-12 2029-03-19 2029-07-12
        2030-03-18 2030-07-12
    """,
}


def due(nation: str, start: date, days: int, trust: Trust) -> date:
    trust.site.nation = nation
    begins = datetime(start.year, start.month, start.day, 10, tzinfo=LONDON)
    ends = calendar("working", trust.site).add(begins, parse_duration(f"P{days}D"))
    return ends.astimezone(LONDON).date()


# --- The right days ----------------------------------------------------------------------------


@pytest.mark.parametrize("nation", [ENG, WLS, SCT, NIR])
def test_the_table_closes_exactly_the_days_that_the_nation_closes(nation):
    rows = BankHoliday.objects.counting(nation).filter(on__year__gte=2024, on__year__lte=2030)
    closed = {row.on.isoformat() for row in rows if row.on.weekday() < 5}
    shared = "" if nation == SCT else NOT_IN_SCOTLAND
    assert closed == set(f"{EVERYWHERE} {shared} {ONLY_IN[nation]}".split())


@pytest.mark.parametrize(
    ("nation", "start", "days", "ends"),
    [
        (ENG, date(2026, 4, 2), 5, date(2026, 4, 13)),
        (WLS, date(2026, 4, 2), 5, date(2026, 4, 13)),
        (NIR, date(2026, 4, 2), 5, date(2026, 4, 13)),
        (SCT, date(2026, 4, 2), 5, date(2026, 4, 10)),
        (ENG, date(2026, 12, 24), 1, date(2026, 12, 29)),
        (SCT, date(2026, 12, 24), 1, date(2026, 12, 29)),
        (ENG, date(2027, 12, 24), 1, date(2027, 12, 29)),
        (SCT, date(2026, 11, 27), 1, date(2026, 12, 1)),
        (ENG, date(2026, 11, 27), 1, date(2026, 11, 30)),
        (SCT, date(2026, 7, 31), 1, date(2026, 8, 4)),
        (NIR, date(2026, 7, 10), 1, date(2026, 7, 14)),
        (SCT, date(2027, 12, 31), 1, date(2028, 1, 5)),
        (ENG, date(2027, 12, 31), 1, date(2028, 1, 4)),
        (ENG, date(2022, 5, 27), 1, date(2022, 5, 30)),
        (ENG, date(2022, 6, 1), 1, date(2022, 6, 6)),
    ],
    ids=str,
)
def test_working_days_end_as_the_nation_of_the_site_counts_them(nation, start, days, ends, trust):
    assert due(nation, start, days, trust) == ends


def test_a_site_counts_by_its_own_nation_then_its_trusts_then_the_settings(trust, settings):
    settings.NATION = WLS
    assert trust.site.whose_holidays == WLS
    trust.site.organisation.nation = NIR
    assert trust.site.whose_holidays == NIR
    trust.site.nation = SCT
    assert trust.site.whose_holidays == SCT


def test_a_finding_is_promised_by_the_days_of_its_sites_nation(trust, working_days):
    """Flagged on the Thursday before Easter: Scotland works on Easter Monday."""
    at = datetime(2026, 4, 2, 10, tzinfo=LONDON)
    english = flagged(trust, category="urgent", at=at).clocks.get(kind="acknowledge")
    trust.site.nation = SCT
    trust.site.save()
    scottish = flagged(trust, category="urgent", at=at).clocks.get(kind="acknowledge")
    assert english.due_at.astimezone(LONDON).date() == date(2026, 4, 13)
    assert scottish.due_at.astimezone(LONDON).date() == date(2026, 4, 10)


@pytest.fixture
def working_days(tmp_path, settings):
    """Urgent findings are to be acknowledged within five working days."""
    settings.DEMONSTRATION = True
    folder = own_copy(tmp_path)
    change(folder, "policy.csv", "DEF-URG", clock="working", acknowledge_within="P5D")
    load_policy(folder)


# --- By hand -----------------------------------------------------------------------------------

CORONATION = {
    "nation": ENG,
    "on": date(2028, 6, 9),
    "name": "Coronation",
    "because": "Announced by the government.",
    "source": "gov.uk/bank-holidays",
}


def test_a_day_that_was_removed_does_not_come_back_with_the_next_load(trust):
    easter = BankHoliday.objects.get(nation=ENG, on=date(2026, 4, 6))
    remove_holiday(
        holiday=easter, because="We work.", source="Board paper 12", by=trust.administrator
    )
    load_policy()
    easter.refresh_from_db()
    assert easter.is_removed
    assert calendar("working").is_working_day(date(2026, 4, 6))


def test_a_day_that_was_added_stays_as_it_was_typed(trust):
    add_holiday(**CORONATION, by=trust.administrator)
    load_policy()
    row = BankHoliday.objects.get(nation=ENG, on=date(2028, 6, 9))
    assert (row.name, row.source, row.is_removed) == ("Coronation", "gov.uk/bank-holidays", False)
    assert not calendar("working").is_working_day(date(2028, 6, 9))


def test_a_removed_day_can_be_put_back_and_both_are_remembered(trust):
    day = BankHoliday.objects.get(nation=ENG, on=date(2026, 4, 6))
    remove_holiday(holiday=day, because="A slip.", source="None", by=trust.administrator)
    again = {**CORONATION, "on": day.on, "name": "Easter Monday"}
    assert add_holiday(**again, by=trust.administrator).pk == day.pk
    assert list(day.changes.values_list("what", flat=True)) == ["restored", "removed"]


def test_a_day_cannot_be_there_twice(trust):
    with pytest.raises(ValueError, match="in the table already: Christmas Day"):
        add_holiday(**{**CORONATION, "on": date(2026, 12, 25)}, by=trust.administrator)


@pytest.mark.parametrize("missing", ["name", "because", "source"])
def test_a_change_without_its_reason_or_source_is_refused(trust, missing):
    with pytest.raises(ValueError, match=missing):
        add_holiday(**{**CORONATION, missing: "  "}, by=trust.administrator)
    assert not BankHoliday.objects.filter(on=CORONATION["on"]).exists()


def test_only_an_administrator_changes_the_calendar(trust):
    with pytest.raises(NotAllowed):
        add_holiday(**CORONATION, by=trust.coordinator)
    with pytest.raises(NotAllowed):
        remove_holiday(
            holiday=BankHoliday.objects.first(), because="x", source="x", by=trust.governance
        )


def test_a_day_that_the_package_moves_is_moved_unless_somebody_touched_it(monkeypatch, trust):
    """May Day 2020 was moved to the 8th after it had been in every calendar for years."""
    before, after = date(2029, 5, 7), date(2029, 5, 8)
    real = calendars.country_holidays

    def moved(*args, **kwargs):
        days = dict(real(*args, **kwargs))
        days[after] = days.pop(before)
        return days

    monkeypatch.setattr(calendars, "country_holidays", moved)
    load_holidays()
    assert calendar("working").is_working_day(before)
    assert not calendar("working").is_working_day(after)


def test_changing_a_day_moves_no_promise_already_made(trust, working_days):
    clock = flagged(
        trust, category="urgent", at=datetime(2026, 4, 2, 10, tzinfo=LONDON)
    ).clocks.get(kind="acknowledge")
    steps = list(clock.steps.values_list("due_at", flat=True))
    easter = BankHoliday.objects.get(nation=ENG, on=date(2026, 4, 6))
    remove_holiday(holiday=easter, because="We work.", source="Board", by=trust.administrator)
    again = Clock.objects.get(pk=clock.pk)
    assert again.due_at == clock.due_at
    assert list(again.steps.values_list("due_at", flat=True)) == steps


def test_the_database_keeps_the_row_and_the_history(trust):
    row = add_holiday(**CORONATION, by=trust.administrator)
    for sql in (
        "DELETE FROM findings_bankholiday WHERE id = %s",
        "UPDATE findings_bankholidaychange SET because = 'other' WHERE holiday_id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [row.pk])
    assert BankHolidayChange.objects.get(holiday=row).because == "Announced by the government."


# --- Missing years -----------------------------------------------------------------------------


def calendar_sentences() -> list[str]:
    return [one.text for one in watchdog.look() if one.page == "bank-holidays"]


def forget(nation: str, year: int) -> None:
    """As if nobody had loaded this year: a row is never deleted, so it counts no more."""
    BankHoliday.objects.filter(nation=nation, on__year=year).update(is_removed=True)


def test_nothing_warns_while_this_year_and_the_next_are_known(trust):
    assert calendar_sentences() == []


def test_a_missing_next_year_warns_for_the_nation_in_use_only(trust):
    year = timezone.localdate().year + 1
    forget(SCT, year)
    assert calendar_sentences() == []
    SiteFactory(organisation=trust.organisation, nation=SCT)
    (sentence,) = calendar_sentences()
    assert f"No bank holidays of Scotland are known for {year}" in sentence


def test_a_promise_past_the_last_year_known_warns(trust, working_days):
    last = timezone.localdate().year + calendars.YEARS_AHEAD
    flagged(trust, category="urgent", at=datetime(last, 12, 15, 10, tzinfo=LONDON))
    assert calendar_sentences() == []
    flagged(trust, category="urgent", at=datetime(last, 12, 30, 10, tzinfo=LONDON))
    (sentence,) = calendar_sentences()
    assert f"1 promise is due after {last}" in sentence


def test_a_year_that_was_missing_is_there_after_the_next_load(trust):
    forget(ENG, timezone.localdate().year + 1)
    assert len(calendar_sentences()) == 1
    call_command("load_policy", verbosity=0)
    assert calendar_sentences() == []


# --- The page ----------------------------------------------------------------------------------


def test_an_administrator_adds_and_removes_a_day_on_pages(trust):
    client = signed_in(trust.administrator)
    typed = {
        "nation": ENG, "on-day": "9", "on-month": "6", "on-year": "2028",
        "name": "Coronation", "because": "Announced.", "source": "gov.uk",
    }  # fmt: skip
    answer = fill_in(client, reverse("add-bank-holiday"), typed)
    page = words_of(client.get(answer.url))
    assert "Coronation" in page
    assert "No promise that was already made has moved." in page
    row = BankHoliday.objects.get(nation=ENG, on=date(2028, 6, 9))
    why = {"because": "Cancelled.", "source": "gov.uk"}
    fill_in(client, reverse("remove-bank-holiday", args=[row.pk]), why)
    page = words_of(client.get(reverse("bank-holidays") + "?nation=ENG&year=2028"))
    assert "Removed Before Coronation, 9 June 2028 After" in page
    assert "Cancelled." in page
    gone = client.get(reverse("remove-bank-holiday", args=[row.pk]), follow=True)
    assert "was removed already" in words_of(gone)


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(trust):
    client = signed_in(trust.administrator)
    typed = {
        "nation": ENG, "on-day": "25", "on-month": "12", "on-year": "2026",
        "name": "Feast", "because": "", "source": "",
    }  # fmt: skip
    answer = client.post(reverse("add-bank-holiday"), typed)
    assert answer.status_code == 422
    said = words_of(answer)
    assert "Say why" in said
    assert "This day is in the table already: Christmas Day" in said
    assert 'value="Feast"' in answer.content.decode()


# --- Elapsed time, and time that was closed ----------------------------------------------------


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        (datetime(2026, 10, 24, 23, 30, tzinfo=LONDON), "2026-10-25T02:30:00+00:00"),
        (datetime(2026, 3, 28, 23, 30, tzinfo=LONDON), "2026-03-29T04:30:00+01:00"),
    ],
)
def test_four_hours_are_four_hours_when_the_clocks_change(trust, tmp_path, settings, start, ends):
    settings.DEMONSTRATION = True
    folder = own_copy(tmp_path)
    change(folder, "policy.csv", "DEF-CRIT", acknowledge_within="PT4H")
    load_policy(folder)
    clock = flagged(trust, category="critical", at=start).clocks.get(kind="acknowledge")
    assert Rule.objects.get(pk=clock.rule_id).acknowledge_within == "PT4H"
    assert clock.due_at == datetime.fromisoformat(ends)
    assert clock.due_at.astimezone(LONDON).isoformat() == ends
    assert clock.due_at - clock.started_at == timedelta(hours=4)
