"""Who may do what with reviews and what is learned from them: as rules.py, which says who may do
what with a finding."""

from findings.models import Person, Review, Role
from findings.rules import NotAllowed, _answers, _require

__all__ = ["NotAllowed"]


def check_can_see_reviews(person: Person) -> None:
    """The list: of the trust, or of what they raised themselves."""
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.RADIOLOGIST),
        "Reviews are for governance leads, coordinators and radiologists.",
    )


def check_can_oversee_reviews(person: Person) -> None:
    """All of the trust's."""
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE),
        "The trust's reviews are for governance leads and coordinators.",
    )


def check_can_start_review(person: Person, kind: str = "") -> None:
    """By hand; what a broken promise is opens by itself."""
    check_can_see_reviews(person)
    _require(kind != Review.Kind.BREACH, "A promise that is not kept opens its review by itself.")
    _require(
        not kind
        or person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        or kind in Review.Kind.by_radiologists(),
        "A radiologist can raise a discrepancy, a near miss or excellence.",
    )


def check_can_review(person: Person, review: Review) -> None:
    """Say what it was, find its causes, conclude it."""
    _require(
        person.has_role(Role.GOVERNANCE) and person.organisation_id == review.organisation_id,
        "Only a governance lead of the trust can review this.",
    )


def check_can_add_to_review(person: Person, review: Review) -> None:
    """A note: whoever may see it."""
    _require(
        Review.objects.visible_to(person).filter(pk=review.pk).exists(),
        "Only whoever can see a review can add to it.",
    )


def check_can_keep_reviews(person: Person) -> None:
    """The trust's own themes and causes, and its limit for the duty of candour."""
    _require(person.has_role(Role.GOVERNANCE), "Only a governance lead keeps the lists of reviews.")


can_see_reviews = _answers(check_can_see_reviews)
can_oversee_reviews = _answers(check_can_oversee_reviews)
can_start_review = _answers(check_can_start_review)
can_review = _answers(check_can_review)
can_add_to_review = _answers(check_can_add_to_review)
can_keep_reviews = _answers(check_can_keep_reviews)
