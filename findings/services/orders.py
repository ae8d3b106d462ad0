"""Orders in: an examination exists from its order, and its report is awaited from when the images
were made.

An order only ever adds: it never undoes what a report says, and it tells the same whatever order
its messages come in. A cancelled order ends the wait as a person does who says that no report is to
be expected; a newer order that stands, or images made since, take that back (docs/adr/0026).
"""

from dataclasses import replace
from datetime import datetime

from findings.arrivals import ArrivingOrder, HeldReason, OrderStep
from findings.models import Examination, NoReport, Receipt, ReportStatus, Sender
from findings.services.filed import Filed
from findings.services.filing import (
    AHEAD_OF_US,
    check_accession,
    examination_of,
    known_about,
)
from findings.services.identity import Held, recognise
from findings.services.records import ONE_BY_ONE, Records
from findings.services.report_by import end_wait, overtake

Outcome = Receipt.Outcome
STANDS_AGAIN = "The order stands again ({said})."
MADE = "The images were made ({said})."
MADE_SINCE = "The images were made since ({said})."


def file_order(sender: Sender, arriving: ArrivingOrder, records: Records = ONE_BY_ONE) -> Filed:
    """Keep what it says. The caller has taken its turn in a transaction.

    Raises `Held` where a person has to look first.
    """
    now = records.now()
    _check_times(arriving, now)
    numbering = sender
    if arriving.is_bare or not arriving.accession:
        known = _known(sender, arriving)
        if known is None:
            return Filed(Outcome.NOTHING, detail="No order here has this number (ORC-2, ORC-3).")
        numbering, arriving = known.sender, replace(arriving, accession=known.accession)
    check_accession(arriving.accession)
    examination, notices = examination_of(numbering, arriving, records)
    if arriving.step is OrderStep.CANCELLED:
        outcome, words = _cancel(sender, examination, arriving, now, records)
    else:
        outcome, words = _keep(examination, arriving, now, records)
    said = [words, arriving.said and f"Sent: {arriving.said}.", *notices]
    return Filed(outcome, examination=examination, detail=" ".join(filter(None, said)))


def _known(sender: Sender, arriving: ArrivingOrder) -> Examination | None:
    """The examination that is there under this accession, or the one of this patient with the
    placer's number: under the sender's numbering, else under another of its trust. None where
    nothing is lost by it: what is cancelled was never asked for here."""
    own = Examination.objects.filter(sender=sender.keeper)
    if arriving.accession and (known := own.filter(accession=arriving.accession).first()):
        return known
    named = _placed_as(sender, arriving)
    if len(named) == 1:
        return named[0]
    if not named and arriving.step is not OrderStep.PERFORMED:
        return None
    raise Held(
        HeldReason.MISSING_ACCESSION,
        "There is no accession number that is known here, and the placer's number is that of "
        + ("more than one examination." if named else "none."),
        "Ask the sender to put the accession number in OBR-3. If no report is to be expected of one"
        " that waits, say so on its page, then set this aside.",
        "ORC-2",
    )


def _placed_as(sender: Sender, arriving: ArrivingOrder) -> list[Examination]:
    """Up to two with the placer's number."""
    found = recognise(arriving.patient) if arriving.placer_number else None
    if found is None:
        return []
    rows = Examination.objects.filter(
        patient=found.patient, placer_number=arriving.placer_number
    ).select_related("sender")
    of_the_trust = rows.filter(
        sender__organisation=sender.organisation_id, sender__accessions_of=None
    )
    return list(rows.filter(sender=sender.keeper)[:2]) or list(of_the_trust[:2])


def _check_times(arriving: ArrivingOrder, now: datetime) -> None:
    for place, at in (("MSH-7", arriving.said_at), ("OBR-7", arriving.performed_at)):
        if at and at > now + AHEAD_OF_US:
            raise Held(
                HeldReason.BAD_TIME,
                "The time of the message, or of the images, lies in the future.",
                "Ask the sender to correct its clock, or what it sends as the time of the images.",
                place,
            )


def _is_older(examination: Examination, arriving: ArrivingOrder) -> bool:
    newest = examination.order_said_at
    return newest is not None and arriving.said_at < newest


