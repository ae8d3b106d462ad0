"""Loads the demonstration: the hospital of findings/demonstration, and who was told what.

It stands here because only notifications knows how people are reached. One transaction: a
database holds the whole demonstration or nothing of it.
"""

import gc
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from findings.demonstration.examinations import (
    EXAMINATIONS,
    Orders,
    save,
    waiting_for_a_flag,
)
from findings.demonstration.held import make_held_items
from findings.demonstration.lab import make_drafts, make_standings
from findings.demonstration.ladders import Ladder
from findings.demonstration.learning import make_learning
from findings.demonstration.patients import make_patients
from findings.demonstration.people import TRUST, Hospital, make_hospital
from findings.demonstration.places import make_places
from findings.demonstration.replay import Told, rate_some, replay
from findings.demonstration.rotas import make_rotas
from findings.demonstration.scenarios import stories
from findings.demonstration.seed import seeded
from findings.demonstration.texts import flaggable
from findings.demonstration.waiting import Wait, make_waits, preliminary_only, waited
from findings.models import (
    Category,
    Finding,
    IncomingMessage,
    Organisation,
    Patient,
    Person,
    Report,
)
from findings.news import tell_with
from findings.services.national import load_recommendations
from findings.services.policy import load_policy
from findings.services.timeline import database_now
from notifications import news
from notifications.models import Channel, Notification, Route
from notifications.past import Past


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


def load() -> Loaded:
    """Load everything, counted back from now. Raises `RealRowsPresent` and changes nothing."""
    # Nearly everything that is made here lives until the end: looking for garbage in it takes a
    # sixth of the time.
    gc.disable()
    try:
        with transaction.atomic():
            return _load()
    finally:
        gc.enable()


def _load() -> Loaded:
    _refuse_beside_real_rows()
    load_policy()
    load_recommendations()
    now = database_now()
    hospital = make_hospital(now)
    _make_routes(hospital)
    told, waits = _make_examinations(hospital, now)
    past = Past(hospital, now)
    tell_with(past.tell_news)
    try:
        replay(hospital, told, waits, now, past.catch_up)
    finally:
        tell_with(news.tell)
    make_learning(hospital, now)
    # What fell due of improvements meanwhile was told, too.
    past.begin_again()
    past.catch_up(now)
    past.save()
    rate_some()
    make_held_items(now)
    make_rotas(hospital, now)
    make_drafts(hospital, now)
    make_standings(hospital, now)
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


def _make_routes(hospital: Hospital) -> None:
    """How everybody is reached, as people.csv says. A bad address shows when it is first used."""
    Route.objects.bulk_create(
        Route(
            person=hospital.people[name],
            channel=Channel.IN_APP if way == "in_app" else Channel.EMAIL,
            address="" if way == "in_app" else hospital.people[name].email,
            position=position,
            verified_at=hospital.people[name].joined_at,
        )
        for name, ways in hospital.reached_by.items()
        for position, way in enumerate(ways, start=1)
    )


def _make_examinations(hospital: Hospital, now: datetime) -> tuple[list[Told], list[Wait]]:
    """Examinations and reports of the stories, and many more of which there is no story; and those
    that wait for a report."""
    patients = make_patients(hospital.trust.ods_code, seeded("patients"))
    make_places(patients, now)
    ladders = {category.code: Ladder(category) for category in Category.objects.all()}
    planned = list(stories(hospital, ladders, now))
    orders = Orders(hospital, patients, now)
    told = [
        Told(number, story, orders.of_story(story, number)) for number, story in enumerate(planned)
    ]
    urgent = [pair for code in ("urgent", "cancer") for pair in flaggable(code)]
    others = waiting_for_a_flag(orders, urgent)
    waits = list(make_waits(orders))
    missing = EXAMINATIONS - len(told) - len(others) - len(waits)
    others += [orders.any(number) for number in range(missing)]
    waits += preliminary_only(others)
    kept = {id(wait.order): wait.order for wait in waits} | {id(one): one for one in others}
    save(hospital, [*(one.order for one in told), *kept.values()])
    still = {id(wait.order) for wait in waits}
    waited([one for one in others if id(one) not in still], now)
    return told, waits
