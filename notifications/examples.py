"""Every kind of message as it would be sent, of an invented finding: for the page that shows them,
and to see what words of one's own become. The real writer writes them; nothing here is kept."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from findings.models import (
    Audience,
    Category,
    Clock,
    Examination,
    Finding,
    Improvement,
    Membership,
    Organisation,
    Person,
    Report,
    Role,
    Rung,
    Site,
    Step,
    Team,
)
from findings.models.clock import IMPROVE_PRIORITY
from findings.states import ClockKind
from findings.timetable import parse_duration
from notifications import messages
from notifications.messages import Message
from notifications.models import Channel, Notification
from notifications.own_words import Wordings
from notifications.standing import Standing

Duty = Membership.Duty
# Keys that no row has.
NOBODY, SOMEBODY, ELSEBODY = 0, -1, -2
REFERENCE, IMPROVEMENT = "F-EXAMPLE0000", "I-EXAMPLE0000"
DIGEST = "digest"
# Where the rule gives no number of its own, as with a day that the report advises.
SOME_DAYS = timedelta(days=7)

_DUTIES = {
    Audience.RESPONSIBLE: Duty.RESPONSIBLE,
    Audience.TEAM: Duty.MEMBER,
    Audience.DEPARTMENT: Duty.DIRECTOR,
}
_ROLES = {
    Audience.COORDINATOR: Role.COORDINATOR,
    Audience.GOVERNANCE: Role.GOVERNANCE,
    Audience.RADIOLOGIST: Role.RADIOLOGIST,
    Audience.RADIOLOGISTS: Role.RADIOLOGIST,
    Audience.QUESTION: Role.RADIOLOGIST,
}


class InventedStanding(Standing):
    """Of somebody who is told as this audience is: the database knows nothing of them."""

    def __init__(self, person: Person, audience: Audience) -> None:
        super().__init__([person])
        self._teams = {NOBODY: SOMEBODY}
        duty = _DUTIES.get(audience)
        theirs = {SOMEBODY: duty.value} if duty else {}
        self._duties = defaultdict(dict, {person.pk: theirs})
        self._covers = defaultdict(set)
        self._teams_stood_in_for = defaultdict(set)
        self._on_rota = set()


@dataclass(frozen=True)
class Example:
    """What a message is about and whom it goes to; by every channel it says the same."""

    step: Step
    recipient: Person
    # How many of it go as one digest.
    saved_up: int = 1

    def written(self, channel: Channel, at: datetime, wordings: Wordings) -> Message:
        write = messages.write if self.saved_up == 1 else messages.write_digest
        return write(
            *[self._by(channel)] * self.saved_up,
            at=at,
            may_be_second=False,
            standing=InventedStanding(self.recipient, Audience(self.step.audience)),
            wordings=wordings,
        )

    def _by(self, channel: Channel) -> Notification:
        return Notification(
            step=self.step,
            finding=self.step.finding,
            examination=self.step.examination,
            improvement=self.step.improvement,
            recipient=self.recipient,
            channel=channel,
        )


class Inventor:
    """Of one trust."""

    def __init__(self, organisation: Organisation, now: datetime) -> None:
        self._organisation, self._now = organisation, now
        self._site = Site(pk=NOBODY, organisation=organisation, name="Example Hospital")

    def of_rung(self, category: Category, rung: Rung) -> Example:
        """As it would go out when this step falls, to whoever has not answered."""
        audience = Audience(rung.audience)
        finding = self._finding(category, audience)
        clock = Clock(
            pk=NOBODY,
            finding=finding,
            kind=rung.clock,
            started_at=self._now,
            due_at=self._now + _left(rung),
        )
        step = Step(
            pk=NOBODY,
            clock=clock,
            finding=finding,
            level=rung.level,
            audience=audience,
            words=rung.words,
            priority=category.priority,
        )
        return Example(step, self._person(audience))

    def others(self, category: Category) -> Iterator[tuple[str, str, Example]]:
        """Those that no ladder of a finding has: a name, a title, and the example."""
        for name, title, audience, kind in _OTHERS:
            of = self._about(kind, category, audience)
            due_at = self._now + timedelta(hours=4)
            step = Step(
                pk=NOBODY,
                clock=Clock(pk=NOBODY, kind=kind, due_at=due_at, **of),
                level=0 if "finding" in of else 1,
                audience=audience,
                priority=category.priority if "improvement" not in of else IMPROVE_PRIORITY,
                **of,
            )
            saved_up = 3 if name == DIGEST else 1
            yield name, title, Example(step, self._person(audience), saved_up)

    def _about(self, kind: ClockKind, category: Category, audience: Audience) -> dict[str, Any]:
        """What it is of, by the name of its field."""
        if kind in (ClockKind.REPORT_BY, ClockKind.CONFIRM):
            return {"examination": Examination(pk=NOBODY, site=self._site)}
        if kind == ClockKind.IMPROVE:
            owner = SOMEBODY if audience == Audience.OWNER else ELSEBODY
            organisation = self._organisation
            return {
                "improvement": Improvement(
                    pk=NOBODY, reference=IMPROVEMENT, organisation=organisation, owner_id=owner
                )
            }
        return {"finding": self._finding(category, audience)}

    def _person(self, audience: Audience) -> Person:
        role = _ROLES.get(audience, Role.REFERRER)
        return Person(
            pk=SOMEBODY,
            title="Dr",
            given_name="Ada",
            family_name="Example",
            organisation=self._organisation,
            site=self._site,
            roles=[role.value],
        )

    def _finding(self, category: Category, audience: Audience) -> Finding:
        """Held by whoever is told where the owner is, and else by somebody of another team."""
        is_theirs = audience in (Audience.OWNER, Audience.WITHDRAWN)
        other = Person(pk=ELSEBODY, title="Mr", given_name="Ben", family_name="Example")
        is_flagged_by_them = audience in (Audience.RADIOLOGIST, Audience.QUESTION)
        return Finding(
            pk=NOBODY,
            reference=REFERENCE,
            category=category,
            organisation=self._organisation,
            site=self._site,
            report=Report(status="corrected"),
            owner_person=self._person(audience) if is_theirs else other,
            team=Team(pk=SOMEBODY if audience in _DUTIES else ELSEBODY),
            flagged_by_id=SOMEBODY if is_flagged_by_them else NOBODY,
            flagged_at=self._now,
            counts_from=self._now,
        )


# What tells somebody of a message that came back has no words of its own kind of clock.
_OTHERS = (
    (DIGEST, "What was saved up over night", Audience.OWNER, ClockKind.ACKNOWLEDGE),
    ("offered", "Somebody is asked to take a finding over", Audience.OFFERED, ClockKind.ACT),
    ("accepted", "An offer was accepted", Audience.OFFERED_BY, ClockKind.ACT),
    ("undelivered", "A message came back", Audience.RADIOLOGIST, ClockKind.ACKNOWLEDGE),
    ("question", "A question to the radiologist", Audience.QUESTION, ClockKind.ACKNOWLEDGE),
    ("reply", "A question was answered", Audience.REPLY, ClockKind.ACKNOWLEDGE),
    ("corrected", "A report changed that they acknowledged", Audience.ACKNOWLEDGER, ClockKind.ACT),
    ("told", "A report changed that they were told of", Audience.TOLD, ClockKind.ACKNOWLEDGE),
    ("withdrawn", "A finding was withdrawn", Audience.WITHDRAWN, ClockKind.ACKNOWLEDGE),
    ("waits", "An examination waits for its report", Audience.TEAM, ClockKind.REPORT_BY),
    ("confirm", "An alert code waits to be confirmed", Audience.RADIOLOGISTS, ClockKind.CONFIRM),
    ("improve", "An improvement is not done yet", Audience.OWNER, ClockKind.IMPROVE),
    ("improve-lead", "An improvement is late: governance", Audience.GOVERNANCE, ClockKind.IMPROVE),
)


def _left(rung: Rung) -> timedelta:
    """From the moment of the step to its limit, in elapsed time."""
    offset = parse_duration(rung.offset).elapsed
    if rung.anchor == Rung.Anchor.DUE:
        return -offset
    within = rung.rule.within(ClockKind(rung.clock))
    return (parse_duration(within).elapsed if within else SOME_DAYS) - offset
