"""What each sender has sent lately, what became of it, and which are silent for too long.

Every question is about the messages of one day, or is answered by an index, so that it costs the
same beside millions of messages.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from findings.arrivals import HeldReason
from findings.columns import column, columns
from findings.measures.silence import (
    NEVER_UNDER,
    SPARSE,
    SPARSE_WITHIN,
    allowed,
    longest_silence,
    usual,
    windows,
)
from findings.models import BankHoliday, IncomingMessage, Receipt, Sender

Outcome = Receipt.Outcome


@dataclass(frozen=True)
class Silence:
    """Since when a sender has sent nothing, and for how long that would be usual now."""

    sender: Sender
    last_at: datetime
    # None: too little is known of it.
    allowed: timedelta | None
    # Whether somebody has to look.
    is_late: bool


@dataclass
class Feed:
    """One sender, or all messages whose sender is not known, since midnight."""

    # None: not known.
    sender: Sender | None
    last_at: datetime | None = None
    today: int = 0
    last_hour: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    # Messages with a control id (MSH-10) that an older one of this sender has.
    reused: int = 0
    # Of whatever day.
    held: int = 0
    silence: Silence | None = None

    @property
    def refused(self) -> int:
        return self.outcomes[Outcome.REFUSED]

    @property
    def duplicates(self) -> int:
        return self.outcomes[Outcome.DUPLICATE]


def feeds(senders: "QuerySet[Sender]", now: datetime) -> list[Feed]:
    """Of each of these, and last of the messages whose sender is not known."""
    last = _last_of(senders)
    silences = {one.sender.pk: one for one in _silences(last, now)}
    by_key: dict[int | None, Feed] = {
        one.pk: Feed(one, at, silence=silences.get(one.pk)) for one, at in last.items()
    }
    by_key[None] = Feed(None)
    of_these = Q(sender__in=senders.order_by()) | Q(sender=None)
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today = IncomingMessage.objects.filter(of_these, received_at__gte=midnight)
    _count_messages(by_key, today, now)
    _count_outcomes(by_key, today)
    _count_reused(by_key, last, midnight)
    waiting = Receipt.objects.waiting().order_by().values("message__sender")
    for key, number in waiting.annotate(n=Count("pk")).values_list("message__sender", "n"):
        if key in by_key:
            by_key[key].held = number
    return list(by_key.values())


def _count_messages(
    feeds: dict[int | None, Feed], today: "QuerySet[IncomingMessage]", now: datetime
) -> None:
    lately = Count("pk", filter=Q(received_at__gte=now - timedelta(hours=1)))
    for key, every, last_hour in (
        today.order_by()
        .values("sender")
        .annotate(every=Count("pk"), lately=lately)
        .values_list("sender", "every", "lately")
    ):
        feeds[key].today, feeds[key].last_hour = every, last_hour


def _count_outcomes(feeds: dict[int | None, Feed], today: "QuerySet[IncomingMessage]") -> None:
    told = Receipt.objects.filter(outcome__in=[Outcome.REFUSED, Outcome.DUPLICATE])
    of_today = told.filter(message__in=today.order_by()).order_by()
    for key, outcome, number in (
        of_today.values("message__sender", "outcome")
        .annotate(n=Count("pk"))
        .values_list("message__sender", "outcome", "n")
    ):
        feeds[key].outcomes[outcome] = number


REUSED = """
    SELECT m.sender_id, count(*) FROM findings_incomingmessage m
    WHERE m.sender_id = ANY (%s::bigint[]) AND m.received_at >= %s AND m.control_id <> ''
        AND EXISTS (SELECT 1 FROM findings_incomingmessage o WHERE o.sender_id = m.sender_id
            AND o.control_id = m.control_id AND o.id < m.id)
    GROUP BY m.sender_id
