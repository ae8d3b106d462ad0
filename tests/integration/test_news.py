"""News: a withdrawal and a correction reach whoever acted on what was said before, once."""

import uuid
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from findings import reach
from findings.arrivals import ArrivingStatus
from findings.models import Audience, Event, Finding, Person, Role, Step
from findings.rules import NotAllowed
from findings.services.acknowledge import acknowledge_finding, hand_over_finding
from findings.services.close import withdraw_finding
from findings.services.leave import set_leave
from findings.services.phone import Call, record_call
from findings.services.timeline import database_now, record_reading
from findings.states import MoveRefused
from notifications import watchdog
from notifications.delivery import deliver_due
from notifications.firing import fire_due_steps
from notifications.models import Channel, Notification
from notifications.routes import mark_as_bounced
from tests.engine.mail import MailServer
from tests.factories import (
    RouteFactory,
    TeamFactory,
    Trust,
    acknowledged,
    flagged,
)
from tests.integration.telling import ago, fired, in_mid_send, left_behind
from tests.integration.test_asking_again import correct
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

WHY = "The scan of another patient."
Status = Notification.Status


def told(trust: Trust, **fields: Any) -> Finding:
    """Flagged, and its owner has the message."""
    finding = fired(trust, **fields)
    deliver_due()
    return finding


def withdrawn(finding: Finding, by: Person) -> Finding:
    return withdraw_finding(finding=finding, by=by, because=WHY)


def hear_of(audience: Audience, finding: Finding) -> set[Person]:
    """Whoever gets a message because of it."""
    return {
        one.recipient
        for one in Notification.objects.filter(finding=finding, step__audience=audience)
    }


def line_of(finding: Finding, audience: Audience) -> Event:
    return finding.events.get(kind=Event.Kind.STEP_FIRED, data__audience=audience)


# --- A withdrawal ------------------------------------------------------------------------------


def test_the_owner_hears_that_it_was_withdrawn(mail: MailServer, trust: Trust) -> None:
    finding = told(trust)
    withdrawn(finding, trust.radiologist)
    mail.arrived.clear()
    deliver_due()
    (arrived,) = mail.arrived
    assert arrived.to == trust.referrer.email
    reference = finding.reference
    assert arrived.message["Subject"] == f"Critical finding withdrawn: nothing to do ({reference})"
    assert "A finding that you were told of has been withdrawn." in arrived.text
    assert "Who withdrew it and why is on its page." in arrived.text
    assert f"/findings/{reference}/" in arrived.text
    for part in ("choose an answer", "late", "Critical. ", WHY, "Nodule"):
        assert part not in arrived.text
    assert Notification.objects.in_app().filter(step__audience=Audience.WITHDRAWN).count() == 1


def test_it_fires_with_the_withdrawal_itself_and_after_it_nothing_does(trust: Trust) -> None:
    finding = withdrawn(told(trust), trust.radiologist)
    step = finding.steps.get(audience=Audience.WITHDRAWN)
    assert step.due_at == step.fired_at == step.clock.stopped_at == finding.withdrawn_at
    assert line_of(finding, Audience.WITHDRAWN).data["told"] == [str(trust.referrer)]
    assert fire_due_steps().steps == 0


def test_everybody_whom_the_ladder_reached_hears_and_whoever_withdraws_does_not(
    trust: Trust,
) -> None:
    finding = told(trust, at=ago(minutes=65))
    withdrawn(finding, trust.coordinator)
    assert hear_of(Audience.WITHDRAWN, finding) == {
        trust.referrer,
        trust.colleague,
        trust.responsible,
        trust.director,
        trust.radiologist,
    }


def test_where_nobody_had_been_told_nobody_is_told(trust: Trust) -> None:
    finding = withdrawn(flagged(trust), trust.radiologist)
    assert not finding.steps.filter(audience=Audience.WITHDRAWN).exists()
    assert not Notification.objects.exists()


