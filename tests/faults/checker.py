"""The checker: history, what arrived outside, and database judged against each other at the end.

Numbers in the sentences are those of the eleven invariants in docs/adr/0008-fault-campaign.md.
"""

import re
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Exists, F, Max, OuterRef, Q
from django.utils import timezone

from findings.models import Event, Finding, Improvement, Report, Step
from findings.services.improvements import without_clock
from findings.states import OPEN
from notifications.models import (
    CRITICAL,
    Channel,
    DeliveryAttempt,
    DeliveryReceipt,
    DeliveryResult,
    Notification,
)
from tests.faults.ground import Ground
from tests.faults.heartbeats import Heartbeats, judge_heartbeats
from tests.faults.history import Acts, Reader, was_told

Status, Outcome = Notification.Status, DeliveryResult.Outcome
# What no log and nothing that leaves us may hold: the patients, reports and numbers of the storm.
PATIENT = re.compile(r"Stormcase|spiculated|Nodule|\b999\d{7}\b")
KEY = re.compile(r"Key (.+)\.$")
# Why nobody knows how a try ended, in the words of the table.
CAUSES = {
    None: "its sender was killed",
    Outcome.UNKNOWN: "no answer was heard",
    Outcome.LEASE_LOST: "it took longer than its turn",
}


class Copy(Protocol):
    """One message as it arrived somewhere."""

    raw: str

    @property
    def may_be_second(self) -> bool: ...


@dataclass
class Verdict:
    """What the campaign found. `wrong` is empty when every invariant holds."""

    findings: int = 0
    of_them_in_bulk: int = 0
    due: int = 0
    fired: int = 0
    messages: int = 0
    delivered: int = 0
    shown_as_undelivered: int = 0
    no_longer_needed: int = 0
    refused: int = 0
    came_back: int = 0
    lost: int = 0
    # Further copies, by why they were sent.
    second_copies: Counter[str] = field(default_factory=Counter)
    # Reports that were answered AA.
    by_hl7: int = 0
    improvements: int = 0
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    # Seconds, of each step and of each message.
    to_fire: list[float] = field(default_factory=list)
    to_deliver: list[float] = field(default_factory=list)
    critical: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.wrong and not self.lost


class End(NamedTuple):
    """Until when the engines had time: what came later is not lost."""

    at: datetime
    newest_message: int

    @classmethod
    def now(cls) -> "End":
        newest = Notification.objects.aggregate(Max("pk"))["pk__max"]
        return cls(timezone.now(), newest or 0)


def judge(ground: Ground, began: datetime, end: End) -> Verdict:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    verdict = Verdict()
    acts = Reader(ground.room).read()
    arrived = _arrived(ground)
    for part in (
        lambda: _inputs(acts, verdict),
        lambda: _reports(acts, verdict),
        lambda: _improvements(acts, verdict),
        lambda: _clocks(verdict),
        lambda: _steps(verdict, began, end),
        lambda: _deliveries(ground, verdict, arrived, end),
        lambda: refusals(ground.postman.brought, verdict),
        lambda: _copies(verdict, arrived),
        lambda: _answers(acts, verdict),
        lambda: _timelines(verdict),
        lambda: _secrets(ground, verdict, arrived),
        lambda: _heartbeats(ground, acts, verdict),
    ):
        try:
            part()
        except Exception:  # what the other parts found must be told all the same
            verdict.wrong.append(f"the checker: {traceback.format_exc()}")
    return verdict


def _heartbeats(ground: Ground, acts: Acts, verdict: Verdict) -> None:
    """10: see there."""
    verdict.heartbeats = judge_heartbeats(ground, told_at(acts))
    verdict.wrong += verdict.heartbeats.wrong


# --- What was asked of us ----------------------------------------------------------------------


def _flags(acts: Acts) -> Iterator[tuple[list[str], list[dict[str, Any]]]]:
    """The keys that were flagged together, and what their client wrote down."""
    for (act, key), lines in acts.items():
        if act == "flag":
            yield [key], lines
        elif act == "bulk":
            yield [f"{key}-{number}" for number in range(lines[0]["count"])], lines


