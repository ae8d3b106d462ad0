"""The checker: history, mail and database judged against each other when the storm is over.

Numbers in the sentences are those of the ten invariants in docs/adr/0008-fault-campaign.md.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.db.models import F, Q

from findings.models import Event, Finding, Step
from findings.states import State
from notifications.models import Channel, DeliveryAttempt, DeliveryResult, Notification
from tests.engine.mail import Arrived, MailServer
from tests.faults.client import HISTORY

Status, Outcome = Notification.Status, DeliveryResult.Outcome
# What no mail and no log may hold: the patients of `client.py`, their reports and their numbers.
PATIENT = re.compile(rb"Stormcase|spiculated|Nodule|\b999\d{7}\b")


@dataclass
class Verdict:
    """What the campaign found. `wrong` is empty when every invariant holds."""

    due: int = 0
    fired: int = 0
    delivered: int = 0
    shown_as_undelivered: int = 0
    no_longer_needed: int = 0
    lost: int = 0
    second_copies: int = 0
    longest_to_fire: float = 0.0
    longest_to_deliver: float = 0.0
    wrong: list[str] = field(default_factory=list)


def judge(room: Path, mail: MailServer, began: datetime) -> Verdict:
    verdict = Verdict()
    history = read_history(room)
    _inputs(history, verdict)
    _clocks(verdict)
    _steps(verdict, began)
    _deliveries(verdict, list(mail.arrived))
    _answers(history, verdict)
    _timelines(verdict)
    _secrets(room, verdict, list(mail.arrived))
    return verdict


def read_history(room: Path) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Every act with its lines. A flag is known by its key, an answer by its finding."""
    acts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in (room / HISTORY).read_text().splitlines():
        said = json.loads(line)
        acts.setdefault((said["act"], said["key"]), []).append(said)
    return acts


def _inputs(history: dict[tuple[str, str], list[dict[str, Any]]], verdict: Verdict) -> None:
    """1: whatever a client was told is kept exists once; what it was not told at most once."""
    found = Counter(
        str(text).partition("Key ")[2].rstrip(".")
        for text in Finding.objects.values_list("description", flat=True)
    )
    for (act, key), lines in history.items():
        if act != "flag":
            continue
        was_told = any(line["what"] == "ok" for line in lines)
        if found[key] > 1 or (was_told and not found[key]):
            verdict.wrong.append(f"1: flag {key} exists {found[key]} times, told: {was_told}")
    strangers = set(found) - {key for act, key in history if act == "flag"}
    verdict.wrong += [f"1: nobody flagged {key}" for key in strangers]


def _clocks(verdict: Verdict) -> None:
    """2: no open finding without a running clock."""
    still = Finding.objects.exclude(state__in=[State.CLOSED, State.WITHDRAWN]).exclude(
        clocks__stopped_at__isnull=True
    )
    verdict.wrong += [f"2: {finding.reference} has no running clock" for finding in still]


def _steps(verdict: Verdict, began: datetime) -> None:
    """6: nothing before its time. And whatever was due has fired."""
    verdict.fired = Step.objects.filter(fired_at__isnull=False).count()
    unfired = list(Step.objects.due())
    verdict.due = verdict.fired + len(unfired)
    verdict.lost += len(unfired)
    early = Step.objects.filter(fired_at__lt=F("falls_at"))
    verdict.wrong += [f"6: step {step.pk} fired before its time" for step in early]
    both = Step.objects.filter(fired_at__isnull=False, cancelled_at__isnull=False)
    verdict.wrong += [f"6: step {step.pk} is fired and cancelled" for step in both]
    for step in Step.objects.filter(fired_at__isnull=False).select_related("finding"):
        known = max(step.falls_at, began, _flagged_at(step.finding))
        late = (step.fired_at - known).total_seconds()
        verdict.longest_to_fire = max(verdict.longest_to_fire, late)


_row_made: dict[int, datetime] = {}


def _flagged_at(finding: Finding) -> datetime:
    """When the row was made: findings here are flagged with a moment in the past."""
    if not _row_made:
        for row in Finding.objects.values_list("pk", "report__received_at"):
            _row_made[row[0]] = row[1]
    return _row_made[finding.pk]


