"""Who a message is about, and who is named in it: PID, XCN, CNN and NDL in all their shapes."""

import re
from dataclasses import dataclass
from datetime import date

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    ArrivingPerson,
    HeldReason,
    LanguageNeed,
    Problem,
    SenderProfile,
    as_compared,
)
from findings.intake.hl7 import Message, Segment, field
from findings.intake.hl7_times import read_date
from findings.nhs_numbers import NhsFault, read_nhs_number
from findings.postcodes import squeezed

# Identifier types (CX-5) and assigning authorities (CX-4) that mean the NHS number, folded.
_NHS_TYPES = frozenset({"NH", "NHS", "NHSNMBR", "NHSNBR", "NHSNO", "NHSNUMBER"})
_NHS_AUTHORITIES = frozenset(
    {
        *_NHS_TYPES,
        "2.16.840.1.113883.2.1.4.1",
        "HTTPS://FHIR.NHS.UK/ID/NHSNUMBER",
    }
)
# "HN" is the NHS number for some and a hospital number for others: the authority decides.
_VAGUE_NHS_TYPE = "HN"
# "NHS No: 999 000 0018": what is said once more before the number.
_NHS_BEFORE = re.compile(r"\s*NHS\s*(?:N(?:umbe?r|o|um)\b)?[\s.:#]*", re.IGNORECASE)
# They name a stay or a bill, not a person.
_NOT_A_PERSON = frozenset({"VN", "AN", "ANON", "VISITID"})
_PLACEHOLDERS = frozenset(
    {"UNUSED", "UNKNOWN", "NONE", "NULL", "NIL", "N/A", "NA", "NOT KNOWN", "TBA", "TBC"}
)
_SEXES = {
    **dict.fromkeys(["F", "FEMALE", "2"], "F"),
    **dict.fromkeys(["M", "MALE", "1"], "M"),
    **dict.fromkeys(["O", "OTHER", "9", "A", "I", "X"], "O"),
    **dict.fromkeys(["U", "UNKNOWN", "0", "N"], "U"),
}
# Names that are not the one a person goes by.
_OTHER_NAMES = frozenset({"A", "M", "N", "P", "S", "T", "BAD", "ALIAS", "MAIDEN", "PREVIOUS"})
# Bad, of birth, of a firm or office, for letters, of a holiday or vacation: nobody lives there now.
_OTHER_ADDRESSES = frozenset({"BA", "N", "BDL", "B", "O", "M", "V", "F", "RH", "BR"})
_ASK_FOR_PATIENT = (
    "Ask the sender to put the NHS number, or a hospital number with its assigning authority, "
    "in PID-3; then run the message again."
)


@dataclass(slots=True)
class _Found:
    """What the fields of PID hold between them."""

    nhs_numbers: dict[str, date | None]  # with the day on which it ended (CX-8)
    bad_nhs: list[str]  # hints about numbers that are none
    identifiers: dict[tuple[str, str], ArrivingIdentifier]
    without_authority: int = 0
    # Nothing names the NHS number; it stands where this sender puts it.
    is_by_position: bool = False

    def leave_out_ended(self, day: date | None) -> bool:
        """Whether, of several NHS numbers, some ended before this day; they are left out then."""
        ended = {number for number, end in self.nhs_numbers.items() if end and day and end < day}
        if not ended or len(ended) == len(self.nhs_numbers):
            return False
        for number in ended:
            del self.nhs_numbers[number]
        return True


@dataclass(frozen=True, slots=True)
class Identity:
    """A patient, and what a person should know about how it was read."""

    patient: ArrivingPatient
    notices: tuple[str, ...] = ()


def read_patient(
    message: Message, pid: Segment | None, profile: SenderProfile, sent_on: date | None = None
) -> Identity | Problem:
    """The patient of a PID segment; a problem when nothing in it identifies anybody."""
    if pid is None:
        return Problem(
            HeldReason.MISSING_PATIENT,
            "PID",
            "There is no patient (PID) before this examination.",
            _ASK_FOR_PATIENT,
        )
    found = _find(message, pid, profile)
    some_ended = found.leave_out_ended(sent_on)
    if len(found.nhs_numbers) > 1:
        return Problem(
            HeldReason.IDENTITY_CONFLICT,
            "PID-3",
            "The message carries two different NHS numbers.",
            "Find out from the sender which patient is meant before the report is filed.",
        )
    if not found.nhs_numbers and not found.identifiers:
        return _nobody(found)
    notices = [f"An NHS number was sent that is not used: {hint}" for hint in found.bad_nhs]
    if some_ended:
        notices.append("PID-3 has an NHS number that ended (CX-8), too; it is not used.")
    if found.is_by_position:
        notices.append(f"The NHS number was taken from {profile.nhs_position}: nothing names it.")
    patient = _patient(message, pid, found, notices, sent_on)
    return Identity(patient, tuple(notices))


