"""The coordinators' desk in words: what each row is of, why it is there, and whom to ring."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from findings import reach, words
from findings.measures.desk import Asked, silences, silent, standing
from findings.measures.feeds import Silence
from findings.models import (
    Clock,
    Examination,
    Person,
    Proposal,
    Receipt,
    Team,
    Unroutable,
)
from findings.presenters.cards import Card, Ring, Said
from findings.presenters.columns import Columns, column
from findings.presenters.desk_findings import finding_cards
from findings.presenters.held import alert_words, reason_words
from findings.presenters.integration import silent_words
from findings.presenters.list_file import Kind
from findings.presenters.proposals import reported_by, what_was_found
from findings.presenters.reasons import QUERIES, REASONS, SILENT, Of, Row, in_order
from findings.states import ClockKind


@dataclass(frozen=True)
class Desk:
    """What stands on it, and its rows as they are shown: who sits at it, and when."""

    person: Person
    now: datetime
    # Where its words are kept, no moment is "today" any more when they are read.
    is_kept: bool = False

    def said_at(self, at: datetime) -> str:
        return words.when(at) if self.is_kept else words.near(at, self.now)

    @cached_property
    def silences(self) -> Mapping[int, Silence]:
        """Measured once, and only where feeds are looked at."""
        return silent(self.person, self.now)

    def standing(self, only: Mapping[str, Any] | None = None, of: Of | None = None) -> list[Row]:
        """Everything that stands, or what is of this kind, the most harmful first; of findings
        only those with these fields."""
        queries = {code: ask for code, ask in QUERIES.items() if of in (None, REASONS[code].of)}
        asked = Asked(self.person, self.now, only or {})
        found = standing(queries, asked) if queries else []
        if of in (None, Of.FEED):
            found += silences(SILENT, self.silences.values())
        return in_order(found)

    def fill(self, rows: Sequence[Row]) -> list[Row]:
        """Each with its card, in a few questions for each kind that is there. What went between
        the two looks is left out."""
        for of in {row.of for row in rows}:
            own = [row for row in rows if row.of == of]
            cards = _READ[of](self, own)
            for row in own:
                row.shown = cards.get(row.pk)
        return [row for row in rows if row.shown]


def _titles(row: Row, more: Mapping[str, str] | None = None) -> list[Said]:
    return [Said(reason.title, (more or {}).get(reason.code, "")) for reason in row.reasons]


def _findings(desk: Desk, rows: Sequence[Row]) -> dict[int, Card]:
    return finding_cards(rows, desk.person, desk.said_at)


def _held(desk: Desk, rows: Sequence[Row]) -> dict[int, Card]:
    by_pk = {row.pk: row for row in rows}
    items = Receipt.objects.visible_to(desk.person).filter(pk__in=by_pk)
    items = items.select_related("message__sender").defer("message__body")
    return {one.pk: _held_card(one, by_pk[one.pk]) for one in items}


def _held_card(receipt: Receipt, row: Row) -> Card:
    sender = receipt.message.sender
    return Card(
        name=f"Held item {receipt.pk}",
        page=("held-item", receipt.pk),
        what=f"{reason_words(receipt.reason)}. {receipt.detail}".strip(),
        where=f"From {sender.name if sender else 'a sender that is not known'}."
        f" {receipt.suggestion}",
        said=_titles(row, {"held_alert": alert_words(receipt)}),
        due_at=receipt.alert_due_at,
    )


def _proposals(desk: Desk, rows: Sequence[Row]) -> dict[int, Card]:
    by_pk = {row.pk: row for row in rows}
    found = Proposal.objects.visible_to(desk.person).filter(pk__in=by_pk)
    found = found.select_related(
        "category", "report__reported_by", "examination__patient", "examination__site"
    )
    return {one.pk: _proposal_card(one, by_pk[one.pk]) for one in found}


def _proposal_card(proposal: Proposal, row: Row) -> Card:
    examination, reporter = proposal.examination, proposal.report.reported_by
    return Card(
        name=what_was_found(proposal),
        page=("report", examination.public_id),
        what=proposal.line,
        patient=examination.patient,
        where=f"{examination.title}, {examination.accession}, {examination.site.name}. Reported by"
        f" {reported_by(proposal)}. What nobody answers is flagged at its limit.",
        said=_titles(row),
        ring=[Ring(reporter, "reported it")] if reporter and reporter.is_active else [],
        due_at=proposal.due_at,
    )


def _waits(desk: Desk, rows: Sequence[Row]) -> dict[int, Card]:
    by_pk = {row.pk: row for row in rows}
    waits = Clock.objects.running(ClockKind.REPORT_BY).filter(examination__in=by_pk)
    clocks = list(waits.select_related("examination__patient", "examination__site__organisation"))
    queued = Unroutable.objects.standing().filter(examination__in=by_pk)
    because = dict(queued.values_list("examination", "because"))
    found = [(clock, clock.examination) for clock in clocks if clock.examination]
    teams = Team.objects.told_of_waiting({one.site for _, one in found})
    return {
        one.pk: _wait_card(
            clock,
            one,
            by_pk[one.pk],
            because.get(one.pk, ""),
            teams.get(one.site_id) or reach.nobody(one),
        )
        for clock, one in found
    }


def _wait_card(clock: Clock, examination: Examination, row: Row, because: str, team: Team) -> Card:
    return Card(
        name=f"Examination {examination.reference}",
        page=("wait", examination.public_id),
        what=f"{examination.title}, {examination.accession}",
        patient=examination.patient,
        where=f"{examination.site.name}. {team} sees to it that it is reported.",
        said=_titles(row, {"unroutable_wait": because}),
        due_at=clock.due_at,
    )


def _feeds(desk: Desk, rows: Sequence[Row]) -> dict[int, Card]:
    return {row.pk: _feed_card(desk.silences[row.pk], row) for row in rows}


def _feed_card(silence: Silence, row: Row) -> Card:
    return Card(
        name=silence.sender.name,
        page=("feed", silence.sender.pk),
        what=silent_words(silence),
        where="What it holds back may be anything: ring whoever runs it.",
        said=_titles(row),
    )


_READ: dict[Of, Callable[[Desk, Sequence[Row]], dict[int, Card]]] = {
    Of.FINDING: _findings,
    Of.HELD: _held,
    Of.PROPOSAL: _proposals,
    Of.WAIT: _waits,
    Of.FEED: _feeds,
}


def patients_of(row: Row) -> Iterable[int]:
    return [row.shown.patient.pk] if row.shown.patient else []


def _why(row: Row) -> str:
    return "; ".join(f"{one.title} {one.more}".strip() for one in row.shown.said)


def _numbers(row: Row) -> str:
    return "; ".join(f"{one.person}, {one.why}: {one.phone}" for one in row.shown.ring)


DESK: Columns = (
    column("What", lambda row: row.shown.name),
    column("Why it is here", _why, Kind.LONG_TEXT),
    column("Since", lambda row: row.since, Kind.MOMENT),
    column("Due", lambda row: row.shown.due_at, Kind.MOMENT),
    column("Patient", lambda row: row.shown.patient and row.shown.patient.display_name),
    column("NHS number", lambda row: row.shown.patient and row.shown.patient.nhs_number),
    column("What was found", lambda row: row.shown.what, Kind.LONG_TEXT),
    column("Where it stands", lambda row: row.shown.where, Kind.LONG_TEXT),
    column("Whom to ring", _numbers, Kind.LONG_TEXT),
    column("Latest note", lambda row: row.shown.note, Kind.LONG_TEXT),
)
