"""How often people learn together: meetings held, who came, and whose cases were talked about.

The numbers are those of the RCR's audit template for learning meetings and of the Ombudsman.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from findings.models import Attendance, Case, LearningPoint, Meeting, Person, Review, Role
from findings.models.meeting import MeetingQuerySet
from findings.models.review import ReviewQuerySet

YEAR = timedelta(days=365)
# With who says so, and how well it is known.
REALM_SOURCE = "RCR standards for radiology events and learning meetings, 2020, AuditLive XR-704"
TRIANGULATION_SOURCE = (
    "Ombudsman (PHSO), Unlocking Solutions in Imaging, 2021, as the Society of Radiographers"
    " reports it"
)
REALM_A_YEAR, ATTENDANCE_PERCENT, CASES_A_YEAR, TRIANGULATIONS_A_YEAR = 6, 50, 1, 4


@dataclass(frozen=True)
class Year:
    """The twelve months up to a day."""

    realm: int
    triangulations: int


def held_in_a_year(meetings: MeetingQuerySet, today: date) -> Year:
    found = _in_a_year(meetings, today).aggregate(
        realm=Count("pk", filter=Q(kind=Meeting.Kind.REALM)),
        triangulations=Count("pk", filter=Q(kind=Meeting.Kind.TRIANGULATION)),
    )
    return Year(**found)


def _in_a_year(meetings: MeetingQuerySet, today: date) -> MeetingQuerySet:
    return meetings.held().filter(held_at__date__gt=today - YEAR, held_at__date__lte=today)


@dataclass(frozen=True)
class Attended:
    """One radiologist in the twelve months up to a day."""

    person: Person
    came: int
    held: int
    cases: int

    @property
    def percent(self) -> int | None:
        return self.came * 100 // self.held if self.held else None


def attendance(people: Sequence[Person], meetings: MeetingQuerySet, today: date) -> list[Attended]:
    """Of learning meetings alone; of somebody who joined in the year, those since then."""
    of_year = _in_a_year(meetings, today).filter(kind=Meeting.Kind.REALM)
    held = list(of_year.values_list("pk", "held_at"))
    pks = [pk for pk, _ in held]
    came = _by_person(Attendance.objects.standing().filter(meeting__in=pks), "person")
    brought = _by_person(Case.objects.standing().filter(meeting__in=pks), "brought_by")
    return [
        Attended(
            person,
            came.get(person.pk, 0),
            sum(at >= person.joined_at for _, at in held),
            brought.get(person.pk, 0),
        )
        for person in people
    ]


def _by_person(rows: QuerySet, who: str) -> dict[int, int]:
    counted = rows.exclude(**{who: None}).order_by().values_list(who)
    return dict(counted.annotate(count=Count("pk")))


def radiologists(organisation_id: int) -> list[Person]:
    people = Person.objects.active().with_role(Role.RADIOLOGIST)
    return list(people.filter(organisation=organisation_id).order_by("family_name", "given_name"))


def not_discussed(reviews: ReviewQuerySet) -> ReviewQuerySet:
    """On no agenda yet, and not found to be no breach: the oldest first."""
    on_an_agenda = Case.objects.standing().filter(review=OuterRef("pk"))
    rows = reviews.exclude(status=Review.Status.NOT_BREACH).filter(~Exists(on_an_agenda))
    return rows.order_by("opened_at", "pk")


def had_before(reviews: ReviewQuerySet, kind: str = "") -> ReviewQuerySet:
    """On an agenda already, and it may be talked about again: at the learning meeting and at the
    triangulation, say. Those that no meeting of this kind has had come first, then the newest."""
    agendas = Case.objects.standing().filter(review=OuterRef("pk"))
    rows = reviews.exclude(status=Review.Status.NOT_BREACH).filter(Exists(agendas))
    of_kind = Exists(agendas.filter(meeting__kind=kind))
    return rows.annotate(had_by_kind=of_kind).order_by("had_by_kind", "-opened_at", "-pk")


def with_counts(meetings: MeetingQuerySet) -> MeetingQuerySet:
    """Each with how many came and how many cases it had."""
    came = Count("attendances", filter=Q(attendances__undone_at__isnull=True), distinct=True)
    cases = Count("cases", filter=Q(cases__undone_at__isnull=True), distinct=True)
    return meetings.annotate(came=came, case_count=cases)


def people_with(organisation_id: int, points: Sequence[LearningPoint]) -> dict[int, int]:
    """By point: how many people of the trust it is shared with."""
    people = Person.objects.active().filter(organisation=organisation_id)
    held = [set(roles) for roles in people.values_list("roles", flat=True)]
    return {one.pk: sum(bool(roles & set(one.roles)) for roles in held) for one in points}
