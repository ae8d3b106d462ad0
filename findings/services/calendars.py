"""Bank holidays: from the package to rows, by hand with a reason, and which years are missing."""

from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from holidays import country_holidays

from findings.models import (
    BankHoliday,
    BankHolidayChange,
    Clock,
    Nation,
    Organisation,
    Person,
    Rule,
    Site,
)
from findings.rules import check_can_keep_calendar
from findings.timetable import Calendar

FIRST_YEAR, YEARS_AHEAD = 2019, 5
PACKAGE = "Python package holidays"
What = BankHolidayChange.What


def calendar(kind: str, site: Site | None = None) -> Calendar:
    """How the days of a rule's calendar are counted at a site; without one, by NATION.

    Asked anew each time: an administrator's change must reach every process at once.
    """
    working = kind == Rule.Calendar.WORKING
    holidays: frozenset[date] = frozenset()
    if working:
        nation = site.whose_holidays if site else settings.NATION
        holidays = frozenset(BankHoliday.objects.counting(nation).values_list("on", flat=True))
    return Calendar(working, ZoneInfo(settings.TIME_ZONE), holidays)


# --- Loading -----------------------------------------------------------------------------------


def years_loaded() -> range:
    """From the oldest demonstration case to five years ahead."""
    return range(FIRST_YEAR, timezone.localdate().year + YEARS_AHEAD + 1)


@transaction.atomic
def load_holidays() -> None:
    """Bring every day that no person has touched up to the package: new, renamed or moved."""
    for nation in Nation.values:
        _load_nation(nation, years_loaded())


def _load_nation(nation: str, years: range) -> None:
    named = {
        day: name[:80] for day, name in country_holidays("GB", subdiv=nation, years=years).items()
    }
    source = f"{PACKAGE} {version('holidays')}"
    # One statement, so that two loads at once, or a person in between, do no harm.
    BankHoliday.objects.bulk_create(
        [
            BankHoliday(nation=nation, on=day, name=name, source=source)
            for day, name in named.items()
        ],
        ignore_conflicts=True,
    )
    untouched = BankHoliday.objects.select_for_update().filter(
        nation=nation, is_kept_by_hand=False, on__year__gte=years.start, on__year__lt=years.stop
    )
    for row in untouched:
        found = named.get(row.on)
        if (row.is_removed, row.name) != (found is None, found or row.name):
            row.is_removed, row.name, row.source = found is None, found or row.name, source
            row.save()


# --- By hand -----------------------------------------------------------------------------------


def add_holiday(
    *, nation: str, on: date, name: str, because: str, source: str, by: Person
) -> BankHoliday:
    """A day that the table lacks, or had removed. Promises already made do not move.

    Raises `ValueError` when the day is a bank holiday of this nation already.
    """
    check_can_keep_calendar(by)
    _must_say(name=name, because=because, source=source)
    with transaction.atomic():
        row, is_new = BankHoliday.objects.select_for_update().get_or_create(
            nation=nation, on=on, defaults={"name": name.strip(), "source": source.strip()}
        )
        if not is_new and not row.is_removed:
            raise ValueError(f"This day is in the table already: {row.name}.")
        row.is_removed, row.is_kept_by_hand = False, True
        row.name, row.source = name.strip(), source.strip()
        row.save()
        _note(row, What.ADDED if is_new else What.RESTORED, because, source, by)
    return row


def remove_holiday(*, holiday: BankHoliday, because: str, source: str, by: Person) -> BankHoliday:
    """Not a bank holiday: working time runs on this day. Promises already made do not move."""
    check_can_keep_calendar(by)
    _must_say(because=because, source=source)
    with transaction.atomic():
        row = BankHoliday.objects.select_for_update().get(pk=holiday.pk)
        if row.is_removed:
            raise ValueError("This day has been removed already.")
        row.is_removed = row.is_kept_by_hand = True
        row.save()
        _note(row, What.REMOVED, because, source, by)
    return row


def _must_say(**words: str) -> None:
    for what, given in words.items():
        if not given.strip():
            raise ValueError(f"A change of the calendar needs its {what}.")


def _note(row: BankHoliday, what: What, because: str, source: str, by: Person) -> None:
    BankHolidayChange.objects.create(
        holiday=row, what=what, because=because.strip(), source=source.strip(), by=by
    )


# --- What is missing ---------------------------------------------------------------------------


def nations_in_use() -> set[str]:
    """The nations whose calendars this installation's sites count by."""
    sites = Site.objects.filter(organisation__kind=Organisation.Kind.TRUST)
    return {site.whose_holidays for site in sites.select_related("organisation")}


def missing_years(today: date) -> Iterator[tuple[Nation, int]]:
    """This year or the next, where a nation in use has no bank holiday in it at all."""
    for nation in sorted(nations_in_use()):
        known = set(BankHoliday.objects.counting(nation).values_list("on__year", flat=True))
        for year in (today.year, today.year + 1):
            if year not in known:
                yield Nation(nation), year


def promises_past_the_table() -> Iterator[tuple[Nation, int, int]]:
    """Running working-time clocks due after the last year of their nation: how many, which year."""
    last = dict(
        BankHoliday.objects.filter(is_removed=False)
        .values_list("nation")
        .annotate(last=Max("on__year"))
        .order_by()
    )
    running = (
        Clock.objects.running()
        # An improvement has its day from a person, in no calendar.
        .filter(rule__calendar=Rule.Calendar.WORKING, improvement__isnull=True)
        .select_related("finding__site__organisation", "examination__site__organisation")
    )
    earliest = min(last.get(nation, FIRST_YEAR) for nation in Nation.values)
    past: dict[str, int] = {}
    for clock in running.filter(due_at__year__gt=earliest).iterator():
        nation = (clock.finding or clock.its_examination).site.whose_holidays
        if timezone.localtime(clock.due_at).year > last.get(nation, FIRST_YEAR):
            past[nation] = past.get(nation, 0) + 1
    for nation, count in sorted(past.items()):
        yield Nation(nation), last.get(nation, FIRST_YEAR), count
