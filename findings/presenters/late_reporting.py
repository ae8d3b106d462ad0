"""Late reporting in words: the limits with whose they are, the tables, and what is foretold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from findings import words
from findings.measures.forecast import LEAST_REPORTED, Expected
from findings.measures.late_reporting import BANDS, LEARNS_FROM, Day, LateReporting, Row
from findings.models import Examination, Rule
from findings.presenters.measures import Cell, Table, number
from findings.services.policy import in_calendar
from findings.services.policy_checks import REPORT_POLICIES, REPORT_POLICY
from findings.timetable import in_words


@dataclass(frozen=True)
class LimitLine:
    """By when a class of examinations is to be reported, and who says so."""

    of: str
    within: str
    whose: str
    # The rule that the trust could enter: it has none yet.
    missing: str = ""


@dataclass(frozen=True)
class Page:
    """All that the page says."""

    limits: Sequence[LimitLine]
    total: Row
    tables: Sequence[Table]
    ages: Table
    days: Table
    foretold: str
    rests_on: str


def page_of(found: LateReporting, now: datetime) -> Page:
    return Page(
        limits(),
        found.total,
        [
            _table("setting", "By kind of referral", found.by_setting, found.total, now),
            _table("modality", "By kind of imaging", found.by_modality, found.total, now),
            _table("site", "By site", found.by_site, found.total, now),
        ],
        _ages(found),
        _days(found, now),
        _foretold(found.total),
        _rests_on(found.learnt),
    )


def limits() -> list[LimitLine]:
    """The national limit, and for each class the trust's own, or that it has none."""
    by_policy = {rule.policy_id: rule for rule in Rule.objects.in_force()}
    names = dict(Examination.Setting.choices)
    lines = [_limit("Every examination", by_policy.get(REPORT_POLICY))]
    return lines + [
        _limit(names[Examination.Setting(one)], by_policy.get(policy), policy)
        for one, policy in REPORT_POLICIES.items()
    ]


def _limit(of: str, rule: Rule | None, policy_id: str = "") -> LimitLine:
    if rule is None or not rule.communicate_within:
        return LimitLine(of, "No limit of its own", "The trust has entered none", policy_id)
    within = in_calendar(in_words(rule.communicate_within), rule)
    whose = "National guidance" if rule.is_national else rule.get_basis_display()
    return LimitLine(of, f"{within} from when the images were made", f"{whose}: {rule.source}")


def _table(by: str, caption: str, rows: Iterable[Row], total: Row, now: datetime) -> Table:
    head: list[str | Cell] = [
        {"text": caption.removeprefix("By ").capitalize()},
        {"text": "Waiting", "series": "waiting"},
        {"text": "Late", "series": "late"},
        {"text": "Oldest", "series": "oldest"},
        {"text": "Due in 7 days", "series": "due"},
        {"text": "Expected late", "series": "expected"},
    ]
    return Table(f"by-{by}", caption, head, [_line(by, row, now) for row in [*rows, total]])


def _line(by: str, row: Row, now: datetime) -> list[Cell]:
    narrowed = {by: row.key} if row.key else {}
    return [
        {"text": row.label},
        _number(row.waiting, **narrowed),
        _number(row.late, late="on", **narrowed),
        {"text": words.length(now - row.oldest) if row.oldest else ""},
        _number(row.due, week="on", **narrowed),
        {"text": expected_words(row.expected)},
    ]


def _number(count: int, **narrowed: str) -> Cell:
    """A number that leads to the rows that it counts."""
    return number(count, f"{reverse('waiting')}?{urlencode(narrowed)}")


def expected_words(expected: Expected | None) -> str:
    """About 12 (8 to 16)."""
    if expected is None:
        return "not known"
    if not expected.due:
        return "0"
    if expected.least == expected.most:
        return str(expected.least)
    return f"about {round(expected.late)} ({expected.least} to {expected.most})"


def _ages(found: LateReporting) -> Table:
    head: list[str | Cell] = [{"text": "Kind of referral"}]
    head += [{"text": band.words, "series": band.key} for band in BANDS]
    rows = [
        [
            {"text": row.label},
            *(
                _number(count, setting=row.key, age=band.key)
                for band, count in zip(BANDS, row.by_age, strict=True)
            ),
        ]
        for row in found.by_setting
    ]
    return Table("ages", "By how long ago the images were made", head, rows)


def _days(found: LateReporting, now: datetime) -> Table:
    """How many limits fall on each day; with a forecast, how many of these will be kept."""
    if found.total.expected is None:
        head: list[str | Cell] = [{"text": "Limit falls on"}, {"text": "Due", "series": "due"}]
        rows = [[_on(day, now), _due(day)] for day in found.days]
        return Table("days", "The next 7 days", head, rows)
    head = [
        {"text": "Limit falls on"},
        {"text": "Due", "series": ""},
        {"text": "Expected in time", "series": "in_time"},
        {"text": "Expected late", "series": "late"},
    ]
    return Table("days", "The next 7 days", head, [_foretold_of(day, now) for day in found.days])


def _foretold_of(day: Day, now: datetime) -> list[Cell]:
    late = day.expected.late if day.expected else 0
    in_time = day.due - late
    return [
        _on(day, now),
        _due(day),
        {"text": f"about {round(in_time)}" if day.due else "0", "value": in_time},
        {"text": expected_words(day.expected), "value": late},
    ]


def _due(day: Day) -> Cell:
    return _number(day.due, day=f"{day.on:%Y-%m-%d}")


def _on(day: Day, now: datetime) -> Cell:
    return {"text": words.capital(words.near_day(day.on, now))}


def _foretold(total: Row) -> str:
    if total.expected is None:
        return "How many of them will be late cannot be told yet."
    if not total.due:
        return "No limit falls in the next 7 days."
    return (
        f"If reports come as they came lately, {expected_words(total.expected)} of the"
        f" {words.plural(total.due, 'examination')} whose limit falls in the next 7 days will be"
        " late."
    )


def _rests_on(learnt: int) -> str:
    said = f"{words.plural(learnt, 'report')} of the last {LEARNS_FROM} days"
    if learnt < LEAST_REPORTED:
        return f"It needs {LEAST_REPORTED} and there are {said}."
    return (
        f"It rests on {said}: of examinations that had waited as long, how many still had no report"
        " when their limit fell? Eight times in ten the number lies within the brackets, if"
        " nothing changes. It is no plan, and nobody is told less because of it."
    )
