"""What may go out: the words of messages that were taken together, and those not needed any more.

Everything that they need is read at once, with the same few queries for one as for fifty. First
of all how far each timeline has come: what is written there later stops the attempt (attempts.py).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, QuerySet, prefetch_related_objects

from findings.models import NEWS, Audience, Event, HandOver
from findings.states import State
from notifications import messages
from notifications.leases import MOST_IN_A_DIGEST, in_order
from notifications.models import UNSURE, DeliveryAttempt, Notification
from notifications.own_words import Wordings
from notifications.restored import now_and_put_back
from notifications.standing import Standing

Status = Notification.Status

WHOLE = Notification.objects.select_related("step__clock", "finding", "recipient", "route")


@dataclass(frozen=True)
class Part:
    """One notification, and the attempt that is next."""

    notification: Notification
    number: int
    # The last line of the finding's timeline that was there before anything else was read.
    seen: int


@dataclass(frozen=True)
class Draft:
    """A message that is ready to go: about one notification, or a digest of several."""

    parts: Sequence[Part]
    message: messages.Message


class Drafts:
    """Of messages (ids) that are ours for now."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._seen = _last_lines(ids)
        found = list(in_order(WHOLE.filter(pk__in=ids)))
        _learn_subjects(found)
        # What goes out as one: each alone, or a digest.
        self.groups = _groups(found)
        self._tries = _tries(ids)
        self._offers = _open_offers(found)
        self._newest = _newest(found)
        self._standing = Standing(one.recipient for one in found)
        self._wordings = Wordings()
        self._at, self._put_back = now_and_put_back()

    def needed(self, group: Sequence[Notification]) -> list[Notification]:
        return [one for one in group if self._is_needed(one)]

    def waited(self, notification: Notification) -> timedelta:
        """Since it was written, or since the quiet hours ended."""
        return self._at - (notification.held_until or notification.created_at)

    def write(self, needed: Sequence[Notification]) -> Draft:
        """What goes out about these."""
        every = [self._tries.get(one.pk, Tries()) for one in needed]
        write = messages.write if len(needed) == 1 else messages.write_digest
        message = write(
            *needed,
            at=self._at,
            may_be_second=any(tries.unsure for tries in every) or self._went_before(needed),
            standing=self._standing,
            wordings=self._wordings,
        )
        parts = [
            Part(one, tries.count + 1, self._seen[one.finding_id] if one.finding_id else 0)
            for one, tries in zip(needed, every, strict=True)
        ]
        return Draft(parts, message)

    def _went_before(self, needed: Sequence[Notification]) -> bool:
        """Perhaps: due before the database was restored from a copy that does not know."""
        put_back = self._put_back
        return put_back is not None and any(one.step.falls_at <= put_back for one in needed)

    def _is_needed(self, notification: Notification) -> bool:
        """The promise still runs, and no newer message says the same to the same person. News is
        needed whatever was answered since; of a withdrawn finding only that it is withdrawn."""
        finding, step = notification.finding, notification.step
        if finding is None:
            return step.clock.in_force.is_running and self._is_newest(notification)
        if step.audience in NEWS:
            return step.audience == Audience.WITHDRAWN or finding.state != State.WITHDRAWN
        if not finding.is_open or not step.clock.in_force.is_running:
            return False
        if step.audience == Audience.OFFERED:
            return (finding.pk, step.due_at) in self._offers
        return self._is_newest(notification)

    def _is_newest(self, notification: Notification) -> bool:
        return self._newest.get(_saying(notification), 0) <= notification.pk


def _learn_subjects(found: Sequence[Notification]) -> None:
    """Nothing is asked where there are none but findings, as nearly always."""
    of_examinations = [one for one in found if one.examination_id]
    prefetch_related_objects(of_examinations, "examination__site__organisation")
    of_improvements = [one for one in found if one.improvement_id]
    prefetch_related_objects(of_improvements, "improvement__organisation")


def _groups(found: Sequence[Notification]) -> list[list[Notification]]:
    """Each alone, but what was saved up for one person and route together."""
    groups: list[list[Notification]] = []
    saved_up: dict[tuple[int, int], list[Notification]] = {}
    for one in found:
        key = one.recipient_id, one.route_id
        if one.held_until and len(saved_up.get(key, [])) % MOST_IN_A_DIGEST:
            saved_up[key].append(one)
            continue
        groups.append([one])
        if one.held_until:
            saved_up[key] = groups[-1]
    return groups


def _last_lines(ids: Sequence[int]) -> dict[int, int]:
    """By finding: the number of the last line of its timeline."""
    events = Event.objects.filter(finding__notifications__in=ids)
    return dict(events.values_list("finding").annotate(Max("number")).order_by())


@dataclass(frozen=True)
class Tries:
    """Attempts so far, and how many of them ended without anybody knowing how."""

    count: int = 0
    unsure: int = 0


def _tries(ids: Sequence[int]) -> dict[int, Tries]:
    attempts = DeliveryAttempt.objects.filter(notification__in=ids).order_by()
    counted = attempts.values_list("notification").annotate(
        Count("pk"), unsure=Count("pk", filter=UNSURE)
    )
    return {pk: Tries(count, unsure) for pk, count, unsure in counted}


def _open_offers(found: Sequence[Notification]) -> set[tuple[int, datetime]]:
    """Finding and moment of each offer that is open: one that was taken back asks nobody."""
    asked = {one.finding_id for one in found if one.step.audience == Audience.OFFERED}
    if not asked:
        return set()
    offers = HandOver.objects.open().filter(finding__in=asked)
    return set(offers.values_list("finding", "offered_at"))


# Of the same promise: one about the patient must not silence one about the action.
Saying = tuple[int, int, int]


def _saying(notification: Notification) -> Saying:
    return notification.step.clock_id, notification.recipient_id, notification.route_id


def _newest(found: Sequence[Notification]) -> dict[Saying, int]:
    """The last message of each promise to each person by each route."""
    newest: dict[Saying, int] = defaultdict(int)
    for of_these in _of_the_same(found):
        rows = of_these.filter(step__level__gt=0).exclude(
            status__in=[Status.FAILED, Status.NOT_NEEDED]
        )
        for clock, recipient, route, pk in rows.values_list(
            "step__clock", "recipient", "route", "pk"
        ):
            newest[clock, recipient, route] = max(newest[clock, recipient, route], pk)
    return newest


def _of_the_same(found: Sequence[Notification]) -> Iterator[QuerySet[Notification]]:
    """Every message of the findings, and of the rest if there is any."""
    if findings := {one.finding_id for one in found if one.finding_id}:
        yield Notification.objects.filter(finding__in=findings)
    if clocks := {one.step.clock_id for one in found if not one.finding_id}:
        yield Notification.objects.filter(step__clock__in=clocks)


def unusable(notification: Notification) -> str:
    """What has changed since the step fired, in a sentence; empty when nothing has."""
    route = notification.route
    if not notification.recipient.is_active:
        return "The recipient no longer works here."
    if route.removed_at:
        return "The recipient is no longer told there."
    if route.failed_at:
        return "The address has refused mail before."
    return "" if route.verified_at else "The address is not verified."
