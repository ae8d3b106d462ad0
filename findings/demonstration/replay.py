"""Carries the stories out, in the order of time and through the services that the pages use."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random

from django.db import transaction

from findings.arrivals import ArrivingStatus
from findings.demonstration.examinations import Order, Version, add_report
from findings.demonstration.people import Hospital, left_at
from findings.demonstration.seed import reference, seeded
from findings.demonstration.stories import PHRASES, Deed, Story, local
from findings.demonstration.texts import ADDENDA
from findings.demonstration.waiting import Wait, moments_of
from findings.models import Action, Category, Event, Finding, Person, Rating
from findings.services.acknowledge import (
    acknowledge_finding,
    decline_finding,
    hand_over_finding,
)
from findings.services.act import record_action, record_patient_told
from findings.services.ask import answer_question, ask_radiologist
from findings.services.change_category import change_category
from findings.services.close import close_finding, withdraw_finding
from findings.services.flag import flag_finding, reopen_finding
from findings.services.leavers import say_goodbye
from findings.services.patient_change import Change, confirm_owner, record_change
from findings.services.rate import rate_finding
from findings.services.timeline import lock, record

_YES, _NO, _OTHER = Rating.Useful.YES, Rating.Useful.NO, Rating.Useful.CATEGORY
RATINGS = [_YES] * 7 + [_NO] * 2 + [_OTHER]


@dataclass
class Told:
    """A story while it is carried out."""

    number: int
    story: Story
    order: Order
    finding: Finding | None = None
    rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = seeded("phrases", self.number)

    @property
    def action(self) -> str:
        return self.order.seen[0].words(self.story.what.action)

    def say(self, choices: list[str]) -> str:
        """One of these, with what the radiologist advised in it."""
        sentence = self.rng.choice(choices)
        advised = (
            self.action if self.action[1].isupper() else self.action[0].lower() + self.action[1:]
        )
        return sentence.format(action=advised, Action=self.action)


def replay(
    hospital: Hospital,
    told: list[Told],
    waits: list[Wait],
    now: datetime,
    catch_up: Callable[[datetime], None],
) -> None:
    """Everything that happened until now. `catch_up` fires what fell due until a moment."""
    order = count()
    moments: list[tuple[datetime, int, Callable[[], None]]] = []
    for one in told:
        heapq.heappush(moments, (one.story.flagged_at, next(order), _flagging(one)))
        for deed in one.story.deeds:
            heapq.heappush(moments, (deed.at, next(order), _doing(one, deed)))
    for wait in waits:
        for at, happens in moments_of(wait, hospital):
            heapq.heappush(moments, (at, next(order), happens))
    for person in hospital.leavers:
        leaves = left_at(person, now)
        heapq.heappush(moments, (leaves, next(order), _leaving(person, leaves)))
    while moments:
        at, _, happens = heapq.heappop(moments)
        catch_up(at)
        happens()
    catch_up(now)


def _leaving(person: Person, at: datetime) -> Callable[[], None]:
    def leave() -> None:
        say_goodbye(person=person, by=None, because="their last day is over.", at=at)
        person.refresh_from_db()

    return leave


def rate_some() -> None:
    """What those who closed a finding thought of the flag; nobody has to say."""
    closed = Finding.objects.filter(closed_by__is_active=True).select_related("closed_by")
    for finding in closed.order_by("reference"):
        rng = seeded("rating", finding.reference)
        if finding.closed_by and rng.random() < 0.6:
            rate_finding(finding=finding, by=finding.closed_by, useful=rng.choice(RATINGS))


def _flagging(told: Told) -> Callable[[], None]:
    def flag() -> None:
        story, order = told.story, told.order
        seen = order.seen[0]
        assert order.row is not None
        flagged_on = local(story.flagged_at).date()
        days = timedelta(days=story.what.within_days)
        told.finding = flag_finding(
            examination=order.row,
            by=order.radiologist,
            category=story.ladder.category,
            description=seen.words(story.what.description),
            recommended_action=told.action,
            recommended_on=flagged_on + days if days else None,
            primary_site=story.what.primary_site,
            at=story.flagged_at,
        )
        # The same in every demonstration; otherwise chance decides.
        told.finding.reference = reference(told.number)
        told.finding.save(update_fields=["reference"])

    return flag


def _doing(told: Told, deed: Deed) -> Callable[[], None]:
    def do() -> None:
        assert told.finding is not None
        DEEDS[deed.verb](told, told.finding, deed)

    return do


# --- Deeds: each is one thing that a page does ------------------------------------------------


def _read(told: Told, finding: Finding, deed: Deed) -> None:
    record(finding=finding, kind=Event.Kind.READ, by=deed.by, at=deed.at, page="finding")


def _note(told: Told, finding: Finding, deed: Deed) -> None:
    text = told.say(deed.how["text"])
    record(finding=finding, kind=Event.Kind.NOTE, by=deed.by, at=deed.at, text=text)


def _acknowledge(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    acknowledge_finding(finding=finding, by=deed.by, plan=told.say(deed.how["plan"]), at=deed.at)


def _decline(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    decline_finding(
        finding=finding,
        by=deed.by,
        because=told.say(deed.how["because"]),
        to=deed.how.get("to"),
        at=deed.at,
    )


def _hand_over(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    because = told.say(deed.how["because"])
    hand_over_finding(finding=finding, by=deed.by, because=because, to=deed.how["to"], at=deed.at)


def _act(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    record_action(
        finding=finding,
        by=deed.by,
        kind=Action.Kind(deed.how["kind"]),
        text=told.say(deed.how.get("text") or PHRASES["actions"][deed.how["kind"]]),
        result_expected_on=deed.how["expected"],
        at=deed.at,
    )


def _tell(told: Told, finding: Finding, deed: Deed) -> None:
    """Of a patient who has died in another story, too, the next of kin."""
    assert deed.by is not None
    way = "kin" if finding.examination.patient.death() else deed.how["way"]
    record_patient_told(
        finding=finding,
        by=deed.by,
        how=Finding.ToldHow(way),
        note=told.say(PHRASES["told"][way]),
        told_at=deed.at - timedelta(minutes=told.rng.randrange(5, 50)),
        at=deed.at,
    )


def _close(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    outcome = deed.how["outcome"]
    close_finding(
        finding=finding,
        by=deed.by,
        outcome=Finding.Outcome(outcome),
        note=told.say(PHRASES["outcomes"][outcome]),
        at=deed.at,
    )


def _withdraw(told: Told, finding: Finding, deed: Deed) -> None:
    withdraw_finding(
        finding=finding,
        by=deed.by or told.order.radiologist,
        because=told.say(deed.how["because"]),
        at=deed.at,
    )


def _change_category(told: Told, finding: Finding, deed: Deed) -> None:
    change_category(
        finding=finding,
        by=deed.by or told.order.radiologist,
        category=Category.objects.get(code=deed.how["to"]),
        because=told.say(deed.how["because"]),
        later_because=told.say(deed.how["later"]) if "later" in deed.how else "",
        primary_site="Unknown",
        at=deed.at,
    )


def _patient_change(told: Told, finding: Finding, deed: Deed) -> None:
    """It becomes known an hour or so after it happened."""
    happened_at = deed.at - timedelta(minutes=told.rng.randrange(30, 90))
    record_change(
        patient=finding.examination.patient,
        change=Change(deed.how["kind"], happened_at, deed.how["whereto"]),
        by=deed.by,
        at=deed.at,
    )


def _confirm(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    confirm_owner(finding=finding, by=deed.by, text=told.say(deed.how["text"]), at=deed.at)


def _correct(told: Told, finding: Finding, deed: Deed) -> None:
    """A corrected report comes in."""
    examination, last = finding.examination, told.order.versions[-1]
    text = f"{last.text}\n\n{told.rng.choice(ADDENDA)}"
    version = Version(ArrivingStatus.CORRECTED, text, deed.at - timedelta(seconds=25), last.by)
    with transaction.atomic():
        report = add_report(examination, len(told.order.versions) + 1, version)
        locked = lock(finding)
        locked.report = report
        words = f"{report.get_status_display().lower()}"
        reopen_finding(
            finding=locked,
            because=f"Version {report.version} of the report ({words}) says something else.",
            at=deed.at,
        )
    told.order.versions.append(version)


def _ask(told: Told, finding: Finding, deed: Deed) -> None:
    assert deed.by is not None
    ask_radiologist(finding=finding, by=deed.by, text=told.say(deed.how["text"]), at=deed.at)


def _reply(told: Told, finding: Finding, deed: Deed) -> None:
    by, text = told.order.radiologist, told.say(deed.how["text"])
    for question in finding.questions.open():
        answer_question(question=question, by=by, text=text, at=deed.at)


DEEDS: dict[str, Callable[[Told, Finding, Deed], None]] = {
    "read": _read,
    "note": _note,
    "acknowledge": _acknowledge,
    "decline": _decline,
    "hand_over": _hand_over,
    "act": _act,
    "tell": _tell,
    "close": _close,
    "withdraw": _withdraw,
    "change_category": _change_category,
    "patient_change": _patient_change,
    "confirm": _confirm,
    "correct": _correct,
    "ask": _ask,
    "reply": _reply,
}
