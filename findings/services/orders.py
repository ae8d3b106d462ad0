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
from findings.services.report_by import end_wait, overtake, settle, standing_excuse
from findings.services.timeline import database_now

Outcome = Receipt.Outcome
STANDS_AGAIN = "The order stands again ({said})."
MADE_SINCE = "The images were made since ({said})."


def file_order(sender: Sender, arriving: ArrivingOrder) -> Filed:
    """Keep what it says. The caller has taken its turn in a transaction.

    Raises `Held` where a person has to look first.
    """
    now = database_now()
    _check_times(arriving, now)
    if not arriving.accession:
        accession = _ordered_as(sender, arriving)
        if not accession:
            return Filed(Outcome.NOTHING, detail="No order here has this placer number (ORC-2).")
        arriving = replace(arriving, accession=accession)
    check_accession(arriving.accession)
    examination, notices = examination_of(sender, arriving)
    if arriving.step is OrderStep.CANCELLED:
        outcome, words = _cancel(examination, arriving, now)
    else:
        outcome, words = _keep(examination, arriving, now)
    said = [words, arriving.said and f"Sent: {arriving.said}.", *notices]
    return Filed(outcome, examination=examination, detail=" ".join(filter(None, said)))


def _ordered_as(sender: Sender, arriving: ArrivingOrder) -> str:
    """The accession of the one examination of this patient with the placer's number; empty where
    there is none and nothing is lost by it: what is cancelled was never asked for here."""
    rows = Examination.objects.filter(sender=sender.keeper, placer_number=arriving.placer_number)
    found = recognise(arriving.patient)
    of_theirs = rows.filter(patient=found.patient) if found else rows.none()
    named = list(of_theirs.values_list("accession", flat=True)[:2])
    if len(named) == 1:
        return named[0]
    if not named and arriving.step is not OrderStep.PERFORMED:
        return ""
    raise Held(
        HeldReason.MISSING_ACCESSION,
        "There is no accession number, and the placer's number is that of "
        + ("more than one examination." if named else "none."),
        "Ask the sender to put the accession number in OBR-3. If no report is to be expected of one"
        " that waits, say so on its page, then set this aside.",
        "ORC-2",
    )


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


def _remember(examination: Examination, arriving: ArrivingOrder) -> None:
    if not _is_older(examination, arriving):
        examination.order_said_at = arriving.said_at
        examination.save(update_fields=["order_said_at"])


# --- Placed, changed, performed -------------------------------------------------------------------


def _keep(
    examination: Examination, arriving: ArrivingOrder, now: datetime
) -> tuple[Receipt.Outcome, str]:
    excuse = standing_excuse(examination)
    if excuse is not None and (because := _takes_back(excuse, examination, arriving)):
        overtake(excuse, now, because.format(said=arriving.said))
        excuse = None
    if not _is_older(examination, arriving):
        _describe(examination, arriving)
    _remember(examination, arriving)
    settle(examination, at=now)
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
    return ""


def _describe(examination: Examination, arriving: ArrivingOrder) -> None:
    """What the newest order says counts until there is a report. Whoever asked and from where go
    together; when the images were made stays as it was said first."""
    if examination.current_report_id is not None:
        return
    said = known_about(examination.site, arriving)
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
        examination.save(update_fields=list(new))


# --- Cancelled ------------------------------------------------------------------------------------


def _cancel(
    examination: Examination, arriving: ArrivingOrder, now: datetime
) -> tuple[Receipt.Outcome, str]:
    """In doubt the order stands: of two messages of one moment, the one that does not cancel."""
    if standing_excuse(examination) is not None:
        _remember(examination, arriving)
        return Outcome.NOTHING, "No report was to be expected already."
    newest = examination.order_said_at
    if newest is not None and arriving.said_at <= newest:
        return Outcome.NOTHING, "An order that is not older says that it stands."
    _remember(examination, arriving)
    current = examination.current_report
    if current is not None and current.status != ReportStatus.WITHDRAWN:
        return Outcome.NOTHING, "It has a report, which an order does not undo."
    end_wait(
        examination,
        reason=NoReport.Reason.CANCELLED,
        because=f"The order was cancelled ({arriving.said}).",
        by=None,
        at=now,
    )
    return Outcome.CANCELLED, ""
