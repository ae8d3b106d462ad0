"""The measures of messages, ladders, ratings, questions, follow-up and reporting, each held against
a look at one row after the other, over random histories. Those of answers: test_measures.py.

For more histories: HISTORIES=200 python -m pytest …/test_measures_by_hand.py
"""

import os
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings import measures
from findings.measures.period import Period, last_days
from findings.models import (
    Action,
    Clock,
    Event,
    Examination,
    Finding,
    NoReport,
    PhoneCall,
    Rating,
    Recommendation,
    Step,
)
from findings.services.acknowledge import acknowledge_finding
from findings.services.act import record_action, record_patient_told
from findings.services.ask import answer_question, ask_radiologist
from findings.services.close import close_finding, withdraw_finding
from findings.services.filing import file_report
from findings.services.follow_up import Advised, end_follow_up
from findings.services.identity import identify
from findings.services.policy import load_policy, sign_rule
from findings.services.report_by import expect_report, no_report_expected, take_back
from findings.states import ClockKind
from tests.factories import Trust, a_trust, arriving, flagged, unreported
from tests.integration.policy_files import with_inpatient_limit, with_question_limit
from tests.integration.test_measures import share, today

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MANY = int(os.environ.get("HISTORIES", "12"))
often = settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))


def line(finding: Finding, kind: str, at: datetime, **data: Any) -> Event:
    return Event.objects.create(finding=finding, kind=kind, at=at, data=data)


def agrees(trust: Trust, *codes: str) -> None:
    """The whole, two halves of it, and each day around now: also where a history began before."""
    now, last = timezone.now(), today()
    for period in (
        last_days(70, last),
        last_days(9, last),
        Period(last - 69 * DAY, last - 9 * DAY),
    ):
        for code in codes:
            found = measures.read(code, trust.organisation, period, now)
            counted = (found.numerator, found.denominator)
            assert counted == BY_HAND[code](trust, period, now), (code, period)


def own(rows: Iterable[Any], trust: Trust) -> list[Any]:
    return [one for one in rows if one.finding.organisation_id == trust.organisation.pk]


# --- Messages, steps, acknowledgements, ladders, ratings: lines of a finding ----------------------

MESSAGE = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["email", "email", "sms", "in_app"]),
        "to": st.sampled_from([1, 2]),
        "level": st.sampled_from([1, 2]),
        "attempt": st.sampled_from([1, 2]),
    }
)
HAPPENS = st.one_of(
    st.tuples(st.just("sent"), MESSAGE),
    st.tuples(
        st.sampled_from(["send_failed"]),
        st.builds(
            lambda said, more: said | more,
            MESSAGE,
            st.sampled_from([{}, {"again": True}, {"came_back": True}, {"came_back": False}]),
        ),
    ),
    st.tuples(st.just("step_fired"), st.sampled_from([{"told": []}, {"told": [7]}])),
    st.tuples(st.sampled_from(["acknowledged", "reopened"]), st.just({})),
    st.tuples(st.sampled_from(["acknowledged", "reopened", "noted"]), st.just({})),
    st.tuples(st.just("called"), st.just({})),
    st.tuples(
        st.just("rated"),
        st.fixed_dictionaries(
            {
                "by": st.sampled_from(["referrer", "colleague"]),
                "useful": st.sampled_from(Rating.Useful),
            }
        ),
    ),
    # So many steps of its ladder.
    st.tuples(st.just("climbed"), st.integers(1, 3)),
)
# Early, near the time to tell somebody, and late: of an hour, then of all that passed since.
WHEN = st.one_of(
    st.floats(0.01, 2).map(lambda hours: hours * HOUR), st.integers(3, 900).map(lambda n: n * HOUR)
)
STORY = st.fixed_dictionaries(
    {
        "category": st.sampled_from(["critical", "urgent"]),
        "hours": st.integers(3, 24 * 68),
        "lines": st.lists(st.tuples(HAPPENS, WHEN), max_size=7),
        "acknowledged": st.none() | WHEN,
        "withdrawn": st.none() | WHEN,
    }
)


def lived(trust: Trust, story: dict[str, Any]) -> None:
    now = timezone.now()
    finding = flagged(trust, category=story["category"], at=now - story["hours"] * HOUR)

    def at(after: timedelta) -> datetime:
        return min(finding.flagged_at + after, now - timedelta(seconds=1))

    for (kind, said), after in story["lines"]:
        HAPPENED.get(kind, line)(finding, kind, at(after), **_data(trust, kind, said))
    if story["acknowledged"]:
        answered = {"plan": "Seen.", "at": at(story["acknowledged"])}
        acknowledge_finding(finding=finding, by=trust.referrer, **answered)
    if story["withdrawn"]:
        after = max(story["withdrawn"], story["acknowledged"] or HOUR)
        withdraw_finding(finding=finding, by=trust.radiologist, because="No.", at=at(after))


