"""From raw bytes to rows: who sent it, how that sender is read, and what became of it.

Files, the held items' page and every other way in that brings HL7 messages come through here.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from findings.arrivals import (
    Arriving,
    ArrivingNews,
    ArrivingReport,
    ArrivingStatus,
    OrderStep,
    Part,
    Problem,
    ReadMessage,
    SenderProfile,
)
from findings.intake.batch import FileWarning, Piece, RawMessage
from findings.intake.oru import read_message, sender_named_in
from findings.intake.refusals import CUT_OFF
from findings.intake.repairs import with_records, with_repairs
from findings.models import IncomingMessage, Patient, Person, Receipt, Repair, Sender
from findings.services import hold
from findings.services.identity import known_patients
from findings.services.messages import Incoming, Received, file_kept, receive_messages
from findings.services.propose import trigger_words
from findings.services.senders import sender_code, sender_now

Outcome = Receipt.Outcome
# Makes a sender for "application|facility", or says no.
Newcomer = Callable[[str], Sender | None]

TRIES = 3
PAUSE_SECONDS = 1.0
# Messages that are filed in one transaction. Meanwhile nobody else files for their patients.
AT_ONCE = 100
BYTES_AT_ONCE = 2**20


class NotStored(Exception):
    """The database did not answer: this message and all after it must be sent again."""


def profile_of(sender: Sender) -> SenderProfile:
    """How this sender's messages are read."""
    words = tuple(
        (word, ArrivingStatus(status)) for word, status in sorted(sender.status_words.items())
    )
    steps = tuple((word, OrderStep(step)) for word, step in sorted(sender.order_words.items()))
    return SenderProfile(
        zone=sender.zone,
        status_words=words,
        fallback_charset=sender.fallback_charset,
        default_authority=sender.number_authority,
        trigger_words=trigger_words(sender),
        order_words=steps,
        nhs_words=tuple(sender.nhs_words),
        nhs_position=sender.nhs_position,
        referrer_fields=tuple(sender.referrer_fields),
        location_fields=tuple(sender.location_fields),
        accession_fields=tuple(sender.accession_fields),
        imaging_sections=tuple(sender.imaging_sections),
        takes_tests=sender.takes_tests,
    )


@dataclass
class Reading:
    """Reads messages as their senders write. Each sender is looked up once."""

    # Whose they are, whatever they say; else MSH-3 and MSH-4 say it.
    sender: Sender | None = None
    # Asked for a sender that is not known, if there is anything to file.
    newcomer: Newcomer | None = None
    # They are of an archive, so no alert code in them counts.
    archive: bool = False
    # What people have chosen for the one message that is read.
    repairs: Sequence[Repair] = ()
    _senders: dict[str, tuple[Sender, SenderProfile] | None] = field(default_factory=dict)

    def read(self, raw: bytes) -> tuple[ReadMessage, Sender | None]:
        """The message, and who sent it if that is known."""
        read, sender = self._read(raw)
        return (_of_the_past(read) if self.archive else read), sender

    def _read(self, raw: bytes) -> tuple[ReadMessage, Sender | None]:
        known = self._known(sender_named_in(raw))
        profile = with_repairs(known[1] if known else SenderProfile(), self.repairs)
        read = with_records(read_message(raw, profile), self.repairs)
        if known or self.newcomer is None or not _can_be_filed(read):
            return read, known[0] if known else None
        made = self.newcomer(sender_code(read.sender_application, read.sender_facility))
        self._senders.clear()
        return (read_message(raw, profile_of(made)), made) if made else (read, None)

    def _known(self, named: tuple[str, str]) -> tuple[Sender, SenderProfile] | None:
        code = "" if self.sender else sender_code(*named)
        if code not in self._senders:
            sender = self.sender or sender_now(code)
            self._senders[code] = (sender, profile_of(sender)) if sender else None
        return self._senders[code]


def read_as_sent(raw: bytes, sender: Sender | None = None) -> tuple[ReadMessage, Sender | None]:
    """One message, read as its sender writes. The sender is the one given, or MSH-3 and MSH-4's."""
    return Reading(sender).read(raw)


def _of_the_past(read: ReadMessage) -> ReadMessage:
    return replace(read, parts=tuple(map(_without_alert, read.parts)))


def _without_alert(part: Part) -> Part:
    if isinstance(part, ArrivingReport):
        return replace(part, is_past=True)
    return replace(part, alert="") if isinstance(part, Problem) else part


def _can_be_filed(read: ReadMessage) -> bool:
    return any(isinstance(part, Arriving) for part in read.parts)


def take_in(raw: bytes, origin: str, sender: Sender | None = None) -> Received:
    """Read one message and store what becomes of it."""
    (received,) = take_in_all([(raw, origin)], Reading(sender))
    return received


def take_in_all(raw: Iterable[tuple[bytes, str]], reading: Reading) -> list[Received]:
    """Read messages, each with where it came from, and store what becomes of them."""
    incoming = []
    for body, origin in raw:
        read, sender = reading.read(body)
        incoming.append(Incoming(sender, body, origin, read))
    return receive_messages(incoming)


# Reads what did not come as HL7: set once, at the start, by the room above that speaks it.
_others: list[Callable[[IncomingMessage, SenderProfile], tuple[Part, ...]]] = []


def reads(function: Callable[[IncomingMessage, SenderProfile], tuple[Part, ...]]) -> None:
    """Called once, when the application is ready."""
    _others[:] = [function]


