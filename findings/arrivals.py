"""What a report, an order or news of a patient looks like at the door, whatever it came by.

Every way in (HL7, JSON, a typed form) turns what it was given into one of these or a `Problem`;
`services/receive.py` is the one place that turns those into rows. Nothing here knows the database.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from string import ascii_lowercase


class ArrivingStatus(StrEnum):
    """How finished a report says it is. The order of the first three is their rank."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


_CAPITALS = {ord(letter): letter.upper() for letter in ascii_lowercase}


def as_compared(number: str) -> str:
    """A hospital number as numbers are told apart: mx1 is MX1 (`models/folding.AsCompared`)."""
    return number.translate(_CAPITALS)


@dataclass(frozen=True)
class ArrivingIdentifier:
    """One identifier of a patient, in capitals. Without its authority it identifies nobody."""

    value: str
    authority: str
    type: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", as_compared(self.value))


class LanguageNeed(StrEnum):
    """What is known of the language that a patient needs to be told in."""

    INTERPRETER = "interpreter"
    NONE = "none"
    # The language was said, and not whether an interpreter is needed.
    OTHER = "other"
    ENGLISH = "english"

    @property
    def label(self) -> str:
        return _LANGUAGE_NEEDS[self]

    @property
    def is_of_language(self) -> bool:
        """Said of the language alone."""
        return self in (LanguageNeed.OTHER, LanguageNeed.ENGLISH)

    @classmethod
    def of(cls, language: str, is_needed: bool | None = None) -> "LanguageNeed | None":
        """From a code of a language (en, en-GB, eng) and whether an interpreter is needed."""
        if is_needed is not None:
            return cls.INTERPRETER if is_needed else cls.NONE
        said = language.strip().casefold().replace("_", "-").partition("-")[0]
        if not said or said in _NO_LANGUAGE:
            return None
        return cls.ENGLISH if said in ("en", "eng", "english") else cls.OTHER


_LANGUAGE_NEEDS = {
    LanguageNeed.INTERPRETER: "Interpreter needed",
    LanguageNeed.NONE: "No interpreter needed",
    LanguageNeed.OTHER: "Another language than English; need not said",
    LanguageNeed.ENGLISH: "English; need not said",
}
# Not said, not determined, no linguistic content; and what people type.
_NO_LANGUAGE = frozenset(
    {"und", "zxx", "mul", "mis", "unk", "unknown", "not known", "not stated", "u", "z", "n/a"}
)


@dataclass(frozen=True)
class ArrivingPatient:
    """Who the report says it is about."""

    family_name: str = ""
    given_name: str = ""
    birth_date: date | None = None
    sex: str = ""
    # Ten digits, check digit valid, not a placeholder; empty when none was sent.
    nhs_number: str = ""
    # Hospital numbers and the like; the NHS number is not repeated here.
    identifiers: tuple[ArrivingIdentifier, ...] = ()
    # The record of ours that a person chose, where what was sent leads to none or to several.
    record: int | None = None
    # Where they live now, squeezed; only a mark of it is kept (findings/postcodes.py).
    postcode: str = ""
    language_need: LanguageNeed | None = None


@dataclass(frozen=True)
class ArrivingPerson:
    """A clinician named in a message: the requester or the reporter."""

    code: str = ""
    authority: str = ""
    family_name: str = ""
    given_name: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.given_name, self.family_name) if part) or self.code


@dataclass(frozen=True)
class ArrivingReport:
    """One report of one examination: one OBR of a message, one JSON body, one typed form."""

    accession: str
    patient: ArrivingPatient
    status: ArrivingStatus
    # When the report was verified (UTC); orders the versions, not the time of arrival.
    reported_at: datetime
    text: str
    modality: str = ""
    examination_code: str = ""
    examination_description: str = ""
    performed_at: datetime | None = None
    requester: ArrivingPerson = field(default_factory=ArrivingPerson)
    reporter: ArrivingPerson = field(default_factory=ArrivingPerson)
    # As sent: ward, clinic or practice, and the ODS code or name of the site.
    requesting_location: str = ""
    site_code: str = ""
    # Where the patient was: "inpatient", "outpatient", "emergency" or "gp"; empty when not said.
    setting: str = ""
    # Things a person should know that do not stop the report: "birth date was not readable".
    notices: tuple[str, ...] = ()
    # Documents that came inside it (a PDF), decoded; what they are is seen when they are kept.
    documents: tuple[bytes, ...] = ()
    # Codes that came beside the words and may say that somebody must act (alert_codes.py).
    codes: tuple[str, ...] = ()
    # By which its sender will look for the report again, beside the accession: system and value.
    identifiers: tuple[tuple[str, str], ...] = ()
    # From an archive: whoever had to act on it was told in its own time.
    is_past: bool = False


