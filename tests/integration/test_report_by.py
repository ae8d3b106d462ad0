"""An examination waits for its report: from when, until when, who hears, and what ends it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from django.core.management import call_command
from django.utils import timezone

from findings.arrivals import ArrivingPatient, ArrivingReport, ArrivingStatus
from findings.models import Category, Clock, Examination, NoReport, Role, Step
from findings.rules import NotAllowed
from findings.services.merge import came_since, merge_patients, undo_merge
from findings.services.policy import PolicyError, load_policy, sign_rule
from findings.services.receive import receive_report
from findings.services.report_by import expect_report, no_report_expected, take_back
from notifications.firing import fire_due_steps
from tests.factories import (
    Trust,
    a_trust,
    arriving,
    report,
    reported,
    unreported,
)
from tests.integration.policy_files import own_copy, with_inpatient_limit
from tests.integration.test_reporting_teams import reporting_team

pytestmark = pytest.mark.django_db

PRELIMINARY, FINAL = ArrivingStatus.PRELIMINARY, ArrivingStatus.FINAL
CORRECTED, WITHDRAWN = ArrivingStatus.CORRECTED, ArrivingStatus.WITHDRAWN
DAY = timedelta(days=1)
LIMIT = 28 * DAY


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ago(days: float) -> datetime:
    return timezone.now() - days * DAY


def running(examination: Examination) -> Clock | None:
    return examination.clocks.filter(stopped_at__isnull=True).first()


def waits(trust: Trust, days: float = 3, **fields: object) -> Examination:
    """One without a report, that many days old; it is awaited."""
    examination = unreported(trust, **{"performed_at": ago(days), **fields})
    expect_report(examination)
    return examination


def clock_of(examination: Examination) -> Clock:
    return examination.clocks.get(stopped_at__isnull=True)


def coming(clock: Clock) -> list[tuple[float, str]]:
    """Days from the start, rounded, and who."""
    return [
        (round((step.due_at - clock.started_at) / DAY), step.audience)
        for step in clock.steps.unfired().order_by("due_at", "level")
    ]


def versions(trust: Trust, *statuses: ArrivingStatus, **fields: object) -> list[ArrivingReport]:
    """Versions of one examination, verified an hour apart in this order."""
    first = arriving(trust, status=statuses[0], reported_at=ago(1), **fields)
    return [
        replace(
            first,
            status=status,
            reported_at=first.reported_at + number * timedelta(hours=1),
            text=f"Version {number}",
        )
        for number, status in enumerate(statuses)
    ]


def receive(trust: Trust, *arriving: ArrivingReport) -> Examination:
    for one in arriving:
        _, made = receive_report(sender=trust.sender, arriving=one)
    return Examination.objects.get(pk=made.examination_id)


# --- From when, until when ------------------------------------------------------------------------


def test_a_preliminary_report_starts_it_from_the_images(trust: Trust) -> None:
    made = ago(3)
    examination = reported(trust, status=PRELIMINARY, performed_at=made)
    clock = clock_of(examination)
    assert (clock.started_at, clock.due_at) == (made, made + LIMIT)
    assert clock.rule.is_national
    assert coming(clock)[:5] == [
        (21, "team"),
        (28, "team"),
        (28, "department"),
        (28, "coordinator"),
        (28, "governance"),
    ]


def test_it_does_not_fall_silent_after_its_limit(trust: Trust) -> None:
    clock = clock_of(waits(trust, 1))
    later = [days for days, _ in coming(clock) if days > 28]
    assert (later[0], later[-1]) == (35, 28 + 168)


def test_expecting_it_twice_changes_nothing(trust: Trust) -> None:
    examination = waits(trust, 3)
    first = running(examination)
    assert expect_report(examination, performed_at=ago(9)) == first
    assert (Clock.objects.count(), examination.clocks.count()) == (1, 1)


def test_one_that_is_late_when_it_becomes_known_begins_its_ladder_now(trust: Trust) -> None:
    """Each audience hears once of it, not once for each step that it missed."""
    examination = waits(trust, 100)
    clock = clock_of(examination)
    assert clock.due_at < timezone.now()
    due = [step.audience for step in clock.steps.due()]
    assert sorted(due) == ["coordinator", "department", "governance", "team"]
    upcoming = clock.steps.unfired().exclude(pk__in=clock.steps.due()).order_by("due_at")
    assert upcoming[0].due_at > timezone.now() + 6 * DAY


def test_one_that_is_between_day_21_and_the_limit_is_told_of_at_once(trust: Trust) -> None:
    clock = clock_of(waits(trust, 24))
    assert [step.audience for step in clock.steps.due()] == ["team"]


def test_where_nobody_said_when_it_counts_from_the_first_that_is_known(trust: Trust) -> None:
    said = ago(2)
    examination = reported(trust, status=PRELIMINARY, performed_at=None, reported_at=said)
    clock = clock_of(examination)
    assert clock.started_at == said
    made = ago(5)
    again = replace(arriving(trust), accession=examination.accession, patient=_patient(examination))
    receive(trust, replace(again, status=PRELIMINARY, performed_at=made, reported_at=ago(1)))
    now = clock_of(examination)
    assert now.due_at == made + LIMIT, "nearer, as it is older than was known"
    clock.refresh_from_db()
    assert clock.stopped_because == Clock.StoppedBecause.NEARER


def _patient(examination: Examination) -> ArrivingPatient:
    return ArrivingPatient(
        nhs_number=examination.patient.nhs_number,
        family_name=examination.patient.family_name,
        given_name=examination.patient.given_name,
        birth_date=examination.patient.birth_date,
    )


def test_whoever_was_told_before_an_earlier_start_became_known_is_not_told_again(
    trust: Trust,
) -> None:
    examination = reported(trust, status=PRELIMINARY, performed_at=None, reported_at=ago(22))
    fire_due_steps()
    told = clock_of(examination)
    assert told.steps.filter(fired_at__isnull=False).count() == 1
    expect_report(examination, performed_at=ago(25))
    assert clock_of(examination) != told
    assert not clock_of(examination).steps.due().exists()
    assert coming(clock_of(examination))[0] == (28, "team")


def test_a_later_start_that_becomes_known_gives_no_more_time(trust: Trust) -> None:
    examination = reported(trust, status=PRELIMINARY, performed_at=None, reported_at=ago(10))
    due_at = clock_of(examination).due_at
    said = say(examination, trust.coordinator)
    expect_report(examination, performed_at=ago(5))
    take_back(said, because="A mistake.", by=trust.coordinator)
    assert clock_of(examination).due_at == due_at


PRESSING = [
    # Its class; in which order it is told of; whether it is saved up for the morning.
    ("emergency", 6, False),
    ("inpatient", 7, True),
    ("cancer", 8, True),
    ("", 9, True),
]


@pytest.mark.parametrize(("setting", "priority", "may_wait"), PRESSING)
def test_the_class_says_which_is_told_of_first_and_what_is_never_saved_up(
    trust: Trust, setting: str, priority: int, *, may_wait: bool
) -> None:
    assert Category.objects.filter(priority__gte=PRESSING[0][1]).count() == 0, "findings first"
    at_once, later = waits(trust, setting=setting), waits(trust)
    steps = clock_of(later).steps.order_by("due_at", "level")
    steps.filter(pk=steps[0].pk).update(fired_at=steps[0].due_at)
    expect_report(later, setting=setting)
    for examination in (at_once, later):
        unfired = clock_of(examination).steps.unfired()
        assert set(unfired.values_list("priority", "may_wait")) == {(priority, may_wait)}
    assert steps[0].priority == 9, "as it was told"


def test_without_any_time_nothing_can_be_expected(trust: Trust) -> None:
    examination = reported(trust, status=WITHDRAWN, performed_at=None)
    assert running(examination) is None, "a cancelled order arrives as a withdrawn report, too"
    with pytest.raises(ValueError, match="when the images were made"):
        expect_report(examination)


# --- What ends it, in any order -------------------------------------------------------------------


@pytest.mark.parametrize("status", [FINAL, CORRECTED])
def test_a_verified_report_stops_it_and_cancels_its_steps(trust: Trust, status) -> None:
    first, last = versions(trust, PRELIMINARY, status)
    examination = receive(trust, first)
    clock = clock_of(examination)
    receive(trust, last)
    clock.refresh_from_db()
    assert clock.stopped_because == Clock.StoppedBecause.REPORTED
    assert not Step.objects.unfired().filter(clock=clock).exists()


ORDERS = [
    # What came, verified in this order; whether it waits in the end.
    ((PRELIMINARY, FINAL), False),
    ((FINAL, PRELIMINARY), False),
    ((FINAL, WITHDRAWN), True),
    ((PRELIMINARY, WITHDRAWN), True),
    ((FINAL, WITHDRAWN, PRELIMINARY), True),
    ((FINAL, WITHDRAWN, FINAL), False),
    ((PRELIMINARY, FINAL, CORRECTED), False),
    ((FINAL, CORRECTED, WITHDRAWN), True),
]


@pytest.mark.parametrize(("statuses", "waits"), ORDERS)
def test_the_end_is_the_same_in_whichever_order_they_come(trust: Trust, statuses, waits) -> None:
    for order in permutations(range(len(statuses))):
        every = versions(trust, *statuses, performed_at=ago(3))
        examination = receive(trust, *(every[number] for number in order))
        clock = running(examination)
        assert (clock is not None) == waits, order
        assert clock is None or clock.started_at == examination.performed_at


@pytest.mark.parametrize("first", [FINAL, WITHDRAWN])
def test_of_one_moment_the_withdrawal_is_the_last_word(trust: Trust, first) -> None:
    pair = versions(trust, FINAL, WITHDRAWN, performed_at=ago(3))
    both = [replace(one, reported_at=pair[0].reported_at) for one in pair]
    examination = receive(trust, *sorted(both, key=lambda one: one.status != first))
    assert running(examination) is not None


def test_a_withdrawal_starts_it_again_from_the_old_start(trust: Trust) -> None:
    made = ago(40)
    final, gone = versions(trust, FINAL, WITHDRAWN, performed_at=made)
    examination = receive(trust, final, gone)
    clock = clock_of(examination)
    assert clock.due_at == made + LIMIT
    assert {step.audience for step in clock.steps.due()} == {
        "team",
        "department",
        "coordinator",
        "governance",
    }


def test_a_report_that_is_here_already_leaves_nothing_to_expect(trust: Trust) -> None:
    examination = reported(trust)
    assert expect_report(examination, performed_at=ago(3)) is None
    assert not examination.clocks.exists()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_it_runs_exactly_while_a_report_is_owed(trust: Trust, seed: int) -> None:
    rng = Random(seed)
    made, first = ago(40), versions(trust, PRELIMINARY, performed_at=ago(40))[0]
    first = replace(first, performed_at=made)
    examination = receive(trust, first)
    came = [(first.reported_at, PRELIMINARY)]
    excused = False
    for number in range(14):
        status = rng.choice([PRELIMINARY, FINAL, CORRECTED, WITHDRAWN])
        match rng.choice(["file", "file", "say", "back", "expect"]):
            case "file":
                at = first.reported_at + timedelta(minutes=rng.randrange(-600, 600))
                receive(trust, replace(first, status=status, reported_at=at, text=f"{number}"))
                came.append((at, status))
                excused = excused and status == WITHDRAWN
            case "say" if running(examination):
                say(examination, trust.coordinator)
                excused = True
            case "back" if excused:
                take_back(
                    examination.no_reports.standing().get(), because="A.", by=trust.coordinator
                )
                excused = False
            case "expect":
                expect_report(examination, performed_at=ago(rng.randrange(50)))
        examination.refresh_from_db()
        gone = max((at for at, what in came if what == WITHDRAWN), default=made)
        reported = any(at > gone and what in (FINAL, CORRECTED) for at, what in came)
        clock = running(examination)
        assert (clock is not None) == (not reported and not excused), (number, came, excused)
        assert clock is None or clock.due_at == made + LIMIT
        waiting = Step.objects.unfired().exclude(clock=clock)
        assert not waiting.filter(examination=examination).exists()


# --- A person says that none will come ------------------------------------------------------------


def say(examination: Examination, by, because: str = "Cancelled at the door.") -> NoReport:
    reason = NoReport.Reason.CANCELLED
    return no_report_expected(examination, reason=reason, because=because, by=by)


def test_a_coordinator_says_that_none_will_come_and_takes_it_back(trust: Trust) -> None:
    made = ago(30)
    examination = waits(trust, performed_at=made)
    said = say(examination, trust.coordinator)
    assert running(examination) is None
    assert expect_report(examination) is None, "a list that names it again changes nothing"
    take_back(said, because="It was another one.", by=trust.coordinator)
    assert clock_of(examination).due_at == made + LIMIT
    with pytest.raises(NotAllowed, match="already"):
        take_back(said, because="Again.", by=trust.coordinator)


def test_it_needs_words_and_a_running_clock(trust: Trust) -> None:
    examination = waits(trust, 3)
    with pytest.raises(ValueError, match="why"):
        say(examination, trust.coordinator, " ")
    say(examination, trust.coordinator)
    with pytest.raises(NotAllowed, match="awaited"):
        say(examination, trust.coordinator)


def test_an_imaging_manager_may_and_nobody_else(trust: Trust) -> None:
    examination = waits(trust, 3)
    other = a_trust()
    for somebody in (trust.referrer, trust.radiologist, trust.governance, other.coordinator):
        with pytest.raises(NotAllowed):
            say(examination, somebody)
    manager = trust.add(team=reporting_team(trust))
    assert say(examination, manager).said_by == manager


def test_a_report_that_comes_after_all_speaks_against_it(trust: Trust) -> None:
    first, last = versions(trust, PRELIMINARY, PRELIMINARY, performed_at=ago(3))
    examination = receive(trust, first)
    said = say(examination, trust.coordinator)
    receive(trust, last)
    assert running(examination) is not None
    said.refresh_from_db()
    assert (said.undone_by, said.undone_because) == (None, "A report came after all.")


# --- Whose limit ----------------------------------------------------------------------------------


def test_a_signed_local_limit_of_its_class_holds_where_it_is_shorter(
    trust: Trust, tmp_path: Path
) -> None:
    monday = datetime(2026, 11, 16, 12, tzinfo=UTC)
    inpatient = {"performed_at": monday, "setting": "inpatient"}
    load_policy(with_inpatient_limit(tmp_path))
    unsigned = clock_of(waits(trust, **inpatient))
    assert unsigned.rule.policy_id == "UK-TAT-MAX"
    sign_rule(policy_id="DEF-TAT-IP", name="Dr Sign Example", role="Medical director")
    signed = clock_of(waits(trust, **inpatient))
    assert signed.rule.policy_id == "DEF-TAT-IP"
    assert signed.due_at == monday + DAY
    other = clock_of(waits(trust, performed_at=monday))
    assert other.rule.policy_id == "UK-TAT-MAX"


def test_a_local_limit_of_which_nobody_is_told_is_not_loaded(trust: Trust, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="DEF-TAT-IP"):
        load_policy(with_inpatient_limit(tmp_path, ladder=""))


def test_a_report_is_filed_though_no_limit_is_in_force(trust: Trust, tmp_path: Path) -> None:
    folder = own_copy(tmp_path)
    rungs = (folder / "ladders.csv").read_text().splitlines(keepends=True)
    kept = [line for line in rungs if not line.startswith("UK-TAT-MAX")]
    (folder / "ladders.csv").write_text("".join(kept))
    load_policy(folder)
    examination = reported(trust, status=PRELIMINARY)
    assert running(examination) is None
    with pytest.raises(PolicyError, match="load_policy"):
        expect_report(examination)
    load_policy()
    assert expect_report(examination) is not None


# --- A database from before ----------------------------------------------------------------------


def test_what_was_here_before_the_clock_is_expected_once(trust: Trust) -> None:
    """As after an upgrade: the rows are there, and nobody has ever expected anything."""
    unreported(trust, performed_at=ago(40)), unreported(trust, performed_at=None)
    waits(trust), reported(trust)
    say(waits(trust), trust.coordinator)
    for expected in ("1 clock missing", "1 clock started, 1 of them late", "0 clocks started"):
        out = StringIO()
        call_command("start_missing_clocks", dry_run="missing" in expected, stdout=out)
        assert expected in out.getvalue()
    assert Examination.objects.waiting().count() == 2


# --- Who hears ------------------------------------------------------------------------------------


def test_who_follows_a_wait(trust: Trust) -> None:
    examination = waits(trust, 3)
    manager = trust.add(team=reporting_team(trust, site=trust.site))
    follow = {
        name
        for name, person in {
            **{name: getattr(trust, name) for name in ("coordinator", "governance", "referrer")},
            "radiologist": trust.radiologist,
            "administrator": trust.administrator,
            "manager": manager,
            "other": a_trust().coordinator,
            "left": trust.add(Role.COORDINATOR, is_active=False),
        }.items()
        if Examination.objects.followed_by(person).filter(pk=examination.pk).exists()
    }
    assert follow == {"coordinator", "governance", "manager"}


# --- Records that are merged ----------------------------------------------------------------------


def test_a_wait_goes_with_its_patient_and_back(trust: Trust) -> None:
    waiting = waits(trust, 3)
    kept = reported(trust).patient
    merged = waiting.patient
    clock = clock_of(waiting)
    merge = merge_patients(keep=kept, merged=merged, because="One.", by=trust.coordinator)
    waiting.refresh_from_db()
    assert (waiting.patient, clock_of(waiting)) == (kept, clock)
    undo_merge(merge=merge, because="Two.", by=trust.coordinator)
    waiting.refresh_from_db()
    assert (waiting.patient, clock_of(waiting)) == (merged, clock)


def test_one_that_came_after_a_merge_is_offered_when_it_is_undone(trust: Trust) -> None:
    kept, merged = report(trust).examination.patient, report(trust).examination.patient
    merge = merge_patients(keep=kept, merged=merged, because="One.", by=trust.coordinator)
    waiting = waits(trust, 3, patient=kept)
    assert waiting in came_since(merge)