def read_stored(
    message: IncomingMessage, repair: Repair | None = None
) -> tuple[ReadMessage, Sender | None]:
    """A stored message, as its sender is set up today, with what people have chosen for it, and
    with this. One whose end never came is no message: half a report could say the opposite of the
    whole."""
    repairs = [*Repair.objects.filter(receipt__message=message).select_related("receipt")]
    repairs += [repair] if repair else []
    if not message.is_hl7:
        sender = message.sender
        assert sender is not None, "whoever sends JSON has signed in"
        parts = _others[0](message, profile_of(sender))
        read = ReadMessage("", "", message.control_id, message.message_type, None, parts)
        return with_records(read, repairs), sender
    if message.is_beginning_only:
        return ReadMessage("", "", "", "", None, (CUT_OFF,)), None
    return Reading(message.sender, repairs=repairs).read(bytes(message.body))


def run_again(receipt: Receipt, by: Person, repair: Repair | None = None) -> Receipt:
    """Read a held message again, as its sender is set up today and with what this person chose for
    it, and file what can be filed."""
    receipt = Receipt.objects.select_related("message__sender").get(pk=receipt.pk)
    read, sender = read_stored(receipt.message, repair)
    return hold.run_again(receipt=receipt, by=by, read=read, sender=sender, repair=repair)


def replay(message: IncomingMessage, by: Person | None) -> list[Receipt]:
    """Any stored message again, which is safe: only what is not filed can change. Gives the
    receipts that did. `by` None: only to see it, in a transaction that is rolled back."""
    read, sender = read_stored(message)
    if not message.receipts.exists():
        return file_kept(message, message.sender, read).receipts
    return hold.replay(message=message, by=by, read=read, sender=sender)


def known_patients_in(message: IncomingMessage) -> list[Patient]:
    """Patients on record whose data a reader of this message sees."""
    read, _ = read_stored(message)
    return known_patients_of(read)


def known_patients_of(read: ReadMessage) -> list[Patient]:
    """As above, of a message that was read."""
    parts = [part for part in read.parts if isinstance(part, Arriving)]
    named = [part.patient for part in parts]
    named += [part.other for part in parts if isinstance(part, ArrivingNews) and part.other]
    return list({found.pk: found for one in named for found in known_patients(one)}.values())


@dataclass
class Summary:
    """What became of everything that was found. Every number is the sum of those beneath it."""

    files: int = 0
    messages: int = 0
    # Of the messages: these bytes had been received before.
    known: int = 0
    # Parts of the messages that are new, by what became of them.
    outcomes: Counter[str] = field(default_factory=Counter)
    # Of the parts that are held: why.
    reasons: Counter[str] = field(default_factory=Counter)
    # Parts of messages received before that still wait for a person.
    still_waiting: int = 0
    control_ids_reused: int = 0
    # Files and folders that gave nothing, and counts of batches that do not agree.
    not_read: int = 0
    warnings: int = 0

    @property
    def parts(self) -> int:
        return self.outcomes.total()

    @property
    def waiting(self) -> int:
        return self.outcomes[Outcome.HELD] + self.still_waiting

    def count(self, received: Received) -> None:
        """Add one message."""
        self.messages += 1
        if received.known:
            self.known += 1
            self.still_waiting += sum(receipt.is_waiting for receipt in received.receipts)
            return
        self.control_ids_reused += received.control_id_reused
        for receipt in received.receipts:
            self.outcomes[receipt.outcome] += 1
            if receipt.outcome == Outcome.HELD:
                self.reasons[receipt.reason] += 1


@dataclass
class Importer:
    """Takes in the pieces of files one after another and counts what became of them."""

    sender: Sender | None = None
    newcomer: Newcomer | None = None
    archive: bool = False
    # Told of each message and each warning as it comes.
    heard: Callable[[RawMessage, Received], None] = lambda raw, received: None
    warned: Callable[[FileWarning], None] = lambda warning: None
    summary: Summary = field(default_factory=Summary)

    def take(self, pieces: Iterable[Piece], progress: Callable[[], None] = lambda: None) -> Summary:
        """Take them all in. Raises `NotStored` when the database stops answering."""
        waiting: list[Piece] = []
        size = 0
        for piece in pieces:
            waiting.append(piece)
            size += len(piece.content) if isinstance(piece, RawMessage) else 0
            if len(waiting) >= AT_ONCE or size >= BYTES_AT_ONCE:
                self._take_together(waiting)
                progress()
                waiting, size = [], 0
        self._take_together(waiting)
        progress()
        return self.summary

    def _take_together(self, pieces: list[Piece]) -> None:
        messages = [piece for piece in pieces if isinstance(piece, RawMessage)]
        received = self._store(messages)
        for piece in pieces:
            if isinstance(piece, FileWarning):
                self._warn(piece)
            else:
                one = next(received)
                self.summary.count(one)
                self.heard(piece, one)

    def _warn(self, warning: FileWarning) -> None:
        if warning.line:
            self.summary.warnings += 1
        else:  # about the file or folder itself
            self.summary.not_read += 1
        self.warned(warning)

    def _store(self, messages: list[RawMessage]) -> Iterator[Received]:
        """All at once; where the database does not answer, each by itself, so that what can be
        stored is, and the first that cannot be is named."""
        try:
            return iter(self._take_in(messages))
        except (OperationalError, InterfaceError):
            if not connection.in_atomic_block:
                close_old_connections()
            return map(self._try, messages)

    def _try(self, message: RawMessage) -> Received:
        for attempt in range(1, TRIES + 1):
            try:
                return self._take_in([message])[0]
            except (OperationalError, InterfaceError) as error:
                if attempt == TRIES or connection.in_atomic_block:
                    raise NotStored(message.origin) from error
                time.sleep(PAUSE_SECONDS * attempt)
                close_old_connections()
        raise AssertionError  # the last try returns or raises

    def _take_in(self, messages: list[RawMessage]) -> list[Received]:
        reading = Reading(self.sender, self.newcomer, self.archive)
        return take_in_all(((one.content, one.origin) for one in messages), reading)
