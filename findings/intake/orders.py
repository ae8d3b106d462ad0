"""Which segment belongs to which examination, and which examination to which patient."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from findings.intake.hl7 import Message, Segment


@dataclass(slots=True)
class Order:
    """One OBR with what belongs to it."""

    request: Segment
    number: int
    common: Segment | None  # its ORC, or the one before when it has none of its own
    has_own_common: bool
    results: list[Segment] = field(default_factory=list)
    imaging: Segment | None = None  # IPC, of OMI
    notes: list[Segment] = field(default_factory=list)  # NTE before its results
    has_specimen: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing but its ORC."""
        return len(self.request) == 1


@dataclass(slots=True)
class Group:
    """One PID with the orders under it."""

    pid: Segment | None = None
    visit: Segment | None = None
    orders: list[Order] = field(default_factory=list)
    has_stray_results: bool = False


# What says in a message of orders what is ordered: examinations, diets, medicines, supplies.
_DETAILS = frozenset({"OBR", "ODS", "ODT", "RXO", "RQD", "RQ1"})


def groups_of(message: Message, *, of_orders: bool = False) -> list[Group]:
    """Patients with their orders, each OBX and NTE with its OBR, each ORC with what follows; one
    that is followed by nothing is an order itself in a message of orders (`of_orders`)."""
    group = Group()
    groups = [group]
    common: Segment | None = None
    waiting = 0  # ORCs since the last OBR: of two, neither is known to be the next one's
    count = 0
    segments = message.segments
    for segment in _with_requests(segments) if of_orders else segments:
        name = segment[0]
        if name == "OBX" or name in ("NTE", "ADD"):
            _add_result(group, segment)
        elif name == "OBR":
            count += 1
            group.orders.append(Order(segment, count, common, waiting == 1))
            waiting = 0
        elif name == "ORC":
            common = segment
            waiting += 1
        elif name == "IPC" and group.orders:
            group.orders[-1].imaging = group.orders[-1].imaging or segment
        elif name == "SPM" and group.orders:
            group.orders[-1].has_specimen = True
        elif name == "PV1":
            group.visit = segment
        elif name == "PID":
            if group.pid is not None or group.orders:
                group = Group()
                groups.append(group)
                common, waiting = None, 0
            group.pid = segment
    return groups


def _add_result(group: Group, segment: Segment) -> None:
    if not group.orders:
        group.has_stray_results = group.has_stray_results or segment[0] == "OBX"
        return
    order = group.orders[-1]
    if segment[0] == "OBX" or order.results:
        order.results.append(segment)
    else:
        order.notes.append(segment)


def _with_requests(segments: Iterable[Segment]) -> Iterator[Segment]:
    """With an empty OBR for each ORC after which nothing says what is ordered."""
    is_open = False
    for segment in segments:
        if segment[0] in ("ORC", "PID"):
            if is_open:
                yield ["OBR"]
            is_open = segment[0] == "ORC"
        elif segment[0] in _DETAILS:
            is_open = False
        yield segment
    if is_open:
        yield ["OBR"]
