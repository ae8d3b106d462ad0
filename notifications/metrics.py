"""What Prometheus reads at /metrics: how much is open, how late the engine is, what was not sent.

Asked of the database at each scrape, so that every web process gives the same answer. Counts and
seconds only: no label holds a patient, a person or a reference.
"""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Max, Min
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from findings.models import Category, Clock, Finding, Proposal, Receipt, Rung, Sender, Step
from findings.services.timeline import database_now
from findings.states import ClockKind
from notifications import tally
from notifications.clockwork import LATEST
from notifications.coverage import ASKED
from notifications.models import Channel, Notification, Pulse
from notifications.restored import COPY_OF, PUT_BACK

# Pulses that are not of anything that runs.
NO_PARTS = (ASKED, LATEST, COPY_OF, PUT_BACK)
DWELL_OVER = timedelta(hours=1)
QUANTILES = ("0.5", "0.95", "1")

# Each reads an index of what ended in the last hour.
DUE_TO_FIRED = """
    SELECT extract(epoch FROM fired_at - falls_at) AS seconds
    FROM findings_step WHERE fired_at > now() - make_interval(secs => %(over)s)
"""
FIRED_TO_DELIVERED = """
    SELECT extract(epoch FROM sent_at - coalesce(held_until, created_at)) AS seconds
    FROM notifications_notification WHERE sent_at > now() - make_interval(secs => %(over)s)
"""
DWELL = """
    SELECT count(*), percentile_disc(%(quantiles)s::float[]) WITHIN GROUP (ORDER BY seconds)
    FROM ({}) AS dwell
"""


