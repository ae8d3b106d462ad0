"""What may wait is saved up for one digest in the morning; what is urgent never is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from findings.models import Category, Event, Finding, Rung
from notifications import watchdog
from notifications.checks import quiet_hours_are_hours
from notifications.delivery import Delivered, deliver_due
from notifications.models import Channel, DeliveryReceipt, Notification
from notifications.outcomes import SWITCHED_OFF
from notifications.quiet import held_until
from notifications.receipts import Told, take_receipt
from notifications.rounds import deliver, fire
from tests.engine.mail import MailServer
from tests.factories import RouteFactory, Trust, acknowledged, flagged

pytestmark = pytest.mark.django_db
NIGHT = "20:00-08:00"
Status = Notification.Status


@pytest.fixture
def night(settings) -> None:
    """Quiet hours that began an hour ago and last another one, whatever the time is."""
    here = timezone.localtime()
    start, end = here - timedelta(hours=1), here + timedelta(hours=1)
    settings.QUIET_HOURS = f"{start:%H:%M}-{end:%H:%M}"


def morning_comes() -> None:
    over = timezone.now() - timedelta(seconds=1)
    Notification.objects.filter(held_until__isnull=False).update(
        held_until=over, next_attempt_at=over
    )


def mailed(trust: Trust) -> list[Notification]:
    own = Notification.objects.filter(recipient=trust.referrer, channel=Channel.EMAIL)
    return list(own.order_by("pk"))


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (datetime(2026, 11, 25, 19, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 25, 20, 0, tzinfo=UTC), datetime(2026, 11, 26, 8, 0, tzinfo=UTC)),
        (datetime(2026, 11, 26, 3, 0, tzinfo=UTC), datetime(2026, 11, 26, 8, 0, tzinfo=UTC)),
        (datetime(2026, 11, 26, 8, 0, tzinfo=UTC), None),
        # In summer time 20:00 is 19:00 UTC, and 08:00 is 07:00.
        (datetime(2026, 7, 1, 19, 0, tzinfo=UTC), datetime(2026, 7, 2, 7, 0, tzinfo=UTC)),
        # Over both changes of the clocks the night ends at 08:00 by the clock on the wall.
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 8, 0, tzinfo=UTC)),
        (datetime(2027, 3, 27, 22, 0, tzinfo=UTC), datetime(2027, 3, 28, 7, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_local_hours(settings, at: datetime, until: datetime | None) -> None:
    settings.QUIET_HOURS = NIGHT
    assert held_until(at) == until


def test_without_quiet_hours_nothing_is_held(settings) -> None:
    settings.QUIET_HOURS = ""
    assert held_until(datetime(2026, 11, 25, 3, 0, tzinfo=UTC)) is None


@pytest.mark.parametrize("wrong", ["20:00", "night", "25:00-08:00", "08:00-08:00"])
def test_quiet_hours_that_are_none_are_an_error_at_the_start(settings, wrong: str) -> None:
    settings.QUIET_HOURS = wrong
    assert [one.id for one in quiet_hours_are_hours(None)] == ["notifications.E004"]


@pytest.mark.parametrize("category", ["critical", "urgent", "cancer"])
def test_what_is_urgent_is_never_held(night, trust: Trust, mail, category: str) -> None:
    flagged(trust, category=category)
    fire()
    deliver()
    assert trust.referrer.email in [one.to for one in mail.arrived]


@pytest.mark.parametrize("code", ["critical", "urgent"])
def test_no_policy_can_hold_what_is_urgent(db, code: str) -> None:
    with (
        pytest.raises(IntegrityError, match="urgent_categories_are_never_held"),
        transaction.atomic(),
    ):
        Category.objects.filter(code=code).update(held_at_night=True)


def test_what_may_wait_is_seen_in_the_application_at_once(night, trust: Trust, mail) -> None:
    flagged(trust, category="significant_unexpected")
    fire()
    deliver()
    assert mail.arrived == []
    assert Notification.objects.in_app().filter(recipient=trust.referrer).exists()
    assert not [one for one in watchdog.look() if "could not be sent" in str(one)]


def test_in_the_morning_one_message_says_it_all(night, trust: Trust, mail: MailServer) -> None:
    held = [flagged(trust, category="significant_unexpected") for _ in range(3)]
    fire()
    deliver()
    morning_comes()
    assert deliver().sent == 1
    (digest,) = mail.arrived
    assert str(digest.message["Subject"]) == "Finding: 3 findings wait for you"
    for finding in held:
        assert finding.reference in digest.text
        assert finding.examination.patient.family_name not in digest.raw
        assert finding.events.filter(kind=Event.Kind.SENT, data__channel="email").count() == 1
    assert [one.status for one in mailed(trust)] == [Status.SENT] * 3
    assert deliver() == Delivered()


def test_a_round_that_a_digest_fills_ends_there(night, trust: Trust, mail: MailServer) -> None:
    for owner in (trust.referrer, trust.referrer, trust.colleague):
        flagged(trust, category="significant_unexpected", owner=owner)
    fire()
    deliver()
    morning_comes()
    assert deliver_due(limit=1) == Delivered(sent=1)
    assert [one.status for one in mailed(trust)] == [Status.SENT] * 2
    assert deliver_due(limit=1) == Delivered(sent=1)
    assert len(mail.arrived) == 2


def test_a_digest_leaves_out_what_was_answered_in_the_night(
    night, trust: Trust, mail: MailServer
) -> None:
    first, second = (flagged(trust, category="significant_unexpected") for _ in range(2))
    fire()
    deliver()
    acknowledged(trust, second)
    morning_comes()
    deliver()
    (message,) = mail.arrived
    assert first.reference in message.text
    assert second.reference not in message.text


def test_a_digest_that_is_refused_brings_each_ladder_forward(
    night, trust: Trust, mail: MailServer
) -> None:
    mail.answers[trust.referrer.email] = "550 5.1.1 unknown"
    held = [flagged(trust, category="significant_unexpected") for _ in range(2)]
    fire()
    deliver()
    morning_comes()
    deliver()
    for finding in held:
        assert finding.events.filter(kind=Event.Kind.STEP_BROUGHT_FORWARD).count() == 1


def test_a_digest_that_comes_back_comes_back_for_each(
    night, trust: Trust, mail: MailServer
) -> None:
    held = [flagged(trust, category="significant_unexpected") for _ in range(2)]
    fire()
    deliver()
    morning_comes()
    deliver()
    public_id = mail.arrived[0].message_id.strip("<>").partition("@")[0]
    told = Told(public_id, DeliveryReceipt.Outcome.FAILED, address_is_bad=True)
    assert take_receipt(told)
    assert not take_receipt(told)
    for finding in held:
        assert finding.events.filter(kind=Event.Kind.STEP_BROUGHT_FORWARD).count() == 1


def test_every_ladder_asks_the_same_person_again_before_it_moves_on(db) -> None:
    for category in Category.objects.all():
        rungs = Rung.objects.filter(rule__policy_id=category.local_policy_id, clock="acknowledge")
        first, second, third = list(rungs.order_by("level").values_list("audience", flat=True))[:3]
        assert (first, second) == ("owner", "owner"), category
        assert third != "owner", category


# --- In order, and switched off ----------------------------------------------------------------


def addresses(mail: MailServer) -> list[str]:
    return sorted(one.to for one in mail.arrived)


def test_critical_goes_every_way_at_once_and_the_rest_by_the_first(trust: Trust, mail) -> None:
    RouteFactory(person=trust.referrer, address="ada.home@trust.example", position=3)
    flagged(trust, category="urgent")
    fire()
    deliver()
    assert addresses(mail) == [trust.referrer.email]
    mail.arrived.clear()
    flagged(trust, category="critical")
    fire()
    deliver()
    assert addresses(mail) == ["ada.home@trust.example", trust.referrer.email]


def switched_off(trust: Trust, settings) -> Finding:
    """The step fired while text messages could be sent, and then they could not."""
    settings.NOTIFY_API_KEY, settings.NOTIFY_TEMPLATE_ID = "key", "template"
    trust.referrer.routes.filter(channel=Channel.EMAIL).update(position=3)
    RouteFactory(person=trust.referrer, channel=Channel.SMS, address="+447700900123", position=2)
    finding = flagged(trust, category="urgent")
    fire()
    settings.NOTIFY_API_KEY = ""
    return finding


def test_what_waits_for_a_way_that_was_switched_off_fails_and_goes_the_next_way(
    trust: Trust, mail: MailServer, settings
) -> None:
    finding = switched_off(trust, settings)
    assert deliver().failed == 1
    failed = finding.notifications.get(channel=Channel.SMS)
    assert failed.status == Status.FAILED
    event = finding.events.get(kind=Event.Kind.SEND_FAILED)
    assert event.data["because"] == SWITCHED_OFF
    deliver()
    assert addresses(mail) == [trust.referrer.email]
    assert trust.referrer.routes.get(channel=Channel.SMS).failed_at is None
