"""The finding: one thing in a report that somebody must act on."""

import secrets
from datetime import datetime, timedelta

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from findings import told
from findings.keyset import NEVER
from findings.models.append_only import never_deleted
from findings.models.clock import Clock
from findings.models.event import Event
from findings.models.examination import held_by
from findings.models.offer import HandOver
from findings.models.people import Person, Role
from findings.models.question import Question
from findings.states import OPEN, WORDS, ClockKind, State

# Crockford's letters: nothing that is misheard on a telephone.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# For how long whoever was told of a finding, or answered for it, can still read it.
READABLE_FOR = timedelta(days=90)


def reference_with(letter: str) -> str:
    """A reference that says nothing about the patient and cannot be guessed."""
    return f"{letter}-" + "".join(secrets.choice(_LETTERS) for _ in range(10))


def new_reference() -> str:
    return reference_with("F")


class FindingQuerySet(models.QuerySet["Finding"]):
    """Questions about findings; `visible_to` is the only door for pages and API."""

    def visible_to(self, person: Person, *, or_told: bool = False) -> "FindingQuerySet":
        """Their own, their teams' and those of whomever they stand in for, what is offered to
        them, their own flags, or their organisation's: by role.

        `or_told`: and those that they only may read, since they were told of them or answered for
        them lately (docs/adr/0020), or can answer a question about them. For the page of one
        finding, never for a list.
        """
        allowed = Q(pk__in=[])
        if person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            allowed |= Q(organisation=person.organisation_id)
        if person.has_role(Role.RADIOLOGIST):
            allowed |= Q(flagged_by=person)
        if person.has_role(Role.REFERRER):
            allowed |= held_by(person)
            allowed |= Q(pk__in=HandOver.objects.open_to(person).values("finding"))
        if or_told and person.has_role(Role.RADIOLOGIST) and person.site_id:
            asked = Question.objects.open().filter(finding=models.OuterRef("pk"))
            allowed |= Q(site=person.site_id) & Q(models.Exists(asked))
        if or_told and person.has_role(*Role.who_read_findings()):
            allowed |= _told_or_answered(person, timezone.now() - READABLE_FOR)
        return self.filter(allowed)

    def open(self) -> "FindingQuerySet":
        return self.filter(state__in=OPEN)

    def awaiting_acknowledgement(self) -> "FindingQuerySet":
        return self.filter(state=State.AWAITING)

    def overdue(self, now: datetime, *kinds: ClockKind) -> "FindingQuerySet":
        """Open findings with a running clock (of these kinds, or any that whoever holds them has to
        keep) that is past its limit."""
        clocks = Clock.objects.running(*kinds) if kinds else Clock.objects.owed_by_holder()
        running = clocks.filter(finding=models.OuterRef("pk"))
        return self.open().filter(models.Exists(running.filter(due_at__lte=now)))

    def forgotten(self, now: datetime) -> "FindingQuerySet":
        """Acknowledged, and the time to act has passed with nothing recorded."""
        return self.filter(state=State.ACKNOWLEDGED).overdue(now, ClockKind.ACT)

    def reopened(self) -> "FindingQuerySet":
        """Open, and its report changed after the flag: whoever holds it was asked again."""
        asked_again = Event.objects.filter(finding=models.OuterRef("pk"), kind=Event.Kind.REOPENED)
        return self.open().filter(models.Exists(asked_again))

    def owner_left(self) -> "FindingQuerySet":
        """Open, and the one person who holds it does not work here any more."""
        return self.open().filter(owner_person__is_active=False)

    def unroutable(self) -> "FindingQuerySet":
        """Open, and the last check found that nobody could be told of it."""
        standing = models.Q(unroutables__isnull=False, unroutables__mended_at__isnull=True)
        return self.open().filter(standing)

    def with_due(self) -> "FindingQuerySet":
        """Adds `due_at`: the earliest limit that whoever holds it has to keep, and `due_kind`, of
        which clock that is, both NULL when ended; and `due_or_never`, by which a list is ordered.
        """
        running = Clock.objects.owed_by_holder().filter(finding=models.OuterRef("pk"))
        nearest = running.order_by("due_at")
        return self.annotate(
            due_at=models.Subquery(nearest.values("due_at")[:1]),
            # Of two that are due together always the same.
            due_kind=models.Subquery(nearest.order_by("due_at", "kind").values("kind")[:1]),
            due_or_never=Coalesce("due_at", models.Value(NEVER)),
        )

    def for_list(self) -> "FindingQuerySet":
        """With everything that a row of a list shows, in one query."""
        return self.with_due().select_related(
            "category", "examination__patient", "site", "owner_person", "owner_team", "team"
        )


