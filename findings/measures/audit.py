"""The sample of an audit: some findings of each area, drawn so that all can draw them again."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Min, Q, QuerySet

from findings.measures.period import Period
from findings.models import Action, Event, Examination, Finding, Organisation, Team

# As the audit template asks: fifty patients, five to ten of each area.
SAMPLE, MOST_OF_AN_AREA = 50, 10

# Areas of the template, by kind of referral where that is known; else by who was asked to act.
AREAS = {
    Examination.Setting.EMERGENCY.value: "Acute",
    Examination.Setting.INPATIENT.value: "In-patients",
    Examination.Setting.OUTPATIENT.value: "Out-patients",
    Examination.Setting.SUSPECTED_CANCER.value: "Out-patients",
    Examination.Setting.GENERAL_PRACTICE.value: "General practice",
}
PRACTICE, HOSPITAL = "General practice", "Hospital, area not known"


@dataclass(frozen=True)
class Audited:
    """One finding of the sample, with what was documented of it."""

    finding: Finding
    area: str
    # Opened here by whoever holds it or their team; None: not documented.
    read_at: datetime | None
    taken_on_at: datetime | None
    acted_at: datetime | None

    @property
    def was_read(self) -> bool:
        """To take it on is to have read it."""
        return self.read_at is not None or self.taken_on_at is not None


def sample(trust: Organisation, period: Period, seed: str) -> list[Audited]:
    """Findings flagged in the period and not withdrawn, a patient once, by area. The same seed
    draws the same ones, as long as no other is flagged in that time."""
    every = Finding.objects.filter(
        organisation=trust,
        flagged_at__gte=period.start,
        flagged_at__lt=period.end,
        withdrawn_at__isnull=True,
    )
    drawn = _drawn(every, seed)
    return _documented(drawn)


def _drawn(every: QuerySet[Finding], seed: str) -> list[Finding]:
    by_area: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for pk, reference, patient, setting, kind in every.values_list(
        "pk", "reference", "examination__patient_id", "examination__setting", "team__kind"
    ):
        turn = hashlib.sha256(f"{seed}|{reference}".encode()).hexdigest()
        by_area[_area(setting, kind)].append((turn, pk, patient))
    chosen: list[int] = []
    patients: set[int] = set()
    for area in sorted(by_area):
        taken = 0
        for _, pk, patient in sorted(by_area[area]):
            if taken < MOST_OF_AN_AREA and patient not in patients and len(chosen) < SAMPLE:
                chosen.append(pk)
                patients.add(patient)
                taken += 1
    rows = Finding.objects.select_related("category", "team", "examination").in_bulk(chosen)
    return [rows[pk] for pk in chosen]


def _area(setting: str, kind: str) -> str:
    return AREAS.get(setting, PRACTICE if kind == Team.Kind.PRACTICE else HOSPITAL)


def _documented(drawn: Sequence[Finding]) -> list[Audited]:
    events = Event.objects.filter(finding__in=drawn).order_by()
    theirs = Q(by=F("finding__owner_person")) | Q(by__memberships__team=F("finding__team"))
    read = dict(
        events.filter(theirs, kind=Event.Kind.READ).values_list("finding").annotate(first=Min("at"))
    )
    taken = dict(
        events.filter(kind=Event.Kind.ACKNOWLEDGED).values_list("finding").annotate(first=Min("at"))
    )
    actions = Action.objects.filter(finding__in=drawn).order_by()
    acted = dict(actions.values_list("finding").annotate(first=Min("recorded_at")))
    return [
        Audited(
            one,
            _area(one.examination.setting, one.team.kind),
            read.get(one.pk),
            taken.get(one.pk),
            acted.get(one.pk),
        )
        for one in drawn
    ]
