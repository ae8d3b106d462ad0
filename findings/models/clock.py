"""A promise with a timetable, and its steps: when somebody is told, and who."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.about import OF_EXAMINATION, OF_FINDING, OF_IMPROVEMENT, OfOne
from findings.models.append_only import never_deleted
from findings.states import OWED_BY_OTHERS, ClockKind
from findings.timetable import PlannedStep

# An image that nobody has read comes after every category of what somebody has seen in one; this is
# of those of no class that presses more (report_by.py).
REPORT_BY_PRIORITY = 9
# What was learned comes after what is waited for: it helps the next patient.
IMPROVE_PRIORITY = 10
# The kinds of clocks of which an examination has one, and a finding none.
OF_EXAMINATIONS = [ClockKind.REPORT_BY.value, ClockKind.CONFIRM.value]


class ClockQuerySet(models.QuerySet["Clock"]):
    """Questions about clocks."""

    def running(self, *kinds: ClockKind) -> "ClockQuerySet":
        """Those that were not stopped; of these kinds, or of any."""
        running = self.filter(stopped_at__isnull=True)
        return running.filter(kind__in=kinds) if kinds else running

    def owed_by_holder(self) -> "ClockQuerySet":
        """Those that run and that whoever holds the finding has to keep."""
        return self.running().exclude(kind__in=OWED_BY_OTHERS)


class Clock(OfOne):
    """A promise with a timetable. One kind follows from the state of the finding; others run
    beside it (states.py). Those of an examination are others: its report is waited for, or for
    somebody who answers what an alert code in it proposes."""

    class StoppedBecause(models.TextChoices):
        ANSWERED = "answered", "What was promised was done"
        CORRECTED = "corrected", "The report was corrected; a new clock started"
        HANDED_OVER = "handed_over", "Handed to somebody else; a new clock started"
        CATEGORY = "category", "The category changed; a new clock started"
        CLOSED = "closed", "The finding was closed"
        WITHDRAWN = "withdrawn", "The finding was withdrawn"
        REPORTED = "reported", "The report came"
        NOT_EXPECTED = "not_expected", "No report is to be expected, and it was said why"
        GIVEN_UP = "given_up", "It was given up, and it was said why"
        NEARER = "nearer", "An earlier limit holds; a new clock started"

    kind = models.CharField(max_length=12)
    # Several may be open of one finding, each with a promise of its own.
    question = models.ForeignKey(
        "findings.Question",
        models.PROTECT,
        related_name="clocks",
        null=True,
        blank=True,
        db_index=False,
    )
    # The version of policy under which it was promised.
    rule = models.ForeignKey("findings.Rule", models.PROTECT, related_name="clocks")
    started_at = models.DateTimeField()
    # A function of facts, fixed when the clock starts.
    due_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped_because = models.CharField(max_length=12, choices=StoppedBecause, blank=True)
    # The promise in whose stead this one was made: it may be due earlier, never later, unless a
    # coordinator says why.
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    later_because = models.TextField(blank=True, db_default="")

    objects = ClockQuerySet.as_manager()

    class Meta:
        ordering = ["started_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="clock_kind_is_known",
                condition=Q(kind__in=[str(kind) for kind in ClockKind]),
            ),
            models.CheckConstraint(
                name="clock_is_due_after_it_starts", condition=Q(due_at__gt=F("started_at"))
            ),
            models.CheckConstraint(
                name="stopped_clock_says_when_and_why",
                condition=Q(stopped_at__isnull=True, stopped_because="")
                | (
                    Q(stopped_at__isnull=False, stopped_at__gte=F("started_at"))
                    & ~Q(stopped_because="")
                ),
            ),
            models.CheckConstraint(
                name="each_subject_has_promises_of_its_own",
                condition=(OF_EXAMINATION & Q(kind__in=OF_EXAMINATIONS))
                | (OF_IMPROVEMENT & Q(kind=ClockKind.IMPROVE.value))
                | (OF_FINDING & ~Q(kind__in=[*OF_EXAMINATIONS, ClockKind.IMPROVE.value])),
            ),
            models.UniqueConstraint(
                fields=["finding", "kind"],
                condition=Q(stopped_at__isnull=True, question__isnull=True),
                name="one_running_clock_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=["question"],
                condition=Q(stopped_at__isnull=True, question__isnull=False),
                name="one_running_clock_of_a_question",
            ),
            models.CheckConstraint(
                name="answer_is_promised_of_a_question",
                condition=Q(kind=ClockKind.ANSWER.value, question__isnull=False)
                | (~Q(kind=ClockKind.ANSWER.value) & Q(question__isnull=True)),
            ),
            models.UniqueConstraint(
                fields=["examination", "kind"],
                condition=Q(stopped_at__isnull=True, examination__isnull=False),
                name="one_running_clock_of_an_examination",
            ),
            models.UniqueConstraint(
                fields=["improvement"],
                condition=Q(stopped_at__isnull=True, improvement__isnull=False),
                name="one_running_clock_of_an_improvement",
            ),
            models.CheckConstraint(
                name="only_a_clock_that_replaces_one_is_later",
                condition=Q(later_because="") | Q(replaces__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["examination"],
                name="clocks_of_examinations",
                condition=Q(examination__isnull=False),
            ),
            models.Index(
                fields=["improvement"],
                name="clocks_of_improvements",
                condition=Q(improvement__isnull=False),
            ),
            # Those that are not kept, and those that may still be: of these reviews are opened.
            models.Index(
                fields=["due_at"],
                name="clocks_not_kept",
                condition=Q(stopped_at__isnull=True) | Q(stopped_at__gt=F("due_at")),
            ),
            # Measures count those of some days.
            models.Index(fields=["kind", "due_at"], name="clocks_by_day"),
            models.Index(
                fields=["question"],
                name="clocks_of_questions",
                condition=Q(question__isnull=False),
            ),
        ]
        triggers = [
            never_deleted("clock"),
            pgtrigger.ReadOnly(
                name="clock_promise_never_changes",
                fields=[
                    "finding",
                    "examination",
                    "improvement",
                    "kind",
                    "question",
                    "rule",
                    "started_at",
                    "due_at",
                    "replaces",
                    "later_because",
                ],
            ),
            pgtrigger.Trigger(
                name="replacing_clock_is_never_due_later",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__replaces__isnull=False),
                declare=[("before", "findings_clock%ROWTYPE")],
                func="""
                    SELECT * INTO before FROM findings_clock WHERE id = NEW.replaces_id;
                    IF before.finding_id IS DISTINCT FROM NEW.finding_id
                            OR before.examination_id IS DISTINCT FROM NEW.examination_id
                            OR before.stopped_because NOT IN ('handed_over', 'category') THEN
                        RAISE EXCEPTION 'clock % was not stopped to be replaced', before.id
                            USING ERRCODE = 'check_violation';
                    ELSIF NEW.due_at > before.due_at AND NEW.later_because = '' THEN
                        RAISE EXCEPTION 'the clock that replaces % is due later than it', before.id
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="replaced_clock_has_a_successor",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Q(old__stopped_at__isnull=True)
                & pgtrigger.Q(new__stopped_because__in=["handed_over", "category"]),
                func="""
                    IF NOT EXISTS (SELECT 1 FROM findings_clock WHERE replaces_id = NEW.id) THEN
                        RAISE EXCEPTION 'clock % was stopped and nothing replaces it', NEW.id
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="clock_runs_while_finding_is_open",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Q(new__finding__isnull=False),
                func="PERFORM findings_check_clock(NEW.finding_id); RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} clock {self.pk}"

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None

    @property
    def in_force(self) -> "Clock":
        """The clock that took its place where the category changed; else itself."""
        if self.stopped_because != self.StoppedBecause.CATEGORY:
            return self
        return self.replaced_by.in_force


class StepQuerySet(models.QuerySet["Step"]):
    """Questions about steps."""

    def unfired(self) -> "StepQuerySet":
        return self.filter(fired_at__isnull=True, cancelled_at__isnull=True)

    def of_running_clocks(self) -> "StepQuerySet":
        """Those of clocks that were not stopped. Not to claim by: it crosses a join."""
        return self.filter(clock__stopped_at__isnull=True)

    def due(self) -> "StepQuerySet":
        """Unfired and due by the database's clock, not by ours."""
        return self.unfired().filter(falls_at__lte=Now())

    def as_told(self) -> "StepQuerySet":
        """In the order in which people are told: the most severe, then the most overdue."""
        return self.order_by("priority", "falls_at")