def test_the_radiologist_hears_when_somebody_else_takes_the_flag_back(trust: Trust) -> None:
    finding = withdrawn(flagged(trust), trust.coordinator)
    assert hear_of(Audience.WITHDRAWN, finding) == {trust.radiologist}


def test_a_message_that_still_waits_is_called_off_and_its_recipient_was_not_told(
    trust: Trust,
) -> None:
    finding = withdrawn(fired(trust), trust.radiologist)
    assert set(finding.notifications.values_list("status", flat=True)) == {Status.NOT_NEEDED}
    assert hear_of(Audience.WITHDRAWN, finding) == set()


def test_a_message_under_way_counts_as_told(trust: Trust) -> None:
    finding = fired(trust)
    in_mid_send()
    withdrawn(finding, trust.radiologist)
    assert hear_of(Audience.WITHDRAWN, finding) == {trust.referrer}


def test_a_message_that_a_sender_has_just_taken_counts_as_told(trust: Trust) -> None:
    finding = fired(trust)
    finding.notifications.filter(channel=Channel.EMAIL).update(
        status=Status.SENDING, lease_token=uuid.uuid4(), lease_until=ago(minutes=-1)
    )
    withdrawn(finding, trust.radiologist)
    assert hear_of(Audience.WITHDRAWN, finding) == {trust.referrer}


def test_whoever_read_it_as_theirs_or_was_telephoned_knows_of_it(trust: Trust) -> None:
    read, called = flagged(trust), flagged(trust)
    record_reading(finding=read, by=trust.referrer, page="finding")
    other = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    call = Call(called_at=ago(minutes=1), said="Nodule.", was_read_back=True, spoke_to=other)
    record_call(finding=called, by=trust.radiologist, call=call)
    for finding in (read, called):
        withdrawn(finding, trust.radiologist)
    assert hear_of(Audience.WITHDRAWN, read) == {trust.referrer}
    assert hear_of(Audience.WITHDRAWN, called) == {other, trust.referrer}


def test_a_former_holder_hears_and_can_read_who_withdrew_it_and_why(
    mail: MailServer, trust: Trust
) -> None:
    finding = acknowledged(trust, told(trust))
    elsewhere = TeamFactory(organisation=trust.organisation)
    holder = trust.add(Role.REFERRER, team=elsewhere)
    hand_over_finding(finding=finding, by=trust.coordinator, because="Theirs.", to=holder)
    withdrawn(finding, trust.radiologist)
    deliver_due()
    for person in (trust.referrer, holder):
        assert "is on its page" in mail.to(person.email)[-1].text
    page = signed_in(trust.referrer).get(reverse("finding", args=[finding.reference]))
    assert WHY in words_of(page)
    assert f"nothing is asked of you. You were told of it or answered for it before. {holder}" in (
        words_of(page)
    )


def test_it_is_told_once_however_often_it_is_asked(mail: MailServer, trust: Trust) -> None:
    finding = told(trust)
    withdrawn(finding, trust.radiologist)
    for by in (trust.radiologist, trust.coordinator):
        with pytest.raises(MoveRefused):
            withdrawn(finding, by)
    for _ in range(2):
        deliver_due()
        fire_due_steps()
    assert len(mail.to(trust.referrer.email)) == 2


def test_whoever_is_on_leave_is_told_through_their_deputy_or_the_team(trust: Trust) -> None:
    with_deputy, alone = told(trust), told(trust, owner=trust.responsible)
    today = timezone.localdate()
    for away, deputy in ((trust.referrer, trust.colleague), (trust.responsible, None)):
        set_leave(person=away, by=away, first_on=today, last_on=today, deputy=deputy)
    withdrawn(with_deputy, trust.radiologist)
    withdrawn(alone, trust.radiologist)
    assert hear_of(Audience.WITHDRAWN, with_deputy) == {trust.colleague}
    assert hear_of(Audience.WITHDRAWN, alone) == {trust.colleague, trust.director}
    said = line_of(with_deputy, Audience.WITHDRAWN).data["not_told"]
    assert f"{trust.colleague} stands in" in said[0]


