"""Who may do what with reviews and what is learned from them: as rules/, which says who may do
what with a finding."""

from findings.models import Improvement, LearningPoint, Meeting, Person, Review, Role
from findings.rules.common import NotAllowed, as_answer, require

__all__ = ["NotAllowed"]


def check_can_see_reviews(person: Person) -> None:
    """The list: of the trust, or of what they raised themselves."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.RADIOLOGIST),
        "Reviews are for governance leads, coordinators and radiologists.",
    )


def check_can_oversee_reviews(person: Person) -> None:
    """All of the trust's."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE),
        "The trust's reviews are for governance leads and coordinators.",
    )


def check_can_start_review(person: Person, kind: str = "") -> None:
    """By hand; what a broken promise is opens by itself."""
    check_can_see_reviews(person)
    require(kind != Review.Kind.BREACH, "A promise that is not kept opens its review by itself.")
    require(
        not kind
        or person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        or kind in Review.Kind.by_radiologists(),
        "A radiologist can raise a discrepancy, a near miss or excellence.",
    )


def check_can_review(person: Person, review: Review) -> None:
    """Say what it was, find its causes, conclude it."""
    require(
        person.has_role(Role.GOVERNANCE) and person.organisation_id == review.organisation_id,
        "Only a governance lead of the trust can review this.",
    )


def check_can_add_to_review(person: Person, review: Review) -> None:
    """A note: whoever may see it."""
    require(
        Review.objects.visible_to(person).filter(pk=review.pk).exists(),
        "Only whoever can see a review can add to it.",
    )


def check_can_keep_reviews(person: Person) -> None:
    """The trust's own themes and causes, and its limit for the duty of candour."""
    require(person.has_role(Role.GOVERNANCE), "Only a governance lead keeps the lists of reviews.")


can_see_reviews = as_answer(check_can_see_reviews)
can_oversee_reviews = as_answer(check_can_oversee_reviews)
can_start_review = as_answer(check_can_start_review)
can_review = as_answer(check_can_review)
can_add_to_review = as_answer(check_can_add_to_review)
can_keep_reviews = as_answer(check_can_keep_reviews)


def check_can_see_improvements(person: Person) -> None:
    """The list: of the trust, or their own."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        or Improvement.objects.filter(owner=person).exists(),
        "Improvements are for governance leads, coordinators and whoever owns one.",
    )


def check_can_ask_for_improvement(person: Person) -> None:
    require(person.has_role(Role.GOVERNANCE), "Only a governance lead asks for an improvement.")


def _leads(person: Person, improvement: Improvement) -> bool:
    return (
        person.has_role(Role.GOVERNANCE) and person.organisation_id == improvement.organisation_id
    )


def check_can_end_improvement(person: Person, improvement: Improvement) -> None:
    """Say that it is done, and where that can be seen."""
    require(
        person.is_active and (person.pk == improvement.owner_id or _leads(person, improvement)),
        "Only its owner or a governance lead can say that it is done.",
    )


def check_can_give_up_improvement(person: Person, improvement: Improvement) -> None:
    require(_leads(person, improvement), "Only a governance lead can give an improvement up.")


def check_can_give_improvement(person: Person, improvement: Improvement) -> None:
    require(_leads(person, improvement), "Only a governance lead gives it to somebody else.")


def check_can_check_improvement(person: Person, improvement: Improvement) -> None:
    """Say whether it worked."""
    require(_leads(person, improvement), "Only a governance lead says whether it worked.")
    require(improvement.outcome == Improvement.Outcome.DONE, "Only what is done can have worked.")


can_see_improvements = as_answer(check_can_see_improvements)
can_ask_for_improvement = as_answer(check_can_ask_for_improvement)
can_end_improvement = as_answer(check_can_end_improvement)
can_give_up_improvement = as_answer(check_can_give_up_improvement)
can_give_improvement = as_answer(check_can_give_improvement)
can_check_improvement = as_answer(check_can_check_improvement)


def check_can_see_meetings(person: Person) -> None:
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.RADIOLOGIST),
        "Meetings are for governance leads, coordinators and radiologists.",
    )


def check_can_keep_meetings(person: Person) -> None:
    """Call one, prepare it, and keep its record."""
    require(person.has_role(Role.GOVERNANCE), "Only a governance lead keeps meetings.")


def check_can_keep_meeting(person: Person, meeting: Meeting) -> None:
    check_can_keep_meetings(person)
    require(
        person.organisation_id == meeting.organisation_id,
        "Only a governance lead of the trust keeps this meeting.",
    )


def check_can_share_points(person: Person) -> None:
    require(person.has_role(Role.GOVERNANCE), "Only a governance lead shares learning points.")


def check_can_read_point(person: Person, point: LearningPoint) -> None:
    """Say that they read it: whoever it is shared with."""
    require(
        LearningPoint.objects.visible_to(person).filter(pk=point.pk).exists(),
        "This learning point is not shared with your role.",
    )


can_see_meetings = as_answer(check_can_see_meetings)
can_keep_meetings = as_answer(check_can_keep_meetings)
can_keep_meeting = as_answer(check_can_keep_meeting)
can_share_points = as_answer(check_can_share_points)
can_read_point = as_answer(check_can_read_point)
