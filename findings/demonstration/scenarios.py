"""The ways in which a finding's story goes. scenarios.csv says how many go which way."""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from findings.demonstration.ladders import MINUTE, Ladder
from findings.demonstration.people import Hospital, left_at
from findings.demonstration.seed import seeded
from findings.demonstration.stories import PHRASES, DoesNotFit, Story
from findings.models import PatientChange, Person
from findings.states import ClockKind

TRIES = 300
with (Path(__file__).resolve().parent / "scenarios.csv").open(encoding="utf-8") as _file:
    # (scenario, category, how many, the requester's sign-in name or empty)
    TABLE = [
        (row["scenario"], row["category"], int(row["count"]), row["requester"])
        for row in csv.DictReader(_file)
    ]


# --- Waiting for an answer ---------------------------------------------------------------------


def fresh(story: Story) -> None:
    story.flag_with(fired=1)


def reminded(story: Story) -> None:
    story.flag_with(fired=2)
    if story.rng.random() < 0.5:
        story.read(story.part(story.flagged_at, story.now, 0.2, 0.9))


def late(story: Story) -> None:
    """The limit has passed and the ladder has begun to climb."""
    story.flag_with(fired=story.ladder.rung_of_limit())
    if story.rng.random() < 0.3:
        story.read(story.part(story.flagged_at, story.now, 0.2, 0.9))


def escalated(story: Story) -> None:
    """All but the last rung."""
    rungs = story.ladder.rungs[ClockKind.ACKNOWLEDGE]
    story.flag_with(fired=len(rungs) - 1)
    _chased(story)


def at_the_top(story: Story) -> None:
    """The governance leads have been told, and still nobody has answered."""
    story.flag_with(fired=len(story.ladder.rungs[ClockKind.ACKNOWLEDGE]))
    _chased(story)


def _chased(story: Story) -> None:
    after = max(story.answer_due, story.flagged_at + timedelta(minutes=5))
    if after < story.now - timedelta(hours=1):
        at = story.by_day(story.part(after, story.now, 0.1, 0.6))
        story.add(at, "note", story.coordinator(), text=PHRASES["read_notes"])


def unreachable(story: Story) -> None:
    """The owner has no route at all, so the ladder climbs at once."""
    story.flag_days_ago(0.3, 0.9)


def _due_in(minutes: float, rung: int) -> Callable[[Story], None]:
    def soon(story: Story) -> None:
        """A step falls due while a visitor watches."""
        ladder = story.ladder
        due = ladder.rungs[ClockKind.ACKNOWLEDGE][rung - 1]
        wait = ladder.offset(due)
        story.flagged_at = story.now + timedelta(minutes=minutes) - wait

    return soon


# --- Answered ----------------------------------------------------------------------------------


def _answered_in_time(story: Story) -> None:
    at = story.part(story.flagged_at, min(story.answer_due, story.now), 0.03, 0.6)
    story.answer(at, story.requester if story.rng.random() < 0.85 else _whoever_helps(story))


def _whoever_helps(story: Story) -> Person:
    story.requester = story.colleague()
    return story.requester


def acknowledged(story: Story) -> None:
    """Somebody has it, and the time to act is not over."""
    ages = story.ladder.ages_before_act_limit(story.now, story.what.within_days)
    age = story.rng.uniform(0.25, 0.85) * len(ages)
    story.flagged_at = story.by_day(story.now - age * MINUTE, earlier=True)
    _answered_in_time(story)


def forgotten(story: Story) -> None:
    """Somebody took it on, and then nothing: the second ladder climbs."""
    story.flag_with(fired=story.rng.choice((2, 3, 4)), of=ClockKind.ACT)
    _answered_in_time(story)


def _acted(story: Story, in_days: tuple[int, int] | None = None) -> None:
    _answered_in_time(story)
    at = story.part(story.deeds[-1].at, min(story.act_due, story.now), 0.1, 0.9)
    story.act(at, in_days=in_days)


