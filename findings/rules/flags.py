"""Who may flag what a report says, and take that back."""

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from findings.models import (
    Event,
    Examination,
    Finding,
    Person,
    Proposal,
    Role,
    Step,
)
from findings.models.finding import FindingQuerySet
from findings.models.policy import TOLD_AT_ONCE
from findings.rules.common import as_answer, oversees, require
from findings.states import Move, State, after


def check_can_write_report(person: Person) -> None:
    require(
        person.has_role(Role.RADIOLOGIST) and person.site_id is not None,
        "Only a radiologist with a site can write a report.",
    )


def check_can_flag(person: Person, examination: Examination) -> None:
    require(
        person.has_role(Role.RADIOLOGIST) and person.site_id == examination.site_id,
        "Only a radiologist of the site where the images were made can flag a finding.",
    )
    check_has_report(examination)


def check_has_report(examination: Examination) -> None:
    require(
        examination.current_report is not None,
        "There is no report of this examination yet, so nothing can be flagged in it.",
    )


def check_can_see_proposals(person: Person) -> None:
    """The list of what alert codes propose."""
    require(
        person.has_role(Role.RADIOLOGIST, Role.COORDINATOR, Role.GOVERNANCE),
        "What waits to be confirmed is for radiologists and coordinators.",
    )


def check_can_answer_proposal(person: Person, proposal: Proposal) -> None:
    check_can_answer_proposals_of(person, proposal.examination)


def check_can_answer_proposals_of(person: Person, examination: Examination) -> None:
    require(
        person.has_role(Role.RADIOLOGIST) and person.site_id == examination.site_id,
        "Only a radiologist of the site where the images were made can say whether it is one.",
    )


def check_can_withdraw(person: Person, finding: Finding) -> None:
    flagged_it = person.has_role(Role.RADIOLOGIST) and person.pk == finding.flagged_by_id
    require(
        flagged_it or (oversees(person, finding) and person.has_role(Role.COORDINATOR)),
        "Only the radiologist who flagged it or a coordinator can withdraw a finding.",
    )
    after(State(finding.state), Move.WITHDRAW)


def check_can_undo_flag(person: Person, finding: Finding) -> None:
    """Take one's own flag back without a reason: while nobody was told of it, and nobody else has
    read it or done anything. Never of what is critical or urgent, which is told at once."""
    check_can_withdraw(person, finding)
    require(person.pk == finding.flagged_by_id, "Only whoever flagged it can undo a flag.")
    require(
        undoable(Finding.objects.filter(pk=finding.pk), person).exists(),
        "Somebody knows of it by now, so it cannot be undone. Withdraw it with a reason.",
    )


def undoable(findings: FindingQuerySet, person: Person) -> FindingQuerySet:
    """Of these the open flags of this person of which nobody knows; see check_can_undo_flag."""
    this = OuterRef("pk")
    told = Step.objects.filter(Q(fired_at__isnull=False) | Q(falls_at__lte=Now()), finding=this)
    known = Event.objects.filter(finding=this).exclude(by=person, kind__in=BEFORE_ANYBODY_KNOWS)
    own = findings.open().filter(flagged_by=person, category__priority__gt=TOLD_AT_ONCE)
    return own.filter(~Exists(told), ~Exists(known))


BEFORE_ANYBODY_KNOWS = (
    Event.Kind.FLAGGED,
    Event.Kind.CLOCK_STARTED,
    Event.Kind.RECOMMENDED,
    Event.Kind.READ,
    Event.Kind.NOTE,
    Event.Kind.CATEGORY_CHANGED,
    Event.Kind.CLOCK_STOPPED,
)


def check_can_change_category(person: Person, finding: Finding) -> None:
    flagged_it = person.has_role(Role.RADIOLOGIST) and person.pk == finding.flagged_by_id
    require(
        flagged_it or can_let_be_later(person, finding),
        "Only the radiologist who flagged it or a coordinator can change the category.",
    )
    after(State(finding.state), Move.CHANGE_CATEGORY)


def can_let_be_later(person: Person, finding: Finding) -> bool:
    """Whether a limit may become later because this person says why."""
    return oversees(person, finding) and person.has_role(Role.COORDINATOR)


can_write_report = as_answer(check_can_write_report)
can_flag = as_answer(check_can_flag)
can_see_proposals = as_answer(check_can_see_proposals)
can_answer_proposal = as_answer(check_can_answer_proposal)
can_answer_proposals_of = as_answer(check_can_answer_proposals_of)
can_undo_flag = as_answer(check_can_undo_flag)
can_withdraw = as_answer(check_can_withdraw)
can_change_category = as_answer(check_can_change_category)
