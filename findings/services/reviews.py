"""Reviewing: opening one by hand, saying what it was, and concluding it. Every change is kept.

Every writer locks the review first. A concluded review is never changed: a note, a step of the duty
of candour or a further broken promise is added to it.
"""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from findings.learning_rules import (
    check_can_add_to_review,
    check_can_keep_reviews,
    check_can_review,
    check_can_start_review,
)
from findings.measures.suggested_causes import suggested_causes
from findings.models import (
    CandourStep,
    Cause,
    Examination,
    Finding,
    LearningRule,
    Person,
    Review,
    ReviewCause,
    ReviewChange,
    ReviewNote,
    Theme,
)
from findings.services.open_reviews import rule_of
from findings.services.timeline import database_now

Status = Review.Status


class Concluded(Exception):
    """Somebody was first. The message is a sentence that says who."""


def start_review(
    *,
    by: Person,
    kind: Review.Kind,
    happened: str,
    finding: Finding | None = None,
    examination: Examination | None = None,
) -> Review:
    """Raise what no broken promise says: a complaint, an incident, a discrepancy, a near miss, or
    something that went very well."""
    check_can_start_review(by, kind)
    return Review.objects.create(
        organisation_id=by.organisation_id,
        kind=kind,
        finding=finding,
        examination=examination,
        happened=happened.strip(),
        opened_by=by,
    )


@transaction.atomic
def take_up(*, review: Review, by: Person) -> Review:
    """Somebody looks at it now."""
    review = _lock_open(review, by)
    _change(review, by, status=Status.IN_REVIEW)
    return review


@transaction.atomic
def assess(
    *, review: Review, by: Person, theme: Theme | None, harm: str, lfpse_reference: str
) -> Review:
    """Say what it was: its theme, the harm, and where it is reported nationally."""
    review = _lock_open(review, by)
    _change(review, by, theme=theme, harm=harm, lfpse_reference=lfpse_reference.strip())
    return review


@transaction.atomic
def conclude(*, review: Review, by: Person, conclusion: str) -> Review:
    """What was learned, in words. Nothing of it is changed from then on."""
    review = _lock_open(review, by)
    if review.harm == Review.Harm.UNKNOWN:
        raise ValueError("Say first whether there was harm.")
    if review.theme is None and review.kind != Review.Kind.EXCELLENCE:
        raise ValueError("Say first which theme it belongs to.")
    return _end(review, by, Status.CONCLUDED, conclusion)


@transaction.atomic
def not_a_breach(*, review: Review, by: Person, because: str) -> Review:
    """The promise was not broken, whatever the clock says: why, in words."""
    review = _lock_open(review, by)
    if review.kind != Review.Kind.BREACH:
        raise ValueError("Only what a broken promise opened can be no breach.")
    return _end(review, by, Status.NOT_BREACH, because)


@transaction.atomic
def add_cause(*, review: Review, by: Person, cause: Cause, note: str = "") -> ReviewCause:
    """A cause that somebody found."""
    review = _lock_open(review, by)
    if review.found_causes.standing().filter(cause=cause).exists():
        raise ValueError(f"“{cause}” is among its causes already.")
    return ReviewCause.objects.create(review=review, cause=cause, note=note.strip(), added_by=by)


@transaction.atomic
def answer_suggestion(
    *, review: Review, by: Person, cause: Cause, was_one: bool
) -> ReviewCause | None:
    """Confirm a cause that the rows suggest, or say that it was none. The reason is what the rows
    say now; None where they do not, or somebody has answered."""
    review = _lock_open(review, by)
    events = list(review.finding.events.all()) if review.finding else []
    because = {one.cause.pk: one.because for one in suggested_causes(review, events)}
    if cause.pk not in because:
        return None
    return ReviewCause.objects.create(
        review=review,
        cause=cause,
        was_one=was_one,
        suggested_because=because[cause.pk],
        added_by=by,
    )


@transaction.atomic
def take_cause_back(*, found: ReviewCause, by: Person, because: str) -> None:
    _lock_open(found.review, by)
    _undo(found, by, because)


@transaction.atomic
def record_candour(
    *, review: Review, by: Person, step: CandourStep.Which, done_on: date, note: str = ""
) -> CandourStep:
    """A step that was taken; also after the review was concluded."""
    review = _lock(review)
    check_can_review(by, review)
    if not review.owes_candour:
        raise ValueError("The duty of candour holds from moderate harm on. Say the harm first.")
    if review.candour_steps.standing().filter(step=step).exists():
        raise ValueError(f"“{step.label}” is recorded already.")
    return CandourStep.objects.create(
        review=review, step=step, done_on=done_on, note=note.strip(), recorded_by=by
    )


