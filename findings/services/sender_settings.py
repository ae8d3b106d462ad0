"""How a sender's messages are read, and each change of it: who made it, and what stood before.

Every value is checked here, for the page and the command line: `ValueError` carries a sentence.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from findings.arrivals import OrderStep, fold
from findings.models import (
    Category,
    Examination,
    Person,
    ReportStatus,
    Sender,
    SenderChange,
    Site,
)
from findings.rules import check_can_keep_sender, check_can_set_up_sender
from findings.services.senders import made_or_found

_FIELD = re.compile(r"(MSH|PID|PV1|ORC|OBR|IPC)-([1-9]\d?)")
_POSITION = re.compile(r"PID-([1-9]\d?)(\.[1-9])?")


def change_sender(*, sender: Sender, by: Person | None, **settings: Any) -> SenderChange | None:
    """Set what is given; None where nothing is new. `by` None: at the command line.

    Raises `NotAllowed` for somebody of another trust, and ValueError for a value that cannot be.
    """
    with transaction.atomic():
        sender = Sender.objects.select_for_update(no_key=True).get(pk=sender.pk)
        if by is not None:
            check_can_keep_sender(by, sender)
        if settings.get("accessions_of", sender.accessions_of) != sender.accessions_of:
            _check_keeper(sender, settings["accessions_of"])
        new = {name: checked(name, value) for name, value in settings.items()}
        new = {name: value for name, value in new.items() if value != getattr(sender, name)}
        if not new:
            return None
        before = {name: _written(getattr(sender, name)) for name in new}
        for name, value in new.items():
            setattr(sender, name, value)
        sender.save(update_fields=list(new))
        after = {name: _written(value) for name, value in new.items()}
        return SenderChange.objects.create(sender=sender, before=before, after=after, by=by)


def set_up_sender(*, code: str, site: Site, by: Person, **settings: str) -> Sender | None:
    """A new sender at a site of this person's trust, with what is known of it already. None where
    somebody else was first."""
    check_can_set_up_sender(by, site)
    with transaction.atomic():
        sender, is_new = made_or_found(code=code, site=site)
        if not is_new:
            return None
        after = {name: checked(name, value) for name, value in settings.items() if value}
        for name, value in after.items():
            setattr(sender, name, value)
        sender.save(update_fields=list(after))
        SenderChange.objects.create(sender=sender, after={"name": sender.name} | after, by=by)
    return sender


def _written(value: Any) -> Any:
    return value.code if isinstance(value, Sender) else value


def _check_keeper(sender: Sender, keeper: Sender | None) -> None:
    """What was filed under its own numbers would not be found under another's."""
    if Examination.objects.filter(sender=sender).exists():
        raise ValueError(f"{sender} has examinations under accession numbers of its own.")
    if keeper is None:
        return
    if keeper == sender or keeper.accessions_of or Sender.objects.filter(accessions_of=sender):
        raise ValueError(f"{keeper} does not give accession numbers of its own to others.")
    if keeper.organisation_id != sender.organisation_id:
        raise ValueError(f"{keeper} is of another trust.")


def checked(name: str, value: Any) -> Any:
    """The value as it is kept."""
    check = _CHECKS.get(name)
    return check(value) if check else value


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("A sender needs a name.")
    return value.strip()


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"{value} is not the name of a time zone, such as Europe/London.")
    return value


def _charset(value: str) -> str:
    try:
        "".encode(value)
    except LookupError:
        raise ValueError(f"{value} is not a character set, such as windows-1252.") from None
    return value


def _words(known: Callable[[], Iterable[str]]) -> Callable[[Mapping[str, str]], dict[str, str]]:
    """Words of the sender, each with one of ours."""

    def check(given: Mapping[str, str]) -> dict[str, str]:
        ours = list(known())
        for word, meaning in given.items():
            if not fold(word) or meaning not in ours:
                raise ValueError(f'"{word} = {meaning}": write a word = {" or ".join(ours)}.')
        return {fold(word): meaning for word, meaning in given.items()}

    return check


def _alerts(given: Mapping[str, str]) -> dict[str, str]:
    """Letters and signs of an alert code stay as they are written."""
    ours = list(Category.objects.order_by("code").values_list("code", flat=True))
    for word, meaning in given.items():
        if not word.strip() or meaning not in ours:
            raise ValueError(f'"{word} = {meaning}": write a code = {" or ".join(ours)}.')
    return {word.strip(): meaning for word, meaning in given.items()}


def _silence(value: str) -> str:
    if value not in Sender.Silence.values:
        raise ValueError(f"{value}: choose one of {', '.join(Sender.Silence.values)}.")
    return value


def _fields(given: Iterable[str]) -> list[str]:
    for place in given:
        if not _FIELD.fullmatch(place):
            raise ValueError(f"{place} is not a field of MSH, PID, PV1, ORC, OBR or IPC: OBR-16.")
    return list(given)


def _position(value: str) -> str:
    if value and not _POSITION.fullmatch(value):
        raise ValueError(f"{value} is not a place in PID: PID-2, or PID-3.2 for a second repeat.")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "zone": _zone,
    "fallback_charset": _charset,
    "status_words": _words(lambda: ReportStatus.values),
    "order_words": _words(lambda: list(OrderStep)),
    "trigger_words": _alerts,
    "nhs_position": _position,
    "referrer_fields": _fields,
    "location_fields": _fields,
    "accession_fields": _fields,
    "imaging_sections": lambda given: [one.upper() for one in given],
    "silence": _silence,
}
SETTINGS = (
    "name",
    "zone",
    "fallback_charset",
    "number_authority",
    "nhs_words",
    "nhs_position",
    "accessions_of",
    "accession_fields",
    "referrer_fields",
    "location_fields",
    "imaging_sections",
    "takes_tests",
    "status_words",
    "order_words",
    "trigger_words",
    "flags_at_once",
    "silence",
)
