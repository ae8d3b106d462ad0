"""What becomes of a proposal: confirmed by a flag, rejected, or overtaken by its report.

`propose.py` makes them and flags what nobody has answered.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from findings.models import Examination, Finding, Person, Proposal
from findings.rules import check_can_answer_proposal
from findings.services.confirming import go_on_telling
from findings.services.timeline import database_now, lock

Outcome = Proposal.Outcome


class AlreadyAnswered(Exception):
    """Somebody was first; the message says who and how."""


def open_proposals(examination: Examination) -> list[Proposal]:
    return list(examination.proposals.open().select_related("category", "report__reported_by"))


def reject(*, proposal: Proposal, by: Person, because: str) -> Proposal:
    """It is no finding, and why. Raises `NotAllowed`, `AlreadyAnswered`."""
    if not because.strip():
        raise ValueError("Say why it is not a finding.")
    with transaction.atomic():
        lock(proposal.examination)
        proposal = Proposal.objects.select_for_update(of=("self",)).get(pk=proposal.pk)
        check_can_answer_proposal(by, proposal)
        check_open(proposal)
        at = database_now()
        end(proposal, Outcome.REJECTED, at=at, by=by, because=because.strip())
        go_on_telling(proposal.examination, at=at)
    return proposal


def check_open(proposal: Proposal) -> None:
    if proposal.ended_at is not None:
        who = f" by {proposal.ended_by}" if proposal.ended_by else ""
        raise AlreadyAnswered(
            f"This has been answered already{who}: {proposal.get_outcome_display().lower()}."
        )


def answer_with(finding: Finding, *, by: Person | None, also: Proposal | None = None) -> None:
    """A finding was flagged: it answers what is proposed of its category, and `also`. `by` None:
    the system flagged it. The caller holds the examination's lock."""
    answered = Q(category=finding.category_id) | Q(pk=also.pk if also else None)
    outcome = Outcome.CONFIRMED if by else Outcome.FLAGGED
    for proposal in Proposal.objects.open().filter(answered, examination=finding.examination_id):
        end(proposal, outcome, at=database_now(), by=by, finding=finding)
    go_on_telling(finding.examination, at=database_now())


def end_all(examination: Examination, *, at: datetime) -> None:
    """Its report was withdrawn: nothing in it is proposed any more."""
    for proposal in examination.proposals.open():
        end(proposal, Outcome.WITHDRAWN, at=at)
    go_on_telling(examination, at=at)


def end(
    proposal: Proposal,
    outcome: Proposal.Outcome,
    *,
    at: datetime,
    by: Person | None = None,
    because: str = "",
    finding: Finding | None = None,
) -> None:
    """Once. Our clock may have gone back since it was proposed."""
    proposal.ended_at, proposal.ended_by = max(at, proposal.proposed_at), by
    proposal.outcome, proposal.because, proposal.finding = outcome, because, finding
    proposal.save(update_fields=["ended_at", "ended_by", "outcome", "because", "finding"])
