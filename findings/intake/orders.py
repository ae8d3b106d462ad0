"""Which segment belongs to which examination, and which examination to which patient."""

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


@dataclass(slots=True)
class Group:
    """One PID with the orders under it."""

    pid: Segment | None = None
    visit: Segment | None = None
    orders: list[Order] = field(default_factory=list)
    has_stray_results: bool = False


def groups_of(message: Message) -> list[Group]:
    """Patients with their orders, each OBX and NTE with its OBR, each ORC with what follows."""
    group = Group()
    groups = [group]
    common: Segment | None = None
    waiting = 0  # ORCs since the last OBR: of two, neither is known to be the next one's
    count = 0
    for segment in message.segments:
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