def acted_on(story: Story) -> None:
    """Done, and the result is still to come."""
    immediate = story.ladder.is_immediate
    story.flag_days_ago(0.6, 3) if immediate else story.flag_days_ago(4, 30)
    _acted(story, in_days=(4, 10) if immediate else (26, 40))
    if story.rng.random() < 0.5:
        story.tell(story.part(story.deeds[-1].at, story.now, 0.05, 0.9))


def follow_up_overdue(story: Story) -> None:
    """The day of the result has come and gone, and nothing is recorded."""
    immediate = story.ladder.is_immediate
    story.flag_days_ago(8, 24) if immediate else story.flag_days_ago(20, 60)
    _acted(story, in_days=(3, 8) if immediate else (10, 20))
    over = story.now.date() - story.deeds[-1].how["expected"]
    if not timedelta(days=1) < over < timedelta(days=24):
        story.impossible()


def closed(story: Story) -> None:
    """From the flag to the end, most of them in time."""
    shortest = {"critical": 3, "urgent": 9, "follow_up_recommended": 78}
    story.flag_days_ago(shortest.get(story.ladder.category.code, 34), 116)
    if story.rng.random() < 0.85:
        _answered_in_time(story)
    else:
        limit = story.answer_due - story.flagged_at
        story.answer(story.answer_due + limit * story.rng.uniform(0.1, 0.9))
    _finish(story)


def _finish(story: Story) -> None:
    by = story.deeds[-1].by
    limit = max(story.act_due, story.deeds[-1].at + timedelta(hours=2))
    story.act(story.part(story.deeds[-1].at, limit, 0.1, 0.9), by)
    acted = story.deeds[-1]
    days = (acted.how["expected"] - acted.at.date()).days
    story.tell(acted.at + timedelta(days=days * story.rng.uniform(0.02, 0.5)), by)
    story.close(acted.at + timedelta(days=days * story.rng.uniform(0.6, 1.3)), by)


def withdrawn(story: Story) -> None:
    story.flag_days_ago(2, 100)
    if story.rng.random() < 0.4:
        _answered_in_time(story)
    at = story.flagged_at + timedelta(hours=story.rng.uniform(1, 30))
    # Most often by the radiologist who flagged it, who is not known here.
    by = story.coordinator() if story.rng.random() < 0.3 else None
    story.add(story.by_day(at), "withdraw", by, because=PHRASES["withdrawn"])


def withdrawn_after_answering(story: Story) -> None:
    """Somebody had taken it on and arranged something: they hear that it is withdrawn."""
    story.flag_days_ago(3, 60)
    _answered_in_time(story)
    at = story.deeds[-1].at + timedelta(hours=story.rng.uniform(2, 30))
    story.add(story.by_day(at), "withdraw", None, because=PHRASES["withdrawn"])


# --- Another category, and what became of the patient ------------------------------------------


def _changed(story: Story, to: str, by: Person | None, **how: object) -> None:
    story.flag_days_ago(1.5, 5)
    _answered_in_time(story)
    at = story.by_day(story.part(story.deeds[-1].at, story.now, 0.1, 0.6))
    story.add(at, "change_category", by, to=to, **how)


def more_urgent(story: Story) -> None:
    """The radiologist who flagged it says that it is cancer: every limit gets nearer."""
    _changed(story, "cancer", None, because=PHRASES["category"]["nearer"])


def less_urgent(story: Story) -> None:
    """The clinicians say that it can wait; the limit stays where it was promised."""
    _changed(
        story,
        "significant_unexpected",
        story.coordinator(),
        because=PHRASES["category"]["farther"],
    )


def less_urgent_and_later(story: Story) -> None:
    """The same, and the coordinator says why the limit may be later."""
    _changed(
        story,
        "significant_unexpected",
        story.coordinator(),
        because=PHRASES["category"]["farther"],
        later=PHRASES["category"]["later"],
    )


