"""What the rules of filing ask of the database and write to it, each as it comes up.

`together.py` answers the same questions for many messages at once: the rules are written once.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q, QuerySet

from findings.arrivals import ArrivingIdentifier, ArrivingPatient
from findings.models import (
    Examination,
    Finding,
    NoReport,
    Patient,
    PatientIdentifier,
    Person,
    Report,
    Sender,
    Site,
    Team,
)
from findings.models.folding import AsCompared
from findings.services import circumstances
from findings.services.report_by import settle, standing_excuse
from findings.services.timeline import database_now
from findings.states import State


class Unusual(Exception):
    """Some records cannot answer or write this: the message has to be filed by itself."""


class Records:
    """One question after the other; every row is written at once."""

    def part(self) -> AbstractContextManager[None]:
        """What is written inside goes again when it ends with an exception."""
        return transaction.atomic()

    def now(self) -> datetime:
        return database_now()

    # --- Patients

    def patients(self, arriving: ArrivingPatient) -> list[Patient]:
        """Everybody on record whom one of the identifiers names."""
        found: dict[int, Patient] = {}
        if arriving.nhs_number:
            for patient in Patient.objects.filter(nhs_number=arriving.nhs_number):
                found[patient.pk] = patient
        for identifier in arriving.identifiers:
            for row in _with(identifier).select_related("patient"):
                found[row.patient_id] = row.patient
        return list(found.values())

    def said_of(self, patient: Patient, arriving: ArrivingPatient, at: datetime) -> None:
        """Keep of its circumstances what a message said at this time."""
        circumstances.keep([circumstances.Said(patient.pk, arriving, at)])

    def has_number(self, identifier: ArrivingIdentifier) -> bool:
        """Whether it is on record, whoever's it is."""
        return _with(identifier).exists()

    # --- Examinations and their reports

    def examination(self, sender: Sender, accession: str) -> Examination | None:
        """Under its accession, locked, with the report to read."""
        rows = Examination.objects.select_for_update(no_key=True, of=("self",))
        rows = rows.select_related("current_report", "site")
        return rows.filter(sender=sender, accession=accession).first()

    def version_with(self, examination: Examination, fingerprint: str) -> Report | None:
        return examination.reports.filter(fingerprint=fingerprint).first()

    def newest_version(self, examination: Examination) -> int:
        """Its number; 0 where there is none."""
        newest = examination.reports.order_by("-version").first()
        return newest.version if newest else 0

    def findings(self, examination: Examination) -> Iterable[Finding]:
        """Those that hear of a new version of its report."""
        return examination.findings.exclude(state=State.WITHDRAWN).order_by("pk")

    def may_be_advised(self, examination: Examination) -> bool:
        """False only where no finding of its patient waits for another examination."""
        return True

    def excuse(self, examination: Examination) -> NoReport | None:
        """That no report of it is to be expected, if that stands."""
        return standing_excuse(examination)

    def settle(self, examination: Examination, at: datetime | None) -> None:
        settle(examination, at=at)

    # --- The directory

    def site(self, organisation_id: int, code: str) -> Site | None:
        """By ODS code or name."""
        sites = Site.objects.filter(organisation=organisation_id).order_by("pk")
        return sites.filter(Q(ods_code__iexact=code) | Q(name__iexact=code)).first()

    def person(self, code: str) -> Person | None:
        """By professional code."""
        return Person.objects.filter(professional_code__iexact=code).order_by("pk").first()

    def team_at(self, location: str, organisation_id: int) -> Team | None:
        """The team of a ward or clinic of the organisation, else a practice anywhere."""
        teams = Team.objects.filter(location_code__iexact=location).exclude(location_code="")
        return teams.filter(organisation=organisation_id).first() or (
            teams.filter(kind=Team.Kind.PRACTICE).first()
        )

    def team_of(self, person: Person, site: Site) -> Team | None:
        """A clinical team that the person is in: at this site, else any."""
        teams = Team.objects.filter(memberships__person=person, kind__in=Team.CLINICAL)
        teams = teams.order_by("pk")
        return teams.filter(site=site).first() or teams.first()

    # --- Writing

    def add(self, row: models.Model) -> None:
        row.save(force_insert=True)

    def change(self, row: models.Model, *names: str) -> None:
        """These columns of a row that is there already."""
        row.save(update_fields=names)


ONE_BY_ONE = Records()


def _with(identifier: ArrivingIdentifier) -> QuerySet[PatientIdentifier]:
    """More than one where numbers from before differ in capitals alone."""
    compared = PatientIdentifier.objects.alias(compared=AsCompared("value"))
    return compared.filter(authority=identifier.authority, compared=identifier.value)
