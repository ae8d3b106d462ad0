"""Each thing that should happen, and how it is seen that it did not (watchdog.py looks).

It reads only what was due, what was sent and what was answered. Counts only: no patient, no
reference, since the page that lists them asks for no sign-in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from findings.measures.feeds import refused_as_tests, silent_feeds
from findings.models import (
    Clock,
    Examination,
    Finding,
    MeasuredUpTo,
    Proposal,
    Receipt,
    Step,
    TakenFolder,
    Unroutable,
)
from findings.presenters.integration import silent_words
from findings.services.calendars import missing_years, promises_past_the_table
from findings.services.unfiled import unfiled
from findings.states import BY_STATE, OPEN, ClockKind
from findings.words import counted, due, length, local, plural, when
from notifications import clockwork, own_words, pulse, restored
from notifications.models import Notification, Pulse

STEP_LATE_AFTER = timedelta(minutes=2)
MESSAGE_LATE_AFTER = timedelta(minutes=5)
SWEEP_LATE_AFTER = timedelta(minutes=3)
UNFILED_LATE_AFTER = timedelta(minutes=10)
COVERAGE_OLD_AFTER = timedelta(hours=3)
LISTS_OLD_AFTER = timedelta(hours=2)
MEASURES_TOLD_FOR = timedelta(hours=24)

# Of clocks, steps or messages: how many findings, examinations and improvements they are of.
OF_EACH = {
    "findings": Count("finding", distinct=True),
    "examinations": Count("examination", distinct=True),
    "improvements": Count("improvement", distinct=True),
}


@dataclass(frozen=True)
class Sentence:
    """One thing that should have happened and did not."""

    text: str
    count: int = 1
    # The name of the page where it is dealt with, to which the warning leads whoever may open it;
    # empty: none.
    page: str = ""
    # False: for every page, and nothing that should have happened and did not.
    is_late: bool = True

    def __str__(self) -> str:
        return self.text


def _pulses(now: datetime) -> Iterator[Sentence]:
    seen = dict(Pulse.objects.values_list("name", "at"))
    if notice := restored.notice(seen, now):
        yield Sentence(notice, is_late=False)
    yield from _gone_back(clockwork.gone_back(seen.get(clockwork.LATEST), now))
    for name, what in (
        (pulse.FIRE, "looked for due steps"),
        (pulse.DELIVER, "sent waiting messages"),
    ):
        at = seen.get(name)
        if at is None:
            yield Sentence(f"Nothing has {what} yet.")
        elif now - at > SWEEP_LATE_AFTER:
            yield Sentence(f"Nothing has {what} since {when(at)}.")
    at = seen.get(pulse.LISTEN)
    if at and now - at > SWEEP_LATE_AFTER:
        yield Sentence(
            f"The HL7 listener has been silent since {when(at)}: no report arrives by it."
        )
    at = seen.get(pulse.COVERAGE)
    if at is None and pulse.WATCH in seen:  # whose round checks it
        yield Sentence("Whether messages would reach anybody was never checked: see the log.")
    elif at and now - at > COVERAGE_OLD_AFTER:
        yield Sentence(f"Whether messages would reach anybody was last checked on {when(at)}.")


def apart(difference: timedelta | None) -> Iterator[Sentence]:
    """Limits are judged by the database's clock alone; but somebody reads this machine's."""
    if difference:
        yield Sentence(
            "The clocks of this machine and of the database differ by"
            f" {_exactly(difference)}. Set them by the same time server."
        )


def _gone_back(behind: timedelta | None) -> Iterator[Sentence]:
    if behind:
        yield Sentence(
            f"The clock of the database went back by {_exactly(behind)}: until it has caught up,"
            " people are told that much later."
        )


def _exactly(span: timedelta) -> str:
    return length(span) if span >= timedelta(minutes=1) else plural(int(span.seconds), "second")


def _steps_overdue(now: datetime) -> Iterator[Sentence]:
    overdue = Step.objects.unfired().filter(falls_at__lt=now - STEP_LATE_AFTER)
    found = overdue.aggregate(oldest=Min("falls_at"), every=Count("pk"), **OF_EACH)
    if count := found["every"]:
        yield Sentence(
            f"{_are(count, 'escalation step')} overdue and nobody has been told; "
            f"the first {due(found['oldest'], now)}.",
            count,
            _page(found),
        )


def _messages_stuck(now: datetime) -> Iterator[Sentence]:
    waiting = Notification.objects.on_their_way().filter(created_at__lt=now - MESSAGE_LATE_AFTER)
    waiting = waiting.exclude(held_until__gt=now - MESSAGE_LATE_AFTER)
    found = waiting.aggregate(every=Count("pk"), **OF_EACH)
    if count := found["every"]:
        yield Sentence(
            f"{plural(count, 'message')} could not be sent for more than 5 minutes.",
            count,
            _page(found),
        )


def _no_clock(now: datetime) -> Iterator[Sentence]:
    """The database refuses it at commit; somebody may have worked past its triggers."""
    running = Clock.objects.running(*BY_STATE).filter(finding=OuterRef("pk"))
    count = Finding.objects.open().filter(~Exists(running)).count()
    if count:
        yield Sentence(
            f"{_are(count, 'open finding')} not being counted down: no clock is running.",
            count,
            "open-findings",
        )


def _left_behind(now: datetime) -> Iterator[Sentence]:
    """Each round moves them to the team; this says that a round could not."""
    long_ago = Q(owner_person__left_at__isnull=True) | Q(
        owner_person__left_at__lt=now - STEP_LATE_AFTER
    )
    count = Finding.objects.owner_left().filter(long_ago).count()
    if count:
        yield Sentence(
            f"{_are(count, 'open finding')} still held by somebody who no longer works here.",
            count,
            "open-findings",
        )


def _ladder_at_its_end(now: datetime) -> Iterator[Sentence]:
    to_come = Step.objects.unfired().filter(clock=OuterRef("pk"))
    # What is to be confirmed is flagged at its limit: `_unconfirmed` says where it is not. An
    # improvement that is late puts no patient at risk now: its list and the governance leads know,
    # and an alarm that stands for months would hide the next one.
    running = Clock.objects.running().exclude(kind__in=[ClockKind.CONFIRM, ClockKind.IMPROVE])
    found = running.filter(~Exists(to_come)).aggregate(
        questions=Count("pk", filter=Q(kind=ClockKind.ANSWER)),
        # As the coordinators' desk counts them.
        findings=Count("finding", distinct=True, filter=Q(kind__in=BY_STATE)),
        patients=Count("finding", distinct=True, filter=Q(kind=ClockKind.TELL_PATIENT)),
        examinations=OF_EACH["examinations"],
    )
    if count := found["findings"]:
        yield Sentence(
            f"{plural(count, 'open finding')} went up the whole ladder and nobody has answered.",
            count,
            "open-findings",
        )
    if count := found["patients"]:
        yield Sentence(
            f"Of {plural(count, 'open finding')} everybody was told that the patient has not been,"
            " and nobody has said that they are told now.",
            count,
            "open-findings",
        )
    if count := found["questions"]:
        yield Sentence(
            f"{plural(count, 'question')} to a radiologist went up the whole ladder and nobody has"
            " answered.",
            count,
            "open-findings",
        )
    if count := found["examinations"]:
        yield Sentence(
            f"{plural(count, 'examination')} went up the whole ladder and no report has come.",
            count,
            "waiting",
        )


def _nobody_reached(now: datetime) -> Iterator[Sentence]:
    """The last step that fired has no message that was, or still may be, delivered."""
    fired = Step.objects.filter(clock=OuterRef("clock"), fired_at__isnull=False)
    # Of those that fired together the one that people hear of: `escalation.height`.
    last = fired.order_by("-fired_at", "-level", "-falls_at").values("pk")[:1]
    alive = Notification.objects.filter(step=OuterRef("pk")).exclude(
        status=Notification.Status.FAILED
    )
    latest = Step.objects.of_running_clocks().filter(pk=last, fired_at__isnull=False)
    to_confirm = Q(clock__kind=ClockKind.CONFIRM)
    found = latest.filter(~Exists(alive)).aggregate(
        every=Count("pk"),
        of_findings=Count("finding"),
        of_improvements=Count("improvement"),
        to_confirm=Count("pk", filter=to_confirm),
    )
    if count := found["to_confirm"]:
        yield Sentence(
            f"Nobody could be reached of {plural(count, 'report')} with an alert code to confirm.",
            count,
            "to-confirm",
        )
    if count := found["of_improvements"]:
        yield Sentence(
            f"Nobody could be reached at the latest step of {plural(count, 'improvement')}.",
            count,
            "improvements",
        )
    if count := found["every"] - found["to_confirm"] - found["of_improvements"]:
        of_findings = found["of_findings"]
        yield Sentence(
            "Nobody could be reached at the latest step of"
            f" {open_and_waiting(of_findings, count - of_findings)}.",
            count,
            "open-findings" if of_findings else "waiting",
        )


def _unroutable(now: datetime) -> Iterator[Sentence]:
    """What the check of the coverage found: for whom nobody will be there when a step falls."""
    is_open = Q(finding__state__in=OPEN) | Q(examination__in=Examination.objects.waiting())
    standing = Unroutable.objects.standing().filter(is_open)
    found = standing.aggregate(since=Min("since_at"), **OF_EACH)
    if found["since"]:
        yield Sentence(
            f"Nobody can be told of {open_and_waiting(found['findings'], found['examinations'])};"
            f" the longest has waited for {length(now - found['since'])}.",
            found["findings"] + found["examinations"],
            "coverage",
        )


def _count_and_oldest(rows: QuerySet, moment: str) -> tuple[int, datetime]:
    """How many, and when the first of them was; there is none of no rows."""
    found = rows.aggregate(every=Count("pk"), oldest=Min(moment))
    return found["every"], found["oldest"]


def _unconfirmed(now: datetime) -> Iterator[Sentence]:
    """Each round flags what is past its limit; this says that a round could not."""
    late = Proposal.objects.open().filter(due_at__lt=now - STEP_LATE_AFTER)
    count, oldest = _count_and_oldest(late, "due_at")
    if count:
        yield Sentence(
            f"{_are(count, 'alert code')} in reports neither confirmed nor flagged; the first"
            f" {due(oldest, now)}.",
            count,
            "to-confirm",
        )


def _held_alerts(now: datetime) -> Iterator[Sentence]:
    """What is held cannot be flagged, so somebody has to look."""
    late = Receipt.objects.alarming().filter(alert_due_at__lt=now - STEP_LATE_AFTER)
    count, oldest = _count_and_oldest(late, "alert_due_at")
    if count:
        yield Sentence(
            f"{plural(count, 'held item')} with an alert code or an open finding at stake: nobody"
            f" has dealt with {'it' if count == 1 else 'them'}; the first"
            f" {due(oldest, now)}.",
            count,
            "held-items",
        )


def _held_too_long(now: datetime) -> Iterator[Sentence]:
    count, oldest = Receipt.objects.waiting_too_long(now).count_and_oldest()
    if oldest:
        yield Sentence(
            f"{plural(count, 'held item')} waited for longer than the trust's own limit; the first"
            f" has waited for {length(now - oldest)}.",
            count,
            "held-items",
        )


def _unfiled(now: datetime) -> Iterator[Sentence]:
    """Each round files what was left; this says that a round could not."""
    left = unfiled(since=pulse.last(pulse.FILED), until=now - UNFILED_LATE_AFTER)
    count, oldest = _count_and_oldest(left, "received_at")
    if count:
        yield Sentence(
            f"{_are(count, 'message')} stored and neither filed nor held; the first came on"
            f" {when(oldest)}: see the log.",
            count,
            "integration",
        )


def _folders(now: datetime) -> Iterator[Sentence]:
    """Where they are is on the page only."""
    folders = list(TakenFolder.objects.all())
    looked = [one.looked_at for one in folders if one.looked_at]
    if late := [at for at in looked if now - at > SWEEP_LATE_AFTER]:
        yield Sentence(
            f"Nothing has been taken out of {plural(len(late), 'folder')} of dropped files; of the"
            f" first since {when(min(late))}.",
            len(late),
            "integration",
        )
    if count := sum(one.problems for one in folders):
        yield Sentence(
            f"{_are(count, 'dropped file')} in a problem folder: messages may be missing.",
            count,
            "integration",
        )
    if count := sum(one.left for one in folders):
        yield Sentence(
            f"{plural(count, 'thing')} in a folder of dropped files will never be taken: a folder,"
            " or a file with the name of an unfinished one.",
            count,
            "integration",
        )


def _silent(now: datetime) -> Iterator[Sentence]:
    for silence in silent_feeds(now):
        yield Sentence(silent_words(silence), page="integration")


def _tests(now: datetime) -> Iterator[Sentence]:
    for name, number in refused_as_tests(now):
        yield Sentence(
            f"{name} was refused {plural(number, 'message')} in the last 24 hours because"
            " MSH-11 marks them as tests: if they are live, nobody reads them here.",
            number,
            "integration",
        )


def _calendar(now: datetime) -> Iterator[Sentence]:
    for nation, year in missing_years(local(now).date()):
        yield Sentence(
            f"No bank holidays of {nation.label} are known for {year}, so its working days are"
            " counted too short. Load the policy again, or add them.",
            page="bank-holidays",
        )
    for nation, last, count in promises_past_the_table():
        yield Sentence(
            f"{_are(count, 'promise')} due after {last}, the last year for which"
            f" bank holidays of {nation.label} are known.",
            count,
            "bank-holidays",
        )


def _lists_old(now: datetime) -> Iterator[Sentence]:
    """Who would be rung on the day when this application is down."""
    if not settings.DOWNTIME_FOLDER:
        return
    at = pulse.last(pulse.LISTS)
    if at is None and pulse.last(pulse.WATCH):  # whose round writes them
        yield Sentence("The lists of open findings for downtime were never written: see the log.")
    elif at and now - at > LISTS_OLD_AFTER:
        yield Sentence(f"The lists of open findings for downtime are of {when(at)}: see the log.")


def _measures(now: datetime) -> Iterator[Sentence]:
    """What was kept of a day was not what its rows say. It was put right at once."""
    wrong = MeasuredUpTo.objects.filter(wrong_at__gt=now - MEASURES_TOLD_FOR).first()
    if wrong:
        yield Sentence(
            f"What was kept of {plural(wrong.wrong, 'day')} of a measure was not what the rows"
            " said. It is right now; numbers printed before may not be: see the log.",
            wrong.wrong,
            "measures",
        )


def _own_words(now: datetime) -> Iterator[Sentence]:
    if count := len(own_words.unusable()):
        yield Sentence(
            f"The trust's own words of {plural(count, 'message')} cannot be used: the shipped words"
            " go out instead.",
            count,
            "wordings",
        )


def _page(found: dict[str, int]) -> str:
    """Where they are looked into; what is of several kinds is looked into with the findings."""
    if found["findings"]:
        return "open-findings"
    return "waiting" if found["examinations"] else "improvements"


def open_and_waiting(findings: int, examinations: int) -> str:
    """2 open findings and 1 unreported examination."""
    return counted({"open finding": findings, "unreported examination": examinations})


def _are(count: int, noun: str) -> str:
    return f"{plural(count, noun)} {'is' if count == 1 else 'are'}"


CHECKS: tuple[Callable[[datetime], Iterator[Sentence]], ...] = (
    _pulses,
    _steps_overdue,
    _messages_stuck,
    _no_clock,
    _left_behind,
    _nobody_reached,
    _ladder_at_its_end,
    _unroutable,
    _unconfirmed,
    _held_alerts,
    _held_too_long,
    _unfiled,
    _folders,
    _silent,
    _tests,
    _calendar,
    _lists_old,
    _measures,
    _own_words,
)
