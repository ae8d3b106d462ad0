"""What the invented trust learned: reviews, improvements, meetings and points, counted back from
now. Written as rows of the past; the words are in learning.toml."""

import tomllib
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from findings.demonstration.people import Hospital
from findings.demonstration.seed import LETTERS, seeded
from findings.measures import MEASURES
from findings.measures.before_and_after import Compared, compare
from findings.models import (
    Attendance,
    CandourStep,
    Case,
    Cause,
    Clock,
    Event,
    Finding,
    Improvement,
    LearningPoint,
    LearningRule,
    Meeting,
    Person,
    Rating,
    ReadReceipt,
    Review,
    ReviewBreach,
    ReviewCause,
    ReviewChange,
    Role,
    Theme,
)
from findings.rules import can_rate
from findings.services.improvements import ask_for_improvement, carry_out, check
from findings.services.open_reviews import not_reviewed
from findings.services.rate import rate_finding
from findings.states import State

WORDS = tomllib.loads(Path(__file__).with_name("learning.toml").read_text(encoding="utf-8"))
DAY = timedelta(days=1)
# How many cases have a review that opened by itself, and how many of the oldest were looked at.
CASES, LOOKED_AT = 24, 12
RATED_BETTER = 35 * DAY
LEAD, COORDINATOR, RADIOLOGIST = "governance", "coordinator", "radiologist"
# Of those that were looked at, in turn: what was found.
FOUND = (
    ("cover_gap", "low", "The post was empty that night. The rota now shows it a week before."),
    ("wrong_recipient", "none", "The order named a clinic and nobody in it. It names a team now."),
    (
        "acknowledged_not_done",
        "low",
        "The plan waited for a bed, and was carried out a day late.",
    ),
    ("capacity", "none", "The list was full. It was re-ordered by what is flagged."),
)