def _data(trust: Trust, kind: str, said: Any) -> dict[str, Any]:
    if kind == "called":
        return {"by": trust.radiologist}
    if kind == "rated":
        return {"rated_by": getattr(trust, said["by"]), "useful": said["useful"]}
    return {"levels": said} if kind == "climbed" else said


def _called(finding: Finding, kind: str, at: datetime, by: Any) -> None:
    PhoneCall.objects.create(
        finding=finding,
        called_by=by,
        called_at=at,
        spoke_to_words="The ward",
        said="Read the report.",
        was_read_back=False,
        recorded_at=timezone.now(),
    )


def _rated(finding: Finding, kind: str, at: datetime, **said: Any) -> None:
    Rating.objects.create(finding=finding, rated_at=at, **said)


def _climbed(finding: Finding, kind: str, at: datetime, levels: int) -> None:
    fired = Step.objects.filter(
        finding=finding,
        clock__kind=ClockKind.ACKNOWLEDGE,
        level__lte=levels,
        due_at__lte=timezone.now(),
        fired_at=None,
    )
    fired.update(fired_at=timezone.now())


HAPPENED: dict[str, Callable[..., Any]] = {"called": _called, "rated": _rated, "climbed": _climbed}


@often
@given(stories=st.lists(STORY, min_size=1, max_size=4))
def test_what_was_told_and_said(stories: list[dict[str, Any]]) -> None:
    trust = a_trust()
    for story in stories:
        lived(trust, story)
    agrees(trust, "told", "undelivered", "unreached", "corrected", "escalated", "useful")


def told_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    counted = []
    for finding in Finding.objects.filter(organisation=trust.organisation):
        by = finding.tell_by
        if by is None or by not in period or by >= now:
            continue
        if finding.withdrawn_at is not None and finding.withdrawn_at < by:
            continue
        counted.append(finding)
    return share(counted, was_told)


def was_told(finding: Finding) -> bool:
    if finding.acknowledged_at is not None and finding.acknowledged_at <= finding.tell_by:
        return True
    if any(call.called_at <= finding.tell_by for call in finding.calls.all()):
        return True
    lines = list(finding.events.all())
    for one in lines:
        if one.at > finding.tell_by:
            continue
        if one.kind == "acknowledged":
            return True
        if one.kind == "sent" and one.data["channel"] != "in_app" and not back(one, lines):
            return True
    return False


def back(sent: Event, lines: list[Event]) -> bool:
    """Whether the message of this line came back."""
    return any(
        one.kind == "send_failed"
        and one.data.get("came_back") is True
        and all(one.data[name] == sent.data[name] for name in ("to", "channel", "level", "attempt"))
        for one in lines
    )


def lines_by_hand(trust: Trust, period: Period, now: datetime, kind: str) -> list[Event]:
    every = own(Event.objects.filter(kind=kind).select_related("finding"), trust)
    return [one for one in every if one.at in period and one.at < now]


def undelivered_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    left = lines_by_hand(trust, period, now, "sent")
    failed = [
        one
        for one in lines_by_hand(trust, period, now, "send_failed")
        if one.data.get("again") is not True and one.data.get("came_back") is not True
    ]
    outside = [one for one in [*left, *failed] if one.data["channel"] != "in_app"]
    return share(
        outside, lambda one: one.kind == "send_failed" or back(one, list(one.finding.events.all()))
    )


def unreached_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    fired = lines_by_hand(trust, period, now, "step_fired")
    return share(fired, lambda one: one.data["told"] == [])


def corrected_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    def opened_again(answer: Event) -> bool:
        after = answer.finding.events.filter(number__gt=answer.number)
        return any(one.kind == "reopened" for one in after)

    return share(lines_by_hand(trust, period, now, "acknowledged"), opened_again)


def escalated_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    def others_heard(finding: Finding) -> bool:
        steps = Step.objects.filter(finding=finding).select_related("clock")
        return any(
            step.fired_at is not None
            and step.clock.kind == ClockKind.ACKNOWLEDGE
            and step.audience != "owner"
            for step in steps
        )

    every = Finding.objects.filter(organisation=trust.organisation, withdrawn_at=None)
    return share([one for one in every if one.flagged_at in period], others_heard)