def test_where_the_message_is_refused_the_next_way_is_tried_and_the_page_says_so(
    mail: MailServer, trust: Trust
) -> None:
    RouteFactory(person=trust.referrer, address="second@trust.example", position=3)
    finding = told(trust, category="cancer")
    mail.answers[trust.referrer.email] = "550 5.1.1 No such mailbox"
    withdrawn(finding, trust.radiologist)
    deliver_due()
    deliver_due()
    assert len(mail.to("second@trust.example")) == 1
    assert not finding.steps.unfired().exists(), "nothing is asked of anybody"
    page = words_of(signed_in(trust.radiologist).get(reverse("finding", args=[finding.reference])))
    assert f"Told of it: {trust.referrer}." in page
    assert f"A message to {trust.referrer} could not be delivered." in page
    assert "Time to tell whoever was told of it or holds it (withdrawn)" in page


def test_somebody_without_a_working_address_is_named_and_nobody_is_alarmed(trust: Trust) -> None:
    finding = told(trust)
    for route in trust.referrer.routes.all():
        mark_as_bounced(route, "550 No such mailbox")
    before = [str(sentence) for sentence in watchdog.look()]
    withdrawn(finding, trust.radiologist)
    assert finding.events.filter(kind=Event.Kind.STEP_UNREACHABLE).exists()
    assert [str(sentence) for sentence in watchdog.look()] == before


def test_the_page_says_before_the_press_who_will_be_told(trust: Trust) -> None:
    finding, client = told(trust), signed_in(trust.radiologist)
    address = reverse("withdraw", args=[finding.reference])
    shown = words_of(client.get(address))
    assert f"Who will be told {trust.referrer} (in this application, by e-mail)" in shown
    after = fill_in(client, address, {"because": WHY})
    assert f"Withdrawn. Told of it: {trust.referrer}." in words_of(client.get(after.url))
    fresh = reverse("withdraw", args=[flagged(trust).reference])
    assert "Nobody: nobody else has been told of this finding yet." in words_of(client.get(fresh))


def test_what_the_page_promises_is_what_happens(trust: Trust) -> None:
    finding = told(trust, at=ago(minutes=65))
    subject = reach.Subject.of(finding, done_by=trust.radiologist)
    step = Step(level=0, due_at=database_now(), falls_at=database_now(), audience="withdrawn")
    (shown,) = reach.preview(subject, [step.planned])
    withdrawn(finding, trust.radiologist)
    assert {one.person for one in shown.recipients} == hear_of(Audience.WITHDRAWN, finding)


