"""After downtime: what should have fired is listed, fired in that order, and says so."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from findings.models import Event, Step
from notifications.firing import fire_due_steps
from notifications.messages import write
from notifications.models import Notification
from tests.factories import Trust, a_trust, flagged

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def catch_up(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("catch_up", *arguments, stdout=out, stderr=out)
    return out.getvalue().splitlines()


def test_it_lists_in_the_order_in_which_people_are_told_and_fires_so(trust: Trust) -> None:
    urgent = flagged(trust, category="urgent", at=ago(hours=3))
    late = flagged(trust, at=ago(minutes=50))
    later = flagged(trust, at=ago(minutes=5))
    lines = catch_up()
    assert [line.split()[0] for line in lines[:3]] == [
        finding.reference for finding in (late, later, urgent)
    ]
    assert "and 3 earlier steps" in lines[0]
    assert lines[0].endswith("50 minutes late")
    fired = Event.objects.filter(kind=Event.Kind.STEP_FIRED).order_by("pk")
    assert list(dict.fromkeys(event.finding for event in fired)) == [late, later, urgent]
    assert not Step.objects.due().exists()
    assert lines[-1].startswith("Fired ")


def test_a_dry_run_fires_nothing(trust: Trust) -> None:
    flagged(trust, at=ago(minutes=50))
    assert catch_up("--dry-run")[-1] == "1 finding to catch up with; nothing was fired."
    assert not Step.objects.filter(fired_at__isnull=False).exists()
    assert not Notification.objects.exists()


def test_with_nothing_due_there_is_nothing_to_say(trust: Trust) -> None:
    assert catch_up()[0].startswith("Fired 0 steps.")


def test_what_cannot_be_fired_is_said_and_fails(trust: Trust) -> None:
    bad, good = flagged(trust, at=ago(minutes=5)), flagged(trust, at=ago(minutes=1))
    first = bad.steps.get(clock__kind="acknowledge", level=1)
    Step.objects.create(
        clock=first.clock,
        finding=bad,
        level=9,
        audience="nobody",
        words="",
        priority=1,
        due_at=first.due_at,
    )
    with pytest.raises(SystemExit) as ended:
        catch_up()
    assert ended.value.code == 1
    assert good.steps.filter(fired_at__isnull=False).exists()


def said(notification: Notification) -> str:
    message = write(notification, at=timezone.now(), may_be_second=False)
    assert ("message comes" in message.text) is ("message comes" in message.html)
    return message.text


def test_a_message_of_a_late_step_says_so_and_by_how_much(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=10))
    catch_up()
    notification = Notification.objects.filter(finding=finding)[0]
    assert said(notification).startswith(
        "This message comes 10 minutes late: it should have been sent "
    )


def test_a_message_of_a_step_that_fired_in_time_says_nothing_of_it(trust: Trust) -> None:
    finding = flagged(trust)
    fire_due_steps()
    notification = Notification.objects.filter(finding=finding)[0]
    assert "message comes" not in said(notification)
