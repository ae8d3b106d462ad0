"""Who is away, until when, and who answers for them."""

from datetime import date

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from findings.models.people import Person


class LeaveQuerySet(models.QuerySet["Leave"]):
    """Questions about leave."""

    def standing(self) -> "LeaveQuerySet":
        """What was not cancelled."""
        return self.filter(cancelled_at__isnull=True)

    def on(self, day: date) -> "LeaveQuerySet":
        """Leave that covers this local day."""
        return self.standing().filter(first_on__lte=day, last_on__gte=day)

    def not_over(self, today: date) -> "LeaveQuerySet":
        return self.standing().filter(last_on__gte=today)


def away_on(day: date) -> dict[int, int | None]:
    """Whoever is on leave that day, with their deputy; None where there is none who works here."""
    rows = Leave.objects.on(day).values_list("person", "deputy", "deputy__is_active")
    return {person: deputy if works_here else None for person, deputy, works_here in rows}


def stand_in(person_id: int, away: dict[int, int | None]) -> int | None:
    """Follows deputies to one who is here. None: there is none, or they point in a circle."""
    seen = set()
    now: int | None = person_id
    while now in away:
        if now in seen:
            return None
        seen.add(now)
        now = away[now]
    return now


def covered_by(person: Person, day: date) -> list[int]:
    """Ids of the people whose messages come to this person that day."""
    kept = {} if person.covers is None else person.covers
    if day not in kept:
        kept[day] = _covered_by(person, day)
    return kept[day]


def _covered_by(person: Person, day: date) -> list[int]:
    if not Leave.objects.on(day).filter(deputy=person).exists():
        return []
    away = away_on(day)
    return [one for one in away if stand_in(one, away) == person.pk]


class Leave(models.Model):
    """Whole local days on which somebody does not work. Without a deputy their team is told."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="leave")
    # The first and the last day away.
    first_on = models.DateField()
    last_on = models.DateField()
    deputy = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="stands_in_during"
    )
    entered_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    # When whoever stands in was told of what was waiting as it began.
    told_at = models.DateTimeField(null=True, blank=True)

    objects = LeaveQuerySet.as_manager()

    class Meta:
        ordering = ["first_on", "pk"]
        verbose_name_plural = "leave"
        constraints = [
            models.CheckConstraint(
                name="leave_ends_not_before_it_starts", condition=Q(last_on__gte=F("first_on"))
            ),
            models.CheckConstraint(
                name="nobody_is_their_own_deputy",
                condition=Q(deputy__isnull=True) | ~Q(deputy=F("person")),
            ),
            models.CheckConstraint(
                name="leave_is_cancelled_after_it_was_entered",
                condition=Q(cancelled_at__isnull=True) | Q(cancelled_at__gte=F("entered_at")),
            ),
            ExclusionConstraint(
                name="leave_of_one_person_does_not_overlap",
                expressions=[
                    ("person", RangeOperators.EQUAL),
                    (
                        Func(
                            F("first_on"),
                            F("last_on"),
                            Value("[]"),
                            function="daterange",
                            output_field=DateRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(cancelled_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.first_on} to {self.last_on}"
