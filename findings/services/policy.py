"""Policy: from the CSV files to rows, from a category to its limits, and who signed it."""

import csv
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import Enum
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction

from findings.models import Audience, Category, Rule, Rung, Signature, Site
from findings.rule_content import LIMITS, RuleContent, RungContent
from findings.services.calendars import calendar, load_holidays
from findings.services.policy_checks import NEED_STEPS, check_first_step
from findings.states import ClockKind
from findings.timetable import Calendar, in_words, parse_duration

FOLDER = Path(__file__).resolve().parent.parent / "policy"
# Numbers that the invented trust of the demonstration chose where the shipped rows have none.
DEMONSTRATION_ROWS = FOLDER / "demonstration.csv"

LATER_COLUMNS = ("snooze_within",)


class PolicyError(Exception):
    """A policy file or row that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Loaded:
    """What loading changed."""

    new: int
    unchanged: int
    # Rules that differ in the files, and of which a version that was signed on the page holds.
    kept: tuple[str, ...] = ()


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
def load_policy(folder: Path = FOLDER, replace: Collection[str] = ()) -> Loaded:
    """Bring the rows up to the files. A changed rule becomes a new version; nothing is edited.

    What was signed on the page stays in force, whatever the files say, but for the rules that are
    named in `replace` (docs/adr/0047). Raises `PolicyError` and changes nothing when a row cannot
    be read.
    """
    ladders: dict[str, list[dict[str, str]]] = {}
    for rung in _read(folder / "ladders.csv"):
        ladders.setdefault(rung["policy_id"], []).append(rung)
    rows = _read(folder / "policy.csv")
    if settings.DEMONSTRATION and folder == FOLDER:
        chosen = {row["policy_id"]: row for row in _read(DEMONSTRATION_ROWS)}
        rows = [chosen.get(row["policy_id"], row) for row in rows]
    done = {
        row["policy_id"]: _load_rule(row, ladders.get(row["policy_id"], []), replace)
        for row in rows
    }
    for row in _read(folder / "categories.csv"):
        _check_first_step(row, ladders.get(row["local_policy_id"], []))
        _load_category(row)
    load_holidays()
    kept = tuple(policy_id for policy_id, what in done.items() if what is _Done.KEPT)
    new = sum(what is _Done.NEW for what in done.values())
    return Loaded(new=new, unchanged=len(done) - new - len(kept), kept=kept)


class _Done(Enum):
    NEW, UNCHANGED, KEPT = range(3)


def _load_rule(
    row: Mapping[str, str], rungs: list[dict[str, str]], replace: Collection[str]
) -> _Done:
    content = _checked(row, rungs)
    # Empty cells of columns that came later do not make an old rule a new version.
    said = {name: cell for name, cell in row.items() if cell or name not in LATER_COLUMNS}
    fingerprint = sha256(json.dumps([said, rungs], sort_keys=True).encode()).hexdigest()
    versions = Rule.objects.filter(policy_id=row["policy_id"]).order_by("-version")
    newest = versions.select_related("draft").first()
    if newest is not None and newest.fingerprint == fingerprint:
        return _Done.UNCHANGED
    if newest is not None and newest.is_of_the_page and newest.policy_id not in replace:
        loaded = versions.filter(draft__isnull=True).first()
        is_same = loaded is not None and loaded.fingerprint == fingerprint
        return _Done.UNCHANGED if is_same else _Done.KEPT
    add_version(
        content,
        policy_id=row["policy_id"],
        category=row["category"],
        escalation=row["escalation"],
        basis=row["basis"],
        fingerprint=fingerprint,
    )
    return _Done.NEW


def add_version(
    content: RuleContent,
    *,
    policy_id: str,
    category: str,
    escalation: str,
    basis: str,
    fingerprint: str,
    in_force_from: datetime | None = None,
) -> Rule:
    """The next version of a rule, with its ladder."""
    newest = Rule.objects.filter(policy_id=policy_id).order_by("-version").first()
    numbers = {name: getattr(content, name) for name in LIMITS}
    rule = Rule.objects.create(
        policy_id=policy_id,
        version=newest.version + 1 if newest else 1,
        category=category,
        calendar=content.calendar,
        **numbers,
        escalation=escalation,
        basis=basis,
        source=content.source,
        notes=content.notes,
        fingerprint=fingerprint,
        in_force_from=in_force_from,
    )
    Rung.objects.bulk_create(Rung(rule=rule, **asdict(rung)) for rung in content.rungs)
    return rule


def _content(row: Mapping[str, str], rungs: Iterable[Mapping[str, str]]) -> RuleContent:
    return RuleContent(
        calendar=row["clock"],
        **{name: row.get(name) or "" for name in LIMITS},
        source=row["source"],
        notes=row["notes"],
        rungs=tuple(
            RungContent(
                clock=rung["clock"],
                level=int(rung["level"]),
                offset=rung["offset"],
                anchor=rung["anchor"],
                audience=rung["audience"],
                words=rung["words"],
            )
            for rung in rungs
        ),
    )


def _checked(row: Mapping[str, str], rungs: Iterable[Mapping[str, str]]) -> RuleContent:
    try:
        content = _content(row, rungs)
        for rung in content.rungs:
            ClockKind(rung.clock), Audience(rung.audience), Rung.Anchor(rung.anchor)
            parse_duration(rung.offset)
        if content.rungs:
            for number in LIMITS:
                getattr(content, number) and parse_duration(getattr(content, number))
        _check_has_steps(row["policy_id"], content)
        Rule.Basis(row["basis"]), Rule.Calendar(row["clock"])
    except (KeyError, ValueError) as error:
        raise PolicyError(f"Policy row {row.get('policy_id', '?')}: {error}") from error
    return content


def _check_has_steps(policy_id: str, content: RuleContent) -> None:
    """Examinations or questions of whose limit nobody is told would wait in silence."""
    if policy_id not in NEED_STEPS:
        return
    kind, number = NEED_STEPS[policy_id]
    if getattr(content, number) and not content.of_clock(kind):
        raise ValueError(f"its limit needs steps of {kind} in ladders.csv")


def _check_first_step(row: Mapping[str, str], rungs: Iterable[Mapping[str, str]]) -> None:
    asks = [rung for rung in rungs if rung["clock"] == ClockKind.ACKNOWLEDGE]
    nothing = {"clock": "", "source": "", "notes": ""}
    try:
        check_first_step(int(row["priority"]), _content(nothing, asks))
    except ValueError as refused:
        raise PolicyError(f"Policy row {row['local_policy_id']}: {refused}") from refused


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
    """The version of a rule that holds now. Raises `PolicyError` when it was never loaded."""
    rule = Rule.objects.begun().filter(policy_id=policy_id).order_by("-version").first()
    if rule is None:
        raise PolicyError(f"Policy {policy_id} is not loaded. Run: manage.py load_policy")
    return rule


def _rules_in_force(*policy_ids: str) -> list[Rule | None]:
    """As `rule_in_force`, all at once; None for an empty name."""
    begun = Rule.objects.begun().filter(policy_id__in=policy_ids)
    newest = begun.order_by("policy_id", "-version").distinct("policy_id")
    found = {rule.policy_id: rule for rule in newest}
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


def in_calendar(words: str, rule: Rule | RuleContent) -> str:
    """Days are working days where the rule counts so."""
    return words.replace("day", "working day") if rule.calendar == Rule.Calendar.WORKING else words