def _remember(examination: Examination, arriving: ArrivingOrder, records: Records) -> None:
    if not _is_older(examination, arriving):
        examination.order_said_at = arriving.said_at
        records.change(examination, "order_said_at")


# --- Placed, changed, performed -------------------------------------------------------------------


def _keep(
    examination: Examination, arriving: ArrivingOrder, now: datetime, records: Records
) -> tuple[Receipt.Outcome, str]:
    excuse = records.excuse(examination)
    if excuse is not None and (because := _takes_back(excuse, examination, arriving)):
        overtake(excuse, now, because.format(said=arriving.said))
        excuse = None
    if not _is_older(examination, arriving):
        _describe(examination, arriving, records)
    _remember(examination, arriving, records)
    records.settle(examination, now)
    is_made = arriving.step is OrderStep.PERFORMED
    outcome = Outcome.PERFORMED if is_made else Outcome.ORDERED
    return outcome, "It stays as it was said: no report is to be expected." if excuse else ""


def _takes_back(excuse: NoReport, examination: Examination, arriving: ArrivingOrder) -> str:
    """Why what was said before stands no longer; empty where it does. What another system said is
    taken back by what is not older; what a person said, only by images made since."""
    if arriving.performed_at is not None and arriving.performed_at > excuse.said_at:
        return MADE_SINCE
    if excuse.said_by is None and not _is_older(examination, arriving):
        return STANDS_AGAIN
    is_cancelled_elsewhere = excuse.said_by is None and _was_cancelled_elsewhere(examination)
    return MADE if arriving.performed_at is not None and is_cancelled_elsewhere else ""


def _was_cancelled_elsewhere(examination: Examination) -> bool:
    """Whether another system than the one that numbers it has cancelled it."""
    cancelled = examination.receipts.filter(outcome=Outcome.CANCELLED).order_by("pk")
    last = cancelled.select_related("message").last()
    return last is not None and last.message.sender_id != examination.sender_id


def _describe(examination: Examination, arriving: ArrivingOrder, records: Records) -> None:
    """What the newest order says counts until there is a report. Whoever asked and from where go
    together; when the images were made stays as it was said first."""
    if examination.current_report_id is not None:
        return
    said = known_about(examination.site, arriving, records)
    del said["performed_at"]
    if not said["requester_as_sent"]:
        said = {name: value for name, value in said.items() if not name.startswith("reque")}
        del said["location_as_sent"]
    new = {
        name: value
        for name, value in said.items()
        if (value or name.endswith("_id")) and value != getattr(examination, name)
    }
    for name, value in new.items():
        setattr(examination, name, value)
    if new:
        records.change(examination, *new)


# --- Cancelled ------------------------------------------------------------------------------------


def _cancel(
    sender: Sender,
    examination: Examination,
    arriving: ArrivingOrder,
    now: datetime,
    records: Records,
) -> tuple[Receipt.Outcome, str]:
    """In doubt the order stands: of two messages of one moment, the one that does not cancel; and
    where images were made, unless the system says so that numbers them."""
    if records.excuse(examination) is not None:
        _remember(examination, arriving, records)
        return Outcome.NOTHING, "No report was to be expected already."
    newest = examination.order_said_at
    if newest is not None and arriving.said_at <= newest:
        return Outcome.NOTHING, "An order that is not older says that it stands."
    _remember(examination, arriving, records)
    current = examination.current_report
    if current is not None and current.status != ReportStatus.WITHDRAWN:
        return Outcome.NOTHING, "It has a report, which an order does not undo."
    if examination.performed_at is not None and examination.sender_id != sender.pk:
        raise Held(
            HeldReason.NEEDS_DECISION,
            "The images were made, and it is cancelled by another system than the one that numbers"
            " them.",
            "Find out whether they are reported. If no report is to be expected, say so on the page"
            " of the examination, then set this aside.",
            "ORC-1",
        )
    end_wait(
        examination,
        reason=NoReport.Reason.CANCELLED,
        because=f"The order was cancelled ({arriving.said}).",
        by=None,
        at=now,
    )
    return Outcome.CANCELLED, ""
