"""Policy as rows: what is promised by when, who says so, and who signed it for this trust.

Rows are never edited; a changed number is a new version, and a clock keeps the version that it
was started under.
"""

from datetime import date

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models.append_only import append_only
from findings.states import ClockKind


class Audience(models.TextChoices):
    """Who a step tells. `notifications/audience.py` turns each into people."""

    OWNER = "owner", "the owner"
    RESPONSIBLE = "responsible", "the responsible consultant"
    TEAM = "team", "the team"
    DEPARTMENT = "department", "the department's clinical director"
    COORDINATOR = "coordinator", "the coordinators"
    RADIOLOGIST = "radiologist", "the radiologist who flagged it"
    GOVERNANCE = "governance", "the governance leads"
    # Of the site where the images were made: they can answer what an alert code proposes.
    RADIOLOGISTS = "radiologists", "the radiologists of the site"
    # Never on a ladder: whoever an open offer asks to take the finding over.
    OFFERED = "offered", "whoever it was offered to"
    # Never on a ladder either: whoever offered it, and hears that it was accepted.
    OFFERED_BY = "offered_by", "whoever offered it"
    # Nor these: news that nobody has to act on (`services/clocks.tell_news`).
    WITHDRAWN = "withdrawn", "whoever was told of it or holds it"
    ACKNOWLEDGER = "acknowledger", "whoever acknowledged it before"
    TOLD = "told", "whoever else was told of it before"
    # A question about it, and that it was answered (`services/ask.py`).
    QUESTION = "question", "the radiologist who flagged it, or those of the site"
    REPLY = "reply", "whoever asked"


# What is told for its own sake: no clock that stops, and no answer, makes it needless.
NEWS = (
    Audience.WITHDRAWN,
    Audience.ACKNOWLEDGER,
    Audience.TOLD,
    Audience.QUESTION,
    Audience.REPLY,
)


# A rule of the files holds as soon as it is loaded.
_HAS_BEGUN = Q(in_force_from__isnull=True) | Q(in_force_from__lte=Now())


class RuleQuerySet(models.QuerySet["Rule"]):
    """Questions about policy."""

    def begun(self) -> "RuleQuerySet":
        """Those whose time has come, by the database's clock; older versions are among them."""
        return self.filter(_HAS_BEGUN)

    def in_force(self) -> "RuleQuerySet":
        """The newest version of each rule whose time has come."""
        versions = Rule.objects.filter(policy_id=models.OuterRef("policy_id"))
        newest = versions.begun().order_by("-version")
        return self.filter(pk=models.Subquery(newest.values("pk")[:1]))

    def to_come(self) -> "RuleQuerySet":
        """Signed for a later moment, and no newer version holds already, which would be in its
        place."""
        newer = Rule.objects.filter(
            policy_id=models.OuterRef("policy_id"), version__gt=models.OuterRef("version")
        )
        return self.filter(in_force_from__gt=Now()).exclude(models.Exists(newer.begun()))


class Rule(models.Model):
    """One row of policy.csv: the numbers of one source for one category."""

    class Basis(models.TextChoices):
        STANDARD = "standard", "National standard"
        AUDIT_TEMPLATE = "audit_template", "Audit template"
        BENCHMARK = "benchmark", "Another institution's policy"
        LOCAL = "local", "Local default"

    class Calendar(models.TextChoices):
        ELAPSED = "elapsed", "Elapsed time"
        WORKING = "working", "Working days"
        UNSTATED = "", "Not stated"

    policy_id = models.CharField(max_length=30)
    version = models.PositiveIntegerField()
    category = models.CharField(max_length=40)
    calendar = models.CharField(max_length=8, choices=Calendar, blank=True)
    # ISO 8601 durations as in the CSV; empty where the source gives no number.
    communicate_within = models.CharField(max_length=12, blank=True)
    acknowledge_within = models.CharField(max_length=12, blank=True)
    act_within = models.CharField(max_length=12, blank=True)
    # For how long a clock may be snoozed, from its first snooze on; empty: not at all.
    snooze_within = models.CharField(max_length=12, blank=True)
    # The ladder in the source's own words; the rungs below are what the engine climbs.
    escalation = models.TextField(blank=True)
    basis = models.CharField(max_length=14, choices=Basis)
    source = models.CharField(max_length=200)
    notes = models.TextField(blank=True)
    # SHA-256 of the row and its rungs: tells a changed row from the same row loaded again.
    fingerprint = models.CharField(max_length=64)
    loaded_at = models.DateTimeField(db_default=Now())
    # Of a version that was signed on the page: from when it holds (docs/adr/0047).
    in_force_from = models.DateTimeField(null=True, blank=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["policy_id", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy_id", "version"], name="policy_version_is_loaded_once"
            ),
            models.CheckConstraint(
                name="basis_is_known",
                condition=Q(basis__in=["standard", "audit_template", "benchmark", "local"]),
            ),
        ]
        triggers = [append_only("rule")]

    def __str__(self) -> str:
        return f"{self.policy_id} v{self.version}"

    def within(self, kind: ClockKind) -> str:
        """The ISO 8601 duration that this row gives for a clock, or empty."""
        return {
            ClockKind.ACKNOWLEDGE: self.acknowledge_within,
            ClockKind.ACT: self.act_within,
            # Asked only of a rule about patients: there it is until the patient is told.
            ClockKind.TELL_PATIENT: self.communicate_within,
            # And this of a rule about reports: until the report is available.
            ClockKind.REPORT_BY: self.communicate_within,
            # And this of a rule about alert codes.
            ClockKind.CONFIRM: self.acknowledge_within,
            # And this of a rule about questions.
            ClockKind.ANSWER: self.acknowledge_within,
        }.get(kind, "")

    @property
    def is_of_the_page(self) -> bool:
        """Made and signed on the page, not loaded from a file."""
        return hasattr(self, "draft")

    @property
    def is_to_be_signed(self) -> bool:
        """Whether there is anything in it to promise: a number, or the ladder of an improvement,
        whose day a person sets."""
        numbers = self.communicate_within or self.acknowledge_within or self.act_within
        return bool(numbers) or self.category == "improvement"

    @property
    def is_national(self) -> bool:
        """Whether its numbers may be shown as national guidance in the United Kingdom."""
        return self.basis == self.Basis.STANDARD and self.policy_id.startswith("UK-")


