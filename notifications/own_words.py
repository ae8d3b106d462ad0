"""What a trust may write into its own messages, and what a message makes of it.

Nothing of a patient, an examination or a finding can be named: a variable is one of a closed list,
none of which holds any of it, and what somebody types is refused where it says what was found.
Words that cannot be used never stop a message: it goes out in the shipped ones, and the watchdog
says so.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from findings.models import Category, Finding, Organisation, Step
from findings.models.policy import TOLD_AT_ONCE
from findings.nhs_numbers import read_nhs_number
from notifications.wording import Place, Wording, Written

log = logging.getLogger(__name__)

# By name, with what stands there: notifications/asks.py fills them.
VARIABLES = {
    "reference": "F-7K2M9PQR4TW",
    "urgency": "Critical, Urgent, or nothing",
    "by": "by 16:40 today; later, at once: 2 hours late",
    "due": "due today at 16:40 (in 2 hours)",
    "role": "whom this step tells: the responsible consultant",
    "trust": "the name of your trust",
    "link": "the address of the finding's page",
}
_NAMED = re.compile(r"\{([^{}]*)\}")
# Ten digits, however they are parted.
_TEN_DIGITS = re.compile(r"(?<!\d)(?:\d[ -]?){9}\d(?![ -]?\d)")


class Unusable(ValueError):
    """These words cannot be used. Holds a sentence for whoever wrote them."""


def telling_names() -> list[str]:
    """Names of categories that say what was found; Critical and Urgent only say how soon."""
    names = Category.objects.filter(priority__gt=TOLD_AT_ONCE).values_list("name", flat=True)
    return list(names)


def check(part: str, telling: Iterable[str]) -> None:
    """Raises `Unusable` where a part of a message could not be filled, or says too much."""
    _check_variables(part)
    for name in telling:
        if re.search(rf"\b{re.escape(name)}", part, re.IGNORECASE):
            raise Unusable(
                f"“{name}” says what was found, and anybody may see a lock screen: leave it out"
            )
    if any(read_nhs_number(found[0]).number for found in _TEN_DIGITS.finditer(part)):
        raise Unusable("This looks like an NHS number: a message names no patient")


def _check_variables(part: str) -> None:
    for name in _NAMED.findall(part):
        if name not in VARIABLES:
            known = ", ".join(f"{{{one}}}" for one in VARIABLES)
            raise Unusable(f"There is no {{{name}}}. What may stand in braces: {known}")
    if "{" in _NAMED.sub("", part) or "}" in _NAMED.sub("", part):
        raise Unusable("A brace stands alone: write { and } around the name of a variable")


def check_all(written: Written, telling: Iterable[str]) -> None:
    telling = list(telling)
    for part in written:
        check(part, telling)


def filled(written: Written, values: Mapping[str, str]) -> Written:
    """With each variable's value; what is no variable raises, whatever was let in before."""
    return Written(*(_fill(part, values) for part in written))


def _fill(part: str, values: Mapping[str, str]) -> str:
    _check_variables(part)
    said = _NAMED.sub(lambda found: values[found[1]], part)
    # What a variable without a value leaves: two spaces, or one before a full stop.
    return re.sub(r" +([.,:;!?])", r"\1", re.sub(r"  +", " ", said)).strip()


class Wordings:
    """Those in force, read once for all the messages that are written together."""

    @cached_property
    def _by_place(self) -> dict[tuple[int, Place], Wording]:
        found = Wording.objects.in_force().select_related("organisation")
        return {(one.organisation_id, one.place): one for one in found}

    @classmethod
    def none(cls) -> "Wordings":
        """As if every trust had the shipped words."""
        found = cls()
        found._by_place = {}
        return found

    @classmethod
    def only(cls, organisation: Organisation, place: Place, written: Written) -> "Wordings":
        """As if these were kept already, and no others."""
        found = cls.none()
        trial = Wording(organisation=organisation, **written._asdict())
        found._by_place[organisation.pk, place] = trial
        return found

    def of(self, finding: Finding, step: Step, clock: str) -> Wording | None:
        place = Place(finding.category_id, clock, step.level, step.audience)
        return self.at(finding.organisation_id, place)

    def at(self, organisation: int, place: Place) -> Wording | None:
        return self._by_place.get((organisation, place))


def say(wording: Wording, values: Mapping[str, str]) -> Written | None:
    """None where it cannot be used: the shipped words go out instead."""
    try:
        said = filled(wording.written, {**values, "trust": wording.organisation.name})
        if not all(said):
            raise Unusable("A part of it came out empty")
    except Exception:
        log.exception("own words cannot be used", extra={"wording": wording.pk})
        return None
    return said


def unusable() -> list[Wording]:
    """Of those in force: for the watchdog, and for the page that mends them."""
    telling = telling_names()
    return [one for one in Wording.objects.in_force() if is_unusable(one, telling)]


def is_unusable(wording: Wording, telling: list[str]) -> bool:
    try:
        check_all(wording.written, telling)
    except Unusable:
        return True
    return False
