"""Clients of the services: they flag, answer, correct and send again, one act at a time.

What each began and was told stands in the history (`history.py`). A client that is killed is
replaced by one that knows nothing of it.
"""

import pickle
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from findings.arrivals import ArrivingIdentifier, ArrivingPatient, ArrivingStatus
from findings.models import Finding, Step
from findings.services.acknowledge import acknowledge_finding, decline_finding
from findings.services.improvements import ask_for_improvement
from notifications.models import Notification
from tests.bench.rows import FIRST_ID, copy_chosen
from tests.factories import TEXT, Trust, flagged, reported
from tests.faults.history import Writer, Written

CAST = "cast.pickle"
# How long ago, in minutes, a finding was flagged: the steps of that time are due at once.
AGES = {
    "critical": [0, 14, 31, 46, 50],
    "urgent": [0, 60, 800],
    "cancer": [0, 5],
    "follow_up_recommended": [0, 60 * 24 * 8],
}
# An import waits while more than so many times its findings have not gone out yet.
MOST_WAITING = 15
AFTER_A_FAILURE = 0.2  # seconds
PLAN = "I will see the patient this week."


@dataclass(frozen=True)
class Cast:
    """Who is there, and by what they sign in over HTTP."""

    trust: Trust
    web: str
    # Where the listener takes HL7.
    hl7_port: int
    # The radiologist's session.
    session: str
    # Of the radiologist and of the referrer.
    tokens: tuple[str, str]


class Somebody:
    """What every client has: a name of its own, the cast, and the history."""

    def __init__(self, room: Path, name: str, chance: random.Random) -> None:
        self.cast: Cast = pickle.loads((room / CAST).read_bytes())
        self.trust, self.history = self.cast.trust, Writer(room)
        self.name, self.chance, self.count = name, chance, 0

    def new_key(self) -> str:
        self.count += 1
        return f"{self.name}-{self.count}"

    @contextmanager
    def written(self, act: str, key: str, **said: Any) -> Iterator[Written]:
        written = self.history.act(act, key, **said)
        with written:
            yield written
        if written.is_unknown:
            connection.close()
            time.sleep(AFTER_A_FAILURE)

    def patient(self, key: str) -> ArrivingPatient:
        number = ArrivingIdentifier(key, self.trust.organisation.ods_code, "MR")
        return ArrivingPatient(
            family_name="Stormcase",
            given_name="Test",
            birth_date=date(1970, 1, 1),
            sex="F",
            identifiers=(number,),
        )

    def report(self, key: str, **more: Any) -> Any:
        return reported(self.trust, accession=key, patient=self.patient(key), **more)

    def flag(self, key: str) -> Finding:
        category = self.chance.choice(list(AGES))
        age = self.chance.choice(AGES[category])
        return flagged(
            self.trust,
            category=category,
            at=timezone.now() - timedelta(minutes=age, seconds=self.chance.random()),
            examination=self.report(key),
            description=described(key),
            # Now and then somebody with one way of being told outside the application.
            owner=self.chance.choice([None, None, self.trust.responsible]),
        )


def described(key: str) -> str:
    return f"Nodule. Key {key}."


class Client(Somebody):
    """One at a time: a flag, or something about one that it flagged before."""

    def __init__(self, room: Path, name: str, chance: random.Random) -> None:
        super().__init__(room, name, chance)
        # Key and reference of what may still be answered.
        self.flagged: list[tuple[str, str]] = []
        self.has_improved = False

    def act(self) -> None:
        if not self.has_improved:  # so that a storm of seconds has one, too
            self._improve()
            return
        acts = [(self._flag, 12), (self._improve, 1)]
        if self.flagged:
            acts += [(self._acknowledge, 4), (self._decline, 2), (self._again, 1)]
            acts += [(self._correct, 1)]
        self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()

    def _flag(self) -> None:
        key = self.new_key()
        with self.written("flag", key) as written:
            reference = written.said["reference"] = self.flag(key).reference
            self.flagged.append((key, reference))

    def _improve(self) -> None:
        """Asked for so long ago that its day is over: its ladder is due to the governance leads."""
        key, today = self.new_key(), timezone.now()
        with self.written("improve", key) as written:
            ask_for_improvement(
                by=self.trust.governance,
                what=described(key),
                owner=self.trust.referrer,
                due_on=(today - timedelta(days=self.chance.choice([0, 1, 8]))).date(),
                measure="acknowledged",
                at=today - timedelta(days=30),
            )
        self.has_improved = not written.is_unknown

    def _acknowledge(self) -> None:
        _, reference = self._take_one()
        with self.written("acknowledge", reference):
            acknowledge_finding(
                finding=Finding.objects.get(reference=reference),
                by=self.chance.choice([self.trust.referrer, self.trust.colleague]),
                plan=PLAN,
            )

    def _decline(self) -> None:
        _, reference = self.chance.choice(self.flagged)
        with self.written("decline", reference):
            decline_finding(
                finding=Finding.objects.get(reference=reference),
                by=self.trust.referrer,
                because="Not under our care.",
                to=self.chance.choice([None, self.trust.colleague]),
            )

    def _again(self) -> None:
        """The same report, as a sender repeats it that heard no answer."""
        key, _ = self.chance.choice(self.flagged)
        with self.written("again", key):
            self.report(key)

    def _correct(self) -> None:
        """Another report of the same images: the promises begin anew."""
        key, _ = self._take_one()
        with self.written("correct", key):
            self.report(key, text=f"{TEXT} Corrected.", status=ArrivingStatus.CORRECTED)

    def _take_one(self) -> tuple[str, str]:
        return self.flagged.pop(self.chance.randrange(len(self.flagged)))


class Many(Somebody):
    """Flags very many in one transaction, as an import does: all of them due, or none of them."""

    def __init__(self, room: Path, name: str, chance: random.Random, *, at_once: int) -> None:
        super().__init__(room, name, chance)
        self.at_once = at_once

    def act(self) -> None:
        if self._is_enough():
            time.sleep(AFTER_A_FAILURE)
            return
        key = self.new_key()
        with self.written("bulk", key, count=self.at_once), transaction.atomic():
            pattern = self.flag(f"{key}-0")
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS SELECT %s AS pattern, number,"
                    " %s + nextval('findings_finding_id_seq') AS n"
                    " FROM generate_series(1, %s) AS number",
                    [pattern.pk, FIRST_ID, self.at_once - 1],
                )
                key_of_each = described(key).removesuffix(".")
                copy_chosen(cursor, description=f"'{key_of_each}-' || c.number || '.'")

    def _is_enough(self) -> bool:
        waiting = Notification.objects.on_their_way()
        return waiting.count() + Step.objects.due().count() > MOST_WAITING * self.at_once
