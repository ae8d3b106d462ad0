"""For the demonstration: fires and delivers what fell due in the past, as the engine would have.

The firing is the engine's own. Nothing is really sent: the attempts and results are written with
the words that would have gone out.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from findings.demonstration.people import Hospital
from findings.demonstration.seed import seeded
from findings.models import NEWS, Event, Examination, Finding, Improvement, Person, Step
from findings.models.about import About
from notifications import messages, news
from notifications.escalation import fire_examination, fire_finding, fire_improvement
from notifications.messages import Message
from notifications.models import (
    Channel,
    DeliveryAttempt,
    DeliveryResult,
    Notification,
    Route,
)
from notifications.outcomes import said, tell_sender
from notifications.own_words import Wordings
from notifications.standing import Standing

Status, Outcome = Notification.Status, DeliveryResult.Outcome

# Between a step's moment and the sweep that found it.
SWEEP = timedelta(seconds=2)
TAKES = {Channel.IN_APP: timedelta(seconds=1), Channel.EMAIL: timedelta(seconds=3)}
AGAIN_AFTER = timedelta(seconds=17)
# What is not older than this is left to the engine.
NOT_THE_LAST = timedelta(seconds=30)
BUSY_SERVER = "451 4.7.1 Try again later"
NO_SUCH_MAILBOX = "550 5.1.1 The mailbox does not exist"


@dataclass
class Tries:
    """What was tried, kept back until everything is over: only the timeline has to be in order."""

    attempts: list[DeliveryAttempt] = field(default_factory=list)
    results: list[DeliveryResult] = field(default_factory=list)

    def add(
        self,
        notification: Notification,
        message: Message,
        when: tuple[datetime, datetime],
        outcome: str,
        detail: str,
    ) -> Event:
        """One try, with its beginning and its end; gives back its line for the timeline."""
        at, ended_at = when
        number = 1 + sum(one.notification is notification for one in self.attempts[-2:])
        attempt = DeliveryAttempt(
            notification=notification,
            number=number,
            started_at=at,
            subject=message.subject,
            body=message.text,
        )
        self.attempts.append(attempt)
        self.results.append(
            DeliveryResult(attempt=attempt, outcome=outcome, detail=detail, at=ended_at)
        )
        return _line(attempt, outcome, detail, ended_at)

    def save(self) -> None:
        """Write the rows, and on each notification how it ended."""
        DeliveryAttempt.objects.bulk_create(self.attempts, batch_size=1000)
        DeliveryResult.objects.bulk_create(self.results, batch_size=1000)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_notification AS n SET"
                " status = CASE r.outcome WHEN 'accepted' THEN 'sent' ELSE 'failed' END,"
                " sent_at = CASE r.outcome WHEN 'accepted' THEN r.at END"
                " FROM notifications_deliveryattempt a"
                " JOIN notifications_deliveryresult r ON r.attempt_id = a.id"
                " WHERE a.notification_id = n.id AND r.outcome <> 'transient'"
                " AND n.id = ANY(%s)",
                [[attempt.notification_id for attempt in self.attempts]],
            )
        self.attempts, self.results = [], []


def _line(attempt: DeliveryAttempt, outcome: str, detail: str, at: datetime) -> Event:
    notification = attempt.notification
    more: dict[str, object] = {"because": detail} if detail else {}
    if outcome == Outcome.TRANSIENT:
        more["again"] = True
    return Event(
        finding=notification.finding,
        kind=Event.Kind.SENT if outcome == Outcome.ACCEPTED else Event.Kind.SEND_FAILED,
        at=at,
        data=said(notification, attempt=attempt.number, **more),
    )


class Past:
    """Everything that fell due before now."""

    def __init__(self, hospital: Hospital, now: datetime) -> None:
        self.now = now
        self.people = {person.pk: person for person in hospital.people.values()}
        self.teams = {team.pk: team for team in hospital.teams.values()}
        self.organisations = {one.pk: one for one in hospital.organisations.values()}
        self.refused = {
            hospital.people[name].pk
            for name, ways in hospital.reached_by.items()
            if "refused" in ways
        }
        # Asked once: in this past nobody changes teams, goes on leave or is on a rota.
        self.standing = Standing(self.people.values())
        self.wordings = Wordings()
        self.rng = seeded("delivery")
        self.look_again = False
        self.tries = Tries()
        self.news: list[Step] = []
        self.reached: datetime | None = None
        # The moment of what happens next: everything of before is over by then.
        self.until = now

    def catch_up(self, until: datetime) -> None:
        """Deliver what was news, then fire, one after another, what fell due until that moment."""
        self.until = until
        for step in self.news:
            self._deliver(self._with_known(step.its_finding), step.due_at)
        self.news = []
        until = min(until, self.now - NOT_THE_LAST)
        self.look_again = True
        while self.look_again:
            self.look_again = False
            for about, falls_at in self._due(until):
                self._fire(about, self._soon(self._not_before_it_was_made(falls_at), SWEEP))
        self.reached = until

    def begin_again(self) -> None:
        """What was made since, with steps in the past, is told as if it had always been there."""
        self.reached = None

    def _soon(self, at: datetime, later: timedelta) -> datetime:
        """So much later, and before whatever happens next: timelines are in the order of time."""
        return max(at, min(at + later, self.until))

    def _not_before_it_was_made(self, falls_at: datetime) -> datetime:
        """A new owner may get steps whose time has passed: what is due from before the last look
        came with the deed after it."""
        return max(falls_at, self.reached) if self.reached else falls_at

    def _due(self, until: datetime) -> list[tuple[About, datetime]]:
        """Findings and examinations with their moments, in the order of time; those that fall
        together once."""
        with connection.cursor() as cursor:  # asked a thousand times
            cursor.execute(
                "SELECT finding_id, examination_id, improvement_id, falls_at FROM findings_step"
                " WHERE fired_at IS NULL AND cancelled_at IS NULL AND falls_at <= %s"
                " ORDER BY falls_at, id",
                [until],
            )
            return [(About(*ids), at) for *ids, at in dict.fromkeys(cursor.fetchall())]

    def _fire(self, about: About, at: datetime) -> None:
        # Nobody else can see these rows before the load is committed: no lock is needed.
        subject: Finding | Examination | Improvement
        if about.finding:
            subject = self._with_known(Finding.objects.get(pk=about.finding))
            fired = fire_finding(subject, at=at)
        elif about.improvement:
            subject = Improvement.objects.get(pk=about.improvement)
            fired = fire_improvement(subject, at=at)
        else:
            subject = Examination.objects.get(pk=about.examination or 0)
            fired = fire_examination(subject, at=at)
        if fired.notifications:
            self._deliver(subject, at)
        else:  # nobody could be told, so the next step was brought forward
            self.look_again = True

    def _with_known(self, finding: Finding) -> Finding:
        """With its people and teams in place, so that the database is not asked for them."""
        finding.owner_person = self.people.get(finding.owner_person_id or 0)
        finding.owner_team = self.teams.get(finding.owner_team_id or 0)
        finding.team = self.teams[finding.team_id]
        finding.flagged_by = self.people[finding.flagged_by_id]
        finding.organisation = self.organisations[finding.organisation_id]
        return finding

    def tell_news(self, step: Step, by: Person | None) -> None:
        """As the engine does: who was told before has to be written down for it."""
        self.tries.save()
        news.tell(step, by)
        self.news.append(step)

    # --- Delivery --------------------------------------------------------------------------

    def _deliver(self, subject: Finding | Examination | Improvement, at: datetime) -> None:
        rows = subject.notifications.filter(created_at=at).select_related("step__clock")
        made = list(rows.order_by("channel", "pk").reverse())
        lines: list[Event] = []
        words: dict[Person, Message] = {}
        # What follows from a refusal comes before a second try could: one trouble at a time.
        of_finding = isinstance(subject, Finding)
        is_time = at + AGAIN_AFTER + TAKES[Channel.EMAIL] < self.until
        bad = any(one.recipient_id in self.refused for one in made)
        may_be_busy = of_finding and is_time and not bad
        for notification in made:
            person = self.people[notification.recipient_id]
            if isinstance(subject, Finding):
                notification.finding = subject
            notification.recipient = person
            if person not in words:
                words[person] = messages.write(
                    notification,
                    at=at,
                    may_be_second=False,
                    standing=self.standing,
                    wordings=self.wordings,
                )
            lines += self._try(notification, words[person], at, may_be_busy)
        if of_finding:
            Event.objects.bulk_create(sorted(lines, key=lambda line: line.at))

    def _try(
        self, notification: Notification, message: Message, at: datetime, may_be_busy: bool
    ) -> list[Event]:
        """Mostly it goes at once; now and then the mail server is busy, and one address is bad."""
        by_email = notification.channel == Channel.EMAIL
        if by_email and notification.recipient_id in self.refused:
            self._refuse(notification, at)
            return [self._tried(notification, message, at, Outcome.PERMANENT, NO_SUCH_MAILBOX)]
        lines = []
        if by_email and may_be_busy and self.rng.random() < 0.02:
            lines = [self._tried(notification, message, at, Outcome.TRANSIENT, BUSY_SERVER)]
            at += AGAIN_AFTER
        return [*lines, self._tried(notification, message, at, Outcome.ACCEPTED, "")]

    def _tried(
        self,
        notification: Notification,
        message: Message,
        at: datetime,
        outcome: str,
        detail: str,
    ) -> Event:
        ended_at = self._soon(at, TAKES[Channel(notification.channel)])
        return self.tries.add(notification, message, (at, ended_at), outcome, detail)

    def _refuse(self, notification: Notification, at: datetime) -> None:
        """The address is marked, and whoever flagged the finding is told."""
        at = self._soon(at, TAKES[Channel.EMAIL])
        Route.objects.filter(pk=notification.route_id, failed_at=None).update(
            failed_at=at, failed_because=NO_SUCH_MAILBOX
        )
        if notification.step.audience in NEWS:
            return
        # Seen in the application a moment before, so that the ladder did not have to climb.
        notification.step.notifications.filter(
            recipient=notification.recipient_id, channel=Channel.IN_APP
        ).update(seen_at=at)
        self.look_again = True
        tell_sender(notification.subject, notification, at)

    def save(self) -> None:
        """Write what was kept back. Most messages in the application have been looked at."""
        self.tries.save()
        sent = Notification.objects.in_app().filter(sent_at__lt=self.now - timedelta(hours=20))
        numbers = sent.order_by("pk").values_list("pk", flat=True)
        seen = [pk for pk in numbers if self.rng.random() < 0.8]
        Notification.objects.filter(pk__in=seen, seen_at=None).update(
            seen_at=F("sent_at") + timedelta(hours=2, minutes=20)
        )
