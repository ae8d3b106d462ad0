"""Flagging that can be asked for twice: a second press, or the page sent again."""

from typing import Any

from django.db import transaction

from findings.models import Category, Examination, Finding, Person
from findings.services.flag import flag_finding


def flag_finding_once(
    *, examination: Examination, by: Person, category: Category, description: str, **more: Any
) -> tuple[Finding, bool]:
    """The finding, and whether it is new.

    The same words in the same category of the same report by the same person, still open, are
    the same finding. Takes what `flag_finding` takes and raises what it raises.
    """
    with transaction.atomic():
        # Two presses at once wait for each other here, as they would in `flag_finding`.
        Examination.objects.select_for_update(no_key=True).get(pk=examination.pk)
        known = (
            Finding.objects.open()
            .filter(examination=examination, flagged_by=by, category=category)
            .filter(description=description.strip())
            .first()
        )
        if known is not None:
            return known, False
        finding = flag_finding(
            examination=examination, by=by, category=category, description=description, **more
        )
    return finding, True
