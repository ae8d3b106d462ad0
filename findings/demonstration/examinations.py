"""About three thousand examinations with their reports, over the last 120 days."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from findings.arrivals import ArrivingPatient, ArrivingReport, ArrivingStatus
from findings.demonstration.patients import Patients, age_on
from findings.demonstration.people import Hospital
from findings.demonstration.seed import public_id, seeded
from findings.demonstration.stories import Story
from findings.demonstration.texts import (
    CORRECTIONS,
    OLDEST,
    Abnormality,
    Kind,
    Seen,
    choose_benign,
    kinds,
    see,
    write_report,
)
from findings.models import Examination, Patient, Person, Report, Team
from findings.services.filing import fingerprint_of

EXAMINATIONS = 3_000
DAYS = 120
# For a visitor to flag: fresh reports of each site with something in them that nobody flagged yet.
WAITING_AT_EACH_SITE = 4
HOUR = timedelta(hours=1)
# Of each hour of the day, how busy imaging is.
BUSY = (1, 1, 1, 1, 1, 1, 1, 2, 6, 9, 9, 9, 8, 7, 8, 8, 7, 5, 3, 3, 2, 2, 2, 1)


@dataclass
class Version:
    """One version of a report, before it is a row."""

    status: ArrivingStatus
    text: str
    at: datetime
    by: Person


@dataclass
class Order:
    """One examination with its reports, before it is rows."""

    kind: Kind
    seen: list[Seen]
    patient: Patient
    site: str
    # Empty where the order names nobody in the directory.
    team: str
    requester: Person | None
    performed_at: datetime
    versions: list[Version] = field(default_factory=list)
    row: Examination | None = None

    @property
    def radiologist(self) -> Person:
        return self.versions[-1].by


class Orders:
    """Makes orders, each from a source of chance of its own."""

    def __init__(self, hospital: Hospital, patients: Patients, now: datetime) -> None:
        self.hospital, self.patients, self.now = hospital, patients, now
        self.zone = ZoneInfo(settings.TIME_ZONE)

    def of_story(self, story: Story, number: int) -> Order:
        """The examination in which the story's finding was seen, reported just before the flag."""
        rng = seeded("examination of story", number)
        reported_at = story.flagged_at - timedelta(minutes=rng.uniform(2, 9))
        team = story.team if story.requester else ""
        return self._order(story.kind, [story.what], team, story.requester, reported_at, rng)

    def of_today(self, kind: Kind, what: Abnormality, site: str, number: int) -> Order:
        """Something that is worth a flag and has none."""
        rng = seeded("waiting for a flag", site, number)
        at = self.now - timedelta(minutes=25 + 50 * number + rng.uniform(0, 30))
        return self._order(kind, [what], *self._asks(kind, rng), at, rng, site)

    def unreported(
        self, kind: Kind, performed_at: datetime, site: str, rng: Random
    ) -> tuple[Order, Version]:
        """Images that nobody has reported yet, and the report that may come some day."""
        order = self._order(kind, [], *self._asks(kind, rng), performed_at, rng, site)
        order.performed_at = performed_at
        return order, order.versions.pop()

    def any(self, number: int) -> Order:
        """An examination in which nothing is flagged."""
        rng = seeded("examination", number)
        kind = rng.choices(kinds(), [kind.share for kind in kinds()])[0]
        performed_at, reported_at = self._times(kind, rng)
        order = self._order(kind, [], *self._asks(kind, rng), reported_at, rng)
        order.performed_at = performed_at
        self._maybe_second_version(order, rng)
        return order

    def _asks(self, kind: Kind, rng: Random) -> tuple[str, Person | None]:
        team = rng.choices(kind.teams, range(len(kind.teams) + 2, 2, -1))[0]
        staying = [p for p in self.hospital.members[team] if p not in self.hospital.leavers]
        return ("", None) if rng.random() < 0.01 else (team, rng.choice(staying))

    def _times(self, kind: Kind, rng: Random) -> tuple[datetime, datetime]:
        """When it was done and when it was reported, neither in the future."""
        while True:
            day = self.now.astimezone(self.zone).date() - timedelta(days=rng.randrange(DAYS))
            if day.weekday() >= 5 and rng.random() < 0.6:
                continue
            hour = rng.choices(range(24), BUSY)[0]
            start = datetime.combine(day, time(hour, rng.randrange(60)), self.zone)
            reported_at = start + HOUR * rng.uniform(*kind.delay_hours)
            if reported_at < self.now - timedelta(minutes=10):
                return start, reported_at

    def _order(
        self,
        kind: Kind,
        what: list[Abnormality],
        team: str,
        requester: Person | None,
        reported_at: datetime,
        rng: Random,
        site: str = "",
    ) -> Order:
        performed_at = reported_at - HOUR * rng.uniform(*kind.delay_hours)
        patient = self._patient(kind, what, performed_at.date(), rng)
        site = site or self._site(team, rng)
        radiologist = rng.choice(self.hospital.radiologists(site))
        seen = [see(kind, one, rng) for one in what]
        if not what:  # common changes end with "no fracture", "no embolism": never beside one
            age = age_on(patient, performed_at.date())
            seen = choose_benign(kind, patient.sex, age, rng)
        order = Order(kind, seen, patient, site, team, requester, performed_at)
        text = write_report(kind, patient.sex, seen, _signed(radiologist), rng)
        order.versions.append(Version(ArrivingStatus.FINAL, text, reported_at, radiologist))
        return order

    def _patient(self, kind: Kind, what: list[Abnormality], on: date, rng: Random) -> Patient:
        sexes = "".join(s for s in "FM" if s in kind.sexes and all(s in one.sexes for one in what))
        youngest = max([kind.from_age, *(one.from_age for one in what)])
        oldest = min([OLDEST, *(one.until_age for one in what)])
        return self.patients.choose(sexes, (youngest, oldest), on, rng)

    def _site(self, team: str, rng: Random) -> str:
        """Most people are imaged where their team is."""
        sites = list(self.hospital.sites)
        home = team and self.hospital.teams[team].site
        return home.ods_code if home and rng.random() < 0.85 else rng.choice(sites)

    def _maybe_second_version(self, order: Order, rng: Random) -> None:
        """A registrar's first reading, or a correction that changes nothing."""
        last = order.versions[-1]
        if rng.random() < order.kind.preliminary:
            first = Version(ArrivingStatus.PRELIMINARY, last.text, last.at, last.by)
            last.at += HOUR * rng.uniform(1, 12)
            order.versions.insert(0, first)
        elif rng.random() < 0.02:
            text = f"{last.text}\n\n{rng.choice(CORRECTIONS)}"
            at = last.at + HOUR * rng.uniform(2, 60)
            order.versions.append(Version(ArrivingStatus.CORRECTED, text, at, last.by))
        order.versions = [one for one in order.versions if one.at < self.now]


