"""Drafts of policy: what a trust thinks of changing, every version of it, who signed which, and how
each would have done in the past. A draft starts no clock; signed by two, it becomes a Rule.
"""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only, never_deleted
from findings.models.patient import Patient
from findings.models.people import Person, Role
from findings.models.policy import Rule
from findings.rule_content import RuleContent


class PolicyDraftQuerySet(models.QuerySet["PolicyDraft"]):
    """Questions about drafts."""

    def open(self) -> "PolicyDraftQuerySet":
        """Neither signed by both nor put away."""
        return self.filter(rule__isnull=True, withdrawn_at__isnull=True)


class PolicyDraft(models.Model):
    """One change of one local rule, from the first thought to the signed version."""

    policy_id = models.CharField(max_length=30)
    made_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField(db_default=Now())
    # The version that it became.
    rule = models.OneToOneField(Rule, models.PROTECT, related_name="draft", null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        "findings.Person", models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    withdrawn_because = models.TextField(blank=True, db_default="")

    objects = PolicyDraftQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="withdrawn_draft_says_when_who_and_why",
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                & Q(withdrawn_because="")
                | (
                    Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                    & ~Q(withdrawn_because="")
                ),
            ),
            models.CheckConstraint(
                name="draft_is_signed_or_withdrawn",
                condition=Q(rule__isnull=True) | Q(withdrawn_at__isnull=True),
            ),
        ]
        triggers = [
            never_deleted("policydraft"),
            pgtrigger.ReadOnly(
                name="policy_draft_is_of_one_rule", fields=["policy_id", "made_by", "made_at"]
            ),
            pgtrigger.Trigger(
                name="policy_draft_ends_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__rule__isnull=False)
                | pgtrigger.Q(old__withdrawn_at__isnull=False),
                func="RAISE EXCEPTION 'policy draft % has ended', OLD.id"
                " USING ERRCODE = 'check_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"draft {self.pk} of {self.policy_id}"

    @property
    def is_open(self) -> bool:
        return self.rule_id is None and self.withdrawn_at is None


class DraftVersion(models.Model):
    """What a draft said from one saving to the next."""

    draft = models.ForeignKey(PolicyDraft, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    # findings.rule_content.RuleContent.
    content = models.JSONField()
    # From when it is to hold; empty: as soon as both have signed.
    holds_from = models.DateTimeField(null=True, blank=True)
    # What the change is for, in words.
    because = models.TextField()
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="draft_version_is_saved_once"),
            models.CheckConstraint(name="draft_says_what_it_is_for", condition=~Q(because="")),
        ]
        triggers = [append_only("draftversion")]

    def __str__(self) -> str:
        return f"version {self.number} of draft {self.draft_id}"

    @property
    def said(self) -> RuleContent:
        return RuleContent.from_json(self.content)


class DraftSignature(models.Model):
    """One of the two who answer for local numbers. It is of one version of the draft, beside one
    version of the rule in force: a change of either asks for it again."""

    class Capacity(models.TextChoices):
        APPROVER = "approver", "For the trust"
        SAFETY = "safety", "As clinical safety officer"

    version = models.ForeignKey(DraftVersion, models.PROTECT, related_name="signatures")
    # The rule that was in force when it was signed.
    beside = models.ForeignKey(Rule, models.PROTECT, related_name="+", db_index=False)
    capacity = models.CharField(max_length=8, choices=Capacity)
    title = models.CharField(max_length=90)
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "beside", "capacity"], name="draft_is_signed_once_in_a_capacity"
            ),
            models.UniqueConstraint(
                fields=["version", "beside", "by"], name="draft_is_signed_by_two_people"
            ),
            models.CheckConstraint(
                name="capacity_of_a_signature_is_known",
                condition=Q(capacity__in=["approver", "safety"]),
            ),
            models.CheckConstraint(name="draft_signature_has_a_title", condition=~Q(title="")),
        ]
        triggers = [append_only("draftsignature")]

    def __str__(self) -> str:
        return f"{self.by}, {self.title}"


class LabReplayQuerySet(models.QuerySet["LabReplay"]):
    """Questions about replays; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "LabReplayQuerySet":
        """Of the trust whose cases they are."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR):
            return self.none()
        return self.filter(organisation=person.organisation_id)


class LabReplay(models.Model):
    """How one version of a draft would have done with the cases of one trust."""

    version = models.ForeignKey(DraftVersion, models.PROTECT, related_name="replays")
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    # Clocks that started in this time.
    since = models.DateTimeField()
    until = models.DateTimeField()
    # findings/services/lab.py: the numbers of its page, without anything of a patient.
    result = models.JSONField()
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    objects = LabReplayQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="replay_ends_after_it_begins", condition=Q(until__gt=models.F("since"))
            ),
        ]
        triggers = [append_only("labreplay")]

    def __str__(self) -> str:
        return f"replay {self.pk}"


