"""A handful of examinations that wait for a report: late, told of, and how a wait ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from findings.arrivals import ArrivingStatus
from findings.demonstration.examinations import Order, Orders, Version, add_report
from findings.demonstration.people import Hospital
from findings.demonstration.seed import seeded
from findings.demonstration.texts import kinds
from findings.models import Clock, Examination, NoReport, Rule
from findings.services.policy_checks import REPORT_POLICY
from findings.services.report_by import expect_report, no_report_expected, settle
from findings.states import ClockKind

DAY = timedelta(days=1)
# Days since the images were made, and how many days after them it ended and how: "", "reported",
# "cancelled". Every day from 21 on somebody has been told of it.
WAITS = (
    (3, 0, ""),
    (11, 0, ""),
    (22, 0, ""),
    (26, 0, ""),
    (31, 0, ""),
    (47, 0, ""),
    (33, 30, "reported"),
    (18, 9, "cancelled"),
)
# From the images to the day on which the RIS lists them as unreported.
KNOWN_AFTER = timedelta(hours=30)
LEARNT_FROM = timedelta(days=85)
MODALITIES = ("CT", "MR", "DX")
SAYS_SO = "denise.farrow"
CANCELLED = "The patient could not lie still; nothing was imaged. A new request has been made."


@dataclass
class Wait:
    """An examination that waits, or waited."""

    order: Order
    known_at: datetime
    ended_at: datetime | None = None
    how: str = ""
    report: Version | None = None


def make_waits(orders: Orders) -> Iterator[Wait]:
    """None of them has a report when it becomes known."""
    sites = list(orders.hospital.sites)
    for number, (days, after, how) in enumerate(WAITS):
        rng = seeded("waits for a report", number)
        kind = rng.choice([kind for kind in kinds() if kind.modality in MODALITIES])
        made_at = orders.now - days * DAY - timedelta(minutes=rng.randrange(400))
        order, report = orders.unreported(kind, made_at, sites[number % len(sites)], rng)
        ended_at = made_at + after * DAY if after else None
        yield Wait(order, made_at + KNOWN_AFTER, ended_at, how, report)


def waited(orders: list[Order], now: datetime) -> None:
    """Of some examinations that have their report: that they were awaited, as a list of the RIS
    said once. From these the page of late reporting learns how long reports take."""
    rule = Rule.objects.in_force().get(policy_id=REPORT_POLICY)
    clocks = []
    for number, order in enumerate(orders):
        verified = [one.at for one in order.versions if one.status != ArrivingStatus.PRELIMINARY]
        is_lately = order.performed_at > now - LEARNT_FROM
        if not verified or not is_lately or seeded("was awaited", number).random() > 0.15:
            continue
        clocks.append(
            Clock(
                examination=order.row,
                kind=ClockKind.REPORT_BY,
                rule=rule,
                started_at=order.performed_at,
                due_at=order.performed_at + timedelta(days=28),
                stopped_at=max(verified[0], order.performed_at),
                stopped_because=Clock.StoppedBecause.REPORTED,
            )
        )
    Clock.objects.bulk_create(clocks)


def preliminary_only(orders: list[Order]) -> Iterator[Wait]:
    """Those of which a registrar has written and no consultant yet."""
    for order in orders:
        if order.versions and order.versions[-1].status == ArrivingStatus.PRELIMINARY:
            yield Wait(order, order.versions[-1].at)


def moments_of(wait: Wait, hospital: Hospital) -> Iterator[tuple[datetime, Callable[[], None]]]:
    """What happened to it, and when."""
    yield wait.known_at, lambda: _expect(wait)
    if wait.ended_at is not None and wait.how == "reported":
        yield wait.ended_at, lambda: _report(wait)
    elif wait.ended_at is not None:
        yield wait.ended_at, lambda: _cancel(wait, hospital)


def _row(wait: Wait) -> Examination:
    assert wait.order.row is not None
    return Examination.objects.get(pk=wait.order.row.pk)


def _expect(wait: Wait) -> None:
    expect_report(_row(wait), at=wait.known_at)


def _report(wait: Wait) -> None:
    row, at = _row(wait), wait.ended_at
    assert at is not None
    assert wait.report is not None
    add_report(row, 1, replace(wait.report, at=at))
    settle(row, at=at)


def _cancel(wait: Wait, hospital: Hospital) -> None:
    by, reason = hospital.people[SAYS_SO], NoReport.Reason.CANCELLED
    no_report_expected(_row(wait), reason=reason, because=CANCELLED, by=by, at=wait.ended_at)
