"""Loads the demonstration: the hospital of findings/demonstration, and who was told what.

It stands here because only notifications knows how people are reached. One transaction: a
database holds the whole demonstration or nothing of it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from findings.demonstration.people import TRUST, Hospital, make_hospital
from findings.models import Finding, IncomingMessage, Organisation, Patient, Person, Report
from findings.services.timeline import database_now
from notifications.models import Channel, Notification, Route


class RealRowsPresent(Exception):
    """There is something in this database that the demonstration did not put there."""


@dataclass(frozen=True)
class Loaded:
    """How much there is now."""

    people: int
    reports: int
    findings: int
    notifications: int


def is_loaded() -> bool:
    return Organisation.objects.filter(ods_code=TRUST).exists()


@transaction.atomic
def load() -> Loaded:
    """Load everything, counted back from now. Raises `RealRowsPresent` and changes nothing."""
    _refuse_beside_real_rows()
    now = database_now()
    hospital = make_hospital(now)
    _make_routes(hospital, now)
    return Loaded(
        people=Person.objects.count(),
        reports=Report.objects.count(),
        findings=Finding.objects.count(),
        notifications=Notification.objects.count(),
    )


def _refuse_beside_real_rows() -> None:
    for model in (Organisation, Person, Patient, IncomingMessage):
        if model.objects.exists():
            raise RealRowsPresent(
                f"There are {model._meta.verbose_name_plural} in this database already. The"
                " demonstration loads into an empty one only."
            )


def _make_routes(hospital: Hospital, now: datetime) -> None:
    """How everybody is reached, as people.csv says; "refused" is an address that bounced."""
    Route.objects.bulk_create(
        _route(hospital.people[name], way, position, now)
        for name, ways in hospital.reached_by.items()
        for position, way in enumerate(ways, start=1)
    )


def _route(person: Person, way: str, position: int, now: datetime) -> Route:
    route = Route(person=person, position=position, verified_at=person.joined_at)
    if way == "in_app":
        route.channel = Channel.IN_APP
        return route
    route.channel, route.address = Channel.EMAIL, person.email
    if way == "refused":
        route.failed_at = now
        route.failed_because = "550 5.1.1 The mailbox does not exist"
    return route
