"""What became of a row that is not on the coordinators' desk any more: by whom, and when."""

from collections.abc import Callable

from findings import words
from findings.models import Clock, Examination, NoReport, Person, Proposal, Receipt, Sender
from findings.presenters.reasons import Of

GONE = "What it said is no longer true, so it is not on the desk any more."


def cleared_words(of: Of, pk: int, person: Person) -> str:
    """In a sentence. Of a finding its timeline says it."""
    tell = _TELLS.get(of)
    return (tell(pk, person) if tell else "") or GONE


def _held(pk: int, person: Person) -> str:
    receipt = Receipt.objects.visible_to(person).filter(pk=pk).select_related("resolved_by").first()
    if receipt is None or receipt.resolved_at is None:
        return ""
    when = words.when(receipt.resolved_at)
    return f"{receipt.resolved_by} dealt with it on {when}. {receipt.resolution}"


def _proposal(pk: int, person: Person) -> str:
    proposal = Proposal.objects.visible_to(person).filter(pk=pk).select_related("ended_by").first()
    if proposal is None or proposal.ended_at is None:
        return ""
    by = proposal.ended_by or "The system"
    return f"{by}, on {words.when(proposal.ended_at)}: {proposal.get_outcome_display()}."


def _wait(pk: int, person: Person) -> str:
    examination = Examination.objects.followed_by(person).filter(pk=pk).first()
    if examination is None:
        return ""
    said = NoReport.objects.filter(examination=examination, undone_at=None)
    if none := said.select_related("said_by").order_by("-said_at").first():
        return f"{none.said_by} said on {words.when(none.said_at)} that no report will come."
    stopped = Clock.objects.filter(examination=examination, stopped_at__isnull=False)
    clock = stopped.order_by("-stopped_at").first()
    if clock is None or clock.stopped_at is None:
        return ""
    return f"{clock.get_stopped_because_display()}, on {words.when(clock.stopped_at)}."


def _feed(pk: int, person: Person) -> str:
    mine = Sender.objects.filter(organisation=person.organisation_id, pk=pk).first()
    return f"{mine.name} is not silent any more, or is said to be allowed to be." if mine else ""


_TELLS: dict[Of, Callable[[int, Person], str]] = {
    Of.HELD: _held,
    Of.PROPOSAL: _proposal,
    Of.WAIT: _wait,
    Of.FEED: _feed,
}