@transaction.atomic
def take_candour_back(*, step: CandourStep, by: Person, because: str) -> None:
    check_can_review(by, _lock(step.review))
    _undo(step, by, because)


def add_note(*, review: Review, by: Person, text: str) -> ReviewNote:
    """Add to it in words, whatever its status."""
    check_can_add_to_review(by, review)
    return ReviewNote.objects.create(review=review, text=text.strip(), by=by)


def set_candour_limit(*, by: Person, days: int | None) -> LearningRule:
    """The trust's own limit for the written notification, in days; None: none."""
    check_can_keep_reviews(by)
    with transaction.atomic():
        # One after the other: whoever comes second adds to what the first made.
        type(by.organisation).objects.select_for_update().get(pk=by.organisation_id)
        before, at = rule_of(by.organisation_id), database_now()
        return LearningRule.objects.create(
            organisation_id=by.organisation_id,
            number=before.number + 1 if before else 1,
            reviews_from=before.reviews_from if before else at,
            candour_days=days,
            by=by,
        )


def add_local_entry(*, by: Person, of: type[Theme] | type[Cause], words: str) -> Theme | Cause:
    """A theme or a cause of the trust's own, beside those of everybody."""
    check_can_keep_reviews(by)
    mine = of.objects.filter(organisation=by.organisation_id)
    known = of.objects.of(by.organisation_id).filter(words__iexact=words.strip())
    if known.exists():
        raise ValueError(f"“{words.strip()}” is in the list already.")
    return of.objects.create(
        organisation=by.organisation,
        code=f"local-{mine.count() + 1}",
        words=words.strip(),
        source=f"{by.organisation}"[:120],
    )


def _lock(review: Review) -> Review:
    return Review.objects.select_for_update(of=("self",)).select_related("theme").get(pk=review.pk)


def _lock_open(review: Review, by: Person) -> Review:
    """As it is now; raises `Concluded` where nothing can be changed any more."""
    review = _lock(review)
    check_can_review(by, review)
    if not review.is_open:
        raise Concluded(f"{review.concluded_by} has concluded this review. It can be added to.")
    return review


def _end(review: Review, by: Person, status: Review.Status, words: str) -> Review:
    before = review.get_status_display()
    review.status, review.conclusion = status, words.strip()
    review.concluded_at, review.concluded_by = _not_before(review.opened_at), by
    review.save(update_fields=["status", "conclusion", "concluded_at", "concluded_by"])
    _keep(review, by, "Status", before, status.label)
    return review


def _not_before(opened_at: datetime) -> datetime:
    """Our clock may have gone back since."""
    return max(database_now(), opened_at)


_WORDS = {
    "status": "Status",
    "theme": "Theme",
    "harm": "Harm",
    "lfpse_reference": "LFPSE reference",
}


def _change(review: Review, by: Person, **fields: Any) -> None:
    """Whatever is new is written, with what it was before."""
    if review.status == Status.OPEN:
        fields["status"] = Status.IN_REVIEW
    new = {name: value for name, value in fields.items() if value != getattr(review, name)}
    before = {name: _in_words(review, name) for name in new}
    for name, value in new.items():
        setattr(review, name, value)
    if review.owes_candour != (review.candour_since is not None):
        review.candour_since = database_now() if review.owes_candour else None
    review.save(update_fields=[*new, "candour_since"])
    for name in new:
        _keep(review, by, _WORDS[name], before[name], _in_words(review, name))


def _in_words(review: Review, name: str) -> str:
    display = getattr(review, f"get_{name}_display", None)
    return str(display() if display else getattr(review, name) or "")


def _keep(review: Review, by: Person, what: str, before: str, after: str) -> None:
    if before != after:
        ReviewChange.objects.create(review=review, what=what, before=before, after=after, by=by)


def _undo(row: ReviewCause | CandourStep, by: Person, because: str) -> None:
    """Once; whoever comes second changes nothing."""
    since = row.added_at if isinstance(row, ReviewCause) else row.recorded_at
    type(row).objects.filter(pk=row.pk, undone_at__isnull=True).update(
        undone_at=_not_before(since), undone_by=by, undone_because=because.strip()
    )