class Step(OfOne):
    """One promised escalation of a clock: when, and to whom. Written out at the flag."""

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="steps")
    level = models.PositiveSmallIntegerField()
    audience = models.CharField(max_length=12)
    words = models.CharField(max_length=120)
    # The category's: the most severe are told first.
    priority = models.PositiveSmallIntegerField()
    # Whether its messages may wait for the morning: the category's, too.
    may_wait = models.BooleanField(default=False)
    due_at = models.DateTimeField()
    # Only ever earlier than due_at, with an event that says why.
    brought_forward_to = models.DateTimeField(null=True, blank=True)
    # While it is snoozed or held (pause.py), the end of that.
    waits_until = models.DateTimeField(null=True, blank=True)
    falls_at = models.GeneratedField(
        # GREATEST passes over what is empty.
        expression=models.functions.Greatest(
            models.functions.Coalesce("brought_forward_to", "due_at"), "waits_until"
        ),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    fired_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering = ["clock", "due_at", "level"]
        constraints = [
            models.CheckConstraint(
                name="step_never_fires_early",
                condition=Q(fired_at__isnull=True) | Q(fired_at__gte=F("falls_at")),
            ),
            models.CheckConstraint(
                name="step_is_never_fired_and_cancelled",
                condition=Q(fired_at__isnull=True) | Q(cancelled_at__isnull=True),
            ),
            models.CheckConstraint(
                name="step_only_moves_nearer",
                condition=Q(brought_forward_to__isnull=True)
                | Q(brought_forward_to__lte=F("due_at")),
            ),
            models.CheckConstraint(
                name="only_a_step_of_a_ladder_waits",
                condition=Q(waits_until__isnull=True) | Q(level__gt=0),
            ),
            models.CheckConstraint(
                name="step_is_of_one_thing",
                condition=OF_FINDING | OF_EXAMINATION | OF_IMPROVEMENT,
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "falls_at"],
                name="steps_to_fire",
                condition=Q(fired_at__isnull=True, cancelled_at__isnull=True),
            ),
            # Among millions of findings' steps those of examinations are not looked for. By moment
            # alone, since nearly all have one priority. There is no index by examination: the
            # planner would go through all that it ever had instead. Whoever wants the steps of one
            # has its clocks.
            models.Index(
                fields=["falls_at"],
                name="steps_of_waits_to_fire",
                condition=Q(
                    fired_at__isnull=True, cancelled_at__isnull=True, examination__isnull=False
                ),
            ),
            # Few among millions, as those of waits.
            models.Index(
                fields=["falls_at"],
                name="steps_of_improvements_to_fire",
                condition=Q(
                    fired_at__isnull=True, cancelled_at__isnull=True, improvement__isnull=False
                ),
            ),
            models.Index(
                fields=["fired_at"], name="steps_fired", condition=Q(fired_at__isnull=False)
            ),
        ]
        triggers = [
            never_deleted("step"),
            pgtrigger.ReadOnly(
                name="step_promise_never_changes",
                # Not its priority, the category's: as long as it has not fired, it goes with that.
                fields=[
                    "clock",
                    "finding",
                    "examination",
                    "improvement",
                    "level",
                    "audience",
                    "due_at",
                ],
            ),
            pgtrigger.Trigger(
                name="step_never_fires_twice",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__fired_at__isnull=False)
                | pgtrigger.Q(old__cancelled_at__isnull=False),
                func="RAISE EXCEPTION 'step % has fired or was cancelled', OLD.id"
                " USING ERRCODE = 'check_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"step {self.pk}"

    @property
    def planned(self) -> PlannedStep:
        """As the question who would be told of it wants it."""
        return PlannedStep(self.level, self.falls_at, self.audience, self.words)
