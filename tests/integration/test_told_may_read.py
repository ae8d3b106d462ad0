"""Whoever was told of a finding can read it for a while, and do nothing else."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Event, Finding, Person, Role
from findings.models.finding import READABLE_FOR
from findings.rules import NotAllowed
from findings.services.acknowledge import decline_finding, hand_over_finding
from findings.services.phone import Call, record_call
from findings.services.timeline import add_note
from notifications.delivery import deliver_due
from notifications.models import Notification
from tests.engine.mail import MailServer
from tests.factories import TeamFactory, Trust, acknowledged, flagged
from tests.integration.telling import ago, fired
from tests.pages import queries_without_banner, signed_in

pytestmark = pytest.mark.django_db


def passed_on(trust: Trust, finding: Finding) -> Finding:
    """Declined to somebody of another team."""
    holder = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    return decline_finding(finding=finding, by=trust.referrer, because="Not mine.", to=holder)


def may_read(person: Person, finding: Finding) -> bool:
    return Finding.objects.visible_to(person, or_told=True).filter(pk=finding.pk).exists()


def test_whoever_was_told_reads_it_and_their_reading_is_recorded(
    mail: MailServer, trust: Trust
) -> None:
    finding = fired(trust)
    deliver_due()
    passed_on(trust, finding)
    client = signed_in(trust.referrer)
    assert client.get(reverse("finding", args=[finding.reference])).status_code == 200
    assert finding.events.filter(kind=Event.Kind.READ, by=trust.referrer).count() == 1
    assert client.get(reverse("api-finding", args=[finding.reference])).status_code == 200
    for answer in ("acknowledge", "note", "patient-letter"):
        assert client.get(reverse(answer, args=[finding.reference])).status_code == 403
    with pytest.raises(NotAllowed):
        add_note(finding=finding, by=trust.referrer, text="Mine after all.")


def test_it_stands_in_no_list_of_theirs(mail: MailServer, trust: Trust) -> None:
    finding = fired(trust)
    deliver_due()
    passed_on(trust, finding)
    client = signed_in(trust.referrer)
    for page in ("my-findings", "api-findings", "reports"):
        assert finding.reference not in client.get(reverse(page)).content.decode()


def test_a_message_that_never_went_opens_nothing(trust: Trust) -> None:
    finding = passed_on(trust, fired(trust))
    assert finding.notifications.filter(recipient=trust.referrer).exists()
    assert not may_read(trust.referrer, finding)


def test_after_a_while_it_is_closed_and_news_opens_it_again(mail: MailServer, trust: Trust) -> None:
    finding = fired(trust)
    deliver_due()
    passed_on(trust, finding)
    long_ago = timezone.now() - READABLE_FOR - timedelta(minutes=1)
    messages = Notification.objects.filter(finding=finding, recipient=trust.referrer)
    messages.update(created_at=long_ago)
    assert not may_read(trust.referrer, finding)
    messages.filter(pk=messages.first().pk).update(created_at=timezone.now())
    assert may_read(trust.referrer, finding)


def test_whoever_acknowledged_reads_it_too_and_not_who_only_wrote_it_down(trust: Trust) -> None:
    finding, heard = acknowledged(trust, flagged(trust)), flagged(trust)
    team = TeamFactory(organisation=trust.organisation)
    other = trust.add(Role.REFERRER, team=team)
    call = Call(ago(minutes=1), "Nodule.", True, spoke_to=trust.referrer, plan="Clinic.")
    writer = trust.add(Role.COORDINATOR, Role.REFERRER)
    record_call(finding=heard, by=writer, call=call)
    for one in (finding, heard):
        hand_over_finding(finding=one, by=trust.coordinator, because="Theirs.", to=other)
        assert may_read(trust.referrer, one)
    Person.objects.filter(pk=writer.pk).update(roles=[Role.REFERRER])
    assert not may_read(Person.objects.get(pk=writer.pk), heard)


def test_nobody_else_reads_it_and_neither_does_whoever_left_or_only_keeps_the_directory(
    mail: MailServer, trust: Trust
) -> None:
    finding = fired(trust)
    deliver_due()
    passed_on(trust, finding)
    bystander = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    assert not may_read(bystander, finding)
    for change in ({"roles": [Role.ADMINISTRATOR]}, {"is_active": False}):
        Person.objects.filter(pk=trust.referrer.pk).update(roles=[Role.REFERRER], is_active=True)
        assert may_read(Person.objects.get(pk=trust.referrer.pk), finding)
        Person.objects.filter(pk=trust.referrer.pk).update(**change)
        assert not may_read(Person.objects.get(pk=trust.referrer.pk), finding)


def test_the_page_asks_the_database_as_much_however_often_they_were_told(
    mail: MailServer, trust: Trust
) -> None:
    once, often = fired(trust), fired(trust, at=ago(minutes=65))
    deliver_due()
    few, many = (
        queries_without_banner(
            signed_in(trust.referrer), reverse("finding", args=[finding.reference])
        )
        for finding in (passed_on(trust, once), passed_on(trust, often))
    )
    assert few == many <= 28
