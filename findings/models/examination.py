"""What was imaged, when, and who asked for it."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from findings.models.append_only import append_only
from findings.models.cover import covered_by
from findings.models.folding import Squeezed
from findings.models.organisation import Team
from findings.models.people import Person, Role
from findings.states import ClockKind

# The letters that DICOM gives them, as they arrive from other systems.
MODALITIES = {
    "DX": "Plain film (X-ray)",
    "CT": "CT",
    "MR": "MRI",
    "US": "Ultrasound",
    "NM": "Nuclear medicine",
    "PT": "PET",
    "MG": "Mammography",
    "XA": "Angiography",
    "RF": "Fluoroscopy",
    "OT": "Other",
}


class SenderQuerySet(models.QuerySet["Sender"]):
    """Questions about senders."""

    def systems(self) -> "SenderQuerySet":
        """Other systems: all but the form in which reports are typed here."""
        return self.exclude(code__startswith="typed|").order_by("code")


class Sender(models.Model):
    """A system that sends us reports: a RIS, or our own form. Accessions are its own."""

    class Silence(models.TextChoices):
        ALARMS = "alarms", "Say so when nothing comes for longer than usual"
        EXPECTED = "expected", "It may be silent"
        ENDED = "ended", "It has ended"

    # "application|facility" as in MSH-3 and MSH-4, or "typed|ODS" for our own form.
    code = models.CharField(max_length=120, unique=True)
    name = models.CharField(max_length=120)
    organisation = models.ForeignKey(
        "findings.Organisation", models.PROTECT, related_name="senders"
    )
    # Where its images are made unless a message says otherwise.
    site = models.ForeignKey("findings.Site", models.PROTECT, related_name="senders")
    # The zone of time stamps that carry none.
    zone = models.CharField(max_length=40, default="Europe/London")
    fallback_charset = models.CharField(max_length=20, default="windows-1252")
    # Whose hospital numbers it sends where PID-3 does not say: "RXX". Empty: they name nobody.
    number_authority = models.CharField(max_length=60, blank=True)
    # Its own words for a report's status, lower case: {"wet read": "preliminary"}.
    status_words = models.JSONField(default=dict, blank=True)
    # Its own alert codes, each with the category of finding that it means:
    # {"*** ALERT ***": "critical"}.
    trigger_words = models.JSONField(default=dict, blank=True)
    # Trusted: what an alert code proposes is flagged at once, without a person who confirms it.
    flags_at_once = models.BooleanField(default=False, db_default=False)
    # Its own codes for what becomes of an order, lower case: {"exam complete": "performed"}.
    order_words = models.JSONField(default=dict, blank=True)
    # Further authorities or types that mean the NHS number in PID-3, and where it is when nothing
    # names it: "PID-2", or "PID-3.2" for the second repeat.
    nhs_words = models.JSONField(default=list, blank=True)
    nhs_position = models.CharField(max_length=10, blank=True)
    # Where to look first: ["PV1-9"]. Empty: the usual places (intake/examinations.py).
    referrer_fields = models.JSONField(default=list, blank=True)
    location_fields = models.JSONField(default=list, blank=True)
    accession_fields = models.JSONField(default=list, blank=True)
    # What OBR-24 says of its imaging, where it sends other services, too: ["RAD", "CT"].
    imaging_sections = models.JSONField(default=list, db_default=[], blank=True)
    # What it marks as a test (MSH-11 T or D) is live all the same.
    takes_tests = models.BooleanField(default=False, db_default=False)
    # Whose accession numbers it sends, where they are another system's: the RIS, of a system that
    # orders or reports for it. Only of a sender that has its own.
    accessions_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # Whether somebody has to hear of it when nothing comes.
    silence = models.CharField(
        max_length=8, choices=Silence, default=Silence.ALARMS, db_default=Silence.ALARMS
    )
    # The account with which it calls the API.
    account = models.OneToOneField(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="sender"
    )

    objects = SenderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sender_has_its_own_accessions_or_anothers",
                condition=~Q(accessions_of=models.F("pk")),
            ),
            models.CheckConstraint(
                name="silence_of_sender_is_known",
                condition=Q(silence__in=["alarms", "expected", "ended"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def keeper(self) -> "Sender":
        """Whose examinations its accession numbers name."""
        return self.accessions_of or self

    def of_one_numbering(self) -> "models.QuerySet[Sender]":
        """Those whose accession numbers name the same examinations: its keeper, and who sends for
        it."""
        keeper = self.keeper.pk
        return Sender.objects.filter(Q(pk=keeper) | Q(accessions_of=keeper))


class SenderChange(models.Model):
    """Who changed how a sender is read, when, and what stood there before and after."""

    sender = models.ForeignKey(Sender, models.PROTECT, related_name="changes")
    # Empty: the sender was new.
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField()
    # Empty: at the command line.
    by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="sender_change_says_what_was_and_what_is",
                condition=~Q(before=models.F("after")),
            ),
        ]
        triggers = [append_only("senderchange")]

    def __str__(self) -> str:
        return f"change {self.pk} of a sender"


class ExaminationQuerySet(models.QuerySet["Examination"]):
    """Questions about examinations; `visible_to` is the only door for pages and API."""

    def visible_to(self, person: Person) -> "ExaminationQuerySet":
        """Examinations whose reports this person may read.

        A radiologist: their site's. A referrer: what they or their teams asked for, and
        whatever has a finding that is theirs. Coordinator and governance: their organisation's.
        """
        allowed = Q(pk__in=[])
        if person.has_role(Role.COORDINATOR, Role.GOVERNANCE):
            allowed |= Q(site__organisation=person.organisation_id)
        if person.has_role(Role.RADIOLOGIST):
            if person.site_id:
                allowed |= Q(site=person.site_id)
            allowed |= Q(pk__in=_examinations_of_findings(Q(flagged_by=person)))
        if person.has_role(Role.REFERRER):
            allowed |= Q(requested_by=person) | Q(requesting_team__in=person.team_ids())
            allowed |= Q(pk__in=_examinations_of_findings(held_by(person)))
        return self.filter(allowed)

    def waiting(self) -> "ExaminationQuerySet":
        """Those whose report somebody waits for: their clock runs."""
        return self.filter(clocks__kind=ClockKind.REPORT_BY, clocks__stopped_at__isnull=True)

    def followed_by(self, person: Person) -> "ExaminationQuerySet":
        """Those of which this person hears while they wait for a report; the only door to a wait.

        Coordinator and governance: their organisation's. A member of a reporting team: its site's,
        or its organisation's where it works across the sites. And whoever stands in for them.
        """
        if not person.is_active:
            return self.none()
        hearers = Person.objects.filter(
            pk__in=[person.pk, *covered_by(person, timezone.localdate())]
        )
        overseers = hearers.filter(roles__overlap=[Role.COORDINATOR, Role.GOVERNANCE])
        teams = Team.objects.filter(kind__in=Team.WAITING, memberships__person__in=hearers)
        across = teams.filter(site__isnull=True)
        return self.filter(
            Q(site__organisation__in=overseers.values("organisation"))
            | Q(site__organisation__in=across.values("organisation"))
            | Q(site__in=teams.filter(site__isnull=False).values("site"))
        )


def held_by(person: Person) -> Q:
    """Findings that are this person's own, their teams', or of somebody on leave for whom they
    stand in."""
    teams, owners = person.team_ids(), [person.pk, *covered_by(person, timezone.localdate())]
    return Q(owner_person__in=owners) | Q(owner_team__in=teams) | Q(team__in=teams)


def _examinations_of_findings(condition: Q) -> models.QuerySet:
    from findings.models.finding import Finding

    return Finding.objects.filter(condition).values("examination")


class Examination(models.Model):
    """One examination of one patient, known to its sender by an accession number."""

    class Setting(models.TextChoices):
        """The classes for which a trust may promise reports sooner than the nation does."""

        INPATIENT = "inpatient", "In-patient"
        OUTPATIENT = "outpatient", "Out-patient"
        EMERGENCY = "emergency", "Emergency"
        GENERAL_PRACTICE = "gp", "General practice"
        SUSPECTED_CANCER = "cancer", "Suspected cancer"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sender = models.ForeignKey(Sender, models.PROTECT, related_name="examinations", db_index=False)
    accession = models.CharField(max_length=80)
    patient = models.ForeignKey("findings.Patient", models.PROTECT, related_name="examinations")
    site = models.ForeignKey(
        "findings.Site", models.PROTECT, related_name="examinations", db_index=False
    )
    modality = models.CharField(max_length=16, blank=True)
    code = models.CharField(max_length=60, blank=True)
    description = models.CharField(max_length=200, blank=True)
    performed_at = models.DateTimeField(null=True, blank=True)
    # Empty: another one, or nobody said.
    setting = models.CharField(max_length=10, choices=Setting, blank=True, db_default="")
    requested_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="requests"
    )
    requesting_team = models.ForeignKey(
        "findings.Team", models.PROTECT, null=True, blank=True, related_name="requests"
    )
    # When its sender last said something of the order (its time, UTC); older orders change nothing.
    order_said_at = models.DateTimeField(null=True, blank=True)
    # What the system that ordered it calls the order; the newest order says it.
    placer_number = models.CharField(max_length=80, blank=True, db_default="")
    # As sent, for when the referrer or the location is not in our directory.
    requester_as_sent = models.CharField(max_length=160, blank=True)
    location_as_sent = models.CharField(max_length=160, blank=True)
    # The version to read now; ordered by report time and status, not by arrival.
    current_report = models.ForeignKey(
        "findings.Report", models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ExaminationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Two patients cannot share an accession: the row holds one patient.
            models.UniqueConstraint(
                fields=["sender", "accession"], name="accession_is_one_examination"
            ),
            models.CheckConstraint(name="accession_is_never_empty", condition=~Q(accession="")),
            models.CheckConstraint(
                name="setting_of_examination_is_known",
                condition=Q(
                    setting__in=["", "inpatient", "outpatient", "emergency", "gp", "cancer"]
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-performed_at"]),
            models.Index(Squeezed("accession"), name="accession_as_typed"),
            models.Index(
                fields=["placer_number"],
                name="examinations_by_placer",
                condition=~Q(placer_number=""),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="examination_is_of_a_record_that_is_kept",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("patient_id"),
                func="IF EXISTS (SELECT 1 FROM findings_patient WHERE id = NEW.patient_id"
                " AND merged_into_id IS NOT NULL) THEN RAISE EXCEPTION 'patient % was merged',"
                " NEW.patient_id USING ERRCODE = 'check_violation'; END IF; RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return f"examination {self.pk}"

    @property
    def reference(self) -> str:
        """How a message names it, where nothing may be said of it: the beginning of the number in
        the address of its page."""
        return f"X-{self.public_id.hex[:8].upper()}"

    @property
    def title(self) -> str:
        """What was done, in words: for pages."""
        return self.description or self.code or self.modality or "Examination"