def _inputs(acts: Acts, verdict: Verdict) -> None:
    """1: what a client was told is kept exists once; what it was not told at most once; and what
    came together is there together."""
    found = Counter(_keys())
    verdict.findings = sum(found.values())
    strangers = set(found)
    for keys, lines in _flags(acts):
        strangers.difference_update(keys)
        here = sum(found[key] for key in keys)
        verdict.of_them_in_bulk += here if len(keys) > 1 else 0
        if here not in (0, len(keys)) or (was_told(lines) and not here):
            verdict.wrong.append(
                f"1: of {len(keys)} flagged as {keys[0]} {here} exist, told: {was_told(lines)}"
            )
        verdict.wrong += [f"1: {key} exists {found[key]} times" for key in keys if found[key] > 1]
    verdict.wrong += [f"1: nobody flagged {key}" for key in strangers]


def _keys() -> Iterator[str]:
    yield from map(_key, Finding.objects.values_list("description", flat=True))


def _key(words: str) -> str:
    named = KEY.search(words)
    return named[1] if named else words


def _reports(acts: Acts, verdict: Verdict) -> None:
    """1, of reports: one version for each text, however often it was sent."""
    verdict.by_hl7 = sum(act == "hl7" and was_told(lines) for (act, _), lines in acts.items())
    versions = Counter(Report.objects.values_list("examination__accession", flat=True))
    for (act, key), lines in acts.items():
        told = was_told(lines)
        if act in ("report", "hl7") and (versions[key] > 1 or (told and not versions[key])):
            verdict.wrong.append(f"1: report {key} has {versions[key]} versions, told: {told}")
        if act == "hl7" and any(line["what"] == "refused" for line in lines):
            verdict.wrong.append(f"1: report {key}, sent by HL7, was refused")
        if act == "again" and ("correct", key) not in acts and versions[key] != 1:
            verdict.wrong.append(f"1: report {key}, sent again, has {versions[key]} versions")
        if act == "correct" and (versions[key] not in (1, 2) or (told and versions[key] != 2)):
            verdict.wrong.append(f"1: report {key}, corrected, has {versions[key]} versions")


def _improvements(acts: Acts, verdict: Verdict) -> None:
    """1 and 2, of improvements: each that was asked for is there once, with a clock that runs."""
    found = Counter(_key(one.what) for one in Improvement.objects.all())
    verdict.improvements = sum(found.values())
    for (act, key), lines in acts.items():
        if act == "improve" and (found[key] > 1 or (was_told(lines) and not found[key])):
            told = was_told(lines)
            verdict.wrong.append(f"1: improvement {key} exists {found[key]} times, told: {told}")
    for one in without_clock():
        verdict.wrong.append(f"2: {one.reference} has no running clock")


def told_at(acts: Acts) -> dict[str, float]:
    """When the client of each key knew that its finding is kept."""
    return {
        key: min(line["at"] for line in lines if line["what"] == "ok")
        for keys, lines in _flags(acts)
        if was_told(lines)
        for key in keys
    }


# --- What the engine did -----------------------------------------------------------------------


def _clocks(verdict: Verdict) -> None:
    """2: no open finding without a running clock."""
    still = Finding.objects.filter(state__in=OPEN).exclude(clocks__stopped_at__isnull=True)
    verdict.wrong += [f"2: {finding.reference} has no running clock" for finding in still]


def _steps(verdict: Verdict, began: datetime, end: End) -> None:
    """6: nothing before its time. And whatever was due has fired."""
    fired = Step.objects.filter(fired_at__isnull=False)
    verdict.fired = fired.count()
    unfired = list(Step.objects.due().filter(falls_at__lte=end.at))
    verdict.due = verdict.fired + len(unfired)
    verdict.lost += len(unfired)
    verdict.wrong += [f"3: step {step.pk} is due and has not fired" for step in unfired]
    early = Step.objects.filter(fired_at__lt=F("falls_at"))
    verdict.wrong += [f"6: step {step.pk} fired before its time" for step in early]
    both = fired.filter(cancelled_at__isnull=False)
    verdict.wrong += [f"6: step {step.pk} is fired and cancelled" for step in both]
    # Findings here are flagged with a moment in the past: a step is due from when it was written.
    # When an improvement was written is not kept, so how long its steps took is not known.
    of_findings = fired.filter(finding__isnull=False)
    for falls_at, fired_at, made in of_findings.values_list(
        "falls_at", "fired_at", "finding__report__received_at"
    ):
        verdict.to_fire.append((fired_at - max(falls_at, began, made)).total_seconds())


def _arrived(ground: Ground) -> dict[str, list[Copy]]:
    """Every copy of every message that came by mail or was posted, by its message's public id."""
    arrived: dict[str, list[Copy]] = defaultdict(list)
    for mail in list(ground.mail.arrived):
        arrived[mail.message_id.strip("<>").partition("@")[0]].append(mail)
    for posted in list(ground.posts.arrived):
        arrived[posted.public_id].append(posted)
    return arrived