def _told_or_answered(person: Person, since: datetime) -> Q:
    """Told by a message, or by an offer; each looks at the rows of one finding by its index."""
    this = models.OuterRef("pk")
    answered = Event.objects.acknowledged_by(person).filter(finding=this, at__gte=since)
    offered = HandOver.objects.made_to(person).filter(finding=this, offered_at__gte=since)
    return (
        told.told_since(person.pk, since) | Q(models.Exists(answered)) | Q(models.Exists(offered))
    )


class Finding(models.Model):
    """One thing in a report that somebody must act on, with its one owner."""

    class Outcome(models.TextChoices):
        CANCER = "cancer", "Cancer confirmed"
        DISEASE = "disease", "Other significant disease confirmed"
        NOTHING = "nothing", "No significant disease"
        KNOWN = "known", "Already known and being treated"
        DECLINED = "declined", "Patient declined further care"
        DIED = "died", "Patient died"
        ELSEWHERE = "elsewhere", "Care taken over elsewhere"
        OTHER = "other", "Other"

    class ToldHow(models.TextChoices):
        IN_PERSON = "in_person", "In person"
        TELEPHONE = "telephone", "By telephone"
        VIDEO = "video", "By video"
        LETTER = "letter", "By letter"
        KIN = "kin", "Next of kin told, as the patient has died"
        CORONER = "coroner", "Coroner told, as the patient has died"
        NOT_TOLD = "not_told", "Not told, for a reason"

        @classmethod
        def of_the_dead(cls) -> "tuple[Finding.ToldHow, ...]":
            """Who is told instead of somebody who has died."""
            return (cls.KIN, cls.CORONER)

        @classmethod
        def not_the_patient(cls) -> "tuple[Finding.ToldHow, ...]":
            return (*cls.of_the_dead(), cls.NOT_TOLD)

    reference = models.CharField(max_length=14, unique=True, default=new_reference, editable=False)
    examination = models.ForeignKey("findings.Examination", models.PROTECT, related_name="findings")
    # The version in which it was seen; a correction moves it to the newer one.
    report = models.ForeignKey("findings.Report", models.PROTECT, related_name="findings")
    # Whose governance watches it: the trust that made the images.
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="findings", db_index=False
    )
    site = models.ForeignKey("findings.Site", models.PROTECT, related_name="findings")
    category = models.ForeignKey("findings.Category", models.PROTECT, related_name="findings")
    state = models.CharField(
        max_length=12, choices=[(state.value, WORDS[state]) for state in State]
    )

    description = models.TextField()
    primary_site = models.CharField(max_length=80, blank=True)
    recommended_action = models.CharField(max_length=200)
    # By when the radiologist advises it; empty where no date was advised.
    recommended_on = models.DateField(null=True, blank=True)

    owner_person = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="owned_findings"
    )
    owner_team = models.ForeignKey(
        "findings.Team", models.PROTECT, null=True, blank=True, related_name="owned_findings"
    )
    # The team through which the ladder climbs, whoever owns it now.
    team = models.ForeignKey("findings.Team", models.PROTECT, related_name="findings")

    flagged_at = models.DateTimeField()
    # From when the limits count: the flag, or the correction that re-opened it. Handing over
    # does not move it.
    counts_from = models.DateTimeField()
    # By when somebody was to be told of it, as policy had it at the flag; empty where it gave no
    # time, and for what was flagged before this was kept. A measure: no clock runs for it.
    tell_by = models.DateTimeField(null=True, blank=True)
    flagged_by = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="flagged_findings", db_index=False
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    plan = models.TextField(blank=True)
    # The day by which whoever acknowledged it means to have done so; no clock hears of it.
    plan_by = models.DateField(null=True, blank=True)
    patient_told_at = models.DateTimeField(null=True, blank=True)
    patient_told_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    patient_told_how = models.CharField(max_length=10, choices=ToldHow, blank=True)
    # Who spoke or wrote to them, where it was not whoever recorded it.
    patient_told_who = models.CharField(max_length=120, blank=True, db_default="")
    patient_told_note = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    outcome_note = models.TextField(blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_because = models.TextField(blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="state_is_known", condition=Q(state__in=[str(state) for state in State])
            ),
            models.CheckConstraint(
                name="exactly_one_owner",
                condition=Q(owner_person__isnull=False, owner_team__isnull=True)
                | Q(owner_person__isnull=True, owner_team__isnull=False),
            ),
            models.CheckConstraint(
                name="acknowledged_says_when_who_and_plan",
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True, plan="")
                | (Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False) & ~Q(plan="")),
            ),
            models.CheckConstraint(
                name="planned_day_has_a_plan",
                condition=Q(plan_by__isnull=True) | ~Q(plan=""),
            ),
            models.CheckConstraint(
                name="acknowledged_states_are_acknowledged",
                condition=Q(state="awaiting", acknowledged_at__isnull=True)
                | Q(state__in=["acknowledged", "acted_on", "closed"], acknowledged_at__isnull=False)
                | Q(state="withdrawn"),
            ),
            models.CheckConstraint(
                name="closed_says_when_who_and_outcome",
                condition=(
                    Q(state="closed", closed_at__isnull=False, closed_by__isnull=False)
                    & ~Q(outcome="")
                )
                | (
                    ~Q(state="closed")
                    & Q(closed_at__isnull=True, closed_by__isnull=True, outcome="")
                ),
            ),
            models.CheckConstraint(
                name="withdrawn_says_when_who_and_why",
                condition=(
                    Q(state="withdrawn", withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                    & ~Q(withdrawn_because="")
                )
                | (
                    ~Q(state="withdrawn")
                    & Q(
                        withdrawn_at__isnull=True,
                        withdrawn_by__isnull=True,
                        withdrawn_because="",
                    )
                ),
            ),
            models.CheckConstraint(
                name="patient_told_says_when_who_and_how",
                condition=Q(
                    patient_told_at__isnull=True,
                    patient_told_by__isnull=True,
                    patient_told_how="",
                )
                | (
                    Q(patient_told_at__isnull=False, patient_told_by__isnull=False)
                    & ~Q(patient_told_how="")
                ),
            ),
            models.CheckConstraint(
                name="who_told_the_patient_told_them",
                condition=Q(patient_told_who="") | Q(patient_told_at__isnull=False),
            ),
            models.CheckConstraint(
                name="not_telling_the_patient_has_a_reason",
                condition=~Q(patient_told_how="not_told") | ~Q(patient_told_note=""),
            ),
            models.CheckConstraint(
                name="times_are_in_order",
                condition=(
                    (Q(acknowledged_at__isnull=True) | Q(acknowledged_at__gte=F("flagged_at")))
                    & (Q(closed_at__isnull=True) | Q(closed_at__gte=F("acknowledged_at")))
                    & (Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("flagged_at")))
                    & Q(counts_from__gte=F("flagged_at"))
                    & (Q(tell_by__isnull=True) | Q(tell_by__gt=F("flagged_at")))
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "state"]),
            models.Index(
                fields=["owner_person"], name="open_by_person", condition=Q(state__in=OPEN)
            ),
            models.Index(fields=["team"], name="open_by_team", condition=Q(state__in=OPEN)),
            models.Index(fields=["flagged_by", "-flagged_at"]),
            # Measures count those of some days.
            models.Index(fields=["organisation", "flagged_at"], name="findings_by_day"),
            models.Index(
                fields=["organisation", "tell_by"],
                name="findings_to_tell_by_day",
                condition=Q(tell_by__isnull=False),
            ),
        ]
        triggers = [
            never_deleted("finding"),
            pgtrigger.Trigger(
                name="open_finding_has_a_running_clock",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                timing=pgtrigger.Deferred,
                func="PERFORM findings_check_clock(NEW.id); RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def state_words(self) -> str:
        return WORDS[State(self.state)]

    @property
    def owner(self) -> models.Model:
        """The one person or team that holds it now."""
        owner = self.owner_person or self.owner_team
        assert owner is not None
        return owner
