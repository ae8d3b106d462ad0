"""A client: flags and answers findings, and writes a history of what it began and was told.

Every line of the history is appended at once: `invoked` before the call, then `ok`, `refused` (by a
rule) or `unknown` (the connection died, and so nobody can say). After a kill the last line of a
client is `invoked`, which means the same as `unknown`.
"""

import json
import os
import pickle
import random
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from findings.models import Finding
from findings.rules import NotAllowed
from findings.services.acknowledge import acknowledge_finding, decline_finding
from findings.states import MoveRefused
from tests.factories import Trust, flagged, reported

HISTORY, TRUST = "history", "trust.pickle"
# How long ago, in minutes, a finding was flagged: the steps of that time are due at once.
AGES = {
    "critical": [0, 14, 31, 46, 50],
    "urgent": [0, 60, 800],
    "cancer": [0, 5],
    "follow_up_recommended": [0, 60 * 24 * 8],
}


class Client:
    """One at a time: a flag, or an answer to something flagged before."""

    def __init__(self, room: Path) -> None:
        self.history = os.open(room / HISTORY, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.trust: Trust = pickle.loads((room / TRUST).read_bytes())
        self.name = f"c{os.getpid()}x{time.time_ns() % 10**6}"
        self.count = 0
        self.flagged: list[str] = []

    def act(self) -> None:
        acts = [(self._flag, 6)]
        if self.flagged:
            acts += [(self._acknowledge, 2), (self._decline, 1)]
        random.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()

    def _flag(self) -> None:
        self.count += 1
        key = f"{self.name}-{self.count}"
        category = random.choice(list(AGES))
        age = random.choice(AGES[category])
        with self._written("flag", key) as said:
            finding = flagged(
                self.trust,
                category=category,
                at=timezone.now() - timedelta(minutes=age, seconds=random.random()),
                examination=reported(self.trust, accession=key, patient=self._patient()),
                description=f"Nodule. Key {key}.",
            )
            said["reference"] = finding.reference
            self.flagged.append(finding.reference)

    def _patient(self) -> Any:
        from findings.arrivals import ArrivingIdentifier, ArrivingPatient

        return ArrivingPatient(
            family_name="Stormcase",
            given_name="Test",
            birth_date=(timezone.now() - timedelta(days=20_000)).date(),
            sex="F",
            identifiers=(
                ArrivingIdentifier(
                    f"{self.name}-{self.count}", self.trust.organisation.ods_code, "MR"
                ),
            ),
        )

    def _acknowledge(self) -> None:
        reference = self.flagged.pop(random.randrange(len(self.flagged)))
        with self._written("acknowledge", reference):
            acknowledge_finding(
                finding=Finding.objects.get(reference=reference),
                by=random.choice([self.trust.referrer, self.trust.colleague]),
                plan="I will see the patient this week.",
            )

    def _decline(self) -> None:
        reference = random.choice(self.flagged)
        with self._written("decline", reference):
            decline_finding(
                finding=Finding.objects.get(reference=reference),
                by=self.trust.referrer,
                because="Not under our care.",
                to=random.choice([None, self.trust.colleague]),
            )

    def _written(self, act: str, key: str) -> "_Written":
        return _Written(self.history, act, key)


class _Written:
    """One act with its two lines in the history."""

    def __init__(self, history: int, act: str, key: str) -> None:
        self.history, self.act, self.key = history, act, key
        self.said: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self._line("invoked")
        return self.said

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            self._line("ok")
        elif isinstance(error, (NotAllowed, MoveRefused)):
            self._line("refused")
        elif isinstance(error, (DatabaseError, InterfaceError, OSError)):
            self._line("unknown")
            connection.close()
            time.sleep(0.2)
        else:
            return False
        return True

    def _line(self, what: str) -> None:
        line = {"what": what, "act": self.act, "key": self.key, "at": time.time(), **self.said}
        os.write(self.history, (json.dumps(line) + "\n").encode())
