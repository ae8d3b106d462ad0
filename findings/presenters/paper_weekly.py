"""The weekly list of one team, or of every team: what is open there, what is late, and who holds
it. It names patients."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from findings import words
from findings.models import Person, Team
from findings.presenters.finding import what_is_due
from findings.presenters.measures import Table
from findings.presenters.papers import Paper, Section, table

CARE = "Names patients: only for those who treat them. Destroy it when the next one is made."
HEAD = ("Finding", "Patient", "Category", "Stands at", "What is due", "Held by", "Flagged")


def weekly_list(by: Person, team: Team, findings: Sequence[Any], now: datetime) -> Paper:
    """Of findings with their due time (`with_due`), the least time left first."""
    late = [one for one in findings if _is_late(one, now)]
    week = [one for one in findings if not _is_late(one, now)]
    return Paper(
        f"Weekly list: {team.name}",
        by.organisation.name,
        f"Everything open on {words.day(words.local(now))}",
        now,
        by.full_name,
        CARE,
        [
            Section(
                "What is late",
                [f"{words.plural(len(late), 'finding')} past the limit."],
                [_rows("late", late, now, "Late")] if late else [],
            ),
            Section(
                "What is open",
                [f"{words.plural(len(week), 'finding')} within the limit."],
                [_rows("open", week, now, "Open")] if week else [],
            ),
        ],
    )


def weekly_lists(by: Person, lists: Sequence[tuple[Team, Sequence[Any]]], now: datetime) -> Paper:
    """Of every team that holds something open: a page and a sheet each, what is late first."""
    full = [(team, found) for team, found in lists if found]
    empty = [team.name for team, found in lists if not found]
    number = sum(len(found) for _, found in full)
    nothing = [f"Nothing is open with: {', '.join(empty)}."] if empty else []
    counted = [[team.name, len(found), _late(found, now)] for team, found in full]
    over = Section(
        "All teams",
        [f"{words.plural(number, 'finding')} with {words.plural(len(full), 'team')}.", *nothing],
        [table("teams", "Findings by team", ("Team", "Open", "Past the limit"), counted)],
    )
    return Paper(
        "Weekly lists of all teams",
        by.organisation.name,
        f"Everything open on {words.day(words.local(now))}",
        now,
        by.full_name,
        CARE,
        [over, *(_of_team(team, found, now) for team, found in full)],
    )


def _is_late(finding: Any, now: datetime) -> bool:
    return bool(finding.due_at and finding.due_at <= now)


def _late(findings: Sequence[Any], now: datetime) -> int:
    return sum(_is_late(one, now) for one in findings)


def _of_team(team: Team, findings: Sequence[Any], now: datetime) -> Section:
    late = _late(findings, now)
    says = f"{words.plural(len(findings), 'finding')} open, {late} of them past the limit."
    return Section(team.name, [says], [_rows(f"team-{team.pk}", findings, now, team.name)])


def _rows(id: str, findings: Sequence[Any], now: datetime, caption: str) -> Table:
    rows = [
        [
            {"text": one.reference, "href": reverse("finding", args=[one.reference])},
            f"{one.examination.patient.display_name}, {_number(one)}",
            one.category.name,
            one.state_words,
            f"{what_is_due(one)}, {words.due_on_paper(one.due_at, now)}" if one.due_at else "",
            str(one.owner),
            words.day(one.flagged_at),
        ]
        for one in findings
    ]
    return table(id, caption, HEAD, rows)


def _number(finding: Any) -> str:
    patient = finding.examination.patient
    return f"NHS {words.nhs_number(patient.nhs_number)}" if patient.nhs_number else "no NHS number"