def useful_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    last: dict[tuple[int, int], Rating] = {}
    for one in own(Rating.objects.select_related("finding").order_by("pk"), trust):
        last[one.finding_id, one.rated_by_id] = one
    counted = [one for one in last.values() if one.rated_at in period and one.rated_at < now]
    return share(counted, lambda one: one.useful == "yes")


@pytest.fixture
def question_limit(tmp_path: Path) -> None:
    a_trust()
    with_question_limit(tmp_path)


@pytest.fixture
def inpatient_limit(tmp_path: Path) -> None:
    a_trust()
    load_policy(with_inpatient_limit(tmp_path))
    sign_rule(policy_id="DEF-TAT-IP", name="Dr A Example", role="Medical director")


# --- Questions, and what was recommended ----------------------------------------------------------


@often
@pytest.mark.usefixtures("question_limit")
@given(
    asked=st.lists(
        st.tuples(st.integers(3, 24 * 68), st.none() | WHEN, st.none() | WHEN),
        min_size=1,
        max_size=5,
    )
)
def test_questions(asked: list[Any]) -> None:
    """Asked so many hours ago; answered; the finding withdrawn, which ends nothing that is owed."""
    trust, now = a_trust(), timezone.now()
    for hours, answered, withdrawn in asked:
        finding = flagged(trust, category="urgent", at=now - (hours + 1) * HOUR)
        since = now - hours * HOUR
        question = ask_radiologist(finding=finding, by=trust.referrer, text="New?", at=since)
        ends = [
            (withdrawn, lambda at, finding=finding: withdraw_finding(
                finding=finding, by=trust.radiologist, because="No.", at=at
            )),
            (answered, lambda at, question=question: answer_question(
                question=question, by=trust.radiologist, text="Yes.", at=at
            )),
        ]  # fmt: skip
        for after, do in sorted((one for one in ends if one[0]), key=lambda one: one[0]):
            do(min(since + after, now))
    agrees(trust, "answered")


def promises(
    trust: Trust, kind: ClockKind, period: Period, now: datetime, done: set[str]
) -> tuple[int, int]:
    counted = []
    for clock in own(Clock.objects.filter(kind=kind).select_related("finding"), trust):
        if clock.due_at not in period or clock.due_at >= now:
            continue
        ended_before = clock.stopped_at is not None and clock.stopped_at < clock.due_at
        if ended_before and clock.stopped_because not in done:
            continue
        counted.append(clock)
    return share(counted, lambda one: one.stopped_because in done and one.stopped_at <= one.due_at)


