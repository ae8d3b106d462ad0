"""The trust, its sites, teams and sixty people, and the two practices that send it patients."""

import csv
import tomllib
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import make_password

from findings.demonstration.guide import PASSWORD
from findings.models import Membership, Organisation, Person, Role, Sender, Site, Team

FOLDER = Path(__file__).resolve().parent
TRUST = "X99-T"
# Long enough ago that everybody was here before the oldest examination.
JOINED = timedelta(days=900)


@dataclass
class Hospital:
    """Everybody and everything that was made, by the names that the texts use."""

    trust: Organisation
    organisations: dict[str, Organisation]
    sites: dict[str, Site]
    teams: dict[str, Team]
    people: dict[str, Person] = field(default_factory=dict)
    senders: dict[str, Sender] = field(default_factory=dict)
    # Of each person by sign-in name: "in_app", "email", "refused".
    reached_by: dict[str, list[str]] = field(default_factory=dict)
    # Of each team by key.
    members: dict[str, list[Person]] = field(default_factory=dict)

    def radiologists(self, site: str) -> list[Person]:
        return [
            person
            for person in self.people.values()
            if Role.RADIOLOGIST in person.roles and person.site_id == self.sites[site].pk
        ]

    def teams_of(self, person: Person) -> list[str]:
        """The keys of the teams in which they are more than director."""
        return [key for key, people in self.members.items() if person in people]

    @cached_property
    def leavers(self) -> list[Person]:
        return [self.people[name] for name in LEAVERS]


# Who stops working here during the stories, and how many days before the loading.
LEAVERS = {"ciaran.doyle": 9, "hamza.siddiqui": 23}


def left_at(person: Person | None, now: datetime) -> datetime:
    """The end of their last day."""
    assert person is not None
    today = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    last_day = today.date() - timedelta(days=LEAVERS[person.username])
    return datetime.combine(last_day, time(17, 30), today.tzinfo)


def make_hospital(now: datetime) -> Hospital:
    """Make organisations, sites, teams, people and senders, as they were at the beginning."""
    written = tomllib.loads((FOLDER / "hospital.toml").read_text(encoding="utf-8"))
    hospital = _make_places(written)
    with (FOLDER / "people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    _make_people(hospital, rows, now - JOINED)
    _make_memberships(hospital, rows)
    return hospital


def _make_places(written: dict[str, Any]) -> Hospital:
    trust = Organisation.objects.create(kind=Organisation.Kind.TRUST, **written["trust"])
    organisations = {trust.ods_code: trust}
    for row in written["practice"]:
        organisations[row["ods_code"]] = Organisation.objects.create(
            kind=Organisation.Kind.PRACTICE, **row
        )
    sites = {
        row["ods_code"]: Site.objects.create(organisation=trust, **row) for row in written["site"]
    }
    teams = {row["key"]: _team(row, organisations, sites) for row in written["team"]}
    senders = {code: _sender(site, number) for number, (code, site) in enumerate(sites.items(), 1)}
    return Hospital(trust, organisations, sites, teams, senders=senders)


def _team(
    row: dict[str, str], organisations: dict[str, Organisation], sites: dict[str, Site]
) -> Team:
    return Team.objects.create(
        organisation=organisations[row.get("organisation", TRUST)],
        site=sites.get(row.get("site", "")),
        name=row["name"],
        kind=row["kind"],
        specialty=row["name"] if row["kind"] == Team.Kind.CLINICAL else "",
        location_code=row.get("location_code", ""),
    )


def _sender(site: Site, number: int) -> Sender:
    return Sender.objects.create(
        code=f"RIS{number}|{site.ods_code}",
        name=f"Radiology system, {site.name}",
        organisation=site.organisation,
        site=site,
        number_authority=TRUST,
    )


def _make_people(hospital: Hospital, rows: list[dict[str, str]], joined_at: datetime) -> None:
    password = make_password(PASSWORD)  # once: a hash takes a good part of a second
    made = Person.objects.bulk_create(
        Person(
            username=row["username"],
            password=password,
            title=row["title"],
            given_name=row["given_name"],
            family_name=row["family_name"],
            job_title=row["job_title"],
            professional_code=f"C999{number:04}",
            email=f"{row['username']}@demo.example",
            # Of the range that is kept for telephone numbers of nobody.
            phone=f"01632 960{number:03}",
            organisation=hospital.organisations[row["organisation"]],
            site=hospital.sites.get(row["site"]),
            roles=row["roles"].split(),
            joined_at=joined_at,
        )
        for number, row in enumerate(rows, start=1)
    )
    hospital.people = {person.username: person for person in made}
    hospital.reached_by = {row["username"]: row["reached_by"].split() for row in rows}


def _make_memberships(hospital: Hospital, rows: list[dict[str, str]]) -> None:
    places = [
        (hospital.people[row["username"]], *place.partition(":")[::2])
        for row in rows
        for place in row["places"].split()
    ]
    for person, key, duty in places:
        if duty != Membership.Duty.DIRECTOR:
            hospital.members.setdefault(key, []).append(person)
    Membership.objects.bulk_create(
        Membership(person=person, team=hospital.teams[key], duty=duty or Membership.Duty.MEMBER)
        for person, key, duty in places
    )