class Rung(models.Model):
    """One rung of a rule's ladder: at which moment of which clock to tell whom."""

    class Anchor(models.TextChoices):
        START = "start", "after the clock starts"
        DUE = "due", "before or after the clock's limit"

    rule = models.ForeignKey(Rule, models.PROTECT, related_name="rungs")
    clock = models.CharField(
        max_length=12, choices=[(kind.value, kind.value) for kind in ClockKind]
    )
    # From 1 upwards; the first rung of an acknowledge clock tells the owner at once.
    level = models.PositiveSmallIntegerField()
    # ISO 8601 from the anchor; a minus sign in front means before it.
    offset = models.CharField(max_length=12)
    anchor = models.CharField(max_length=6, choices=Anchor, default=Anchor.START)
    audience = models.CharField(max_length=12, choices=Audience)
    words = models.CharField(max_length=120)

    class Meta:
        ordering = ["rule", "clock", "level"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "clock", "level"], name="rung_has_its_own_level"
            ),
        ]
        triggers = [append_only("rung")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.clock} {self.level}"


class Signature(models.Model):
    """A named person's approval of a local rule; without it the rule starts no clock."""

    rule = models.ForeignKey(Rule, models.PROTECT, related_name="signatures")
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=120)
    signed_on = models.DateField(default=date.today)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="signature_has_name_and_role", condition=~Q(name="") & ~Q(role="")
            ),
            models.UniqueConstraint(fields=["rule", "name"], name="signed_once_by_each"),
        ]
        triggers = [append_only("signature")]

    def __str__(self) -> str:
        return f"{self.name}, {self.role}"


# Critical and urgent, by their priority: whoever holds such a finding is told at once.
TOLD_AT_ONCE = 2


class Category(models.Model):
    """What kind of finding it is, in the words a radiologist chooses from."""

    code = models.CharField(primary_key=True, max_length=30)
    name = models.CharField(max_length=60)
    definition = models.TextField()
    definition_source = models.CharField(max_length=200)
    # Typical findings of it, as the trust's own file has them: never national guidance.
    examples = models.TextField(blank=True, db_default="")
    # 1 is the most severe: told first.
    priority = models.PositiveSmallIntegerField()
    # The rule whose clocks run: a local one, signed by the trust.
    local_policy_id = models.CharField(max_length=30)
    # The rule that says what national guidance says, if there is one.
    national_policy_id = models.CharField(max_length=30, blank=True)
    # The rule by which the patient must have been told; empty: no such clock runs.
    patient_policy_id = models.CharField(max_length=30, blank=True)
    # Whether its messages are saved up for the morning in the quiet hours.
    held_at_night = models.BooleanField(default=False)
    asks_primary_site = models.BooleanField(default=False)
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering = ["priority"]
        verbose_name_plural = "categories"
        constraints = [
            # Critical and urgent, whatever a file says.
            models.CheckConstraint(
                name="urgent_categories_are_never_held",
                condition=Q(held_at_night=False) | Q(priority__gt=2),
            ),
        ]

    def __str__(self) -> str:
        return self.name
