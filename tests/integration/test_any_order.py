"""The whole case in any order: whatever people do, and however late the engine is, what must always
hold holds after every move.

Hypothesis chooses the moves. `make test` plays a few short cases, the same each time; for many and
other ones: CASES=200 MOVES=60 python -m pytest tests/integration/test_any_order.py
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from findings import reach
from findings.arrivals import ArrivingPatient, ArrivingStatus
from findings.models import (
    Action,
    Audience,
    Category,
    Event,
    Finding,
    PatientChange,
    Person,
    Receipt,
    ReportStatus,
    Step,
)
from findings.models.cover import away_on
from findings.rules import Refused
from findings.services.acknowledge import (
    accept_offer,
    acknowledge_finding,
    acknowledgers,
    decline_finding,
    hand_over_finding,
    take_acknowledgement_back,
)
from findings.services.act import record_action, record_patient_told
from findings.services.change_category import change_category
from findings.services.close import close_finding, withdraw_finding
from findings.services.leave import set_leave
from findings.services.leavers import findings_held_through, leave_team, say_goodbye
from findings.services.merge import merge_patients
from findings.services.offer import offer_finding, refuse_offer, take_offer_back
from findings.services.patient_change import Change, confirm_owner, record_change, undo_change
from findings.services.pause import hold_letter, snooze
from findings.services.phone import Call, record_call
from findings.services.receive import receive_report
from findings.services.timeline import lock
from findings.states import CLOCK_OF, ClockKind, State
from findings.words import local
from notifications import inbox, watchdog
from notifications.channels.base import Permanent, Transient, Unknown
from notifications.escalation import fire_finding
from notifications.models import Channel, DeliveryReceipt, Notification
from notifications.outcomes import settle
from notifications.receipts import Told, take_receipt
from tests.factories import Trust, a_trust, arriving, flagged, reported
from tests.integration.telling import next_turn

# Long enough ago that jumps of weeks cross both changes of the clocks before it is today.
BEGAN = timedelta(days=400)
# What is said aloud of a clock with nothing to come.
AT_ITS_END = {ClockKind.TELL_PATIENT: "everybody was told that the patient has not been"}
CATEGORIES = ["critical", "urgent", "cancer", "significant_unexpected", "follow_up_recommended"]
JUMPS = st.sampled_from(
    [
        timedelta(minutes=7),
        timedelta(hours=1),
        timedelta(hours=5),
        timedelta(days=1),
        timedelta(days=6),
        timedelta(days=30),
    ]
)
HOLDERS = st.sampled_from(["referrer", "colleague", "responsible"])
# Whoever holds it now, so that cases come far; whoever may answer, too; and whoever may not.
OWNER = "owner"
WHO = st.sampled_from([OWNER, OWNER, "colleague", "responsible", "coordinator", "radiologist"])
# Of the mail server; and where there is none, it took the message over.
ANSWERS = {
    "not now": Transient("451 Try again later."),
    "nobody knows": Unknown("The connection ended."),
    "refused": Permanent("554 Refused."),
    "no such mailbox": Permanent("550 No such mailbox.", address_is_bad=True),
}
WHO_GOES = st.sampled_from([OWNER, "colleague", "responsible"])


class AnyOrder(RuleBasedStateMachine):
    """One finding, its people, and a clock on the wall that only this machine moves."""

    trust: Trust
    finding: Finding
    at: datetime

    def __init__(self) -> None:
        super().__init__()
        self._case = transaction.atomic()
        self._case.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._case.__exit__(None, None, None)

    @initialize(category=st.sampled_from(CATEGORIES), jump=JUMPS)
    def is_flagged(self, category: str, jump: timedelta) -> None:
        self.trust = a_trust()
        self.at = timezone.now() - BEGAN + jump
        asked = self.at - timedelta(hours=3)
        examination = reported(self.trust, performed_at=asked, reported_at=asked)
        advised = local(self.at).date() + timedelta(days=90)
        on = {"recommended_on": advised} if category == "follow_up_recommended" else {}
        self.finding = flagged(
            self.trust, category=category, at=self.at, examination=examination, **on
        )

    # --- Time ---------------------------------------------------------------------------------

    @rule(jump=JUMPS)
    def time_passes(self, jump: timedelta) -> None:
        self.at = min(self.at + jump, timezone.now() - timedelta(minutes=1))

    @rule()
    def the_engine_runs(self) -> None:
        fired = fire_finding(lock(self.finding), at=self.at)
        event(f"fired {min(fired.steps, 3)} steps")
        due = (
            self._now()
            .steps.unfired()
            .filter(falls_at__lte=self.at, clock__stopped_at__isnull=True)
        )
        assert not due.exists(), "something is due and did not fire"

    # --- People -------------------------------------------------------------------------------

    @rule(who=WHO)
    def acknowledges(self, who: str) -> None:
        self._tries(acknowledge_finding, by=self._person(who), plan="I will see the patient.")

    @rule(who=WHO, to=st.one_of(st.none(), HOLDERS))
    def declines(self, who: str, to: str | None) -> None:
        named = self._person(to) if to else None
        self._tries(decline_finding, by=self._person(who), because="Not mine.", to=named)

    @rule(who=WHO)
    def says_it_was_a_mistake(self, who: str) -> None:
        self._tries(take_acknowledgement_back, by=self._person(who), because="Another patient.")

    @rule(who=WHO, to=HOLDERS)
    def offers(self, who: str, to: str) -> None:
        self._tries(offer_finding, by=self._person(who), because="Away.", to=self._person(to))

    @rule(who=WHO)
    def accepts(self, who: str) -> None:
        self._tries(accept_offer, by=self._person(who), plan="Clinic next week.")

    @rule(who=WHO)
    def refuses(self, who: str) -> None:
        self._tries(refuse_offer, by=self._person(who), because="Not for me.")

    @rule(who=WHO)
    def takes_back(self, who: str) -> None:
        self._tries(take_offer_back, by=self._person(who))

    @rule(to=HOLDERS)
    def is_handed_over(self, to: str) -> None:
        self._tries(
            hand_over_finding,
            by=self.trust.coordinator,
            to=self._person(to),
            because="They are away.",
        )

    @rule(
        who=st.sampled_from(["radiologist", "coordinator", "referrer"]),
        to=st.sampled_from(CATEGORIES),
        later=st.sampled_from(["", "", "Agreed."]),
    )
    def changes_its_category(self, who: str, to: str, later: str) -> None:
        self._tries(
            change_category,
            by=self._person(who),
            category=Category.objects.get(code=to),
            because="As the clinicians say.",
            later_because=later,
            primary_site="Unknown",
        )

    @rule(who=WHO, days=st.integers(0, 60))
    def acts(self, who: str, days: int) -> None:
        self._tries(
            record_action,
            by=self._person(who),
            kind=Action.Kind.IMAGING,
            text="CT requested.",
            result_expected_on=local(self.at).date() + timedelta(days=days),
        )

    @rule(who=WHO)
    def tells_the_patient(self, who: str) -> None:
        how = Finding.ToldHow.TELEPHONE
        self._tries(record_patient_told, by=self._person(who), how=how, told_at=self.at)

    @rule(who=WHO)
    def closes(self, who: str) -> None:
        self._tries(close_finding, by=self._person(who), outcome=Finding.Outcome.NOTHING)

    @rule(who=st.sampled_from(["radiologist", "coordinator", "referrer"]))
    def withdraws(self, who: str) -> None:
        self._tries(withdraw_finding, by=self._person(who), because="Another patient.")

    @rule(who=WHO, takes_it_on=st.booleans(), to=HOLDERS)
    def is_telephoned(self, who: str, takes_it_on: bool, to: str) -> None:
        call = Call(
            called_at=self.at,
            said="Nodule, CT advised.",
            was_read_back=True,
            spoke_to=self._person(to),
            plan="I will see them." if takes_it_on else "",
        )
        self._tries(record_call, by=self._person(who), call=call)

    @rule(who=WHO, hours=st.sampled_from([1, 24, 24 * 7]))
    def snoozes(self, who: str, hours: int) -> None:
        until = self.at + timedelta(hours=hours)
        self._tries(snooze, by=self._person(who), because="Clinic is tomorrow.", until_at=until)

    @rule(who=WHO, days=st.integers(1, 20))
    def holds_the_letter(self, who: str, days: int) -> None:
        until = self.at + timedelta(days=days)
        self._tries(hold_letter, by=self._person(who), because="Seen on Thursday.", until_at=until)

    @rule(who=WHO_GOES, deputy=st.one_of(st.none(), HOLDERS), days=st.integers(0, 14))
    def goes_on_leave(self, who: str, deputy: str | None, days: int) -> None:
        person, today = self._person(who), local(self.at).date()
        with self._refusal("leave"):
            set_leave(
                person=person,
                by=person,
                first_on=today,
                last_on=today + timedelta(days=days),
                deputy=self._person(deputy) if deputy else None,
                at=self.at,
            )

    @rule(who=WHO_GOES)
    def leaves_for_good(self, who: str) -> None:
        person = self._person(who)
        if person.is_active:
            by = self.trust.coordinator
            say_goodbye(person=person, by=by, because="Another trust.", at=self.at)

    @rule(who=WHO_GOES)
    def leaves_the_team(self, who: str) -> None:
        """What they hold through it stays with it, as ever after leaving."""
        person, team = self._person(who), self._now().team
        leave_team(person=person, team=team, by=None, at=self.at)
        assert not findings_held_through(team, person).exists()

    # --- Messages -----------------------------------------------------------------------------

    @rule(answers=st.lists(st.sampled_from([None, *ANSWERS]), min_size=1), looks=st.booleans())
    def messages_are_sent(self, answers: list[str | None], looks: bool) -> None:
        """What is due, by e-mail; what is shown in the application is there at once, and somebody
        may look."""
        self.the_engine_runs()
        inbox.show(100)
        if looks:
            Notification.objects.unread().update(seen_at=self.at)
        for answer in answers:
            turn = next_turn()
            if turn is None:
                return
            with self._ladder_does_not_wait_for(turn.notification):
                outcome = settle(turn, ANSWERS[answer] if answer else None)
            event(f"message {outcome}")

    @rule(
        outcome=st.sampled_from(DeliveryReceipt.Outcome),
        address_is_bad=st.booleans(),
        which=st.integers(0, 5),
    )
    def a_receipt_comes_back(
        self, outcome: DeliveryReceipt.Outcome, address_is_bad: bool, which: int
    ) -> None:
        """Of any message that went, however late, twice or against an earlier one."""
        went = Notification.objects.filter(finding=self.finding, attempts__isnull=False)
        sent = list(went.exclude(channel=Channel.IN_APP).distinct().order_by("-pk"))
        if not sent:
            return
        told = Told(str(sent[which % len(sent)].public_id), outcome, address_is_bad=address_is_bad)
        with self._ladder_does_not_wait_for(sent[which % len(sent)]):
            is_new = take_receipt(told)
        assert not take_receipt(told), "a receipt counts once"
        event(f"receipt {outcome}: {'new' if is_new else 'known'}")

    @contextmanager
    def _ladder_does_not_wait_for(self, message: Notification) -> Iterator[None]:
        """Where the last message of a step fails by which somebody could hear, and whose clock
        runs, the next step falls at once. It happens at this machine's time."""
        could_hear = Notification.objects.filter(step=message.step).filter(
            Q(status__in=["queued", "sending", "sent"]) & ~Q(channel=Channel.IN_APP)
            | Q(seen_at__isnull=False)
        )
        clock = message.step.clock.in_force
        later = clock.steps.filter(level__gt=message.step.level)
        coming = clock.steps.unfired().filter(falls_at__gt=self.at).exists()
        could_before = could_hear.exists()
        with (
            patch("notifications.outcomes.database_now", lambda: self.at),
            patch("notifications.receipts.database_now", lambda: self.at),
        ):
            yield
        failed = could_before and not could_hear.exists()
        asks = message.step.level > 0 or message.step.audience == Audience.OWNER
        if failed and asks and clock.is_running and coming:
            climbed = clock.steps.unfired().filter(brought_forward_to=self.at)
            assert climbed.exists() or later.filter(fired_at__isnull=False).exists()

    # --- What becomes of the report and the patient -------------------------------------------

    @rule(
        status=st.sampled_from([ArrivingStatus.CORRECTED] * 2 + [ArrivingStatus.WITHDRAWN]),
        says=st.sampled_from(["Nodule of 14 mm.", "No nodule."]),
    )
    def a_later_version_of_the_report_comes(self, status: ArrivingStatus, says: str) -> None:
        """From its sender, as in life: with other words, the same again, or a withdrawal."""
        finding = self._now()
        examination = finding.examination
        newest = examination.reports.latest("reported_at").reported_at
        coming = arriving(
            self.trust,
            accession=examination.accession,
            patient=ArrivingPatient(nhs_number=examination.patient.nhs_number or ""),
            status=status,
            text=says,
            reported_at=newest + timedelta(seconds=1),
        )
        outcome, report = receive_report(sender=self.trust.sender, arriving=coming, at=self.at)
        event(f"report {status}: {outcome} while {finding.state}")
        now = self._now()
        if finding.state == State.WITHDRAWN:
            assert now.state == State.WITHDRAWN, "nothing that arrives undoes a withdrawal"
        elif outcome == Receipt.Outcome.NEW_VERSION:
            assert now.report == report
            words_differ = finding.report.text.split() != says.split()
            if words_differ and ReportStatus.WITHDRAWN not in (finding.report.status, status):
                assert now.state == State.AWAITING, "other words ask for an answer"

    @rule(kind=st.sampled_from(PatientChange.Kind), by_a_person=st.booleans())
    def something_becomes_of_the_patient(self, kind: PatientChange.Kind, by_a_person: bool) -> None:
        record_change(
            patient=self._now().examination.patient,
            change=Change(kind, self.at),
            by=self.trust.coordinator if by_a_person else None,
            at=self.at,
        )

    @rule()
    def that_was_a_mistake(self) -> None:
        patients = self._now().examination.patient.family()
        change = PatientChange.objects.standing().filter(patient__in=patients).first()
        if change is not None:
            undo_change(
                change=change, because="Another patient.", by=self.trust.coordinator, at=self.at
            )

    @rule(who=WHO)
    def says_that_it_is_still_theirs(self, who: str) -> None:
        self._tries(confirm_owner, by=self._person(who), text="I rang their team.")

    @rule()
    def the_patient_is_merged(self) -> None:
        other = reported(self.trust).patient
        merge_patients(
            keep=other,
            merged=self._now().examination.patient,
            because="One person.",
            by=self.trust.coordinator,
            at=self.at,
        )
        assert self._now().examination.patient == other

    # --- What must always hold ----------------------------------------------------------------

    @invariant()
    def the_database_would_commit(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    @invariant()
    def it_has_one_owner_who_works_here(self) -> None:
        finding = self._now()
        assert (finding.owner_person is None) is (finding.owner_team is not None)
        if finding.is_open and finding.owner_person:
            assert finding.owner_person.is_active

    @invariant()
    def open_means_the_clock_of_its_state_runs_and_ended_that_none_does(self) -> None:
        finding = self._now()
        running = list(
            finding.clocks.filter(stopped_at__isnull=True).values_list("kind", flat=True)
        )
        assert len(running) == len(set(running)), "two clocks of one kind run"
        if finding.is_open:
            assert CLOCK_OF[State(finding.state)] in running
        else:
            assert not running
            assert not finding.steps.unfired().exists()

    @invariant()
    def nothing_fires_early_twice_or_after_the_stop(self) -> None:
        steps = Step.objects.filter(finding=self.finding)
        fired = steps.filter(fired_at__isnull=False)
        assert not fired.filter(
            Q(fired_at__lt=F("falls_at")) | Q(fired_at__gt=F("clock__stopped_at"))
        ).exists()
        lines = self.finding.events.filter(kind=Event.Kind.STEP_FIRED)
        assert lines.count() == fired.count()
        told = Notification.objects.filter(finding=self.finding)
        twice = told.values("step", "route").annotate(times=Count("pk")).filter(times__gt=1)
        assert not twice.exists()
        stopped = steps.unfired().filter(clock__stopped_at__isnull=False)
        assert not stopped.exists(), "a stopped clock still has steps to fire"

    @invariant()
    def whoever_answered_for_it_hears_that_it_was_withdrawn(self) -> None:
        """But for who is away, has left since, or withdrew it."""
        finding = self._now()
        if finding.withdrawn_at is None:
            return
        told = Notification.objects.filter(finding=finding, step__audience=Audience.WITHDRAWN)
        heard = set(told.values_list("recipient", flat=True))
        away = away_on(local(finding.withdrawn_at).date())
        here = Person.objects.active().filter(pk__in=acknowledgers(finding.pk) - away.keys())
        assert {one.pk for one in here} - {finding.withdrawn_by_id} <= heard

    @invariant()
    def no_promise_moved_farther(self) -> None:
        late = Q(falls_at__gt=F("due_at")) & Q(waits_until__isnull=True)
        assert not self._now().steps.filter(late).exists()
        waits = self._now().steps.filter(waits_until__isnull=False)
        assert not waits.filter(waits_until__gt=F("clock__due_at"), clock__kind="act").exists()

    @invariant()
    def nobody_is_asked_to_write_to_the_dead_before_the_limit(self) -> None:
        finding = self._now()
        letter = finding.steps.unfired().filter(
            clock__kind="tell_patient", clock__stopped_at=None, level__gt=0
        )
        if finding.examination.patient.death() is not None:
            before = letter.filter(falls_at__lt=F("clock__due_at"), clock__due_at__gt=self.at)
            assert not before.exists()
        else:
            assert not finding.pauses.deaths().exists()

    @invariant()
    def no_promise_was_replaced_by_a_later_one_without_a_reason(self) -> None:
        later = Q(due_at__gt=F("replaces__due_at"), later_because="")
        assert not self.finding.clocks.filter(later).exists()

    @invariant()
    def its_timeline_is_whole(self) -> None:
        said = StringIO()
        call_command("verify_timeline", self.finding.reference, stdout=said, stderr=said)

    @invariant()
    def what_comes_reaches_somebody_or_is_said_aloud(self) -> None:
        finding, planned = self._now(), []
        for clock in finding.clocks.filter(stopped_at__isnull=True):
            coming = list(clock.steps.unfired())
            ladder = [one for one in coming if one.level > 0]
            if ladder:
                planned.append([one.planned for one in ladder])
            elif not coming:
                said = [str(sentence) for sentence in watchdog.look()]
                ended = AT_ITS_END.get(clock.kind, "went up the whole ladder")
                assert any(ended in sentence for sentence in said), (clock.kind, said)
        subject = reach.Subject.of(finding)  # all promises in one question: it is asked often
        for shown in reach.previews([(subject, steps) for steps in planned]) if planned else []:
            assert any(one.reaches_somebody for one in shown)

    # --- How -----------------------------------------------------------------------------------

    def _now(self) -> Finding:
        return Finding.objects.select_related("owner_person", "owner_team").get(pk=self.finding.pk)

    def _person(self, name: str) -> Person:
        """The owner: who holds it, or, while a team does, a member of it."""
        if name == OWNER:
            return self._now().owner_person or self._person("colleague")
        return Person.objects.get(pk=getattr(self.trust, name).pk)

    def _tries(self, do: Callable[..., Any], **what: Any) -> None:
        with self._refusal(do.__name__):
            do(finding=self._now(), at=self.at, **what)

    @contextmanager
    def _refusal(self, what: str) -> Iterator[None]:
        """A sentence that refuses is an answer; whatever else goes wrong is a fault."""
        try:
            with transaction.atomic():
                yield
            event(f"{what}: done")
        except (*Refused, ValueError):
            event(f"{what}: refused")


@pytest.mark.long
@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_promises_hold() -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=int(os.environ.get("CASES", "8")),
            stateful_step_count=int(os.environ.get("MOVES", "20")),
            derandomize="CASES" not in os.environ,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
