"""A question that nobody answers: its own promise, whom it climbs to, and what ends it."""

import re
from datetime import datetime, time, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.models import Action, Audience, Clock, Finding, Person, Question, Role, Rule, Team
from findings.rules import NotAllowed
from findings.services.act import record_action, record_patient_told
from findings.services.ask import answer_question, ask_radiologist
from findings.services.close import close_finding, withdraw_finding
from findings.services.flag import reopen_finding
from findings.services.policy import DEMONSTRATION_ROWS, PolicyError, load_policy
from findings.services.rota import add_entry, make_post
from findings.services.timeline import lock
from findings.shifts import ZONE, Shift
from findings.states import ClockKind
from notifications import watchdog
from notifications.firing import fire_due_steps
from notifications.models import Route
from notifications.rounds import deliver
from tests.factories import TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.integration.policy_files import change, own_copy, with_question_limit
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

WHY, ALSO = "Is it new since the film of March?", "Which lobe is it in?"
FLAGS = reverse("my-flags")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def other(trust: Trust) -> Person:
    return trust.add(Role.RADIOLOGIST, site=trust.site)


@pytest.fixture(autouse=True)
def _limit(tmp_path: Path) -> None:
    with_question_limit(tmp_path)


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def asked(finding: Finding, by: Person, minutes: float, text: str = WHY) -> Question:
    return ask_radiologist(finding=finding, by=by, text=text, at=ago(minutes))


def told(finding: Finding, level: int) -> set[Person]:
    messages = finding.notifications.filter(step__clock__kind="answer", step__level=level)
    return {one.recipient for one in messages.select_related("recipient")}


def closed(trust: Trust, finding: Finding) -> None:
    by, today = trust.referrer, timezone.localdate()
    fields = {"kind": Action.Kind.NONE, "text": "Known.", "result_expected_on": today}
    record_action(finding=finding, by=by, **fields)
    record_patient_told(finding=finding, by=by, how=Finding.ToldHow.IN_PERSON)
    close_finding(finding=finding, by=by, outcome=Finding.Outcome.KNOWN)


def others(finding: Finding) -> list[tuple]:
    """The clocks of the finding itself."""
    clocks = finding.clocks.exclude(kind="answer").order_by("pk")
    return list(clocks.values_list("kind", "due_at", "stopped_at"))


def of(name: str, finding: Finding) -> str:
    return reverse(name, args=[finding.reference])


def test_it_climbs_from_the_radiologist_to_the_coordinators_and_ends_with_the_answer(
    trust: Trust, other: Person
) -> None:
    finding = flagged(trust, category="significant_unexpected")
    before = others(finding)
    page = words_of(signed_in(trust.referrer).get(of("ask", finding)))
    assert "The answer is due" in page
    assert "(in 1 hour)" in page
    assert "coordinators" in page
    asked(finding, trust.referrer, 30)
    assert Question.objects.late(timezone.now()).count() == 0
    fire_due_steps()
    assert not told(finding, 1)
    shown = words_of(signed_in(trust.referrer).get(of("finding", finding)))
    assert "Answer due" in shown
    assert "What happens without an answer to it" in shown
    ladder = shown.split("What happens next without an answer")[1]
    assert "question not answered" not in ladder, "that is another promise"

    late = asked(finding, trust.colleague, 61, ALSO)
    assert list(Question.objects.late(timezone.now())) == [late]
    desk = words_of(signed_in(trust.coordinator).get(reverse("desk")))
    assert "A question that nobody has answered" in desk
    assert f"{trust.colleague} asked, " in desk
    assert "And 1 other question." in desk
    fire_due_steps()
    assert told(finding, 1) == {trust.radiologist}
    deliver()
    (sent,) = [one for one in mail.outbox if "please answer a question" in one.subject]
    assert sent.to == [trust.radiologist.email]
    assert "1 minute late" in sent.subject
    assert "you flagged this finding" in sent.body
    assert ALSO not in sent.body
    assert finding.examination.patient.family_name not in sent.body
    assert "Answer was due" in words_of(signed_in(trust.radiologist).get(FLAGS))

    week = 7 * 24 * 60
    oldest = asked(finding, trust.coordinator, week, "Was there an earlier CT?")
    fire_due_steps()
    # What fell due together is one message each, at the level that is due now.
    assert told(finding, 5) >= {trust.radiologist, other, trust.coordinator}
    assert others(finding) == before
    assert finding.clocks.running(ClockKind.ANSWER).count() == 3
    assert Finding.objects.overdue(timezone.now()).count() == 0, "its holder is not late"

    answer_question(question=oldest, by=other, text="No.")
    assert oldest.clocks.get().stopped_because == Clock.StoppedBecause.ANSWERED
    assert finding.clocks.running(ClockKind.ANSWER).count() == 2
    replies = finding.notifications.filter(step__audience=Audience.REPLY)
    assert {one.recipient for one in replies} == {trust.coordinator}
    assert others(finding) == before