def _deliveries(ground: Ground, verdict: Verdict, arrived: dict[str, list[Copy]], end: End) -> None:
    """3 and 9: everything that fired came out of us, or a page says that it did not."""
    counts = Counter(Notification.objects.values_list("status", flat=True))
    verdict.messages = sum(counts.values())
    verdict.shown_as_undelivered = counts[Status.FAILED]
    verdict.no_longer_needed = counts[Status.NOT_NEEDED]
    for waiting in Notification.objects.on_their_way().filter(pk__lte=end.newest_message):
        verdict.lost += 1
        verdict.wrong.append(f"3: notification {waiting.pk} still waits")
    accepted = set(
        DeliveryResult.objects.filter(outcome=Outcome.ACCEPTED).values_list(
            "attempt__notification_id", flat=True
        )
    )
    for sent in Notification.objects.filter(status=Status.SENT):
        verdict.delivered += 1
        assert sent.sent_at is not None
        if not any(map(ground.database_clock.showed, (sent.created_at, sent.sent_at))):
            took = (sent.sent_at - sent.created_at).total_seconds()
            verdict.to_deliver.append(took)
            if sent.priority == CRITICAL:
                verdict.critical.append(took)
        if sent.channel != Channel.IN_APP and str(sent.public_id) not in arrived:
            verdict.lost += 1
            verdict.wrong.append(f"3: notification {sent.pk} is marked sent and never arrived")
        if sent.pk not in accepted:
            verdict.wrong.append(f"9: notification {sent.pk} is sent without an acceptance")


def refusals(brought: Iterable[str], verdict: Verdict) -> None:
    """11: what was refused for good is not tried again, and what came back is not shown as sent.
    `brought`: the message ids of what came back."""
    refused = DeliveryAttempt.objects.filter(result__outcome=Outcome.PERMANENT)
    verdict.refused = refused.count()
    earlier = refused.filter(notification=OuterRef("notification"), number__lt=OuterRef("number"))
    for pk in DeliveryAttempt.objects.filter(Exists(earlier)).values_list(
        "notification", flat=True
    ):
        verdict.wrong.append(f"11: notification {pk} was refused for good and tried again")
    came_back = DeliveryReceipt.objects.filter(outcome=DeliveryReceipt.Outcome.FAILED)
    verdict.came_back = came_back.count()
    known = {
        str(one) for one in came_back.values_list("attempt__notification__public_id", flat=True)
    }
    for message_id in brought:
        if message_id.strip("<>").partition("@")[0] not in known:
            verdict.wrong.append(f"11: {message_id} came back and nobody heard of it")
    later = DeliveryAttempt.objects.filter(
        notification=OuterRef("attempt__notification"), number__gt=OuterRef("attempt__number")
    )
    still = came_back.filter(attempt__notification__status=Status.SENT).exclude(Exists(later))
    for pk in still.values_list("attempt__notification", flat=True):
        verdict.wrong.append(f"11: notification {pk} came back and is shown as sent")


def ladders_that_wait() -> list[str]:
    """11, and no ladder waits for either: a running clock whose latest step failed at everybody
    outside the application, and was seen by nobody in it.

    To be asked when all is quiet, and before the findings with such messages are withdrawn.
    """
    every = Notification.objects.filter(step=OuterRef("pk"))
    of_step = every.exclude(channel=Channel.IN_APP)
    climbed = Step.objects.filter(
        clock=OuterRef("clock"), level__gt=OuterRef("level"), fired_at__isnull=False
    )
    to_come = Step.objects.filter(clock=OuterRef("clock")).unfired()
    waiting = Step.objects.filter(
        Exists(of_step.filter(status=Status.FAILED)),
        ~Exists(of_step.exclude(status=Status.FAILED)),
        ~Exists(every.filter(seen_at__isnull=False)),
        ~Exists(climbed),
        Exists(to_come),
        clock__stopped_at__isnull=True,
        fired_at__isnull=False,
        level__gt=0,
    )
    return [
        f"11: step {pk} reached nobody, and the ladder waits"
        for pk in waiting.values_list("pk", flat=True)
    ]


