"""A finding on the coordinators' desk: why it is there in sentences, and whom to ring.

What the rows of one page need is read at once, each question for all of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from findings import words
from findings.models import (
    Event,
    Finding,
    HandOver,
    Membership,
    Person,
    Question,
    Role,
    Unroutable,
)
from findings.models.cover import away_on, stand_in
from findings.models.finding import FindingQuerySet
from findings.presenters.cards import Card, Ring, Said
from findings.presenters.finding import what_is_due
from findings.presenters.reasons import RUNG, Reason, Row
from findings.presenters.sentences import say
from findings.services.desk import newest_line

Kind = Event.Kind
# What a row says of the timeline: the newest line of each kind.
SHOWN = (Kind.NOTE, Kind.SEND_FAILED, Kind.DECLINED, Kind.PHONED)
# More people than this are not rung, one after the other, by anybody.
MOST_TO_RING = 3


@dataclass(frozen=True)
class Facts:
    """What is known of the findings of a page, by the id of each, or of its team."""

    events: dict[tuple[int, str], Event]
    unroutable: dict[int, Unroutable]
    offers: dict[int, HandOver]
    # The one that has waited longest first.
    questions: dict[int, list[Question]]
    duties: dict[int, list[Membership]]
    # Whoever stands in for somebody who is away today; None: nobody does.
    away: dict[int, Person | None]
    # A moment in words: near it as a page says it, whole where the words are kept.
    said_at: Callable[[datetime], str]

    def event(self, finding: Finding, kind: Kind) -> Event | None:
        return self.events.get((finding.pk, kind))


def finding_cards(
    rows: Sequence[Row], person: Person, said_at: Callable[[datetime], str]
) -> dict[int, Card]:
    """By id: every finding of these rows that is still there to be seen by this person."""
    findings = list(with_seen().visible_to(person).filter(pk__in=[row.pk for row in rows]))
    facts, by_pk = _facts(findings, rows, said_at), {row.pk: row for row in rows}
    return {one.pk: _card(one, by_pk[one.pk], facts) for one in findings}


def with_seen() -> FindingQuerySet:
    """Findings as a row shows them, with `seen`: the number of the newest line that it knows of."""
    newest = newest_line(Event.objects.filter(finding=OuterRef("pk"))).values("number")[:1]
    return Finding.objects.for_list().select_related("flagged_by").annotate(seen=Subquery(newest))


def _facts(
    findings: Sequence[Finding], rows: Sequence[Row], said_at: Callable[[datetime], str]
) -> Facts:
    newest = Event.objects.filter(finding__in=findings, kind__in=SHOWN)
    newest = newest.order_by("finding", "kind", "-number").distinct("finding", "kind")
    # What one reason alone speaks of is read of its own rows; of none nothing is asked.
    stands = defaultdict[str, list[int]](list)
    for row in rows:
        for reason in row.reasons:
            stands[reason.code].append(row.pk)
    queued = Unroutable.objects.standing().filter(finding__in=stands["unroutable"])
    offers = HandOver.objects.open().filter(finding__in=stands["offer"])
    asked = Question.objects.open().filter(finding__in=stands["question"])
    questions = defaultdict[int, list[Question]](list)
    for question in asked.select_related("asked_by"):
        questions[question.finding_id].append(question)
    return Facts(
        events={(one.finding_id, one.kind): one for one in newest.select_related("by")},
        unroutable={one.finding_id: one for one in queued if one.finding_id},
        offers={one.finding_id: one for one in offers.select_related("to_person", "to_team")},
        questions=questions,
        duties=_duties({one.team_id for one in findings}),
        away=_away({one.owner_person_id for one in findings if one.owner_person_id}),
        said_at=said_at,
    )


def _duties(teams: Iterable[int]) -> dict[int, list[Membership]]:
    """Of each team who has a duty in it; the responsible ones first."""
    found: dict[int, list[Membership]] = {}
    duties = Membership.objects.filter(team__in=teams, person__is_active=True)
    duties = duties.exclude(duty=Membership.Duty.MEMBER).select_related("person", "team")
    for one in duties.order_by("-duty", "person__family_name", "pk"):
        found.setdefault(one.team_id, []).append(one)
    return found


def _away(owners: Iterable[int]) -> dict[int, Person | None]:
    away = away_on(timezone.localdate())
    instead = {one: stand_in(one, away) for one in owners if one in away}
    if not instead:
        return {}
    people = Person.objects.in_bulk([one for one in instead.values() if one])
    return {one: people.get(other or 0) for one, other in instead.items()}


# --- One row --------------------------------------------------------------------------------------


def _card(finding: Finding, row: Row, facts: Facts) -> Card:
    note = facts.event(finding, Kind.NOTE)
    team = f", {finding.team}" if finding.owner_person_id else ""
    return Card(
        name=f"{finding.category.name} {finding.reference}",
        page=("finding", finding.reference),
        what=finding.description,
        patient=finding.examination.patient,
        where=f"{finding.state_words}. Held by {finding.owner}{team}. {finding.site.name}.",
        said=[_said(reason, finding, facts) for reason in row.reasons],
        ring=_ring(finding, row, facts),
        note=_note(note, facts) if note else "",
        seen=finding.seen,  # type: ignore[attr-defined]
        due_at=finding.due_at,  # type: ignore[attr-defined]
        what_is_due=what_is_due(finding),
        owner=finding.owner_person,
        finding=finding,
    )


def _note(note: Event, facts: Facts) -> str:
    return f"{note.data.get('text', '')} ({note.by}, {facts.said_at(note.at)})"


def _said(reason: Reason, finding: Finding, facts: Facts) -> Said:
    more = _MORE.get(reason.code)
    return Said(reason.title, more(finding, facts) if more else "")


def _newest(kind: Kind) -> Callable[[Finding, Facts], str]:
    """What the timeline says of the newest of its kind, by whom, and when."""

    def words_of(finding: Finding, facts: Facts) -> str:
        event = facts.event(finding, kind)
        if event is None:
            return ""
        said = say(event)
        by = f"{event.by}, " if event.by else ""
        text = f" {said.text}" if said.text else ""
        return f"{said.sentence}{text} ({by}{facts.said_at(event.at)})"

    return words_of


def _unroutable(finding: Finding, facts: Facts) -> str:
    queued = facts.unroutable.get(finding.pk)
    return queued.because if queued else ""


def _offer(finding: Finding, facts: Facts) -> str:
    offer = facts.offers.get(finding.pk)
    if offer is None:
        return ""
    return f"Offered to {offer.receiver}, {facts.said_at(offer.offered_at)}."


def _question(finding: Finding, facts: Facts) -> str:
    asked = facts.questions.get(finding.pk)
    if not asked:
        return ""
    first, *more = asked
    others = f" And {words.plural(len(more), 'other question')}." if more else ""
    return f"{first.asked_by} asked, {facts.said_at(first.asked_at)}: {first.text}{others}"


# By the code of a reason: what else is known of it.
_MORE: dict[str, Callable[[Finding, Facts], str]] = {
    "unroutable": _unroutable,
    "bounced": _newest(Kind.SEND_FAILED),
    "declined_twice": _newest(Kind.DECLINED),
    "question": _question,
    "offer": _offer,
    RUNG: _newest(Kind.PHONED),
}


# --- Whom to ring ---------------------------------------------------------------------------------


def _ring(finding: Finding, row: Row, facts: Facts) -> list[Ring]:
    """Whom the worst reason asks for first, then whoever holds it, then who answers for the
    team."""
    asked = _ASKED.get(row.reasons[0].code)
    found = [*(asked(finding, facts) if asked else ()), *_answerable(finding, facts)]
    return _once(found)[:MOST_TO_RING]


def _answerable(finding: Finding, facts: Facts) -> list[Ring]:
    return _holder(finding, facts) + [
        Ring(one.person, f"{one.get_duty_display().lower()}, {one.team}")
        for one in facts.duties.get(finding.team_id, ())
    ]


def _once(found: Iterable[Ring]) -> list[Ring]:
    once: dict[int, Ring] = {}
    for ring in found:
        once.setdefault(ring.person.pk, ring)
    return list(once.values())


def _holder(finding: Finding, facts: Facts) -> list[Ring]:
    owner = finding.owner_person
    if owner is None or not owner.is_active:
        return []
    if owner.pk not in facts.away:
        return [Ring(owner, "holds it")]
    instead = facts.away[owner.pk]
    return [Ring(instead, f"stands in for {owner}, who is on leave")] if instead else []


def _not_reached(finding: Finding, facts: Facts) -> list[Ring]:
    """Whoever the message did not reach, where they answer for it: the timeline has their name."""
    failed = facts.event(finding, Kind.SEND_FAILED)
    to = failed.data.get("to") if failed else None
    return [one for one in _answerable(finding, facts) if str(one.person) == to]


def _radiologist(finding: Finding, facts: Facts) -> list[Ring]:
    by = finding.flagged_by
    return [Ring(by, "flagged it")] if by.has_role(Role.RADIOLOGIST) else []


def _offered_to(finding: Finding, facts: Facts) -> list[Ring]:
    offer = facts.offers.get(finding.pk)
    return [Ring(offer.to_person, "it is offered to them")] if offer and offer.to_person else []


# By the code of a reason: who can end it, where that is not who holds the finding.
_ASKED: dict[str, Callable[[Finding, Facts], list[Ring]]] = {
    "bounced": _not_reached,
    "question": _radiologist,
    "offer": _offered_to,
}