@often
@given(
    advised=st.lists(
        st.tuples(st.integers(2, 68), st.integers(1, 60), st.none() | st.floats(0.01, 0.99),
                  st.sampled_from(["end", "close", "withdraw"])),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_follow_up(advised: list[Any]) -> None:
    """Recommended so many days ago, due after so many, ended after a share of the time since."""
    trust, now = a_trust(), timezone.now()
    for days, due, share_of, how in advised:
        flag_at = now - days * DAY
        due_on = (flag_at + due * DAY).date()
        if how == "close":
            awaited(trust, flagged(trust, at=flag_at), due_on, share_of and share_of * days * DAY)
            continue
        finding = flagged(trust, at=flag_at, advised=Advised("CT", "chest", due_on))
        if share_of is None:
            continue
        at = flag_at + share_of * days * DAY
        if how == "withdraw":
            withdraw_finding(finding=finding, by=trust.radiologist, because="No.", at=at)
            continue
        acknowledge_finding(finding=finding, by=trust.referrer, plan="Seen.", at=at)
        done = {"outcome": Recommendation.Outcome.ELSEWHERE, "because": "At the RXX."}
        end_follow_up(finding=finding, by=trust.referrer, at=at, **done)
    agrees(trust, "followed_up")


def awaited(trust: Trust, finding: Finding, due_on: date, after: timedelta | None) -> None:
    """A result that whoever acted waits for: to close the finding says what became of it."""
    said = {"finding": finding, "by": trust.referrer, "at": finding.flagged_at + HOUR}
    acknowledge_finding(plan="Seen.", **said)
    kind = Action.Kind.IMAGING
    record_action(kind=kind, text="CT asked for.", result_expected_on=due_on, **said)
    if after is not None:
        said["at"] += after
        record_patient_told(how=Finding.ToldHow.TELEPHONE, **said)
        close_finding(outcome=Finding.Outcome.KNOWN, **said)


# --- Reporting ------------------------------------------------------------------------------------

REPORTED = st.tuples(
    st.sampled_from(["preliminary", "final", "corrected"]),
    # Days after the images were made, near 28 as often as not.
    st.one_of(st.floats(27.9, 28.1), st.floats(0.1, 60)),
)
WAITED = st.fixed_dictionaries(
    {
        "days": st.floats(20, 96),
        "is_dated": st.sampled_from([True, True, True, False]),
        "setting": st.sampled_from(["inpatient", "outpatient"]),
        "reports": st.lists(REPORTED, max_size=3),
        "no_report": st.sampled_from(["", "", "said", "taken back"]),
        "is_flagged": st.booleans(),
    }
)


@often
@pytest.mark.usefixtures("inpatient_limit")
@given(waited=st.lists(WAITED, min_size=1, max_size=5))
def test_reporting(waited: list[dict[str, Any]]) -> None:
    trust, now = a_trust(), timezone.now()
    for story in waited:
        made = now - story["days"] * DAY
        examination = unreported(
            trust, performed_at=made if story["is_dated"] else None, setting=story["setting"]
        )
        if story["is_dated"]:
            expect_report(examination, at=made)
        said = {"reason": NoReport.Reason.CANCELLED, "because": "Cancelled."}
        if story["no_report"] and story["is_dated"]:
            last = no_report_expected(examination, by=trust.coordinator, at=made + DAY, **said)
            if story["no_report"] == "taken back":
                take_back(last, because="It comes.", by=trust.coordinator, at=made + 2 * DAY)
        for status, after in sorted(story["reports"], key=lambda one: one[1]):
            at = min(made + after * DAY, now)
            filed(trust, examination, status, at)
        examination.refresh_from_db()
        if story["is_flagged"] and examination.current_report is not None:
            flagged(trust, examination=examination)
    agrees(trust, "reported", "reported_pathway", "alerts")


def filed(trust: Trust, examination: Examination, status: str, at: datetime) -> None:
    sent = arriving(
        trust,
        accession=examination.accession,
        status=status,
        reported_at=at,
        performed_at=examination.performed_at,
        text=f"{status} of {at}",
        setting=examination.setting,
    )
    Examination.objects.filter(pk=examination.pk).update(patient=identify(sent.patient).patient)
    file_report(trust.sender, sent, None, at)


VERIFIED = {"final", "corrected"}


def reported_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    counted = []
    for one in Examination.objects.filter(site=trust.site):
        if one.performed_at is None:
            continue
        old = one.performed_at + 28 * DAY
        excused = any(said.undone_at is None for said in one.no_reports.all())
        if old in period and old < now and not excused:
            counted.append(one)

    def in_time(examination: Examination) -> bool:
        by = examination.performed_at + 28 * DAY
        return any(
            one.status in VERIFIED and one.reported_at <= by for one in examination.reports.all()
        )

    return share(counted, in_time)


def pathway_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    counted = []
    waits = Clock.objects.filter(kind=ClockKind.REPORT_BY, examination__site=trust.site)
    for one in waits.select_related("rule"):
        is_own = one.rule.policy_id.startswith("DEF-TAT-")
        if not is_own or one.due_at not in period or one.due_at >= now:
            continue
        if (
            one.stopped_at is None
            or one.stopped_at >= one.due_at
            or one.stopped_because == "reported"
        ):
            counted.append(one)
    return share(
        counted,
        lambda one: one.stopped_because == "reported" and one.stopped_at <= one.due_at,
    )


def alerts_by_hand(trust: Trust, period: Period, now: datetime) -> tuple[int, int]:
    first = []
    for examination in Examination.objects.filter(site=trust.site):
        verified = [one for one in examination.reports.all() if one.status in VERIFIED]
        if verified:
            first.append(min(verified, key=lambda one: one.version))
    counted = [one for one in first if one.reported_at in period and one.reported_at < now]
    return share(counted, lambda one: one.examination.findings.exists())


BY_HAND: dict[str, Callable[[Trust, Period, datetime], tuple[int, int]]] = {
    "told": told_by_hand,
    "undelivered": undelivered_by_hand,
    "unreached": unreached_by_hand,
    "corrected": corrected_by_hand,
    "escalated": escalated_by_hand,
    "useful": useful_by_hand,
    "answered": lambda *of: promises(of[0], ClockKind.ANSWER, *of[1:], {"answered"}),
    "followed_up": lambda *of: promises(
        of[0], ClockKind.FOLLOW_UP, *of[1:], {"answered", "closed"}
    ),
    "reported": reported_by_hand,
    "reported_pathway": pathway_by_hand,
    "alerts": alerts_by_hand,
}


def test_every_measure_is_counted_by_hand_somewhere() -> None:
    from tests.integration.test_measures import REFERENCE

    assert {*BY_HAND, *REFERENCE} == set(measures.MEASURES)