class OrderStep(StrEnum):
    """How far an order has come. Only `PERFORMED` lets anybody wait for a report."""

    PLACED = "placed"  # asked for, changed, scheduled or begun: there are no images yet
    PERFORMED = "performed"  # the images were made
    CANCELLED = "cancelled"  # none will be made, or none that anybody will report


@dataclass(frozen=True)
class ArrivingOrder:
    """One order of one examination, or news of it: one ORC and OBR of an order message."""

    # Empty where only the placer's number says which order it is.
    accession: str
    patient: ArrivingPatient
    step: OrderStep
    # When the sender said so (UTC); decides between two orders, not the time of arrival.
    said_at: datetime
    # In the sender's words: "ORC-1 CA".
    said: str = ""
    # What the system that ordered it calls it (ORC-2).
    placer_number: str = ""
    modality: str = ""
    examination_code: str = ""
    examination_description: str = ""
    # When the images were made; None until they were.
    performed_at: datetime | None = None
    requester: ArrivingPerson = field(default_factory=ArrivingPerson)
    requesting_location: str = ""
    site_code: str = ""
    setting: str = ""
    # It says nothing of the examination, which has to be there.
    is_bare: bool = False


class NewsKind(StrEnum):
    """What a patient index or the wards say about a patient."""

    DETAILS = "details"  # name, birth date or sex, as they are now
    MERGED = "merged"  # the record `other` is part of this patient's now
    UNMERGED = "unmerged"  # the two are two patients after all
    RENUMBERED = "renumbered"  # this patient has other numbers than `other` says
    MOVED = "moved"  # a visit, or a number, of `other` is this patient's
    TRANSFERRED = "transferred"
    TRANSFER_CANCELLED = "transfer_cancelled"
    DISCHARGED = "discharged"
    DISCHARGE_CANCELLED = "discharge_cancelled"
    NOTHING = "nothing"  # of no use here, but that the patient died it may say, too


@dataclass(frozen=True)
class ArrivingNews:
    """News of one patient: one PID of an ADT message, with the other record that it names."""

    kind: NewsKind
    # "A40", for the record.
    event: str
    patient: ArrivingPatient
    # When the sender said so (UTC); decides between two pieces of news.
    said_at: datetime
    # The other record: MRG, or the second PID.
    other: ArrivingPatient | None = None
    # When it happened, by the sender; `said_at` where that is not said.
    happened_at: datetime | None = None
    # The ward to which the patient went.
    whereto: str = ""
    # True: died; False: said to live; None: nothing said.
    has_died: bool | None = None
    died_at: datetime | None = None
    # No accession: for whoever takes turns by it.
    accession: str = ""


@dataclass(frozen=True)
class Nothing:
    """A message, or a part of one, that is understood and asks for nothing here."""

    # One sentence, with no patient data in it.
    detail: str
    accession: str = ""


