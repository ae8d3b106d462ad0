"""What a rule must keep to before it may hold: for rows of the files and for drafts on the page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from findings.models import Audience, Category, Examination, Rule
from findings.models.policy import NEWS, TOLD_AT_ONCE
from findings.rule_content import RuleContent
from findings.services.calendars import calendar
from findings.states import ClockKind
from findings.timetable import Duration, in_words, parse_duration

# By when an examination must have been reported.
REPORT_POLICY = "UK-TAT-MAX"
# A trust's own limits for a class of them: none is shipped (findings/policy/README.md).
REPORT_POLICIES: dict[str, str] = {
    Examination.Setting.INPATIENT: "DEF-TAT-IP",
    Examination.Setting.EMERGENCY: "DEF-TAT-ED",
    Examination.Setting.SUSPECTED_CANCER: "DEF-TAT-USC",
}
# Of such a limit: which class it is for.
CLASS_OF = {policy: setting for setting, policy in REPORT_POLICIES.items()}
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
# Whose ladder runs while an improvement is not done; its day is set by whoever asks for it.
IMPROVE_POLICY = "DEF-IMPROVE"
# The rule whose ladder runs while the result of a recorded action is awaited.
FOLLOW_UP_POLICY = "DEF-FOLLOWUP"

# The limits that need steps, with the clock that climbs them and the number that starts it.
NEED_STEPS = {
    **dict.fromkeys(REPORT_POLICIES.values(), (ClockKind.REPORT_BY, "communicate_within")),
    **dict.fromkeys(
        [QUESTION_POLICY, *QUESTION_POLICIES.values()], (ClockKind.ANSWER, "acknowledge_within")
    ),
}
# For how long the first step may wait, so that a flag can be undone: never where it is critical or
# urgent. A bound of ours; whether it waits at all, and how long, the trust says and signs.
UNDO_WITHIN = timedelta(minutes=30)
# Whom a ladder may name. An examination that waits for somebody to confirm has no owner.
ON_A_LADDER = [one for one in Audience if one not in (*NEWS, Audience.OFFERED, Audience.OFFERED_BY)]
_NO_OWNER = (Audience.OWNER, Audience.RESPONSIBLE, Audience.TEAM, Audience.DEPARTMENT)

# The number of a rule that each clock runs by.
NUMBER_OF = {
    ClockKind.ACKNOWLEDGE: "acknowledge_within",
    ClockKind.ACT: "act_within",
    ClockKind.CONFIRM: "acknowledge_within",
    ClockKind.ANSWER: "acknowledge_within",
    ClockKind.REPORT_BY: "communicate_within",
    ClockKind.TELL_PATIENT: "communicate_within",
}


@dataclass(frozen=True)
class Wrong:
    """What is wrong, and where: the name of a number, or of a clock for its ladder."""

    where: str
    sentence: str


def clocks_of(policy_id: str) -> tuple[ClockKind, ...]:
    """Whose ladders a rule has."""
    if policy_id in REPORT_POLICIES.values():
        return (ClockKind.REPORT_BY,)
    if policy_id in (CONFIRM_POLICY, *CONFIRM_POLICIES.values()):
        return (ClockKind.CONFIRM,)
    if policy_id in (QUESTION_POLICY, *QUESTION_POLICIES.values()):
        return (ClockKind.ANSWER,)
    if policy_id == IMPROVE_POLICY:
        return (ClockKind.IMPROVE,)
    if policy_id == FOLLOW_UP_POLICY:
        return (ClockKind.ACKNOWLEDGE, ClockKind.ACT, ClockKind.FOLLOW_UP)
    return (ClockKind.ACKNOWLEDGE, ClockKind.ACT)


def numbers_of(policy_id: str) -> tuple[str, ...]:
    """Which numbers a rule may have."""
    kinds = clocks_of(policy_id)
    if ClockKind.ACKNOWLEDGE in kinds:
        act = () if policy_id == FOLLOW_UP_POLICY else ("act_within",)
        return ("communicate_within", "acknowledge_within", *act, "snooze_within")
    # An improvement has its day from a person.
    return () if kinds == (ClockKind.IMPROVE,) else (NUMBER_OF[kinds[0]],)


def check_first_step(priority: int, content: RuleContent) -> None:
    """A first step that waits lets a flag be undone: never where minutes count, and not for long,
    since until then nobody hears of it. ValueError with a sentence."""
    asks = content.of_clock(ClockKind.ACKNOWLEDGE)
    if not asks:
        return
    waits = min(parse_duration(rung.offset).elapsed for rung in asks)
    urgent = priority <= TOLD_AT_ONCE
    if waits > (timedelta(0) if urgent else UNDO_WITHIN):
        limit = "at once" if urgent else f"within {UNDO_WITHIN.seconds // 60} minutes"
        raise ValueError(f"the first step of acknowledge must be {limit}.")


def wrong_with(policy_id: str, content: RuleContent) -> list[Wrong]:
    """Everything for which a draft may not be signed, each with its sentence."""
    category = Category.objects.filter(local_policy_id=policy_id).first()
    return [
        *_ladders(policy_id, content),
        *(_first_step(category, content) if category else ()),
        *(_order(content) if category else ()),
        *_looser(national_beside(policy_id), content),
    ]


def _ladders(policy_id: str, content: RuleContent) -> Iterator[Wrong]:
    for kind in clocks_of(policy_id):
        rungs, number = content.of_clock(kind), NUMBER_OF.get(kind, "")
        if (
            kind == ClockKind.ACT
            and "act_within" in numbers_of(policy_id)
            and not content.act_within
        ):
            yield Wrong("act_within", "Enter a time: without one nobody would have to act.")
        if kind == ClockKind.ACKNOWLEDGE and not content.acknowledge_within:
            yield Wrong("acknowledge_within", "Enter a time: without one nothing can be flagged.")
        needed = not number or getattr(content, number) or kind == ClockKind.ACT
        # What is proposed by an alert code is flagged in the end, whoever was told before.
        if needed and not rungs and kind != ClockKind.CONFIRM:
            yield Wrong(kind, "Add a step: of this limit nobody would be told.")
        if kind == ClockKind.CONFIRM and any(rung.audience in _NO_OWNER for rung in rungs):
            yield Wrong(kind, "What waits to be confirmed has no owner yet, and so no team.")


def _first_step(category: Category, content: RuleContent) -> Iterator[Wrong]:
    try:
        check_first_step(category.priority, content)
    except ValueError:
        urgent = category.priority <= TOLD_AT_ONCE
        wait = "at once" if urgent else f"within {UNDO_WITHIN.seconds // 60} minutes"
        yield Wrong(ClockKind.ACKNOWLEDGE, f"The first step must tell somebody {wait}.")


def _order(content: RuleContent) -> Iterator[Wrong]:
    """A limit to act before that to acknowledge can only be a slip."""
    if content.acknowledge_within and content.act_within:
        ask, act = (parse_duration(one) for one in (content.acknowledge_within, content.act_within))
        if act.elapsed < ask.elapsed:
            yield Wrong("act_within", "This must not be less than the time to acknowledge.")
    if content.communicate_within and content.acknowledge_within:
        tell, ask = (
            parse_duration(one) for one in (content.communicate_within, content.acknowledge_within)
        )
        if tell.elapsed > ask.elapsed:
            yield Wrong("communicate_within", "This must not be more than the time to acknowledge.")


# --- Beside what is national --------------------------------------------------------------------


def national_beside(policy_id: str) -> Rule | None:
    """The national rule that says what a local one may not be looser than; None where none is
    known, or where its source may not be shown as national guidance."""
    named = REPORT_POLICY if policy_id in REPORT_POLICIES.values() else ""
    for category in Category.objects.filter(local_policy_id=policy_id):
        named = named or category.national_policy_id
    rule = Rule.objects.in_force().filter(policy_id=named).first() if named else None
    return rule if rule is not None and rule.is_national else None


def _looser(national: Rule | None, content: RuleContent) -> Iterator[Wrong]:
    for number in ("communicate_within", "acknowledge_within", "act_within"):
        most = getattr(national, number, "") if national else ""
        if not national or not most:
            continue
        said = f"{in_words(most)} ({national.policy_id}, {national.source})"
        own = getattr(content, number)
        if not own:
            yield Wrong(number, f"Enter a time: national guidance says {said}.")
        elif is_longer(own, content.calendar, most, national.calendar):
            yield Wrong(number, f"This is looser than national guidance, which says {said}.")


def is_longer(own: str, own_calendar: str, most: str, most_calendar: str) -> bool:
    """Whether a limit may fall later than another, whenever it starts: working days over a long
    weekend are longer than they look."""
    mine, theirs = parse_duration(own), parse_duration(most)
    if own_calendar == most_calendar or not mine.days:
        if _is_same_kind(mine, theirs, own_calendar, most_calendar):
            return mine.elapsed > theirs.elapsed
    days, limit = calendar(own_calendar), calendar(most_calendar)
    return any(days.add(start, mine) > limit.add(start, theirs) for start in _starts())


def _is_same_kind(mine: Duration, theirs: Duration, own: str, most: str) -> bool:
    is_working = Rule.Calendar.WORKING in (own, most)
    return not is_working or (own == most and not mine.time and not theirs.time)


def _starts() -> Iterable[datetime]:
    """Every day of a year, at noon."""
    first = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=day) for day in range(366))
