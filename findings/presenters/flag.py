"""What the page says on which a finding is flagged: categories, limits, and what will happen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.text import Truncator

from findings import words
from findings.models import Finding
from findings.presenters.finding import PROMISES, LimitLine, limit_lines, rating_words
from findings.presenters.moments import step_words
from findings.presenters.steps import StepLine, line_ahead
from findings.services.flag import Ownership
from findings.services.foresee import Foreseen, Offer
from findings.states import ClockKind


@dataclass(frozen=True)
class CategoryChoice:
    """One category beside its radio button."""

    code: str
    name: str
    definition: str
    definition_source: str
    examples: str
    limits: Sequence[LimitLine]
    # How the time to act is found where the rule gives none.
    act_by_date: bool
    # Why no clock can start, and what an administrator runs.
    refused: str
    asks_primary_site: bool


def category_choices(offered: Iterable[Offer]) -> list[CategoryChoice]:
    return [
        CategoryChoice(
            code=offer.category.code,
            name=offer.category.name,
            definition=offer.category.definition,
            definition_source=offer.category.definition_source,
            examples=offer.category.examples,
            limits=limit_lines(offer.limits),
            act_by_date=offer.needs_date,
            refused=offer.refused,
            asks_primary_site=offer.category.asks_primary_site,
        )
        for offer in offered
    ]


@dataclass(frozen=True)
class WillHappen:
    """What the page says before saving, for one category and one owner."""

    code: str
    name: str
    # Acknowledgement due today at 16:40 (in 1 hour).
    limit: str
    lines: Sequence[StepLine]
    # Sentences about the first step when it reaches nobody.
    first_unreached: Sequence[str]
    reaches_somebody: bool
    # When the first step tells somebody, where that is not at once.
    first_at: datetime | None = None
    # Why it is a team that the order does not name; empty where it names somebody.
    routed: str = ""
    # All of it in a sentence or two, for whoever listens.
    said: str = ""


def what_will_happen(foreseen: Iterable[Foreseen], now: datetime) -> list[WillHappen]:
    return [_will_happen(one, now) for one in foreseen]


def _will_happen(one: Foreseen, now: datetime) -> WillHappen:
    assert one.offer.promise is not None
    due_at = one.offer.promise.due_at
    first = one.steps[0] if one.steps else None
    limit = f"{PROMISES[ClockKind.ACKNOWLEDGE]} {words.due(due_at, now)}"
    return WillHappen(
        code=one.offer.category.code,
        name=one.offer.category.name,
        limit=limit,
        lines=[
            line_ahead(shown, step_words(shown.step.audience, shown.step.words), now)
            for shown in one.steps
        ],
        first_unreached=first.reasons if first and not first.reaches_somebody else [],
        reaches_somebody=one.reaches_somebody,
        first_at=first.step.due_at if first and first.step.due_at > now else None,
        routed=one.held.because if one.held.is_routed else "",
        said=f"{one.offer.category.name}. {_first_told(one)} {limit}.",
    )


def _first_told(one: Foreseen) -> str:
    if not one.reaches_somebody:
        return "No message will reach anybody: telephone about it."
    first = one.steps[0]
    if first.reasons or not first.names:
        return f"{owner_words(one.held)} holds it. The first message reaches nobody."
    return f"{owner_words(one.held)} holds it and is told."


def became(finding: Finding) -> list[str]:
    """What became of a flag so far, in the order of an answer: the plan, what was done, whether the
    patient knows, the outcome, and what whoever acted thought of the flag."""
    said = []
    if finding.plan:
        said.append(f"{finding.acknowledged_by} plans: {_short(finding.plan)}")
    if actions := list(finding.actions.all()):
        last = actions[-1]
        said.append(f"{last.get_kind_display()}: {_short(last.text)}")
    if finding.patient_told_at:
        told = f"Patient told {words.when(finding.patient_told_at)}"
        not_told = finding.patient_told_how in Finding.ToldHow.not_the_patient()
        said.append(finding.get_patient_told_how_display() if not_told else told)
    if finding.outcome:
        note = f". {_short(finding.outcome_note)}" if finding.outcome_note else ""
        said.append(f"Outcome: {finding.get_outcome_display()}{note}")
    if finding.withdrawn_because:
        said.append(_short(finding.withdrawn_because))
    return said


def ratings(finding: Finding) -> list[str]:
    """What each of those who answered for it said of the flag."""
    last = {rating.rated_by_id: rating for rating in finding.ratings.all()}
    return [rating_words(one.useful, _short(one.note), one.rated_by) for one in last.values()]


def _short(text: str) -> str:
    return Truncator(text).chars(120)


def owner_words(held: Ownership) -> str:
    """Dr Ada Example of Respiratory medicine; or the team alone."""
    return f"{held.person} of {held.team}" if held.person else str(held.team)


def flagged_words(owner: object, shown: WillHappen) -> str:
    """What is said when it was saved."""
    told = f"{owner} is told now."
    if shown.first_at:
        told = f"{owner} is told at {words.clock_time(shown.first_at)}: until then you can undo it."
    if shown.first_unreached:
        told = "The first step reaches nobody."
    return f"Flagged. {told} {shown.limit}."