def _becomes_of_patient(story: Story, kind: PatientChange.Kind, whereto: str = "") -> None:
    story.flag_days_ago(1.5, 4)
    _answered_in_time(story)
    at = story.by_day(story.part(story.deeds[-1].at, story.now, 0.5, 0.9), even_if_urgent=True)
    story.add(at, "patient_change", story.coordinator(), kind=kind, whereto=whereto)


def patient_died(story: Story) -> None:
    """No letter goes; nobody has said yet who is told instead."""
    _becomes_of_patient(story, PatientChange.Kind.DIED)


def patient_died_and_closed(story: Story) -> None:
    _becomes_of_patient(story, PatientChange.Kind.DIED)
    died_at = story.deeds[-1].at
    at, on = story.part(died_at, story.now, 0.1, 0.5), story.now.date()
    words = PHRASES["actions"]["after_death"]
    story.add(at, "act", story.requester, kind="none", expected=on, text=words)
    story.add(at, "tell", story.requester, way="kin")
    story.add(at, "close", story.requester, outcome="died")


def patient_discharged(story: Story) -> None:
    """Whose it is now has been asked, and nobody has said."""
    _becomes_of_patient(story, PatientChange.Kind.DISCHARGED)


def patient_transferred(story: Story) -> None:
    """To another ward; whoever holds it says that it is still theirs."""
    _becomes_of_patient(story, PatientChange.Kind.TRANSFERRED, whereto="Rehabilitation ward")
    at = story.part(story.deeds[-1].at, story.now, 0.2, 0.7)
    story.add(at, "confirm", story.requester, text=PHRASES["confirmed"])


# --- Questions to the radiologist --------------------------------------------------------------


def asked(story: Story) -> None:
    """Somebody took it on and asks the radiologist something, who has not answered."""
    story.flag_days_ago(6.5, 7.5)
    _answered_in_time(story)
    at = story.by_day(story.part(story.deeds[-1].at, story.now, 0.1, 0.2))
    story.add(at, "ask", story.deeds[-1].by, text=PHRASES["asked"])


def asked_and_answered(story: Story) -> None:
    asked(story)
    at = story.by_day(story.part(story.deeds[-1].at, story.now, 0.1, 0.3))
    story.add(at, "reply", None, text=PHRASES["replied"])


# --- Asked again -------------------------------------------------------------------------------


def reopened(story: Story) -> None:
    """Answered; then a corrected report says something else."""
    corrected_at = story.start_with(fired=story.rng.choice((1, 2)))
    _flag_before(story, corrected_at, 0.5, 4)
    _answered_in_time(story)
    story.correct(corrected_at)


def reopened_after_closing(story: Story) -> None:
    corrected_at = story.start_with(fired=story.rng.choice((1, 3)))
    _flag_before(story, corrected_at, 45, 70)
    _answered_in_time(story)
    _finish(story)
    story.correct(corrected_at)


def reopened_and_answered(story: Story) -> None:
    story.flag_days_ago(9, 12)
    _answered_in_time(story)
    corrected_at = story.correct(story.part(story.deeds[-1].at, story.now, 0.3, 0.5))
    at = story.part(corrected_at, story.now, 0.2, 0.8)
    story.answer(at, story.deeds[1].by, plans="reopened_plans")


def _flag_before(story: Story, at: datetime, least: float, most: float) -> None:
    days = (story.now - at) / timedelta(days=1)
    story.flag_days_ago(days + least, days + most)


# --- Somebody else's ---------------------------------------------------------------------------


def owner_left(story: Story) -> None:
    """Flagged to somebody who stops working here before they answer."""
    _flag_before(story, left_at(story.requester, story.now), 0.3, 1.2)


def owner_left_after_answering(story: Story) -> None:
    leaves_at = left_at(story.requester, story.now)
    _flag_before(story, leaves_at, 1.0, 2.5)
    story.answer(story.part(story.flagged_at, min(story.answer_due, leaves_at), 0.2, 0.8))


def _declined(story: Story, **how: object) -> None:
    at = story.by_day(story.part(story.flagged_at, story.answer_due, 0.1, 0.4))
    story.read(at)
    story.add(at, "decline", story.requester, **how)