def _nobody(found: _Found) -> Problem:
    if found.bad_nhs:
        return Problem(
            HeldReason.BAD_NHS_NUMBER,
            "PID-3",
            f"The NHS number is wrong and nothing else says who the patient is. {found.bad_nhs[0]}",
            "Find the right number in the sending system and ask for the report to be sent again.",
        )
    detail = "Nothing in PID says who the patient is."
    if found.without_authority:
        detail = "PID-3 has a number without its assigning authority: it could be anybody's."
    return Problem(HeldReason.MISSING_PATIENT, "PID-3", detail, _ASK_FOR_PATIENT)


def _find(message: Message, pid: Segment, profile: SenderProfile) -> _Found:
    found = _Found({}, [], {})
    own_words = frozenset(map(_folded, profile.nhs_words)) if profile.nhs_words else frozenset()
    for number in (3, 2, 4):
        value = field(pid, number)
        if value:
            authority = profile.default_authority if number == 3 else ""
            for repeat in message.repeats(value):
                _sort_identifier(message, repeat, found, authority, own_words)
    _read_pid_19(message, pid, found)
    if profile.nhs_position and not found.nhs_numbers:
        _read_position(message, pid, profile.nhs_position, found)
    return found


def _read_position(message: Message, pid: Segment, position: str, found: _Found) -> None:
    """The last resort: "PID-2", or "PID-3.2" for the second repeat. Only a valid number counts, and
    none that has an authority of its own."""
    number, _, repeat = position.removeprefix("PID-").partition(".")
    repeats = message.repeats(field(pid, int(number)))
    at = int(repeat or 1) - 1
    if at >= len(repeats):
        return
    parts = message.components(repeats[at])
    read = read_nhs_number(message.plain(parts[0]))
    if read.number and not _authorities(message, parts):
        found.nhs_numbers[read.number] = None
        found.is_by_position = True
        found.identifiers = {
            key: one
            for key, one in found.identifiers.items()
            if one.value != as_compared(parts[0].strip())
        }


def _sort_identifier(
    message: Message, repeat: str, found: _Found, default_authority: str, own_words: frozenset[str]
) -> None:
    """Put one CX where it belongs: NHS number, other identifier, or nothing."""
    parts = message.components(repeat)
    value = message.plain(parts[0])
    if not value or is_placeholder(value):
        return
    kind = message.plain(parts[4]) if len(parts) > 4 else ""
    authorities = _authorities(message, parts)
    if _means_nhs(kind, authorities, own_words):
        _take_nhs(value, found, read_date(message.plain(parts[7])) if len(parts) > 7 else None)
    elif kind.upper() in _NOT_A_PERSON:
        return
    elif authority := next(iter(authorities), default_authority):
        identifier = ArrivingIdentifier(value, authority, kind)
        found.identifiers.setdefault((authority, identifier.value), identifier)
    else:
        found.without_authority += 1


def _authorities(message: Message, parts: list[str]) -> list[str]:
    """The names of the assigning authority (CX-4), else of the assigning facility (CX-6)."""
    for number in (4, 6):
        if number <= len(parts) and parts[number - 1]:
            names = [message.plain(name) for name in message.subcomponents(parts[number - 1])[:2]]
            if any(names):
                return [name for name in names if name]
    return []


def _means_nhs(kind: str, authorities: list[str], own_words: frozenset[str]) -> bool:
    if any(_folded(name) in _NHS_AUTHORITIES for name in authorities):
        return True
    folded = _folded(kind)
    if own_words and (folded in own_words or any(_folded(one) in own_words for one in authorities)):
        return True
    return folded in _NHS_TYPES or (folded == _VAGUE_NHS_TYPE and not authorities)


def _folded(name: str) -> str:
    return name.upper().translate({ord(c): None for c in " -_"})


def is_placeholder(value: str) -> bool:
    """UNUSED, 0000000, ----: said of many patients, so of none."""
    if value.upper() in _PLACEHOLDERS or not value.strip("0 -.?"):
        return True
    return len(value) > 5 and len(set(value)) == 1


def _take_nhs(value: str, found: _Found, ended: date | None) -> None:
    read = read_nhs_number(_NHS_BEFORE.sub("", value))
    if read.number:
        # The same number twice, once without an end, has none.
        found.nhs_numbers[read.number] = ended and found.nhs_numbers.get(read.number, ended)
    elif read.fault not in (NhsFault.PLACEHOLDER, NhsFault.EMPTY):
        found.bad_nhs.append(read.hint)