def test_of_several_it_is_said_which_is_answered_and_who_was_first(
    trust: Trust, other: Person
) -> None:
    finding = flagged(trust)
    first = asked(finding, trust.referrer, 5)
    one, two = signed_in(trust.radiologist), signed_in(other)
    answer = of("answer-question", finding)
    assert f'name="question" value="{first.pk}"' in one.get(answer).content.decode()
    second = asked(finding, trust.colleague, 4, ALSO)
    assert fill_in(one, answer, {"text": "Yes."}).status_code == 422, "it does not say which"
    page = words_of(two.get(answer))
    assert f"{trust.referrer} asks: {WHY}" in page
    assert f"{trust.colleague} asks: {ALSO}" in page
    flags = one.get(FLAGS).content.decode()
    assert f'href="{answer}?question={second.pk}"' in flags
    chosen = one.get(f"{answer}?question={second.pk}").content.decode()
    assert re.search(rf'value="{second.pk}"[^>]* checked', chosen)
    assert not re.search(rf'value="{first.pk}"[^>]* checked', chosen)
    assert one.get(f"{answer}?question=odd&seen=9").status_code == 200
    assert fill_in(one, answer, {"question": str(second.pk), "text": "Upper."}).status_code == 302
    late = two.post(answer, {"question": str(second.pk), "text": "The left upper lobe."})
    assert late.status_code == 422
    assert "Somebody else has answered that question" in words_of(late)
    assert "The left upper lobe." in words_of(late), "what was typed stays"
    with pytest.raises(NotAllowed, match=f"{trust.radiologist} answered it"):
        answer_question(question=second, by=other, text="Left.")
    assert list(Question.objects.open()) == [first]
    shown = words_of(one.get(of("finding", finding)))
    assert shown.index(f"{trust.colleague} asked") < shown.index("Upper.")
    assert fill_in(two, answer, {"text": "Yes."}).status_code == 302
    assert one.get(answer).status_code == 403
    assert f"{other} answered it" in words_of(one.get(answer))


def test_it_ends_with_the_finding_and_goes_on_when_that_is_open_again(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, category="significant_unexpected"))
    question = asked(finding, trust.referrer, 90)
    with transaction.atomic():
        reopen_finding(finding=lock(finding), because="Other words.", at=timezone.now())
    assert question.clocks.count() == 1, "one that runs is not started twice"
    closed(trust, acknowledged(trust, finding))
    assert question.clocks.get().stopped_because == Clock.StoppedBecause.CLOSED
    assert not Question.objects.late(timezone.now()).exists()
    fire_due_steps()
    assert not told(finding, 1)
    with transaction.atomic():
        reopen_finding(finding=lock(finding), because="Other words.", at=timezone.now())
    again = question.clocks.get(stopped_at=None)
    assert again.started_at == question.asked_at, "nobody gains time"
    fire_due_steps()
    assert told(finding, 1) == {trust.radiologist}
    withdraw_finding(finding=finding, by=trust.radiologist, because="An old film.")
    again.refresh_from_db()
    assert again.stopped_because == Clock.StoppedBecause.WITHDRAWN


def test_the_nearest_limit_that_is_signed_holds_and_the_shipped_rows_have_none(
    trust: Trust, tmp_path: Path
) -> None:
    finding = flagged(trust, category="critical")
    assert asked(finding, trust.referrer, 0).clocks.get().rule.policy_id == "DEF-QUESTION"
    with_question_limit(tmp_path / "own", "DEF-QUESTION-CRIT", "PT20M")
    clock = asked(finding, trust.referrer, 0, ALSO).clocks.get()
    assert clock.rule.policy_id == "DEF-QUESTION-CRIT"
    assert clock.due_at - clock.started_at == timedelta(minutes=20)
    folder = own_copy(tmp_path / "silent")
    ladders = folder / "ladders.csv"
    kept = [line for line in ladders.read_text().splitlines(True) if "DEF-QUESTION," not in line]
    ladders.write_text("".join(kept))
    load_policy(folder)  # without a number it needs no steps
    change(folder, "policy.csv", "DEF-QUESTION", acknowledge_within="PT1H")
    with pytest.raises(PolicyError, match="needs steps of answer"):
        load_policy(folder)
    load_policy()
    shipped = Rule.objects.in_force().filter(policy_id__startswith="DEF-QUESTION")
    assert set(shipped.values_list("acknowledge_within", flat=True)) == {""}
    question = asked(flagged(trust), trust.referrer, 0)
    assert not question.clocks.exists(), "unknown stays unknown"
    assert "DEF-QUESTION" in DEMONSTRATION_ROWS.read_text(encoding="utf-8")