def declined(story: Story) -> None:
    """Not theirs, and they name nobody: the team holds it and the next rung is told at once."""
    story.flag_with(fired=2)
    _declined(story, because=PHRASES["declined"]["nobody"])


def declined_to_colleague(story: Story) -> None:
    story.flag_with(fired=2)
    _declined(story, because=PHRASES["declined"]["named"], to=story.elsewhere())


def declined_and_answered(story: Story) -> None:
    story.flag_days_ago(2.2, 3.2)
    right = story.elsewhere()
    _declined(story, because=PHRASES["declined"]["named"], to=right)
    story.answer(story.part(story.deeds[-1].at, story.now, 0.2, 0.6), right)


def _handed(story: Story) -> Person:
    right = story.elsewhere()
    at = story.by_day(story.part(story.answer_due, story.now, 0.1, 0.5))
    because = PHRASES["handed"]["because"][:2]
    story.add(at, "hand_over", story.coordinator(), to=right, because=because)
    return right


def handed_over(story: Story) -> None:
    """Nobody answered, so a coordinator found the right person, who has not answered either."""
    story.flag_with(fired=story.ladder.rung_of_limit() + 1)
    _handed(story)


def handed_over_and_answered(story: Story) -> None:
    story.flag_with(fired=story.ladder.rung_of_limit() + 1)
    right = _handed(story)
    story.answer(story.part(story.deeds[-1].at, story.now, 0.2, 0.7), right)


def nobody_known(story: Story) -> None:
    """The order names nobody in the directory, so the coordinators hold it."""
    story.requester = None
    story.flag_with(fired=1)


def found_an_owner(story: Story) -> None:
    story.requester = None
    story.flag_days_ago(5, 9)
    right = story.elsewhere()
    at = story.by_day(story.part(story.flagged_at, story.now, 0.1, 0.4))
    because = PHRASES["handed"]["because"][2:]
    story.add(at, "hand_over", story.coordinator(), to=right, because=because)
    story.answer(story.part(at, story.now, 0.3, 0.8), right)


SCENARIOS: dict[str, Callable[[Story], None]] = {
    "due_in_5": _due_in(5, 2),
    "due_in_8": _due_in(8, 2),
    "due_in_12": _due_in(12, 3),
    **{
        plan.__name__: plan
        for plan in (
            fresh,
            reminded,
            late,
            escalated,
            at_the_top,
            unreachable,
            acknowledged,
            forgotten,
            acted_on,
            follow_up_overdue,
            closed,
            withdrawn,
            withdrawn_after_answering,
            more_urgent,
            less_urgent,
            less_urgent_and_later,
            patient_died,
            patient_died_and_closed,
            patient_discharged,
            patient_transferred,
            reopened,
            asked,
            asked_and_answered,
            reopened_after_closing,
            reopened_and_answered,
            owner_left,
            owner_left_after_answering,
            declined,
            declined_to_colleague,
            declined_and_answered,
            handed_over,
            handed_over_and_answered,
            nobody_known,
            found_an_owner,
        )
    },
}


def stories(hospital: Hospital, ladders: dict[str, Ladder], now: datetime) -> Iterator[Story]:
    """Every story of scenarios.csv; the same ones for the same moment."""
    for scenario, category, count, requester in TABLE:
        for number in range(count):
            key = (scenario, category, requester, number)
            yield _fitting(SCENARIOS[scenario], hospital, ladders[category], now, key)


def _fitting(
    plan: Callable[[Story], None],
    hospital: Hospital,
    ladder: Ladder,
    now: datetime,
    key: tuple[str, str, str, int],
) -> Story:
    """The first of a row of plans that does not end in the future."""
    for attempt in range(TRIES):
        story = Story(hospital, ladder, now, seeded(*key, attempt), requester=key[2])
        try:
            plan(story)
        except DoesNotFit:
            continue
        return story
    raise DoesNotFit(key)