class Learning:
    """Makes all of it for one trust."""

    def __init__(self, hospital: Hospital, now: datetime) -> None:
        self.hospital, self.now = hospital, now
        self.rng = seeded("learning")
        self.lead = self._first(Role.GOVERNANCE)
        self.by = {
            LEAD: self.lead,
            COORDINATOR: self._first(Role.COORDINATOR),
            RADIOLOGIST: self._first(Role.RADIOLOGIST),
        }
        self.causes = {one.code: one for one in Cause.objects.filter(organisation=None)}
        self.themes = {one.code: one for one in Theme.objects.filter(organisation=None)}

    def make(self) -> None:
        self._ratings()
        reviews = [*self._raised(), *self._broken()]
        self._improvements(reviews[0])
        self._meetings(reviews)
        self._points()

    def _first(self, role: Role) -> Person:
        """Somebody who has no other role, if there is anybody."""
        people = [
            one
            for one in self.hospital.people.values()
            if role in one.roles and one.organisation_id == self.hospital.trust.pk
        ]
        return min(people, key=lambda one: (len(one.roles), one.pk))

    def _reference(self, letter: str) -> str:
        return f"{letter}-" + "".join(self.rng.choice(LETTERS) for _ in range(10))

    # --- Reviews ---------------------------------------------------------------------------

    def _raised(self) -> list[Review]:
        return [self._raise(said) for said in WORDS["raised"]]

    def _raise(self, said: dict[str, Any]) -> Review:
        opened_at = self.now - said["days"] * DAY
        review = Review(
            reference=self._reference("R"),
            organisation=self.hospital.trust,
            kind=said["kind"],
            happened=said["happened"],
            opened_at=opened_at,
            opened_by=self.by[said["by"]],
            theme=self.themes.get(said.get("theme", "")),
            harm=said["harm"],
            status=said["status"],
        )
        if review.owes_candour:
            review.candour_since = opened_at + DAY
        if said["status"] == Review.Status.CONCLUDED:
            self._conclude(review, said["learned"])
        review.save(force_insert=True)
        self._causes(review, said.get("causes", []))
        self._candour(review, said.get("candour", 0))
        return review

    def _conclude(self, review: Review, learned: str) -> None:
        review.concluded_at, review.concluded_by = self._later(review, 0.7), self.lead
        review.conclusion = learned

    def _later(self, review: Review, share: float) -> datetime:
        """So far into the time that has passed since it was opened, and at most two days."""
        return review.opened_at + share * min(self.now - review.opened_at, 2 * DAY)

    def _causes(self, review: Review, codes: Sequence[str], because: str = "") -> None:
        ReviewCause.objects.bulk_create(
            ReviewCause(
                review=review,
                cause=self.causes[code],
                suggested_because=because,
                added_at=self._later(review, 0.4),
                added_by=self.lead,
            )
            for code in codes
        )

    def _candour(self, review: Review, steps: int) -> None:
        CandourStep.objects.bulk_create(
            CandourStep(
                review=review,
                step=step,
                done_on=timezone.localdate(review.opened_at) + (number + 1) * DAY,
                recorded_at=review.opened_at + (number + 1) * DAY,
                recorded_by=self.lead,
            )
            for number, step in enumerate(islice(CandourStep.Which.values, steps))
        )

    def _broken(self) -> list[Review]:
        """As the engine would have opened them, each within the hour; the oldest were looked at."""
        cases: dict[tuple[int | None, int | None], list[Clock]] = {}
        until = self.now - timedelta(minutes=30)
        rows = not_reviewed(self.hospital.trust.pk, since=self.now - 90 * DAY, until=until)
        since = until
        for clock in reversed(rows):
            key = clock.finding_id, clock.examination_id
            if key not in cases and len(cases) == CASES:
                break
            cases.setdefault(key, []).insert(0, clock)
            since = clock.due_at
        # What was due before is history, which nobody has asked for.
        LearningRule.objects.create(organisation=self.hospital.trust, number=1, reviews_from=since)
        cases = dict(sorted(cases.items(), key=lambda pair: pair[1][0].due_at))
        reviews = [self._opened(clocks) for clocks in cases.values()]
        for number, (review, found) in enumerate(zip(reviews, cycle(FOUND), strict=False)):
            if number < LOOKED_AT:
                self._looked_at(review, number, *found)
        Review.objects.bulk_create(reviews)
        ReviewBreach.objects.bulk_create(
            ReviewBreach(review=review, clock=clock, added_at=self._noticed(clock))
            for review, clocks in zip(reviews, cases.values(), strict=True)
            for clock in clocks
        )
        for number, (review, found) in enumerate(
            zip(reviews[:LOOKED_AT], cycle(FOUND), strict=False)
        ):
            self._causes(review, [found[0]] if number != NO_BREACH else [])
        self._changes(reviews[:LOOKED_AT])
        return reviews

    def _noticed(self, clock: Clock) -> datetime:
        return clock.due_at + timedelta(minutes=25)

    def _opened(self, clocks: Sequence[Clock]) -> Review:
        first = clocks[0]
        return Review(
            reference=self._reference("R"),
            organisation=self.hospital.trust,
            kind=Review.Kind.BREACH,
            finding_id=first.finding_id,
            examination_id=first.examination_id,
            opened_at=self._noticed(first),
        )

    def _looked_at(self, review: Review, number: int, cause: str, harm: str, learned: str) -> None:
        if number == NO_BREACH:
            review.status, review.harm = Review.Status.NOT_BREACH, Review.Harm.NONE
            self._conclude(review, "The patient was told on the ward; it was recorded a day late.")
            return
        late = review.examination_id is not None
        review.theme = self.themes["reported_late" if late else "not_acted_on"]
        review.harm = harm
        if number < CONCLUDED:
            review.status = Review.Status.CONCLUDED
            self._conclude(review, learned)
        else:
            review.status = Review.Status.IN_REVIEW
        if number == OWES_CANDOUR:
            review.harm, review.candour_since = Review.Harm.MODERATE, self._later(review, 0.3)

    def _changes(self, reviews: Sequence[Review]) -> None:
        ReviewChange.objects.bulk_create(
            ReviewChange(
                review=review,
                what="Status",
                before=Review.Status.OPEN.label,
                after=review.get_status_display(),
                at=review.concluded_at or self._later(review, 0.4),
                by=self.lead,
            )
            for review in reviews
        )

    # --- Improvements ------------------------------------------------------------------------

    def _improvements(self, review: Review) -> None:
        for said in WORDS["improvement"]:
            self._improve(said, review)

    def _improve(self, said: dict[str, Any], review: Review) -> None:
        today = timezone.localdate(self.now)
        in_force = today - said.get("in_force", 0) * DAY
        one = ask_for_improvement(
            by=self.lead,
            what=said["what"],
            owner=self.hospital.people[said["owner"]],
            due_on=today + said["due"] * DAY,
            measure=said["measure"],
            review=review,
            at=self.now - said["asked"] * DAY,
        )
        if "done" not in said:
            return
        done_at = self.now - said["done"] * DAY
        one = carry_out(
            improvement=one,
            by=one.owner,
            evidence=said["evidence"],
            in_force_on=in_force,
            at=done_at,
        )
        if "checked" in said:
            compared = compare(MEASURES[one.measure], self.hospital.trust, in_force, today)
            check(improvement=one, by=self.lead, at=self.now - DAY, **_verdict(compared))

    def _ratings(self) -> None:
        """Of flags, by whoever closed the finding, as they did: better since alerts say what is
        asked."""
        better_from = self.now - RATED_BETTER
        rows = Finding.objects.filter(organisation=self.hospital.trust, state=State.CLOSED)
        last = Event.objects.filter(finding=OuterRef("pk")).order_by("-number").values("at")[:1]
        for number, finding in enumerate(
            rows.annotate(last_at=Subquery(last))
            .filter(last_at=F("closed_at"))
            .select_related("closed_by")
            .order_by("closed_at", "pk")
        ):
            assert finding.closed_at is not None and finding.closed_by is not None  # noqa: PT018
            if not can_rate(finding.closed_by, finding):
                continue
            is_useful = finding.closed_at >= better_from or number % 4 == 0
            rate_finding(
                finding=finding,
                by=finding.closed_by,
                useful=Rating.Useful.YES if is_useful else Rating.Useful.NO,
                at=finding.closed_at + timedelta(minutes=4),
            )

    # --- Meetings and points --------------------------------------------------------------------

    def _meetings(self, reviews: Sequence[Review]) -> None:
        radiologists = sorted(
            (one for one in self.hospital.people.values() if Role.RADIOLOGIST in one.roles),
            key=lambda one: one.pk,
        )
        for number, said in enumerate(WORDS["meeting"]):
            held_at = self._at_noon(said["days"])
            meeting = Meeting.objects.create(
                organisation=self.hospital.trust,
                kind=said["kind"],
                held_at=held_at,
                place=said["place"],
                called_by=self.lead,
                called_at=min(held_at, self.now) - 14 * DAY,
            )
            self._cases(meeting, reviews)
            if "came" not in said:
                continue
            came = [*radiologists[number : number + said["came"] - 1], self.lead]
            Attendance.objects.bulk_create(
                Attendance(meeting=meeting, person=one, recorded_at=held_at, recorded_by=self.lead)
                for one in dict.fromkeys(came)
            )
            meeting.ended_at, meeting.ended_by = held_at + 2 * timedelta(hours=1), self.lead
            meeting.summary = said["summary"]
            meeting.save(update_fields=["ended_at", "ended_by", "summary"])

    def _cases(self, meeting: Meeting, reviews: Sequence[Review]) -> None:
        brings = self.by[RADIOLOGIST]
        had = set(Case.objects.values_list("review", flat=True))
        waited = [one for one in reviews if one.pk not in had and one.opened_at < meeting.held_at]
        chosen = sorted(waited, key=lambda one: one.opened_at)[:3]
        Case.objects.bulk_create(
            Case(
                meeting=meeting,
                review=review,
                position=position,
                brought_by=brings if review.opened_by == brings else None,
            )
            for position, review in enumerate(chosen, 1)
        )

    def _at_noon(self, days: int) -> datetime:
        day = timezone.localdate(self.now) - days * DAY
        return timezone.make_aware(datetime.combine(day, time(12, 30)))

    def _points(self) -> None:
        for said in WORDS["point"]:
            point = LearningPoint.objects.create(
                organisation=self.hospital.trust,
                title=said["title"],
                text=said["text"],
                roles=said["roles"],
                shared_at=self.now - said["days"] * DAY,
                shared_by=self.lead,
            )
            ReadReceipt.objects.bulk_create(
                ReadReceipt(point=point, person=person, at=point.shared_at + DAY)
                for person in islice(self._with(said["roles"]), said["read"])
            )

    def _with(self, roles: Sequence[str]) -> Iterator[Person]:
        for person in self.hospital.people.values():
            here = person.organisation_id == self.hospital.trust.pk and person.is_active
            if here and set(roles) & set(person.roles):
                yield person


# Of those that were looked at, by number.
CONCLUDED, OWES_CANDOUR, NO_BREACH = 8, 9, 3


def _got_better(compared: Compared) -> bool:
    return bool(compared.signals) and all(line.point.is_high for line in compared.signals)


def _verdict(compared: Compared) -> dict[str, str]:
    if not compared.can_be_judged:
        return {"worked": Improvement.Worked.UNCLEAR, "note": "There are too few rows yet."}
    if _got_better(compared):
        return {"worked": Improvement.Worked.YES, "note": "Better than chance explains."}
    return {"worked": Improvement.Worked.NO, "note": "The numbers are as they were before."}


def make_learning(hospital: Hospital, now: datetime) -> None:
    Learning(hospital, now).make()
