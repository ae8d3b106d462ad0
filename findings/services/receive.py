"""Messages in: from what arrived to an examination, a version of its report, an order or news of a
patient; and a receipt.

Whatever happens, every message is kept as it came and every part of it has one receipt that says
what became of it. An error of ours rolls back to a held item, never to nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from findings.alert_codes import most_severe
from findings.arrivals import (
    Arriving,
    ArrivingOrder,
    ArrivingReport,
    HeldReason,
    Nothing,
    Part,
    Problem,
    Refusal,
)
from findings.models import Finding, IncomingMessage, Receipt, Report, Sender
from findings.services.filed import Filed
from findings.services.filing import AccessionHeld, Outcome, file_report
from findings.services.identity import Held, IdentityHeld
from findings.services.orders import file_order
from findings.services.patient_news import file_news
from findings.services.policy import PolicyError
from findings.services.propose import alerts_of, answer_by
from findings.services.records import ONE_BY_ONE, Records, Unusual
from findings.services.report_names import name_report
from findings.services.turns import take_turns

__all__ = [
    "AccessionHeld",
    "Held",
    "IdentityHeld",
    "Outcome",
    "file_part",
    "receive_parts",
    "receive_report",
]

log = structlog.get_logger(__name__)


def receive_report(
    *, sender: Sender, arriving: ArrivingReport, at: datetime | None = None
) -> tuple[Outcome, Report]:
    """One report that did not come as a message: typed, or by the API.

    Raises `Held` (`IdentityHeld`, `AccessionHeld`) for the form or the API to show.
    """
    with transaction.atomic():
        take_turns(sender, [arriving])
        return file_report(sender, arriving, None, at)


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL in text, and UTF-8 knows no half characters."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def receive_parts(
    sender: Sender | None,
    message: IncomingMessage,
    parts: Sequence[Part],
    records: Records = ONE_BY_ONE,
) -> list[Receipt]:
    """File each part of a message, or hold it. The caller has taken its turns in a transaction."""
    return [
        receive_part(sender, message, number, part, records)
        for number, part in enumerate(parts or (_nothing_in_it(),), start=1)
    ]


def receive_part(
    sender: Sender | None,
    message: IncomingMessage,
    number: int,
    part: Part,
    records: Records = ONE_BY_ONE,
) -> Receipt:
    """File one part, or hold it; either way it has its receipt."""
    filed = file_part(sender, message, part, records)
    if isinstance(filed, Problem):
        receipt = _held(sender, message, number, filed)
    else:
        receipt = Receipt(message=message, part=number, **filed.fields())
    records.add(receipt)
    return receipt


def hold_part(
    sender: Sender, message: IncomingMessage, number: int, part: ArrivingReport, problem: Problem
) -> None:
    """Let a report wait for a person, because of this."""
    alert = most_severe(alerts_of(sender, part))
    problem = replace(problem, accession=part.accession, alert=alert)
    _held(sender, message, number, problem).save(force_insert=True)


def _held(
    sender: Sender | None, message: IncomingMessage, number: int, problem: Problem
) -> Receipt:
    return Receipt(
        message=message,
        part=number,
        outcome=not_filed(problem),
        **held_fields(problem),
        **alert_fields(problem, message, sender),
    )


def file_part(
    sender: Sender | None,
    message: IncomingMessage,
    part: Part,
    records: Records = ONE_BY_ONE,
) -> Filed | Problem:
    """What becomes of one part. Whatever it does to the database goes with it if it is held; and
    what is held says whether there is an alert code in it."""
    if isinstance(part, Problem):
        return part
    if isinstance(part, Nothing):
        return Filed(Outcome.NOTHING, detail=part.detail, accession=part.accession)
    filed = _file(sender, message, part, records)
    if isinstance(filed, Problem) and isinstance(part, ArrivingReport):
        return replace(filed, alert=most_severe(alerts_of(sender, part)))
    return filed


def _file(
    sender: Sender | None, message: IncomingMessage, part: Arriving, records: Records
) -> Filed | Problem:
    if sender is None:
        return _unknown_sender(part)
    try:
        with records.part():
            return _apply(sender, message, part, records)
    except Held as held:
        where = held.location if message.is_hl7 else ""
        return Problem(held.reason, where, held.detail, held.suggestion, part.accession)
    except PolicyError as error:
        return replace(no_policy(error), accession=part.accession)
    except (OperationalError, InterfaceError, Unusual):
        raise  # not the message's fault and not to be settled here
    except Exception as error:
        # A report is never lost to an error of ours: it waits. What the error says may quote the
        # patient; the log keeps its class and the places that it passed through.
        log.error("report held", message_id=message.pk, exc_info=error)
        return _our_fault(part, error)


def alert_fields(
    problem: Problem, message: IncomingMessage, sender: Sender | None
) -> dict[str, Any]:
    """Of a held item with an alert code, or one that may correct a report with an open finding:
    the category, and until when somebody has to deal with it, counted from when the message came.
    Nothing where nothing is at stake, or its sender was refused it."""
    if isinstance(problem, Refusal):
        return {}
    alert = problem.alert or _at_stake(sender, problem)
    if not alert:
        return {}
    due_at = answer_by(alert, message.received_at, sender.site if sender else None)
    return {"alert": alert, "alert_due_at": due_at}


# With these there are words under this accession that nobody can read yet.
_MAY_CORRECT = frozenset(
    {
        HeldReason.MISSING_PATIENT,
        HeldReason.BAD_NHS_NUMBER,
        HeldReason.UNKNOWN_STATUS,
        HeldReason.BAD_TIME,
        HeldReason.IDENTITY_CONFLICT,
        HeldReason.ACCESSION_CONFLICT,
        HeldReason.OUR_FAULT,
    }
)


def _at_stake(sender: Sender | None, problem: Problem) -> str:
    """The most severe category that is open in the examination which it names."""
    if sender is None or not problem.accession or problem.reason not in _MAY_CORRECT:
        return ""
    of_it = Q(examination__sender=sender.keeper, examination__accession=problem.accession)
    found = Finding.objects.open().filter(of_it).order_by("category__priority")
    return found.values_list("category", flat=True).first() or ""


def _apply(sender: Sender, message: IncomingMessage, part: Arriving, records: Records) -> Filed:
    if isinstance(part, ArrivingReport):
        outcome, report = file_report(sender, part, message, records=records)
        if part.identifiers:
            name_report(sender, part.identifiers, report.examination)
        return Filed(outcome, report)
    if isinstance(part, ArrivingOrder):
        return file_order(sender, part, records)
    return file_news(sender, part, message, records)


def not_filed(problem: Problem) -> Outcome:
    """Its sender was told to act, or somebody here has to."""
    return Outcome.REFUSED if isinstance(problem, Refusal) else Outcome.HELD


def held_fields(problem: Problem) -> dict[str, str]:
    """A problem as a receipt keeps it."""
    return {
        "reason": problem.reason,
        "location": storable(problem.location)[:40],
        "detail": storable(problem.detail)[:300],
        "suggestion": storable(problem.suggestion)[:300],
        "accession": storable(problem.accession)[:80],
    }


def _nothing_in_it() -> Problem:
    return Problem(
        HeldReason.UNREADABLE,
        "MSH",
        "The message has no examination in it.",
        "Ask the sender what it was meant to say.",
    )


def _unknown_sender(part: Arriving) -> Problem:
    return Problem(
        HeldReason.UNKNOWN_SENDER,
        "MSH-3",
        "No sender with this application (MSH-3) and facility (MSH-4) is set up.",
        "Set the sender up on the page of this item, which runs it again.",
        part.accession,
    )


def no_policy(error: PolicyError) -> Problem:
    """What says something else about a finding, where nobody has signed the limits."""
    return Problem(
        HeldReason.OUR_FAULT,
        "",
        f"It concerns a finding, whose owner cannot be asked again: {error}",
        "Have the limits signed, then run this item again.",
    )


def _our_fault(part: Arriving, error: Exception) -> Problem:
    return Problem(
        HeldReason.OUR_FAULT,
        "",
        f"An error of this application ({type(error).__name__}); the message is kept whole.",
        "Tell whoever runs this application, then run this item again.",
        part.accession,
    )
