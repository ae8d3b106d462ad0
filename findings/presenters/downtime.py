"""The list for the day when this system is down: every open finding of a trust on paper, and every
examination that waits for its report.

One document without links or scripts, so that it opens from any disk and prints: who holds each
finding and their telephone, what is due, who would be told next and how to ring them. Every time
is a whole date: paper is read on another day than it was printed on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Prefetch
from django.template.loader import render_to_string

from findings import reach, words
from findings.models import Clock, Examination, Finding, Organisation, Person, Step, Team
from findings.presenters.moments import step_words


@dataclass(frozen=True)
class Row:
    """One open finding with what its page would say, were it there."""

    finding: Finding
    due: str
    # Whoever holds it, with a telephone where one is known.
    owner: str
    # When the next step falls and why; empty at the end of the ladder.
    next_step: str
    # Whom it tells, each with a telephone where one is known.
    told: tuple[str, ...]


@dataclass(frozen=True)
class WaitRow:
    """One examination without a report."""

    examination: Examination
    due: str
    next_step: str
    told: tuple[str, ...]


def open_findings_of(organisation: Organisation) -> list[Finding]:
    """Every open finding of a trust with its next steps, the least time left first."""
    return list(
        Finding.objects.filter(organisation=organisation)
        .open()
        .for_list()
        .select_related("flagged_by", "organisation")
        .prefetch_related(_coming())
        .order_by(F("due_at").asc(nulls_last=True), "-counts_from", "pk")
    )


def waits_of(organisation: Organisation) -> list[Clock]:
    """Every running clock of an examination of a trust with its next steps, the least time left
    first."""
    running = Clock.objects.running().filter(examination__site__organisation=organisation)
    return list(
        running.select_related("examination__patient", "examination__site__organisation")
        .prefetch_related(_coming())
        .order_by("due_at", "pk")
    )


def _coming() -> Prefetch:
    """The steps that are still to fire, the next one first."""
    steps = Step.objects.unfired().order_by("falls_at", "level")
    return Prefetch("steps", queryset=steps, to_attr="coming")


def _next_steps(rows: Sequence[Finding | Clock]) -> list[Step | None]:
    """One for each, from what was read with it; None at the end of its ladder."""
    return [next(iter(row.coming), None) for row in rows]  # type: ignore[union-attr]


def document(
    organisation: Organisation, findings: Sequence[Finding], waits: Sequence[Clock], at: datetime
) -> str:
    """The whole document. `at` is the moment as of which it was true."""
    return render_to_string(
        "downtime_list.jinja",
        {
            "organisation": organisation,
            "at": at,
            "rows": list(_rows(findings, at)),
            "waits": list(_wait_rows(waits, at)),
        },
    )


def _rows(findings: Sequence[Finding], at: datetime) -> Iterator[Row]:
    steps = _next_steps(findings)
    asks = [
        (reach.Subject.of(finding), [step.planned] if step else [])
        for finding, step in zip(findings, steps, strict=True)
    ]
    for finding, step, shown in zip(findings, steps, reach.previews(asks), strict=True):
        yield Row(
            finding=finding,
            due=words.capital(words.due_on_paper(finding.due_at, at)),  # type: ignore[attr-defined]
            owner=_with_phone(finding.owner_person) if finding.owner_person else str(finding.owner),
            next_step=_said(step) if step else "",
            told=_whom(shown),
        )


def _wait_rows(waits: Sequence[Clock], at: datetime) -> Iterator[WaitRow]:
    examinations = [clock.examination for clock in waits if clock.examination]
    steps = _next_steps(waits)
    subjects = reach.waiting(examinations)
    asks = [
        (subjects[one.pk], [step.planned] if step else [])
        for one, step in zip(examinations, steps, strict=True)
    ]
    found = zip(waits, examinations, steps, reach.previews(asks), strict=True)
    for clock, examination, step, shown in found:
        next_step = _said(step, subjects[examination.pk].team) if step else ""
        due = words.capital(words.due_on_paper(clock.due_at, at))
        yield WaitRow(examination, due, next_step, _whom(shown))


def _whom(shown: Sequence[reach.StepPreview]) -> tuple[str, ...]:
    return tuple(_with_phone(one.person) for each in shown for one in each.recipients)


def _said(step: Step, team: Team | None = None) -> str:
    return f"{words.when(step.falls_at)}: {step_words(step.audience, step.words, team)}"


def _with_phone(person: Person) -> str:
    return f"{person}, {person.phone}" if person.phone else f"{person}, no telephone known"