def _copies(verdict: Verdict, arrived: dict[str, list[Copy]]) -> None:
    """4: each further copy follows a try of which nobody knows how it ended, and says so."""
    unsure: dict[str, list[str]] = defaultdict(list)
    tries = DeliveryAttempt.objects.filter(
        Q(result=None) | Q(result__outcome__in=[one for one in CAUSES if one])
    )
    for public_id, outcome in tries.order_by("number").values_list(
        "notification__public_id", "result__outcome"
    ):
        unsure[str(public_id)].append(CAUSES[outcome])
    known = {str(one) for one in Notification.objects.values_list("public_id", flat=True)}
    for public_id, copies in arrived.items():
        if public_id not in known:
            verdict.wrong.append(f"4: {public_id} is nobody's")
        later, why = copies[1:], unsure[public_id]
        verdict.second_copies.update(why[: len(later)])
        if len(later) > len(why):
            verdict.second_copies["for no reason"] += len(later) - len(why)
            verdict.wrong.append(f"4: {public_id} came {len(copies)} times, {len(why)} explained")
        if not all(copy.may_be_second for copy in later):
            verdict.wrong.append(f"4: a second copy of {public_id} does not say so")


def _answers(acts: Acts, verdict: Verdict) -> None:
    """5: nothing of the first promise starts on its way after the answer was committed."""
    told = {
        reference: min(line["at"] for line in lines if line["what"] == "ok")
        for (act, reference), lines in acts.items()
        if act == "acknowledge" and was_told(lines)
    }
    answered = Finding.objects.filter(reference__in=told)
    for finding in answered.filter(acknowledged_at__isnull=True):
        verdict.wrong.append(f"5: the answer to {finding.reference} is gone")
    started = DeliveryAttempt.objects.filter(
        notification__finding__in=answered, notification__step__clock__kind="acknowledge"
    )
    for reference, at, step in started.values_list(
        "notification__finding__reference", "started_at", "notification__step_id"
    ):
        answer = datetime.fromtimestamp(told[reference], UTC)
        if at > answer:
            verdict.wrong.append(
                f"5: {reference}, answered before {answer:%H:%M:%S.%f}, was still sent at"
                f" {at:%H:%M:%S.%f} (step {step})"
            )


def _timelines(verdict: Verdict) -> None:
    """7: the chain of every timeline is whole, with one line a fired step."""
    try:
        call_command("verify_timeline", verbosity=0)
    except CommandError as broken:
        verdict.wrong.append(f"7: {broken}")
    lines = Event.objects.filter(kind=Event.Kind.STEP_FIRED).count()
    # An improvement has no timeline: its steps say it themselves.
    fired = Step.objects.filter(fired_at__isnull=False, finding__isnull=False).count()
    if lines != fired:
        verdict.wrong.append(f"7: {fired} steps of findings fired and {lines} lines say so")


def _secrets(ground: Ground, verdict: Verdict, arrived: dict[str, list[Copy]]) -> None:
    """8: no patient in a message or a log."""
    for public_id, copies in arrived.items():
        if any(PATIENT.search(copy.raw) for copy in copies):
            verdict.wrong.append(f"8: {public_id} holds something of the patient")
    for log in ground.room.glob("*.log"):
        if found := PATIENT.search(log.read_text(errors="replace")):
            verdict.wrong.append(f"8: {log.name} holds {found[0]!r}")


# --- In words ----------------------------------------------------------------------------------


def table(verdict: Verdict) -> Iterator[str]:
    for name in (
        *(
            "findings",
            "of_them_in_bulk",
            "by_hl7",
            "improvements",
            "due",
            "fired",
            "messages",
            "delivered",
        ),
        *("refused", "came_back", "shown_as_undelivered", "no_longer_needed", "lost"),
    ):
        yield _row(name.replace("_", " "), getattr(verdict, name))
    yield _row("second copies", sum(verdict.second_copies.values()))
    for why, count in sorted(verdict.second_copies.items()):
        yield _row(f"  {why}", count)
    yield _row("rounds of the watch", verdict.heartbeats.rounds)
    yield _row("  heartbeat sent", verdict.heartbeats.sent)
    yield _row("  heartbeat withheld", verdict.heartbeats.withheld)
    for what, took in (
        ("fire", verdict.to_fire),
        ("deliver", verdict.to_deliver),
        ("deliver, critical", verdict.critical),
    ):
        yield _row(f"longest to {what} (s)", _share(took, 1.0))
        yield _row("  half within", _share(took, 0.5))
        yield _row("  99 in 100 within", _share(took, 0.99))


def _row(name: str, value: float) -> str:
    return f"{name:30} {value:9.1f}" if isinstance(value, float) else f"{name:30} {value:9}"


def _share(took: Iterable[float], share: float) -> float:
    ordered = sorted(took)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