def test_the_page_asks_the_database_as_much_for_one_as_for_many(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    few, many = (
        queries_without_banner(client, reverse("withdraw", args=[told(trust, at=at).reference]))
        for at in (None, ago(minutes=65))
    )
    assert few == many <= 25


def test_a_withdrawal_that_is_refused_tells_nobody(trust: Trust) -> None:
    finding = told(trust)
    with pytest.raises(NotAllowed):
        withdrawn(finding, trust.referrer)
    assert hear_of(Audience.WITHDRAWN, finding) == set()


def test_in_the_morning_news_stands_behind_what_waits_for_an_answer(
    mail: MailServer, trust: Trust, settings: Any
) -> None:
    open_one, gone = told(trust, category="cancer"), told(trust, category="cancer")
    withdrawn(gone, trust.radiologist)
    hand_over_finding(finding=open_one, by=trust.coordinator, because="You.", to=trust.referrer)
    fire_due_steps()
    Notification.objects.filter(status=Status.QUEUED).update(held_until=ago(minutes=1))
    mail.arrived.clear()
    deliver_due()
    (digest,) = mail.to(trust.referrer.email)
    assert digest.message["Subject"] == "Finding: 1 finding waits for you; news of 1 other"
    assert digest.text.index(open_one.reference) < digest.text.index(gone.reference)


# --- A correction ------------------------------------------------------------------------------


def passed_on(trust: Trust) -> tuple[Finding, Person]:
    """Acknowledged by the referrer, then handed to another team, and acknowledged there."""
    finding = acknowledged(trust, told(trust))
    holder = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    hand_over_finding(finding=finding, by=trust.coordinator, because="Theirs.", to=holder)
    return acknowledge_finding(finding=finding, by=holder, plan="Clinic."), holder


def test_whoever_acknowledged_before_hears_of_a_correction(mail: MailServer, trust: Trust) -> None:
    finding, holder = passed_on(trust)
    deliver_due()
    mail.arrived.clear()
    correct(trust, finding.examination, "Benign after all.", ArrivingStatus.CORRECTED)
    fire_due_steps()
    deliver_due()
    (news,), (asked,) = mail.to(trust.referrer.email), mail.to(holder.email)
    assert f"the report has changed ({finding.reference})" in news.message["Subject"]
    assert f"You need not answer: {holder} holds it now and is asked to." in news.text
    assert "because of it, read what changed." in news.text
    page = signed_in(trust.referrer).get(reverse("finding", args=[finding.reference]))
    assert "Benign after all." in words_of(page)
    assert "A finding needs your answer: its report has changed." in asked.text
    assert "please answer by" in asked.message["Subject"]
    for text in (news.text, asked.text):
        assert "Benign" not in text


def test_a_milder_report_and_a_withdrawn_one_are_told_too(mail: MailServer, trust: Trust) -> None:
    finding, holder = passed_on(trust)
    text = finding.report.text
    correct(trust, finding.examination, text, ArrivingStatus.WITHDRAWN)
    fire_due_steps()
    deliver_due()
    assert "its report was withdrawn by its sender" in mail.to(holder.email)[-1].text
    assert "its report was withdrawn by its sender" in mail.to(trust.referrer.email)[-1].text


def test_whoever_took_it_on_by_telephone_counts_and_not_who_recorded_it(trust: Trust) -> None:
    finding = told(trust)
    call = Call(ago(minutes=1), "Nodule.", True, spoke_to=trust.referrer, plan="Clinic.")
    record_call(finding=finding, by=trust.radiologist, call=call)
    holder = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    hand_over_finding(finding=finding, by=trust.coordinator, because="Theirs.", to=holder)
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    assert hear_of(Audience.ACKNOWLEDGER, finding) == {trust.referrer}


def test_a_correction_before_the_next_answer_reaches_them_as_well(trust: Trust) -> None:
    finding = acknowledged(trust, told(trust))
    holder = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    hand_over_finding(finding=finding, by=trust.coordinator, because="Theirs.", to=holder)
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    assert hear_of(Audience.ACKNOWLEDGER, finding) == {trust.referrer}


def test_while_nobody_has_answered_everybody_whom_the_ladder_reached_hears_of_it_once(
    mail: MailServer, trust: Trust
) -> None:
    finding = told(trust, at=ago(minutes=65))
    reached = hear_of(Audience.OWNER, finding) | {
        one.recipient for one in Notification.objects.filter(finding=finding)
    }
    call = Call(ago(minutes=1), "Nodule.", True, spoke_to=trust.coordinator)
    record_call(finding=finding, by=trust.radiologist, call=call)
    mail.arrived.clear()
    correct(trust, finding.examination, "Benign after all.", ArrivingStatus.CORRECTED)
    heard = hear_of(Audience.TOLD, finding)
    assert heard == (reached | {trust.coordinator}) - {trust.referrer}
    assert trust.director in heard
    for _ in range(2):
        fire_due_steps()
        deliver_due()
    for person in heard | {trust.referrer}:
        assert len(mail.to(person.email)) == 1
    (news,) = mail.to(trust.director.email)
    assert f"the report has changed ({finding.reference})" in news.message["Subject"]
    assert "What was asked of you before still stands, since nobody has answered yet." in news.text
    assert "Benign" not in news.text


def test_whose_message_had_not_gone_hears_of_no_correction_but_of_the_finding(
    mail: MailServer, trust: Trust
) -> None:
    finding = fired(trust, at=ago(minutes=65))
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    assert hear_of(Audience.TOLD, finding) == set()
    deliver_due()
    assert len(mail.to(trust.director.email)) == 1


def test_an_answer_that_comes_before_the_news_of_a_correction_goes_stands_in_it(
    mail: MailServer, trust: Trust
) -> None:
    finding = told(trust, at=ago(minutes=65))
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    acknowledge_finding(finding=finding, by=trust.referrer, plan="Clinic.")
    deliver_due()
    last = mail.to(trust.director.email)[-1].text
    assert "It has been answered since, and you need do nothing more." in last


def test_whoever_still_holds_it_is_asked_and_gets_no_news_beside(trust: Trust) -> None:
    finding = acknowledged(trust, told(trust))
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    assert not finding.steps.filter(audience=Audience.ACKNOWLEDGER).exists()
    assert fire_due_steps().notifications == 2


def test_a_quick_answer_takes_the_news_from_nobody(mail: MailServer, trust: Trust) -> None:
    finding, holder = passed_on(trust)
    deliver_due()
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    acknowledge_finding(finding=finding, by=holder, plan="Seen already.")
    mail.arrived.clear()
    fire_due_steps()
    deliver_due()
    assert len(mail.to(trust.referrer.email)) == 1


def test_the_same_text_again_tells_nobody(trust: Trust) -> None:
    finding, _ = passed_on(trust)
    before = finding.steps.count()
    correct(trust, finding.examination, finding.report.text + " \n", ArrivingStatus.CORRECTED)
    assert finding.steps.count() == before
    assert hear_of(Audience.ACKNOWLEDGER, finding) == set()


def test_after_a_withdrawal_nobody_hears_of_a_correction_any_more(
    mail: MailServer, trust: Trust
) -> None:
    finding, _ = passed_on(trust)
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    withdrawn(finding, trust.radiologist)
    mail.arrived.clear()
    deliver_due()
    (only,) = mail.to(trust.referrer.email)
    assert "withdrawn" in only.message["Subject"]


def test_news_of_a_correction_that_was_under_way_is_not_sent_again_after_a_withdrawal(
    mail: MailServer, trust: Trust
) -> None:
    finding, _ = passed_on(trust)
    correct(trust, finding.examination, "Other words.", ArrivingStatus.CORRECTED)
    news = Notification.objects.get(step__audience=Audience.ACKNOWLEDGER, channel=Channel.EMAIL)
    left_behind(news, until=ago(seconds=1))
    withdrawn(finding, trust.radiologist)
    deliver_due()
    news.refresh_from_db()
    assert news.status == Status.NOT_NEEDED


def test_the_page_shows_what_changed_and_runs_none_of_it(trust: Trust) -> None:
    finding = told(trust)
    hostile = finding.report.text.replace("14 mm", "<script>alert(1)</script> 9 mm")
    correct(trust, finding.examination, hostile, ArrivingStatus.CORRECTED)
    page = signed_in(trust.referrer).get(reverse("finding", args=[finding.reference]))
    shown = page.content.decode()
    assert "The report changed since this was flagged" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown
    assert shown.count("<ins>") >= 1
    assert shown.count("<del>") >= 1


def test_where_only_the_status_changed_no_change_of_words_is_announced(trust: Trust) -> None:
    verified, gone = told(trust), told(trust)
    text = verified.report.text
    correct(trust, verified.examination, f"{text}\n", ArrivingStatus.CORRECTED)
    correct(trust, gone.examination, text, ArrivingStatus.WITHDRAWN)
    client = signed_in(trust.referrer)
    pages = [
        words_of(client.get(reverse("finding", args=[one.reference]))) for one in (verified, gone)
    ]
    for page in pages:
        assert "The report changed since this was flagged" not in page
    assert "The report was withdrawn by its sender" in pages[1]
    assert f"ask {trust.radiologist} or a coordinator to withdraw it" in pages[1]