def _deliveries(verdict: Verdict, arrived: list[Arrived]) -> None:
    """3, 4 and 9: everything that fired reached the server, or a page says that it did not."""
    by_id: dict[str, list[Arrived]] = {}
    for one in arrived:
        by_id.setdefault(one.message_id, []).append(one)
    counts = Counter(Notification.objects.values_list("status", flat=True))
    verdict.shown_as_undelivered = counts[Status.FAILED]
    verdict.no_longer_needed = counts[Status.NOT_NEEDED]
    for waiting in Notification.objects.filter(status__in=[Status.QUEUED, Status.SENDING]):
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
        took = (sent.sent_at - sent.created_at).total_seconds()
        verdict.longest_to_deliver = max(verdict.longest_to_deliver, took)
        if sent.channel == Channel.EMAIL and sent.message_id not in by_id:
            verdict.lost += 1
            verdict.wrong.append(f"3: notification {sent.pk} is marked sent and never arrived")
        if sent.channel == Channel.EMAIL and sent.pk not in accepted:
            verdict.wrong.append(f"9: notification {sent.pk} is sent without an acceptance")
    _copies(verdict, by_id)


def _copies(verdict: Verdict, by_id: dict[str, list[Arrived]]) -> None:
    """4: each further copy is explained by a try that nobody knows the end of, and says so."""
    unsure = Counter(
        f"<{public_id}@imaging-safety>"
        for public_id in DeliveryAttempt.objects.filter(
            Q(result=None) | Q(result__outcome__in=[Outcome.UNKNOWN, Outcome.LEASE_LOST])
        ).values_list("notification__public_id", flat=True)
    )
    known = {f"<{one}@imaging-safety>" for one in _public_ids()}
    for message_id, copies in by_id.items():
        if message_id not in known:
            verdict.wrong.append(f"4: {message_id} is nobody's")
        later = copies[1:]
        verdict.second_copies += len(later)
        if len(later) > unsure[message_id]:
            verdict.wrong.append(
                f"4: {message_id} came {len(copies)} times, {unsure[message_id]} explained"
            )
        if not all(copy.may_be_second for copy in later):
            verdict.wrong.append(f"4: a second copy of {message_id} does not say so")


def _public_ids() -> list[Any]:
    return list(Notification.objects.values_list("public_id", flat=True))


def _answers(history: dict[tuple[str, str], list[dict[str, Any]]], verdict: Verdict) -> None:
    """5: nothing of the first promise starts on its way after the answer was committed."""
    for (act, reference), lines in history.items():
        told = [line["at"] for line in lines if line["what"] == "ok"]
        if act != "acknowledge" or not told:
            continue
        finding = Finding.objects.get(reference=reference)
        if finding.acknowledged_at is None and finding.state == State.AWAITING:
            verdict.wrong.append(f"5: the answer to {reference} is gone")
        late = DeliveryAttempt.objects.filter(
            notification__finding=finding,
            notification__step__clock__kind="acknowledge",
            started_at__gt=datetime.fromtimestamp(told[0], UTC),
        )
        for attempt in late:
            verdict.wrong.append(
                f"5: {reference}, answered {finding.acknowledged_at:%H:%M:%S.%f}, was still sent at"
                f" {attempt.started_at:%H:%M:%S.%f} (step {attempt.notification.step_id})"
            )


def _timelines(verdict: Verdict) -> None:
    """7: the chain of every timeline is whole, with one line a fired step."""
    try:
        call_command("verify_timeline", verbosity=0)
    except CommandError as broken:
        verdict.wrong.append(f"7: {broken}")
    lines = Event.objects.filter(kind=Event.Kind.STEP_FIRED).count()
    if lines != verdict.fired:
        verdict.wrong.append(f"7: {verdict.fired} steps fired and {lines} lines say so")


def _secrets(room: Path, verdict: Verdict, arrived: list[Arrived]) -> None:
    """8: no patient in mail or logs."""
    for one in arrived:
        if PATIENT.search(one.raw.encode()):
            verdict.wrong.append(f"8: {one.message_id} holds something of the patient")
    for log in room.glob("*.log"):
        if found := PATIENT.search(log.read_bytes()):
            verdict.wrong.append(f"8: {log.name} holds {found[0]!r}")