def page() -> bytes:
    """Every figure of this moment, in the format that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(EngineFigures())
    return generate_latest(registry)


class EngineFigures(Collector):
    """Yields each family with what the database says now."""

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield _open_findings()
        yield _waiting()
        yield from _steps_waiting()
        yield from _dwell("due_to_fired", "From when a step fell due until it fired", DUE_TO_FIRED)
        yield from _dwell(
            "fired_to_delivered",
            "From when a step fired until a message was handed over",
            FIRED_TO_DELIVERED,
        )
        yield _failed()
        yield from _held()
        yield _to_confirm()
        yield from _answers()
        yield _tokens()
        yield _pulses()


def _open_findings() -> Metric:
    family = GaugeMetricFamily(
        "imaging_safety_open_findings", "Open findings by category.", labels=["category"]
    )
    count = dict(Finding.objects.open().values_list("category").annotate(count=Count("pk")))
    for code in Category.objects.order_by("code").values_list("code", flat=True):
        family.add_metric([code], count.get(code, 0))
    return family


def _waiting() -> Metric:
    running = Clock.objects.running(ClockKind.REPORT_BY)
    return GaugeMetricFamily(
        "imaging_safety_examinations_waiting",
        "Examinations whose report is waited for.",
        value=running.count(),
    )


def _steps_waiting() -> Iterator[Metric]:
    due = {
        (clock, level): (count, oldest)
        for clock, level, count, oldest in Step.objects.due()
        .order_by()
        .values_list("clock__kind", "level")
        .annotate(count=Count("pk"), oldest=Min("falls_at"))
    }
    family = GaugeMetricFamily(
        "imaging_safety_overdue_steps",
        "Escalation steps that are due and have not fired, by promise and step of its ladder;"
        " level 0 is outside the ladder.",
        labels=["clock", "level"],
    )
    # Every step that there can be: a series that comes and goes cannot be alerted by.
    ladders = Rung.objects.order_by().values_list("clock", "level").distinct()
    for clock, level in sorted({*ladders, *due}):
        family.add_metric([clock, str(level)], due.get((clock, level), (0,))[0])
    yield family
    now = database_now()
    ages = [(now - oldest).total_seconds() for _, oldest in due.values()]
    yield GaugeMetricFamily(
        "imaging_safety_oldest_unfired_step_seconds",
        "For how long the oldest unfired step has been due; 0 when none is.",
        value=max([0, *ages]),
    )


def _dwell(name: str, what: str, rows: str) -> Iterator[Metric]:
    """Of the last hour; a gauge for each quantile, since the hour slides and nothing adds up."""
    with connection.cursor() as cursor:
        quantiles = [float(quantile) for quantile in QUANTILES]
        cursor.execute(
            DWELL.format(rows), {"over": DWELL_OVER.total_seconds(), "quantiles": quantiles}
        )
        count, seconds = cursor.fetchone()
    family = GaugeMetricFamily(
        f"imaging_safety_{name}_seconds", f"{what}, in the last hour.", labels=["quantile"]
    )
    for quantile, value in zip(QUANTILES, seconds or (), strict=False):
        family.add_metric([quantile], float(value))
    yield family
    yield GaugeMetricFamily(
        f"imaging_safety_{name}_count", f"{what}: how many in the last hour.", value=count
    )


def _failed() -> Metric:
    family = CounterMetricFamily(
        "imaging_safety_messages_failed", "Messages that were not delivered.", labels=["channel"]
    )
    failed = dict(
        Notification.objects.filter(status=Notification.Status.FAILED)
        .order_by()
        .values_list("channel")
        .annotate(count=Count("pk"))
    )
    for channel in Channel:
        family.add_metric([channel.value], failed.get(channel.value, 0))
    return family


def _held() -> Iterator[Metric]:
    """Reports that are in no list yet: each waits until a coordinator looks."""
    count, oldest = Receipt.objects.waiting().count_and_oldest()
    yield GaugeMetricFamily(
        "imaging_safety_held_items", "Messages that wait for a person.", value=count
    )
    age = database_now() - oldest if oldest else timedelta()
    yield GaugeMetricFamily(
        "imaging_safety_oldest_held_item_seconds",
        "For how long the oldest of them has waited; 0 when none does.",
        value=age.total_seconds(),
    )


def _to_confirm() -> Metric:
    """Each is flagged at its limit, if nobody has answered by then."""
    return GaugeMetricFamily(
        "imaging_safety_alert_codes_waiting",
        "Alert codes of reports that nobody has confirmed or rejected.",
        value=Proposal.objects.open().count(),
    )


def _answers() -> Iterator[Metric]:
    """By the HL7 listener. AE: senders send again; AR: somebody there has to look."""
    counts = tally.counts("hl7_")
    family = CounterMetricFamily(
        "imaging_safety_hl7_answers", "HL7 messages answered, by the answer.", labels=["code"]
    )
    for code in ("aa", "ae", "ar"):
        family.add_metric([code.upper()], counts.get(code, 0))
    yield family
    yield CounterMetricFamily(
        "imaging_safety_hl7_skipped_bytes",
        "Bytes between HL7 messages that belong to none.",
        value=counts.get("skipped_bytes", 0),
    )


def _tokens() -> Metric:
    """One that has ended is deleted when it is used next, and then its sender has none: 0."""
    family = GaugeMetricFamily(
        "imaging_safety_api_token_ends_in_seconds",
        "Until the last token ends by which a sender calls the API; 0 when it has none.",
        labels=["sender"],
    )
    now = database_now()
    senders = Sender.objects.filter(account__is_active=True).order_by("code")
    for code, ends in senders.values_list("code", Max("account__auth_token_set__expiry")):
        family.add_metric([code], max((ends - now).total_seconds(), 0) if ends else 0)
    return family


def _pulses() -> Metric:
    family = GaugeMetricFamily(
        "imaging_safety_pulse_age_seconds",
        "Since each part of the engine last finished a round, and since what is done each hour last"
        " began; what never did is missing.",
        labels=["part"],
    )
    now = database_now()
    for pulse in Pulse.objects.exclude(name__in=NO_PARTS).order_by("name"):
        family.add_metric([pulse.name], max((now - pulse.at).total_seconds(), 0))
    return family
