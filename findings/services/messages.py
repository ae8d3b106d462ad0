"""Messages in: kept as they came, in one commit; then filed, in a second one. As many at once as
came, with the same outcome as one after the other.

A message that is kept and has no receipts was not filed yet: the same bytes again file it, and so
they do where it was refused and is not now, or an error of ours came between.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from findings.arrivals import (
    Arriving,
    ArrivingPatient,
    ArrivingReport,
    ReadMessage,
    Refusal,
)
from findings.arrivals import Part as AnyPart
from findings.columns import column, columns
from findings.models import IncomingMessage, Receipt, Sender
from findings.prepared import Prepared
from findings.services.filing import Described
from findings.services.hold import may_be_gone, sent_again
from findings.services.identity import names_about
from findings.services.receive import receive_parts, storable
from findings.services.records import ONE_BY_ONE, Records, Unusual
from findings.services.together import NotYet, Part, Together
from findings.services.turns import in_turn, names_of, patients_of, take_turns_at

log = structlog.get_logger(__name__)

CONTROL_ID_REUSED = (
    "The sender gave this message a number (MSH-10) that it had used for another message before."
)


@dataclass(frozen=True, eq=False)
class Incoming:
    """A message at the door: who sent it, and how it was read."""

    sender: Sender | None
    body: bytes
    # Where it came from, for a person who has to find it again.
    origin: str
    read: ReadMessage

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @cached_property
    def described(self) -> list[Part]:
        """Those that say of an examination what it is."""
        return [Part(sender, one) for sender, one in self.arriving if isinstance(one, Described)]

    @cached_property
    def arriving(self) -> list[tuple[Sender, Arriving]]:
        """All that can be filed."""
        if self.sender is None:
            return []
        return [(self.sender, part) for part in self.read.parts if isinstance(part, Arriving)]

    @cached_property
    def patients(self) -> list[ArrivingPatient]:
        """Whom it is about."""
        return [who for _, part in self.arriving for who in patients_of(part)]


@dataclass(frozen=True)
class Received:
    """A stored message with what became of its parts; `known` when these bytes came before."""

    message: IncomingMessage
    receipts: list[Receipt]
    known: bool
    # The sender had used its control id for something else: its numbering cannot be relied on.
    control_id_reused: bool = False


def receive_message(
    *, sender: Sender | None, body: bytes, origin: str, read: ReadMessage
) -> Received:
    """One message, as `receive_messages`."""
    (received,) = receive_messages([Incoming(sender, body, origin, read)])
    return received


def receive_messages(incoming: Sequence[Incoming]) -> list[Received]:
    """Store messages raw, then apply each part of them. The same bytes twice change nothing.

    What is about one patient or accession is applied in the order given. Raises only
    `OperationalError` and `InterfaceError`: the database did not answer, and all must be sent
    again; what had been stored or applied by then is not repeated.
    """
    kept = _keep(incoming)
    new: dict[int, _Kept] = {}
    for one in kept:
        new.setdefault(one.message.pk, one)
    known = _filed([one.message for one in kept if not one.is_new])
    done = [_once_more(new.pop(received.message.pk), received) for received in known]
    done += _apply(list(new.values()))
    by_message = {received.message.pk: received for received in done}
    given = []
    for one in kept:
        received = by_message[one.message.pk]
        given.append(received)
        # The same bytes once more in this batch are known then.
        by_message[one.message.pk] = replace(received, known=True, control_id_reused=False)
    return given


def _once_more(one: "_Kept", known: Received) -> Received:
    parts = one.incoming.read.parts
    refused = any(isinstance(part, Refusal) for part in parts)
    if refused or not any(map(may_be_gone, known.receipts)):
        return known
    with in_turn(one.names_as_known):
        return replace(known, receipts=sent_again(one.message, one.incoming.sender, parts))


def file_kept(message: IncomingMessage, sender: Sender | None, read: ReadMessage) -> Received:
    """A message that is stored and was not filed yet; one that was is given back as it is."""
    incoming = Incoming(sender, bytes(message.body), message.origin, read)
    (received,) = _apply([_Kept(message, incoming, is_new=False)])
    return received


# --- Kept as they came --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Kept:
    """A message that is stored, and how it is to be applied."""

    message: IncomingMessage
    incoming: Incoming
    is_new: bool

    @cached_property
    def names(self) -> frozenset[str]:
        """What it is about: it waits for others that are about one of these."""
        arriving = self.incoming.arriving
        names = {name for sender, part in arriving for name in names_of(sender, part)}
        return frozenset(names or {f"message|{self.message.pk}"})

    def names_as_known(self) -> set[str]:
        """Those, and every number of the records that its news are about."""
        return names_about(self.incoming.sender, self.incoming.read.parts) | self.names


# Numbered as they came, and written in the order of their fingerprints: two who keep the same
# messages at once, each in another order, would wait for each other.
KEEP = Prepared(
    "keep_messages",
    """
    INSERT INTO findings_incomingmessage
        (id, sender_id, control_id, message_type, body, fingerprint, origin)
    SELECT * FROM (
        SELECT nextval(pg_get_serial_sequence('findings_incomingmessage', 'id')), given.*
        FROM unnest(%(senders)s, %(control_ids)s, %(types)s, %(bodies)s, %(fingerprints)s,
            %(origins)s)
            AS given (sender, control_id, message_type, body, fingerprint, origin)
    ) numbered ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO NOTHING
    RETURNING fingerprint, id
    """,
    senders="bigint[]",
    control_ids="text[]",
    types="text[]",
    bodies="bytea[]",
    fingerprints="text[]",
    origins="text[]",
)
COLUMNS = ("sender_id", "control_id", "message_type", "body", "fingerprint", "origin")
GIVEN = ("senders", "control_ids", "types", "bodies", "fingerprints", "origins")
MessageRow = tuple[int | None, str, str, bytes, str, str]


def _keep(incoming: Sequence[Incoming]) -> list[_Kept]:
    """Committed at once, unless the caller is in a transaction."""
    different = {one.fingerprint: one for one in reversed(incoming)}
    rows = [_row(one) for one in incoming if different[one.fingerprint] is one]
    if not rows:
        return []
    new = dict(KEEP.rows(**dict(zip(GIVEN, columns(rows), strict=True))))
    messages = {one: _message(key, different[one]) for one, key in new.items()}
    if len(new) < len(rows):
        known = IncomingMessage.objects.filter(fingerprint__in=different.keys() - new.keys())
        messages |= {one.fingerprint: one for one in known.defer("body")}
    return [_Kept(messages[one.fingerprint], one, one.fingerprint in new) for one in incoming]


def keep_one(row: MessageRow) -> tuple[IncomingMessage, bool]:
    """What did not come as a message, and whether it is new. The caller is in a transaction."""
    new = KEEP.rows(**dict(zip(GIVEN, columns([row]), strict=True)))
    if not new:
        return IncomingMessage.objects.defer("body").get(fingerprint=row[4]), False
    return IncomingMessage.from_db(connection.alias, ["id", *COLUMNS], [new[0][1], *row]), True


def _row(one: Incoming) -> MessageRow:
    return (
        one.sender.pk if one.sender else None,
        storable(one.read.control_id)[:200],
        storable(one.read.message_type)[:40],
        one.body,
        one.fingerprint,
        storable(one.origin)[:300],
    )


def _message(key: int, one: Incoming) -> IncomingMessage:
    message = IncomingMessage.from_db(connection.alias, ["id", *COLUMNS], [key, *_row(one)])
    message.sender = one.sender
    return message


# --- Applied ------------------------------------------------------------------------------------


@dataclass
class _Round:
    """What became of some messages: filed together, to be filed alone, or after those."""

    done: list[Received] = field(default_factory=list)
    alone: list[_Kept] = field(default_factory=list)
    later: list[_Kept] = field(default_factory=list)


def _apply(waiting: list[_Kept]) -> list[Received]:
    done: list[Received] = []
    while waiting:
        # Each round gets rid of the first one at least.
        this = _round(waiting)
        done += [*this.done, *map(_alone, this.alone)]
        waiting = this.later
    return done


def _round(waiting: list[_Kept]) -> _Round:
    try:
        with transaction.atomic():
            return _file_together(waiting)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # One of them hurts the others. It is found by halves, and then filed alone.
        log.warning("not filed together", count=len(waiting), error=type(error).__name__)
        if len(waiting) == 1:
            return _Round(alone=waiting)
        middle = len(waiting) // 2
        this = _round(waiting[:middle])
        this.later += waiting[middle:]
        return this


def _file_together(waiting: list[_Kept]) -> _Round:
    take_turns_at({name for one in waiting for name in one.names})
    stands = _standing(waiting)
    described = [part for one in waiting for part in one.incoming.described]
    patients = [who for one in waiting for who in one.incoming.patients]
    records = Together(
        described, patients, receipts=sum(len(one.incoming.read.parts) or 1 for one in waiting)
    )
    this, taken = _Round(), set[str]()
    for one in waiting:
        standing = stands[one.message.pk]
        if standing.is_filed:
            this.done += _filed([one.message])
            continue
        names = one.names | records.names_of_patients(one.incoming.patients)
        try:
            if not taken.isdisjoint(names):
                raise NotYet
            with records.message():
                this.done.append(_received(one, standing, records))
        except Unusual as unusual:
            taken |= names
            (this.later if isinstance(unusual, NotYet) else this.alone).append(one)
    records.write()
    return this


def _alone(one: _Kept) -> Received:
    """In a transaction of its own, each part on its own."""
    with in_turn(one.names_as_known):
        standing = _standing([one])[one.message.pk]
        if standing.is_filed:
            return _filed([one.message])[0]
        return _received(one, standing, ONE_BY_ONE)


def _received(one: _Kept, standing: "_Standing", records: Records) -> Received:
    parts = one.incoming.read.parts
    if standing.is_reused:
        parts = tuple(map(_with_notice, parts))
    receipts = receive_parts(one.incoming.sender, one.message, parts, records)
    return Received(one.message, receipts, False, standing.is_reused)


def _with_notice(part: AnyPart) -> AnyPart:
    if not isinstance(part, ArrivingReport):
        return part
    return replace(part, notices=(*part.notices, CONTROL_ID_REUSED))


def _filed(messages: Iterable[IncomingMessage]) -> list[Received]:
    """Those that have their receipts already."""
    by_key = {one.pk: one for one in messages}
    receipts: dict[int, list[Receipt]] = {}
    found = Receipt.objects.filter(message__in=by_key) if by_key else ()
    for receipt in sorted(found, key=lambda one: one.part):
        receipts.setdefault(receipt.message_id, []).append(receipt)
    return [Received(by_key[key], of_it, known=True) for key, of_it in receipts.items()]


class _Standing(NamedTuple):
    """What has to be known of a message once its turn has come."""

    # Somebody else has filed it meanwhile.
    is_filed: bool
    # Its control id is that of an older one of its sender.
    is_reused: bool


STANDING = Prepared(
    "standing_of_messages",
    """
    SELECT m.id, EXISTS (SELECT 1 FROM findings_receipt r WHERE r.message_id = m.id),
        m.control_id <> '' AND EXISTS (SELECT 1 FROM findings_incomingmessage o
            WHERE o.sender_id = m.sender_id AND o.control_id = m.control_id AND o.id < m.id)
    FROM findings_incomingmessage m WHERE m.id = ANY (%(messages)s)
    """,
    messages="bigint[]",
)


def _standing(kept: Iterable[_Kept]) -> dict[int, _Standing]:
    found = STANDING.rows(messages=column(one.message.pk for one in kept))
    return {key: _Standing(*stands) for key, *stands in found}
