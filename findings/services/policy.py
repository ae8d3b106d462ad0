"""Policy: from the CSV files to rows, from a category to its limits, and who signed it."""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from findings.models import Audience, Category, Examination, Rule, Rung, Signature, Site
from findings.models.policy import TOLD_AT_ONCE
from findings.services.calendars import calendar, load_holidays
from findings.states import ClockKind
from findings.timetable import Calendar, in_words, parse_duration

FOLDER = Path(__file__).resolve().parent.parent / "policy"
# The rule whose ladder runs while the result of a recorded action is awaited.
FOLLOW_UP_POLICY = "DEF-FOLLOWUP"
# By when an examination must have been reported.
REPORT_POLICY = "UK-TAT-MAX"
# A trust's own limits for a class of them: none is shipped (findings/policy/README.md).
REPORT_POLICIES: dict[str, str] = {
    Examination.Setting.INPATIENT: "DEF-TAT-IP",
    Examination.Setting.EMERGENCY: "DEF-TAT-ED",
    Examination.Setting.SUSPECTED_CANCER: "DEF-TAT-USC",
}
# How long an alert code of a report may wait for somebody to look at it, by the category that it
# proposes; the last for those that are not named.
CONFIRM_POLICIES: dict[str, str] = {
    "critical": "DEF-CONFIRM-CRIT",
    "urgent": "DEF-CONFIRM-URG",
}
CONFIRM_POLICY = "DEF-CONFIRM"
# By when a radiologist has to have answered a question, by the category of the finding; the last
# for every category. No source gives a number, so the shipped rows have none.
QUESTION_POLICIES: dict[str, str] = {
    "critical": "DEF-QUESTION-CRIT",
    "urgent": "DEF-QUESTION-URG",
}
QUESTION_POLICY = "DEF-QUESTION"
# The limits that need steps, with the clock that climbs them and the number that starts it.
_NEED_STEPS = {
    **dict.fromkeys(REPORT_POLICIES.values(), (ClockKind.REPORT_BY, "communicate_within")),
    **dict.fromkeys(
        [QUESTION_POLICY, *QUESTION_POLICIES.values()], (ClockKind.ANSWER, "acknowledge_within")
    ),
}
# Numbers that the invented trust of the demonstration chose where the shipped rows have none.
DEMONSTRATION_ROWS = FOLDER / "demonstration.csv"

# For how long the first step may wait, so that a flag can be undone: never where it is critical or
# urgent. A bound of ours; whether it waits at all, and how long, the trust says and signs.
UNDO_WITHIN = timedelta(minutes=30)

LATER_COLUMNS = ("snooze_within",)


