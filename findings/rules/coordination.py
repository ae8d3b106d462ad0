"""What coordinators may do: held items, shifts, examinations without a report."""

from findings.models import (
    Examination,
    IncomingMessage,
    NoReport,
    Person,
    Receipt,
    Role,
    ShiftSheet,
)
from findings.rules.common import as_answer, require


def check_can_deal_with_held(person: Person, receipt: Receipt) -> None:
    require(
        Receipt.objects.visible_to(person).filter(pk=receipt.pk).exists(),
        "Only a coordinator of the trust that it was sent to can deal with a held item.",
    )


def check_can_run_again(person: Person, message: IncomingMessage) -> None:
    require(
        IncomingMessage.objects.visible_to(person).filter(pk=message.pk).exists(),
        "Only a coordinator of the trust that it was sent to can run a message again.",
    )


def check_can_hand_over_shift(person: Person) -> None:
    """See what a shift hands to the next, and sign it."""
    require(person.has_role(Role.COORDINATOR), "Only a coordinator hands a shift over.")


def check_can_see_shift_sheets(person: Person) -> None:
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE),
        "Shift sheets are for coordinators and governance leads.",
    )


def check_can_take_over_shift(person: Person, sheet: ShiftSheet) -> None:
    require(
        person.has_role(Role.COORDINATOR) and person.organisation_id == sheet.organisation_id,
        "Only a coordinator of the trust can take a shift over.",
    )
    require(person.pk != sheet.given_by_id, "Somebody else has to take over what you hand over.")


def check_can_see_waiting(person: Person) -> None:
    """The list of examinations that wait for a report."""
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        or person.is_imaging_manager
        # Whoever stands in for one of them.
        or Examination.objects.followed_by(person).waiting().exists(),
        "This list is for coordinators, governance leads and imaging managers.",
    )


def check_can_enter_waiting(person: Person) -> None:
    """Enter an examination that has no report yet, or a list of them."""
    require(
        person.has_role(Role.COORDINATOR),
        "Only a coordinator can enter examinations that wait for a report.",
    )


def check_can_follow_wait(person: Person, examination: Examination) -> None:
    """See until when its report is awaited and who is told."""
    require(
        Examination.objects.followed_by(person).filter(pk=examination.pk).exists(),
        "Only whoever is told of it follows an examination that waits for a report.",
    )


def _keeps_waiting(person: Person, examination: Examination) -> bool:
    keeps = person.has_role(Role.COORDINATOR) or person.is_imaging_manager
    return keeps and can_follow_wait(person, examination)


def check_can_end_wait(person: Person, examination: Examination) -> None:
    """Say that no report of it is to be expected."""
    require(
        _keeps_waiting(person, examination),
        "Only a coordinator or an imaging manager can say that no report is to be expected.",
    )
    require(
        examination.clocks.running().exists(),
        "No report of this examination is awaited.",
    )


def check_can_take_back_no_report(person: Person, said: NoReport) -> None:
    require(
        _keeps_waiting(person, said.examination),
        "Only a coordinator or an imaging manager can say that a report is expected after all.",
    )
    require(said.undone_at is None, "That no report is to be expected was taken back already.")


def check_can_see_coverage(person: Person) -> None:
    require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Coverage is for coordinators, governance and administrators.",
    )


can_deal_with_held = as_answer(check_can_deal_with_held)
can_hand_over_shift = as_answer(check_can_hand_over_shift)
can_take_over_shift = as_answer(check_can_take_over_shift)
can_see_coverage = as_answer(check_can_see_coverage)
can_see_waiting = as_answer(check_can_see_waiting)
can_enter_waiting = as_answer(check_can_enter_waiting)
can_follow_wait = as_answer(check_can_follow_wait)
can_end_wait = as_answer(check_can_end_wait)
can_take_back_no_report = as_answer(check_can_take_back_no_report)