def _signed(radiologist: Person) -> str:
    return f"{radiologist.full_name}, {radiologist.job_title.split(' and ')[0].lower()}"


def save(hospital: Hospital, orders: list[Order]) -> None:
    """Write the rows. Accessions run in the order of the images, as a hospital's do."""
    ordered = sorted(orders, key=lambda order: order.performed_at)
    for number, order in enumerate(ordered, start=1):
        order.row = _examination(hospital, order, number)
    Examination.objects.bulk_create((o.row for o in ordered if o.row), batch_size=1000)
    Report.objects.bulk_create(
        (_report(order, number) for order in ordered for number in range(len(order.versions))),
        batch_size=1000,
    )
    _point_to_current()


def _examination(hospital: Hospital, order: Order, number: int) -> Examination:
    site = hospital.sites[order.site]
    team = hospital.teams.get(order.team)
    asked_by = order.requester
    return Examination(
        public_id=public_id("examination", number),
        sender=hospital.senders[order.site],
        accession=f"{site.ods_code[-1]}{number:07}",
        patient=order.patient,
        site=site,
        modality=order.kind.modality,
        code=order.kind.code,
        description=order.kind.description,
        performed_at=order.performed_at,
        setting=_setting(team, seeded("setting", number)),
        requested_by=asked_by,
        requesting_team=team,
        requester_as_sent=(
            f"{asked_by} ({asked_by.professional_code})" if asked_by else "Dr L Visiting (C7770001)"
        ),
        location_as_sent=team.location_code if team else "VISITING",
    )


def _setting(team: Team | None, rng: Random) -> str:
    """As an order says it; some do not."""
    if team is None or rng.random() < 0.1:
        return ""
    if team.kind == Team.Kind.PRACTICE:
        return Examination.Setting.GENERAL_PRACTICE
    if team.specialty == "Emergency medicine":
        return Examination.Setting.EMERGENCY
    usual = [Examination.Setting.OUTPATIENT] * 5 + [Examination.Setting.INPATIENT] * 4
    return rng.choice([*usual, Examination.Setting.SUSPECTED_CANCER])


def _report(order: Order, index: int) -> Report:
    version = order.versions[index]
    assert order.row is not None
    return make_report(order.row, index + 1, version)


def make_report(examination: Examination, number: int, version: Version) -> Report:
    """A row as it would be after it came from the radiology system."""
    arriving = ArrivingReport(
        accession=examination.accession,
        patient=ArrivingPatient(),
        status=version.status,
        reported_at=version.at,
        text=version.text,
    )
    return Report(
        public_id=public_id("report", examination.accession, number),
        examination=examination,
        version=number,
        status=version.status,
        text=version.text,
        reported_at=version.at,
        reported_by=version.by,
        reporter_as_sent=f"{version.by} ({version.by.professional_code})",
        received_at=version.at + timedelta(seconds=20),
        fingerprint=fingerprint_of(arriving),
    )


def add_report(examination: Examination, number: int, version: Version) -> Report:
    """One more comes in and is the one to read. As `filing` does it, at a moment in the past."""
    report = make_report(examination, number, version)
    report.save(force_insert=True)
    examination.current_report = report
    examination.save(update_fields=["current_report"])
    return report


def _point_to_current() -> None:
    """The newest version is the one to read; here versions arrive in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE findings_examination SET current_report_id = newest.id FROM ("
            " SELECT DISTINCT ON (examination_id) examination_id, id FROM findings_report"
            " ORDER BY examination_id, version DESC) AS newest"
            " WHERE newest.examination_id = findings_examination.id"
        )


def waiting_for_a_flag(
    orders: Orders, flaggable: Iterable[tuple[Kind, Abnormality]]
) -> list[Order]:
    """A few fresh reports at each site in which a visitor can flag something."""
    choices = [
        (kind, what)
        for kind, what in flaggable
        if {"emergency", "surgery", "tansy"} & set(kind.teams)
    ]
    return [
        orders.of_today(*seeded("what waits", site, number).choice(choices), site, number)
        for site in orders.hospital.sites
        for number in range(WAITING_AT_EACH_SITE)
    ]