class PolicyError(Exception):
    """A policy file or row that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Loaded:
    """What loading changed."""

    new: int
    unchanged: int


@dataclass(frozen=True)
class Limit:
    """One time limit of a category, with who says so."""

    kind: ClockKind
    # "12 hours", "5 working days".
    words: str
    basis: str
    source: str
    # Only then may a page call it national guidance.
    is_national: bool
    policy: str


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file, restval="")]


@transaction.atomic
def load_policy(folder: Path = FOLDER) -> Loaded:
    """Bring the rows up to the files. A changed rule becomes a new version; nothing is edited.

    Raises `PolicyError` and changes nothing when a row cannot be read.
    """
    ladders: dict[str, list[dict[str, str]]] = {}
    for rung in _read(folder / "ladders.csv"):
        ladders.setdefault(rung["policy_id"], []).append(rung)
    rows = _read(folder / "policy.csv")
    if settings.DEMONSTRATION and folder == FOLDER:
        chosen = {row["policy_id"]: row for row in _read(DEMONSTRATION_ROWS)}
        rows = [chosen.get(row["policy_id"], row) for row in rows]
    new = [_load_rule(row, ladders.get(row["policy_id"], [])) for row in rows]
    for row in _read(folder / "categories.csv"):
        _check_first_step(row, ladders.get(row["local_policy_id"], []))
        _load_category(row)
    load_holidays()
    return Loaded(new=sum(new), unchanged=len(new) - sum(new))


def _load_rule(row: Mapping[str, str], rungs: list[dict[str, str]]) -> bool:
    """True when this made a new version."""
    _check_rule(row, rungs)
    # Empty cells of columns that came later do not make an old rule a new version.
    said = {name: cell for name, cell in row.items() if cell or name not in LATER_COLUMNS}
    content = json.dumps([said, rungs], sort_keys=True).encode()
    fingerprint = hashlib.sha256(content).hexdigest()
    newest = Rule.objects.filter(policy_id=row["policy_id"]).order_by("-version").first()
    if newest is not None and newest.fingerprint == fingerprint:
        return False
    rule = Rule.objects.create(
        policy_id=row["policy_id"],
        version=newest.version + 1 if newest else 1,
        category=row["category"],
        calendar=row["clock"],
        communicate_within=row["communicate_within"],
        acknowledge_within=row["acknowledge_within"],
        act_within=row["act_within"],
        snooze_within=row.get("snooze_within") or "",
        escalation=row["escalation"],
        basis=row["basis"],
        source=row["source"],
        notes=row["notes"],
        fingerprint=fingerprint,
    )
    Rung.objects.bulk_create(
        Rung(
            rule=rule,
            clock=rung["clock"],
            level=int(rung["level"]),
            offset=rung["offset"],
            anchor=rung["anchor"],
            audience=rung["audience"],
            words=rung["words"],
        )
        for rung in rungs
    )
    return True


def _check_rule(row: Mapping[str, str], rungs: Iterable[Mapping[str, str]]) -> None:
    try:
        for rung in rungs:
            ClockKind(rung["clock"]), Audience(rung["audience"]), Rung.Anchor(rung["anchor"])
            parse_duration(rung["offset"])
        if rungs:
            for field in ("communicate_within", "acknowledge_within", "act_within"):
                row[field] and parse_duration(row[field])
            row.get("snooze_within") and parse_duration(row["snooze_within"])
        _check_has_steps(row, rungs)
        Rule.Basis(row["basis"]), Rule.Calendar(row["clock"])
    except (KeyError, ValueError) as error:
        raise PolicyError(f"Policy row {row.get('policy_id', '?')}: {error}") from error


def _check_has_steps(row: Mapping[str, str], rungs: Iterable[Mapping[str, str]]) -> None:
    """Examinations or questions of whose limit nobody is told would wait in silence."""
    if row["policy_id"] not in _NEED_STEPS:
        return
    kind, number = _NEED_STEPS[row["policy_id"]]
    if row[number] and not any(rung["clock"] == kind for rung in rungs):
        raise ValueError(f"its limit needs steps of {kind} in ladders.csv")


def _check_first_step(row: Mapping[str, str], rungs: Iterable[Mapping[str, str]]) -> None:
    """A first step that waits lets a flag be undone: never where minutes count, and not for long,
    since until then nobody hears of it."""
    asks = [rung for rung in rungs if rung["clock"] == ClockKind.ACKNOWLEDGE]
    if not asks:
        return
    waits = min(parse_duration(rung["offset"]).elapsed for rung in asks)
    urgent = int(row["priority"]) <= TOLD_AT_ONCE
    if waits > (timedelta(0) if urgent else UNDO_WITHIN):
        limit = "at once" if urgent else f"within {UNDO_WITHIN.seconds // 60} minutes"
        raise PolicyError(
            f"Policy row {row['local_policy_id']}: the first step of acknowledge must be {limit}."
        )


def _load_category(row: Mapping[str, str]) -> None:
    Category.objects.update_or_create(
        code=row["code"],
        defaults={
            "name": row["name"],
            "priority": int(row["priority"]),
            "definition": row["definition"],
            "definition_source": row["definition_source"],
            # A trust's own file may be older than this column: then as if it were empty.
            "examples": row.get("examples") or "",
            "local_policy_id": row["local_policy_id"],
            "national_policy_id": row["national_policy_id"],
            "patient_policy_id": row.get("patient_policy_id") or "",
            "held_at_night": row.get("held_at_night") == "yes",
            "asks_primary_site": row["asks_primary_site"] == "yes",
        },
    )


def rule_in_force(policy_id: str) -> Rule:
    """The newest version of a rule. Raises `PolicyError` when it was never loaded."""
    rule = Rule.objects.filter(policy_id=policy_id).order_by("-version").first()
    if rule is None:
        raise PolicyError(f"Policy {policy_id} is not loaded. Run: manage.py load_policy")
    return rule


def _rules_in_force(*policy_ids: str) -> list[Rule | None]:
    """As `rule_in_force`, all at once; None for an empty name."""
    newest = Rule.objects.filter(policy_id__in=policy_ids).order_by("policy_id", "-version")
    found = {rule.policy_id: rule for rule in newest.distinct("policy_id")}
    return [found.get(one) or rule_in_force(one) if one else None for one in policy_ids]


def rule_to_promise(policy_id: str) -> Rule:
    """The rule under which a clock may start now: local numbers must be signed first."""
    rule = rule_in_force(policy_id)
    check_may_promise(rule)
    return rule


def check_may_promise(rule: Rule) -> None:
    """Raises `PolicyError` for local numbers that nobody has signed for this trust."""
    if rule.basis != Rule.Basis.LOCAL or settings.DEMONSTRATION or rule.signatures.exists():
        return
    raise PolicyError(
        f"The local limits of {rule} are not signed by this trust, so no clock can start. "
        f"Run: manage.py sign_policy {rule.policy_id} --name NAME --role ROLE"
    )


def sign_rule(*, policy_id: str, name: str, role: str, on: date | None = None) -> Signature:
    """Record that a named person approved the newest version of a rule for this trust."""
    fields = {"signed_on": on} if on else {}
    return Signature.objects.create(
        rule=rule_in_force(policy_id), name=name.strip(), role=role.strip(), **fields
    )


def limit_at(
    rule: Rule, kind: ClockKind, start: datetime, site: Site | None = None
) -> datetime | None:
    """When the rule's limit for this clock falls (UTC), None where it gives no number.

    Working days are those of the site's nation.
    """
    return limit_in(calendar(rule.calendar, site), rule, kind, start)


def limit_in(days: Calendar, rule: Rule, kind: ClockKind, start: datetime) -> datetime | None:
    """As `limit_at`, in a calendar that was read before, for whoever asks a thousand times."""
    within = rule.within(kind)
    return days.add(start, parse_duration(within)) if within else None


def tell_by(rule: Rule, start: datetime, site: Site | None = None) -> datetime | None:
    """Until when somebody is to be told of what was flagged at `start` (UTC), None where the rule
    gives no number."""
    within = rule.communicate_within
    return calendar(rule.calendar, site).add(start, parse_duration(within)) if within else None


def rules_of(category: Category) -> tuple[Rule, Rule | None, Rule | None]:
    """In force: its local rule, the national one, and the one about telling the patient."""
    named = category.local_policy_id, category.national_policy_id, category.patient_policy_id
    local, national, patient = _rules_in_force(*named)
    assert local is not None  # every category names one
    return local, national, patient


def limits_under(local: Rule, national: Rule | None, patient: Rule | None) -> list[Limit]:
    """The limits to show beside a category: those of its local rule, each with its basis, and as
    the national one where the two say the same; and by when the patient is told."""
    found = [_limit(kind, local, national) for kind in (ClockKind.ACKNOWLEDGE, ClockKind.ACT)]
    if patient is not None:
        found.append(_limit(ClockKind.TELL_PATIENT, patient, patient))
    return [limit for limit in found if limit is not None]


def _limit(kind: ClockKind, local: Rule, national: Rule | None) -> Limit | None:
    within = local.within(kind)
    if not within:
        return None
    says_so = national and national.is_national and national.within(kind) == within
    rule = national if national is not None and says_so else local
    words = in_calendar(in_words(within), local)
    return Limit(kind, words, rule.get_basis_display(), rule.source, bool(says_so), str(rule))


def in_calendar(words: str, rule: Rule) -> str:
    """Days are working days where the rule counts so."""
    return words.replace("day", "working day") if rule.calendar == Rule.Calendar.WORKING else words