class LabRunQuerySet(models.QuerySet["LabRun"]):
    """Questions about runs; `visible_to` is the only door for pages."""

    def open(self) -> "LabRunQuerySet":
        """Asked for, and neither done nor given up."""
        return self.filter(ended_at__isnull=True)

    def visible_to(self, person: Person) -> "LabRunQuerySet":
        """Of the trust whose cases they are."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR):
            return self.none()
        return self.filter(organisation=person.organisation_id)


class LabRun(models.Model):
    """A replay that somebody asked for, from the press to its result: how far it has come, and who
    was last at it. Whoever takes it up counts a try, which is theirs alone."""

    version = models.ForeignKey(DraftVersion, models.PROTECT, related_name="runs", db_index=False)
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+", db_index=False)
    # What happened up to here is replayed.
    asked_at = models.DateTimeField(db_default=Now())
    tries = models.PositiveIntegerField(default=0)
    # When whoever is at it was last heard of.
    heard_at = models.DateTimeField(null=True, blank=True)
    # Findings, or examinations: so many of so many.
    done = models.PositiveIntegerField(default=0)
    whole = models.PositiveIntegerField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    replay = models.OneToOneField(
        LabReplay, models.PROTECT, related_name="run", null=True, blank=True
    )
    # In words; empty where it came to its end.
    failed_because = models.TextField(blank=True, db_default="")

    objects = LabRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "organisation"],
                condition=Q(ended_at__isnull=True),
                name="replay_is_asked_for_once_at_a_time",
            ),
            models.CheckConstraint(
                name="lab_run_ends_with_a_replay_or_with_why_not",
                condition=Q(ended_at__isnull=True, replay__isnull=True, failed_because="")
                | Q(ended_at__isnull=False, replay__isnull=False, failed_because="")
                | (Q(ended_at__isnull=False, replay__isnull=True) & ~Q(failed_because="")),
            ),
        ]
        triggers = [
            never_deleted("labrun"),
            pgtrigger.Trigger(
                name="lab_run_ends_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
                func="RAISE EXCEPTION 'lab run % has ended', OLD.id"
                " USING ERRCODE = 'check_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class ReplayedCaseQuerySet(models.QuerySet["ReplayedCase"]):
    """Questions about cases; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "ReplayedCaseQuerySet":
        """Of findings, and of examinations, that they oversee."""
        if not person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            return self.none()
        return self.filter(replay__organisation=person.organisation_id)

    def with_time_left(self, which: str) -> "ReplayedCaseQuerySet":
        """Late in fact, and somebody further would have been told in time: all of them, or those
        who would have had so long."""
        least, below = MINUTES_LEFT.get(which, (1, None))
        found = self.filter(minutes_left__gte=least)
        return found if below is None else found.filter(minutes_left__lt=below)


# How long somebody further would have had: from so many minutes to less than so many.
MINUTES_LEFT: dict[str, tuple[int, int | None]] = {
    "left_day": (24 * 60, None),
    "left_hours": (4 * 60, 24 * 60),
    "left_less": (1, 4 * 60),
}


class ReplayedCase(models.Model):
    """One promise that would have gone another way."""

    replay = models.ForeignKey(LabReplay, models.PROTECT, related_name="cases")
    clock = models.ForeignKey("findings.Clock", models.PROTECT, related_name="+", db_index=False)
    due_at = models.DateTimeField()
    # Of somebody who would have been told, in fact later or not at all before the answer.
    minutes_earlier = models.IntegerField(default=0)
    told_first = models.CharField(max_length=12, blank=True)
    # Late in fact: so long before its limit somebody further would have been told. 0: nobody.
    minutes_left = models.IntegerField(default=0)
    messages_more = models.IntegerField(default=0)
    was_late = models.BooleanField()
    would_be_late = models.BooleanField()

    objects = ReplayedCaseQuerySet.as_manager()

    class Meta:
        ordering = ["-minutes_earlier", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["replay", "clock"], name="case_is_replayed_once"),
        ]
        triggers = [append_only("replayedcase")]

    def __str__(self) -> str:
        return f"case {self.pk} of replay {self.replay_id}"

    @property
    def patient(self) -> Patient:
        finding = self.clock.finding
        examination = finding.examination if finding else self.clock.its_examination
        return examination.patient
