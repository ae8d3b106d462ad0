"""Handing a shift of the coordinators over: signed by one, and then by another."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from findings.models import Person, ShiftSheet
from findings.rules import check_can_hand_over_shift, check_can_take_over_shift
from findings.services.timeline import database_now

# No shift is longer; a slip of the date would gather weeks of work into one sheet.
LONGEST_SHIFT = timedelta(days=2)


class TakenOver(Exception):
    """Somebody was first. The message is a sentence that says who."""


def hand_over_shift(
    *,
    by: Person,
    began_at: datetime,
    until_at: datetime,
    content: dict[str, Any],
    patients: list[int],
    note: str = "",
) -> ShiftSheet:
    """Sign what is handed over. Raises `NotAllowed`, or `ValueError` with a sentence."""
    check_can_hand_over_shift(by)
    at = database_now()
    if not at - LONGEST_SHIFT <= began_at < at:
        raise ValueError("A shift began within the last two days.")
    if not at < until_at <= at + LONGEST_SHIFT:
        raise ValueError("The next shift ends within the next two days.")
    return ShiftSheet.objects.create(
        organisation_id=by.organisation_id,
        began_at=began_at,
        given_at=at,
        until_at=until_at,
        given_by=by,
        note=note.strip(),
        content=content,
        patients=sorted(set(patients)),
    )


def take_over_shift(*, sheet: ShiftSheet, by: Person) -> ShiftSheet:
    """Sign that it was read and is theirs now: once, and by somebody else."""
    with transaction.atomic():
        sheet = ShiftSheet.objects.select_for_update().get(pk=sheet.pk)
        check_can_take_over_shift(by, sheet)
        if sheet.taken_at is not None:
            raise TakenOver(f"{sheet.taken_by} has taken this shift over already.")
        # Our clock may have gone back since it was signed.
        sheet.taken_at, sheet.taken_by = max(database_now(), sheet.given_at), by
        sheet.save(update_fields=["taken_at", "taken_by"])
    return sheet


def last_sheet(person: Person) -> ShiftSheet | None:
    """The newest of their trust: where it ended, this shift began."""
    return ShiftSheet.objects.visible_to(person).order_by("-given_at", "-pk").first()