def _read_pid_19(message: Message, pid: Segment, found: _Found) -> None:
    """PID-19 is a social security number elsewhere; in the UK some put the NHS number there."""
    read = read_nhs_number(message.first(field(pid, 19)))
    if read.number:
        found.nhs_numbers.setdefault(read.number, None)


def _patient(
    message: Message, pid: Segment, found: _Found, notices: list[str], sent_on: date | None
) -> ArrivingPatient:
    family, given = _patient_name(message, field(pid, 5))
    return ArrivingPatient(
        family_name=family,
        given_name=given,
        birth_date=_birth_date(message, field(pid, 7), notices, sent_on),
        sex=_sex(message, field(pid, 8), notices),
        nhs_number=next(iter(found.nhs_numbers), ""),
        identifiers=tuple(found.identifiers.values()),
        postcode=_postcode(message, field(pid, 11)),
        language_need=LanguageNeed.of(message.first(field(pid, 15))),
    )


def _postcode(message: Message, value: str) -> str:
    """Of the home (XAD-5), else of the first address that is not another kind of place."""
    addresses = [message.components(repeat) for repeat in message.repeats(value)] if value else []
    of_homes: dict[bool, str] = {}
    for parts in addresses:
        kind = message.plain(parts[6]).upper() if len(parts) > 6 else ""
        written = squeezed(message.plain(parts[4])) if len(parts) > 4 else ""
        if written and kind not in _OTHER_ADDRESSES:
            of_homes.setdefault(kind == "H", written)
    return of_homes.get(True) or of_homes.get(False, "")


def _birth_date(
    message: Message, value: str, notices: list[str], sent_on: date | None
) -> date | None:
    written = message.plain(message.repeats(message.components(value)[0])[0])
    if not written:
        return None
    day = read_date(written)
    if day is None or (sent_on and day > sent_on):
        notices.append("PID-7: the date of birth could not be read as a date in the past.")
        return None
    return day


def _sex(message: Message, value: str, notices: list[str]) -> str:
    written = message.first(value)
    if not written:
        return ""
    if written.upper() not in _SEXES:
        notices.append("PID-8: the sex could not be read.")
    return _SEXES.get(written.upper(), "")


def _patient_name(message: Message, value: str) -> tuple[str, str]:
    names = [message.components(repeat) for repeat in message.repeats(value)]
    used = [n for n in names if n[0] and not _is_other_name(message, n)]
    parts = (used or [n for n in names if any(n)] or [[""]])[0]
    given = message.plain(parts[1]) if len(parts) > 1 else ""
    return _split_name(message.plain(message.subcomponents(parts[0])[0]), given)


def _is_other_name(message: Message, parts: list[str]) -> bool:
    return len(parts) > 6 and message.plain(parts[6]).upper() in _OTHER_NAMES


def _split_name(family: str, given: str) -> tuple[str, str]:
    """'BADGER, Ann' in the field of the family name is both names."""
    if not given and "," in family:
        family, _, given = (part.strip() for part in family.partition(","))
    return family, given


def read_person(message: Message, value: str) -> ArrivingPerson:
    """The first person of an XCN, CNN or NDL field who has a code or a name."""
    for repeat in message.repeats(value) if value else ():
        person = _person(message, repeat)
        if person.code or person.family_name:
            return person
    return ArrivingPerson()


def _person(message: Message, repeat: str) -> ArrivingPerson:
    parts = message.components(repeat)
    inner = message.subcomponents(parts[0])
    if len(inner) > 1:
        # NDL: the person in subcomponents of the first component, then times and places.
        parts = inner
    code = message.plain(parts[0])
    if len(parts) > 1 and len(inner) == 1 and re.fullmatch(r"\d{8,}([+-]\d{4})?", parts[1]):
        parts = parts[:1]  # NDL with nothing but a code: what follows is a time
    family = message.plain(message.subcomponents(parts[1])[0]) if len(parts) > 1 else ""
    given = message.plain(parts[2]) if len(parts) > 2 else ""
    if code and not family and not given and _is_a_name(code):
        code, family = "", code
    family, given = _split_name(family, given)
    return ArrivingPerson(code, _authority_of(message, parts), family, given)


def _is_a_name(code: str) -> bool:
    """'SMITH JOHN' in the place of the code."""
    return len(re.split(r"[\s,]+", code.strip(" ,"), maxsplit=1)) > 1 and not re.search(r"\d", code)


def _authority_of(message: Message, parts: list[str]) -> str:
    """Component 9: an HD, or in a CNN the namespace and its universal identifier side by side."""
    if len(parts) < 9:
        return ""
    names = message.subcomponents(parts[8])
    return next(filter(None, map(message.plain, names)), "")
