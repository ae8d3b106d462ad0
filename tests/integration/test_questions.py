"""A question to the radiologist and its answer: who is told, who may, and what neither changes."""

import pytest
from django.core import mail
from django.urls import reverse

from findings.models import Audience, Event, Finding, Question, Role, Step
from findings.rules import NotAllowed
from findings.services.ask import answer_question, ask_radiologist
from findings.services.close import withdraw_finding
from notifications.models import Route
from notifications.rounds import deliver
from tests.factories import Trust, a_trust, flagged
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

WHY = "Is it new since the film of March?"
SAYS = "Yes: it was not there."
FLAGS = reverse("my-flags")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def of(name: str, finding: Finding) -> str:
    return reverse(name, args=[finding.reference])


def clocks(finding: Finding) -> list[tuple]:
    return list(finding.clocks.order_by("pk").values_list("kind", "due_at", "stopped_at"))


def told(finding: Finding, audience: Audience) -> list:
    return list(finding.notifications.filter(step__audience=audience, channel="email"))


def test_it_is_asked_and_answered_in_one_place_and_each_is_told(trust: Trust) -> None:
    finding, asker, radiologist = flagged(trust), signed_in(trust.colleague), trust.radiologist
    before = clocks(finding)
    assert "Questions that wait" not in words_of(signed_in(radiologist).get(FLAGS))
    assert fill_in(asker, of("ask", finding), {"text": " "}).status_code == 422
    page = words_of(asker.get(of("ask", finding)))
    assert f"Who will be told {radiologist}" in page
    assert fill_in(asker, of("ask", finding), {"text": WHY}).status_code == 302
    assert WHY in words_of(asker.get(of("finding", finding)))
    again = fill_in(asker, of("ask", finding), {"text": WHY})
    assert again.status_code == 422
    assert "asked this already" in words_of(again)
    assert "No limit is kept for it" in words_of(asker.get(of("finding", finding)))

    (message,) = told(finding, Audience.QUESTION)
    assert message.recipient == radiologist
    deliver()
    sent = mail.outbox[-1]
    assert sent.to == [radiologist.email]
    assert sent.subject == f"Critical: a question for the radiologist ({finding.reference})"
    patient = finding.examination.patient
    for secret in (WHY, finding.description, patient.family_name, patient.nhs_number):
        assert secret not in sent.subject + sent.body

    answering = signed_in(radiologist)
    waiting = words_of(answering.get(FLAGS))
    assert waiting.index(WHY) < waiting.index("What you flagged")
    assert f"{trust.colleague} asks: {WHY}" in words_of(
        answering.get(of("answer-question", finding))
    )
    sent_back = fill_in(answering, of("answer-question", finding), {"text": SAYS})
    assert sent_back.status_code == 302
    assert WHY not in words_of(answering.get(FLAGS))
    (reply,) = told(finding, Audience.REPLY)
    assert reply.recipient == trust.colleague
    deliver()
    assert mail.outbox[-1].to == [trust.colleague.email]
    assert SAYS not in mail.outbox[-1].body
    said = words_of(asker.get(of("finding", finding)))
    shown = [f"{trust.colleague} asked", f"{radiologist} answered"]
    shown += ["Asked the radiologist.", "Answered the question."]
    assert [words for words in shown if words not in said] == []
    assert clocks(finding) == before
    finding.refresh_from_db()
    assert finding.state == "awaiting"
    ask_radiologist(finding=finding, by=trust.referrer, text="And the other lung?")


def test_where_whoever_flagged_it_cannot_be_told_the_site_is(trust: Trust) -> None:
    finding = flagged(trust)
    other = trust.add(Role.RADIOLOGIST, site=trust.site)
    stranger = a_trust().radiologist
    assert signed_in(other).get(of("finding", finding)).status_code == 404
    Route.objects.filter(person=trust.radiologist).delete()
    ask_radiologist(finding=finding, by=trust.referrer, text=WHY)
    assert [one.recipient for one in told(finding, Audience.QUESTION)] == [other]

    assert signed_in(stranger).get(of("answer-question", finding)).status_code == 404
    assert WHY not in words_of(signed_in(stranger).get(FLAGS))
    client = signed_in(other)
    assert WHY in words_of(client.get(FLAGS))
    assert fill_in(client, of("answer-question", finding), {"text": SAYS}).status_code == 302
    assert Question.objects.get().answered_by == other
    for person in (trust.radiologist, other):
        with pytest.raises(NotAllowed, match="No question waits"):
            answer_question(question=Question.objects.get(), by=person, text="Again.")


def test_who_may_not_ask_and_that_an_ended_finding_is_still_answered(trust: Trust) -> None:
    finding = flagged(trust)
    for person in (trust.radiologist, trust.add(Role.REFERRER), a_trust().referrer):
        with pytest.raises(NotAllowed):
            ask_radiologist(finding=finding, by=person, text=WHY)
    asked = ask_radiologist(finding=finding, by=trust.referrer, text=WHY)
    with pytest.raises(NotAllowed):
        answer_question(question=asked, by=trust.referrer, text=SAYS)
    withdraw_finding(finding=finding, by=trust.radiologist, because="An old film.")
    answer_question(question=asked, by=trust.radiologist, text=SAYS)
    assert Step.objects.filter(finding=finding, audience=Audience.REPLY).exists()
    with pytest.raises(NotAllowed, match="has ended"):
        ask_radiologist(finding=finding, by=trust.referrer, text=WHY)
    assert finding.events.filter(kind=Event.Kind.REPLIED).count() == 1


def test_the_lists_cost_is_flat_as_questions_grow(trust: Trust) -> None:
    client = signed_in(trust.radiologist)
    ask_radiologist(finding=flagged(trust), by=trust.referrer, text=WHY)
    few = queries_without_banner(client, FLAGS)
    for _ in range(4):
        ask_radiologist(finding=flagged(trust), by=trust.referrer, text=WHY)
    assert queries_without_banner(client, FLAGS) == few <= 16


def test_the_page_of_a_finding_costs_the_same_however_much_is_asked(trust: Trust) -> None:
    finding = flagged(trust, category="significant_unexpected")
    ask_radiologist(finding=finding, by=trust.referrer, text=WHY)
    address = reverse("finding", args=[finding.reference])
    for person in (trust.referrer, trust.colleague, trust.radiologist, trust.coordinator):
        few = queries_without_banner(signed_in(person), address)
        asked = trust.add(Role.REFERRER, team=trust.team)
        ask_radiologist(finding=finding, by=asked, text=WHY)
        assert queries_without_banner(signed_in(person), address) == few <= 25, person.roles
