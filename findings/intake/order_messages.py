"""ORM^O01, OMI^O23 and OMG^O19: one order, or news of it, for each OBR, and each ORC without one.

Numbers, people and places are read as in reports (`examinations.py`), so that an order and its
report find each other. When the images were made, first to last: OBR-7, OBR-8, OBR-22, ORC-9,
MSH-7; and only where the order says that they were made, since OBR-7 holds the planned time before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from findings.arrivals import ArrivingOrder, HeldReason, Nothing, OrderStep, Problem
from findings.intake import hl7
from findings.intake.examinations import LONGEST_ACCESSION, Frame, Reader
from findings.intake.identities import Identity, read_patient
from findings.intake.orders import Group
from findings.intake.statuses import UnknownCode, read_step


def read_orders(frame: Frame, groups: list[Group]) -> Iterator[ArrivingOrder | Nothing | Problem]:
    """The parts of an order message."""
    ordered = [group for group in groups if group.orders]
    if not ordered:
        yield Nothing("The message orders no examination (OBR).")
    controls = (hl7.field(order.common, 1) for group in ordered for order in group.orders)
    has_replacement = any(frame.message.first(one).upper() == "RO" for one in controls)
    for group in ordered:
        sent = frame.sent.at
        identity = read_patient(
            frame.message, group.pid, frame.profile, sent_on=sent.date() if sent else None
        )
        for order in group.orders:
            reader = OrderReader(frame, group, order, has_replacement=has_replacement)
            yield reader.read_order(identity)


@dataclass(slots=True)
class OrderReader(Reader):
    """Reads one ORC with its OBR, or one alone."""

    has_replacement: bool = False

    def read_order(self, identity: Identity | Problem) -> ArrivingOrder | Nothing | Problem:
        """The order, that it asks for nothing, or the first thing that stands in its way."""
        accession, placer = self._accession(), self._placer_number()
        if not self.order.is_bare and (self._is_not_imaging() or self._names_a_laboratory()):
            return Nothing("An order of what is not imaging (OBR-24, OBR-4, OBR-15).")
        try:
            step = self._step()
        except UnknownCode as unknown:
            return self._unknown_code(str(unknown), accession)
        if step is None:
            return Nothing("This order code (ORC-1) asks for nothing here.")
        is_named = accession or placer
        if len(accession) > LONGEST_ACCESSION or (not is_named and step is OrderStep.PERFORMED):
            return self._problem(
                HeldReason.MISSING_ACCESSION,
                3,
                "There is no accession number." if not accession else "It is far too long.",
                "Ask the sender to put the accession number in OBR-3, or say in its settings where"
                " it is.",
                accession,
            )
        if not is_named or (not accession and step is OrderStep.PLACED):
            return Nothing("The order has no accession number yet; the one that has it counts.")
        if isinstance(identity, Problem):
            return replace(identity, accession=accession)
        said_at = self.frame.sent.at or self._ordered_at()
        if said_at is None:
            return self._no_time_of_order(accession)
        return self._order(identity, accession, step, said_at)

    def _order(
        self, identity: Identity, accession: str, step: OrderStep, said_at: datetime
    ) -> ArrivingOrder:
        message, request = self.frame.message, self.order.request
        code, description = self._examination()
        location, site = self._place()
        modality = message.first(hl7.field(request, 24)) or message.first(
            hl7.field(self.order.imaging, 5)
        )
        return ArrivingOrder(
            accession=accession,
            patient=identity.patient,
            step=step,
            said_at=said_at,
            said=self._said(),
            placer_number=self._placer_number(),
            modality=modality.upper(),
            examination_code=code,
            examination_description=description,
            performed_at=self._performed_at() if step is OrderStep.PERFORMED else None,
            requester=self._requester(),
            requesting_location=location,
            site_code=site,
            setting=self._setting(),
            is_bare=self.order.is_bare,
        )

    def _placer_number(self) -> str:
        """ORC-2, OBR-2: what the system that ordered it calls it. OBR-2 first where several share
        one ORC."""
        first = self.frame.message.first
        places = [hl7.field(self.order.common, 2), hl7.field(self.order.request, 2)]
        given = map(first, places if self.order.has_own_common else reversed(places))
        number = next(filter(None, given), "")
        return number if len(number) <= LONGEST_ACCESSION else ""

    def _codes(self) -> tuple[str, str, str]:
        first = self.frame.message.first
        return (
            first(hl7.field(self.order.common, 1)),
            first(hl7.field(self.order.common, 5)),
            first(hl7.field(self.order.request, 25)),
        )

    def _step(self) -> OrderStep | None:
        words = dict(self.frame.profile.order_words)
        return read_step(*self._codes(), words, has_replacement=self.has_replacement)

    def _said(self) -> str:
        """ "ORC-1 SC, ORC-5 CM": for the page."""
        named = zip(("ORC-1", "ORC-5", "OBR-25"), self._codes(), strict=True)
        return ", ".join(f"{place} {code}" for place, code in named if code)[:80]

    def _unknown_code(self, place: str, accession: str) -> Problem:
        return Problem(
            HeldReason.UNKNOWN_STATUS,
            place,
            f"{place} holds a code that is not known for this sender.",
            "Find out what the sender means by it and add it to the sender's settings.",
            accession[:LONGEST_ACCESSION],
        )

    def _no_time_of_order(self, accession: str) -> Problem:
        return Problem(
            HeldReason.BAD_TIME,
            "MSH-7",
            "No time could be read in MSH-7 or ORC-9.",
            "Ask the sender to send the time of the message in MSH-7: it decides which holds.",
            accession,
        )

    def _ordered_at(self) -> datetime | None:
        return self._time("ORC-9", hl7.field(self.order.common, 9))

    def _performed_at(self) -> datetime | None:
        request = self.order.request
        times = (self._time(f"OBR-{n}", hl7.field(request, n)) for n in (7, 8, 22))
        return next(filter(None, times), None) or self._ordered_at() or self.frame.sent.at