"""


def _count_reused(
    feeds: dict[int | None, Feed], senders: Iterable[Sender], since: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REUSED, [column(one.pk for one in senders), since])
        for key, number in cursor.fetchall():
            feeds[key].reused = number


# --- Silence ------------------------------------------------------------------------------------


def silent_feeds(now: datetime) -> list[Silence]:
    """Those that are silent for longer than their usual and that somebody is to hear of."""
    watched = Sender.objects.systems().filter(silence=Sender.Silence.ALARMS)
    last = {one: at for one, at in _last_of(watched).items() if at and at < now - NEVER_UNDER}
    return [one for one in _silences(last, now) if one.is_late]


def refused_as_tests(now: datetime) -> list[tuple[str, int]]:
    """By sender: how many messages it was refused within a day because they are marked as tests.
    Nobody here reads them, so that somebody has to know that they are."""
    watched = Sender.objects.systems().filter(silence=Sender.Silence.ALARMS)
    refused = Receipt.objects.filter(
        outcome=Outcome.REFUSED,
        reason=HeldReason.TEST_MESSAGE,
        at__gte=now - timedelta(days=1),
        message__sender__in=watched.order_by(),
    ).order_by("message__sender__name")
    counted = refused.values("message__sender").annotate(number=Count("pk"))
    return list(counted.values_list("message__sender__name", "number"))


def _last_of(senders: "QuerySet[Sender]") -> dict[Sender, datetime | None]:
    """Each with the moment of its last message."""
    own = IncomingMessage.objects.filter(sender=OuterRef("pk")).order_by("-received_at")
    latest = Subquery(own.values("received_at")[:1])
    asked = senders.select_related("site__organisation")
    return {one: one.last_at for one in asked.annotate(last_at=latest)}


# The moments to the minute: more of them would say no more.
HISTORY = """
    SELECT w.sender,
        (SELECT max(m.received_at) FROM findings_incomingmessage m
            WHERE m.sender_id = w.sender AND m.received_at < w.since),
        ARRAY(SELECT DISTINCT date_trunc('minute', m.received_at) AS at
            FROM findings_incomingmessage m WHERE m.sender_id = w.sender
            AND m.received_at >= w.since AND m.received_at <= w.until ORDER BY at)
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
        WITH ORDINALITY AS w (sender, since, until, number) ORDER BY w.number
"""
RECENT = """
    SELECT s.sender, ARRAY(SELECT m.received_at FROM findings_incomingmessage m
        WHERE m.sender_id = s.sender AND m.received_at >= %s ORDER BY m.received_at DESC LIMIT %s)
    FROM unnest(%s::bigint[]) AS s (sender)
"""


def _silences(last: Mapping[Sender, datetime | None], now: datetime) -> list[Silence]:
    sent = {one: at for one, at in last.items() if at}
    if not sent:
        return []
    zone, holidays = ZoneInfo(settings.TIME_ZONE), _holidays(sent)
    asked = [
        (one, window)
        for one, at in sent.items()
        for window in windows(now, at, zone, holidays(one))
    ]
    known: dict[int, list[timedelta | None]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(RECENT, [now - SPARSE_WITHIN, SPARSE, column(one.pk for one in sent)])
        recent = dict(cursor.fetchall())
        rows = [(one.pk, window.start, window.end) for one, window in asked]
        cursor.execute(HISTORY, columns(rows))
        for (_, window), (key, before, arrivals) in zip(asked, cursor.fetchall(), strict=True):
            known[key].append(longest_silence(before, arrivals, window))
    return [
        _silence(one, at, usual(known[one.pk], recent[one.pk]), now) for one, at in sent.items()
    ]


def _silence(
    sender: Sender, last_at: datetime, usually: timedelta | None, now: datetime
) -> Silence:
    limit = allowed(usually) if usually is not None else None
    is_watched = sender.silence == Sender.Silence.ALARMS
    is_late = is_watched and limit is not None and now - last_at > limit
    return Silence(sender, last_at, limit, is_late)


def _holidays(senders: Iterable[Sender]) -> Callable[[Sender], Callable[[date], bool]]:
    """Of each sender, whether a day is a bank holiday where its images are made."""
    nations = {one.site.whose_holidays for one in senders}
    days = defaultdict(set)
    rows = BankHoliday.objects.filter(nation__in=nations, is_removed=False)
    for nation, on in rows.values_list("nation", "on"):
        days[nation].add(on)
    return lambda sender: days[sender.site.whose_holidays].__contains__