class HeldReason(StrEnum):
    """Why something that arrived is waiting for a person instead of being a report."""

    UNREADABLE = "unreadable"  # not HL7, no MSH, wrong encoding characters
    UNSUPPORTED_MESSAGE = "unsupported_message"  # readable, but not a report (ADT, ORM)
    UNSUPPORTED_VERSION = "unsupported_version"  # not HL7 v2
    TEST_MESSAGE = "test_message"  # for training or debugging, by its own word
    NOT_IMAGING = "not_imaging"  # a report of the laboratory, of pathology, of genomics
    MISSING_PATIENT = "missing_patient"  # no PID, or no identifier that identifies anybody
    BAD_NHS_NUMBER = "bad_nhs_number"  # check digit or length wrong and nothing else to go by
    MISSING_ACCESSION = "missing_accession"
    UNKNOWN_STATUS = "unknown_status"
    BAD_TIME = "bad_time"  # no readable time of the report
    NO_TEXT = "no_text"  # an examination without words: nothing to read yet
    IDENTITY_CONFLICT = "identity_conflict"  # the identifiers point at two patients
    ACCESSION_CONFLICT = "accession_conflict"  # the accession belongs to another patient
    UNKNOWN_SENDER = "unknown_sender"
    TOO_LARGE = "too_large"
    CUT_OFF = "cut_off"  # its end did not come, or another message began inside it
    WRONG_SENDER = "wrong_sender"  # whoever sent it may not send as the sender that it names
    NEEDS_DECISION = "needs_decision"  # it contradicts what a person or another system said
    OUR_FAULT = "our_fault"  # an error of ours; the message is kept and can be run again


@dataclass(frozen=True)
class Problem:
    """Why a message, or one examination in it, cannot be a report without a person's help."""

    reason: HeldReason
    # Segment and field as the sender knows them, for example "PID-3" or "OBR[2]-25".
    location: str
    # One sentence that says what is wrong, with no patient data in it.
    detail: str
    # One sentence that says what to do.
    suggestion: str
    # What could be read before it stopped, so that the held item can be found again.
    accession: str = ""
    # The category of the most severe alert code in it: such a held item may not wait long.
    alert: str = ""


@dataclass(frozen=True)
class Refusal(Problem):
    """Why a message was not taken. Its sender was told so and has to act; nobody here need look."""


# What can be applied, and what any part of a message can be.
Arriving = ArrivingReport | ArrivingOrder | ArrivingNews
Part = Arriving | Nothing | Problem


@dataclass(frozen=True)
class ReadMessage:
    """A message after parsing: who sent it, and one part for each examination or patient in it."""

    sender_application: str
    sender_facility: str
    control_id: str
    message_type: str
    sent_at: datetime | None
    parts: tuple[Part, ...]


def fold(word: str) -> str:
    """'Wet-Read ' and 'WET READ' are one word of a sender."""
    return " ".join(word.replace("-", " ").replace("_", " ").split()).casefold()


@dataclass(frozen=True)
class SenderProfile:
    """What has to be known about a sender before its messages can be read."""

    # The zone of time stamps that carry none.
    zone: str = "Europe/London"
    # Extra words for OBR-25, folded to lower case: {"wet read": "preliminary"}.
    status_words: tuple[tuple[str, ArrivingStatus], ...] = ()
    # Character set when MSH-18 is absent; UTF-8 is tried first.
    fallback_charset: str = "windows-1252"
    # Who gave the numbers in PID-3 that name no authority. Empty: such a number is not used,
    # because it could be anybody's.
    default_authority: str = ""
    # Its own alert codes: words, and the category that they mean (alert_codes.py).
    trigger_words: tuple[tuple[str, str], ...] = ()
    # Its own codes in ORC-1, ORC-5 or OBR-25, folded: {"exam complete": "performed"}.
    order_words: tuple[tuple[str, OrderStep], ...] = ()
    # Further authorities or types that mean the NHS number in PID-3: "NHSIC".
    nhs_words: tuple[str, ...] = ()
    # Where the NHS number is when nothing names it: "PID-2", or "PID-3.2" for its second repeat.
    # A last resort; only a number with a valid check digit counts.
    nhs_position: str = ""
    # Where to look first for whoever asked, for the requesting location and for the accession
    # number: ("PV1-9",). Empty: the usual places; they follow in any case, but for the accession.
    referrer_fields: tuple[str, ...] = ()
    location_fields: tuple[str, ...] = ()
    accession_fields: tuple[str, ...] = ()
    # What OBR-24 says of its imaging: ("RAD", "CT"). Empty: whatever no list calls something else.
    imaging_sections: tuple[str, ...] = ()
    # Whether what it marks as a test (MSH-11 T or D) is live all the same.
    takes_tests: bool = False
    # Of one message: what a person entered for its n-th examination (OBR) as accession number.
    entered_accessions: tuple[tuple[int, str], ...] = ()
    # Of one message with one patient: the record that a person chose where it names nobody.
    chosen_record: int | None = None