def test_a_ladder_that_was_climbed_is_said_and_no_question_has_two_promises(
    trust: Trust,
) -> None:
    finding = flagged(trust, category="significant_unexpected")
    question = asked(finding, trust.referrer, 60 * 24 * 60)
    fire_due_steps()
    assert not question.clocks.get().steps.unfired().exists()
    said = " ".join(str(one) for one in watchdog.look())
    assert "1 question to a radiologist went up the whole ladder" in said
    clock = question.clocks.get()
    for fields in ({"question": None}, {"kind": "act"}, {}):
        row = Clock.objects.get(pk=clock.pk)
        row.pk, row.kind = None, fields.get("kind", "answer")
        row.question = fields.get("question", question)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


def test_where_the_site_has_a_duty_radiologist_they_hear(trust: Trust, other: Person) -> None:
    team = TeamFactory(organisation=trust.organisation, site=trust.site, kind=Team.Kind.RADIOLOGY)
    by = trust.coordinator
    for wrong, stands_for in ((trust.team, "radiologists"), (team, "responsible")):
        with pytest.raises(ValueError, match="belongs to its radiology team"):
            make_post(team=wrong, by=by, name="Duty", stands_for=stands_for)
    post = make_post(team=team, by=by, name="Duty", stands_for=Audience.RADIOLOGISTS)
    today = timezone.localdate()
    shift = Shift(today - timedelta(days=1), time(0), today + timedelta(days=2), time(0), ZONE)
    with pytest.raises(ValueError, match="is not a radiologist of"):
        add_entry(post=post, person=trust.referrer, shift=shift, by=by)
    add_entry(post=post, person=other, shift=shift, by=by)
    third = trust.add(Role.RADIOLOGIST, site=trust.site)
    finding = flagged(trust, category="significant_unexpected")
    asked(finding, trust.referrer, 60 + 24 * 60 + 1)
    fire_due_steps()
    assert told(finding, 2) == {trust.radiologist, other}
    Route.objects.filter(person=other).update(failed_at=timezone.now())
    asked(finding, trust.colleague, 60 + 24 * 60 + 1, ALSO)
    fire_due_steps()
    assert told(finding, 2) == {trust.radiologist, other, third}, "nobody on the rota can be told"


def counted_only() -> str:
    said = StringIO()
    call_command("start_missing_clocks", dry_run=True, stdout=said)
    return said.getvalue()


def test_what_was_asked_before_there_was_a_limit_is_counted_from_then(
    trust: Trust, tmp_path: Path
) -> None:
    load_policy()  # as shipped: none
    finding = flagged(trust, category="significant_unexpected")
    question = asked(finding, trust.referrer, 90)
    assert "0 clocks missing" in counted_only(), "no limit, no clock"
    call_command("start_missing_clocks", verbosity=0)
    assert not question.clocks.exists()
    with_question_limit(tmp_path / "own")
    assert "1 clock missing" in counted_only()
    assert not question.clocks.exists()
    for _ in range(2):
        call_command("start_missing_clocks", verbosity=0)
    clock = question.clocks.get()
    assert (clock.started_at, clock.due_at) == (
        question.asked_at,
        question.asked_at + timedelta(hours=1),
    )
    fire_due_steps()
    assert told(finding, 1) == {trust.radiologist}


def test_the_page_costs_the_same_with_many_that_wait(trust: Trust) -> None:
    finding = flagged(trust, category="significant_unexpected")
    client = signed_in(trust.referrer)
    asked(finding, trust.referrer, 5)
    few = queries_without_banner(client, of("finding", finding))
    for number in range(4):
        asked(finding, trust.colleague, 5, f"Question {number}?")
    assert queries_without_banner(client, of("finding", finding)) == few <= 25
