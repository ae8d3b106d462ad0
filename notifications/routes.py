"""How somebody is told: routes added, put in order, verified by a code sent there, removed.

A route counts only once its person has shown that they read what comes there, or an administrator
has said for the trust that the addresses of its staff list are right. In the application there is
nothing to show: whoever signs in sees it.
"""

import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare, salted_hmac

from findings import doorbell
from findings.models import Person
from findings.rules import check_can_keep_routes
from findings.services.timeline import database_now
from notifications.channels import SENDERS
from notifications.channels.base import NotSent, Outgoing, Permanent, Unavailable
from notifications.models import Channel, Notification, Route, RouteChange, RouteQuerySet

log = logging.getLogger(__name__)
What = RouteChange.What

CODE_LASTS = timedelta(hours=24)
CODE_AGAIN_AFTER = timedelta(minutes=1)
MOST_TRIES = 5


class Refused(Exception):
    """A sentence for whoever asked."""


def make_routes(person: Person) -> None:
    """Answers `findings.newcomers.greet`: in the application at once, by e-mail once verified."""
    _keep(person, Channel.IN_APP, "", by=None)
    if person.email:
        _keep(person, Channel.EMAIL, person.email, by=None)


def add_route(*, person: Person, channel: Channel, address: str, by: Person) -> Route:
    """At the end of the order. One that was removed comes back, and is verified anew."""
    check_can_keep_routes(by, person)
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if _kept(person).filter(channel=channel, address=address).exists():
            raise Refused("This is on the list already.")
        return _keep(person, channel, address, by=by)


def _kept(person: Person) -> RouteQuerySet:
    return Route.objects.kept().filter(person=person)


def _keep(person: Person, channel: Channel, address: str, *, by: Person | None) -> Route:
    at = database_now()
    last = _kept(person).aggregate(last=Max("position"))["last"] or 0
    verified_at = at if channel == Channel.IN_APP else None
    route, made = Route.objects.get_or_create(
        person=person,
        channel=channel,
        address=address,
        defaults={"position": last + 1, "verified_at": verified_at},
    )
    if not made and route.removed_at is None:
        return route
    if not made:
        route.removed_at, route.failed_at, route.failed_because = None, None, ""
        route.verified_at, route.position = verified_at, last + 1
        route.gives_way_to = None
        route.save()
    _record(route, What.ADDED, by)
    return route


def vouch_for_email(person: Person, by: Person) -> bool:
    """Answers `findings.newcomers.vouch`: the address that the directory has for them counts from
    now on. Not one that has refused a message: that, only a code that came there mends."""
    route = _kept(person).filter(
        channel=Channel.EMAIL, address=person.email, verified_at=None, failed_at=None
    )
    found = route.select_for_update().first()
    if found is None:
        return False
    found.verified_at, found.code_hash = database_now(), ""
    found.save(update_fields=["verified_at", "code_hash"])
    _record(found, What.VOUCHED, by)
    _take_the_place(found, by)
    doorbell.look_again_after_commit()
    return True


def email_moved(person: Person, before: str) -> str:
    """Answers `findings.newcomers.moved`, after `make_routes`. The new address takes the old one's
    place when it counts, and not before: until then somebody may still read what comes to the old
    one, and nobody the other. See docs/adr/0021."""
    old = _kept(person).filter(channel=Channel.EMAIL, address=before).first()
    new = _kept(person).filter(channel=Channel.EMAIL, address=person.email).first()
    if old is None or old == new:
        return ""
    if new is None:
        return f"messages still go to {before}: the list has no other address"
    Route.objects.filter(pk=new.pk).update(gives_way_to=None)
    waiting = Route.objects.filter(Q(pk=old.pk) | Q(gives_way_to=old)).exclude(pk=new.pk)
    waiting.update(gives_way_to=new)
    if new.verified_at is not None and new.failed_at is None:
        _take_the_place(new, None)
        return f"messages go to {new.address} from now on, and no more to {before}"
    return f"messages still go to {before}, until {new.address} has been verified"


def _take_the_place(new: Route, by: Person | None) -> None:
    """It counts from now on: what gives way to it ends, and it stands where that stood."""
    instead_of = list(Route.objects.kept().filter(gives_way_to=new))
    for old in instead_of:
        Route.objects.filter(pk=old.pk).update(removed_at=database_now(), gives_way_to=None)
        _record(old, What.REMOVED, by)
    if instead_of:
        position = min(new.position, *(old.position for old in instead_of))
        Route.objects.filter(pk=new.pk).update(position=position)
        doorbell.look_again_after_commit()


def _record(route: Route, what: RouteChange.What, by: Person | None) -> None:
    RouteChange.objects.create(route=route, what=what, by=by)


def remove_route(*, route: Route, by: Person) -> None:
    """Nothing goes by it any more. Messages that went by it keep it."""
    check_can_keep_routes(by, route.person)
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=route.person_id)
        if route.channel == Channel.IN_APP:
            raise Refused("Everybody is told in this application; this cannot be removed.")
        if Route.objects.kept().filter(pk=route.pk).update(removed_at=database_now()):
            _record(route, What.REMOVED, by)
            doorbell.look_again_after_commit()


def move_up(*, route: Route, by: Person) -> None:
    """One place nearer to the first."""
    check_can_keep_routes(by, route.person)
    with transaction.atomic():
        Person.objects.select_for_update(no_key=True).get(pk=route.person_id)
        ordered = list(_kept(route.person).order_by("position", "pk"))
        place = next((i for i, one in enumerate(ordered) if one.pk == route.pk), 0)
        if place == 0:
            return
        ordered[place - 1], ordered[place] = ordered[place], ordered[place - 1]
        for position, one in enumerate(ordered, start=1):
            Route.objects.filter(pk=one.pk).update(position=position)
        _record(route, What.MOVED, by)


# --- Is it theirs? -----------------------------------------------------------------------------


def send_code(*, route: Route, by: Person) -> None:
    """Send a new code to the address. `Refused` says why it did not go."""
    check_can_keep_routes(by, route.person)
    at = database_now()
    if route.code_sent_at and at - route.code_sent_at < CODE_AGAIN_AFTER:
        raise Refused("A code was sent a moment ago. Wait a minute before you ask for another.")
    code = f"{secrets.randbelow(1_000_000):06}"
    _send(
        route,
        "your code",
        f"Your code for Imaging Safety is {code}. It lasts for 24 hours.",
        f"{settings.BASE_URL}/routes/{route.pk}/verify/",
    )
    Route.objects.filter(pk=route.pk).update(
        code_hash=_hashed(route, code), code_sent_at=at, code_tries=0
    )
    _record(route, What.CODE_SENT, by)


def _hashed(route: Route, code: str) -> str:
    return salted_hmac(f"route {route.pk}", code, algorithm="sha256").hexdigest()


def confirm_code(*, route: Route, code: str, by: Person) -> None:
    """The code that came there: from now on the route counts."""
    check_can_keep_routes(by, route.person)
    with transaction.atomic():
        route = Route.objects.kept().select_for_update().get(pk=route.pk)
        at = database_now()
        if not route.code_hash or route.code_sent_at is None:
            raise Refused("No code was sent there yet.")
        if at - route.code_sent_at > CODE_LASTS or route.code_tries >= MOST_TRIES:
            raise Refused("This code no longer counts. Ask for a new one.")
        is_right = constant_time_compare(route.code_hash, _hashed(route, code))
        if is_right:
            route.verified_at, route.code_hash = at, ""
            route.failed_at, route.failed_because = None, ""
            _record(route, What.VERIFIED, by)
            doorbell.look_again_after_commit()
        else:
            route.code_tries = F("code_tries") + 1
        route.save()
        if is_right:
            _take_the_place(route, by)
    if not is_right:
        raise Refused("This is not the code that was sent last.")


def send_test(*, route: Route, by: Person) -> None:
    """Something to look at, that asks for nothing."""
    check_can_keep_routes(by, route.person)
    if not route.is_usable:
        raise Refused("Messages do not go there. Verify it first.")
    last = route.changes.filter(what=What.TESTED).first()
    if last and database_now() - last.at < CODE_AGAIN_AFTER:
        raise Refused("A test message was sent a moment ago. Wait a minute.")
    _send(route, "test message", "This is a test. Nothing needs doing.", settings.BASE_URL)
    _record(route, What.TESTED, by)


def _send(route: Route, subject: str, words: str, link: str) -> None:
    """At once, while its person waits for it."""
    try:
        send_plain(route, subject, words, link)
    except Unavailable as error:
        raise Refused("The service that sends these does not answer now. Try later.") from error
    except NotSent as error:
        raise Refused(f"It was not sent: {error.detail}") from error


def send_plain(route: Route, subject: str, words: str, link: str) -> None:
    """One message that belongs to no finding. Raises as a channel does; `Refused` where there is no
    such channel. An address that is refused for good counts no more."""
    make = SENDERS.get(Channel(route.channel))
    if make is None or route.channel == Channel.IN_APP:
        raise Refused("Nothing can be sent this way here.")
    context = {"words": words, "link": link, "subject": subject}
    sender = make()
    try:
        sender.open()
        sender.send(
            Outgoing(
                address=route.address,
                subject=f"Imaging Safety: {subject}",
                text=render_to_string("messages/plain.txt.jinja", context).strip() + "\n",
                html=render_to_string("messages/plain.html.jinja", context),
                message_id=f"<{secrets.token_hex(16)}@imaging-safety>",
                is_urgent=False,
            )
        )
    except Permanent as error:
        if error.address_is_bad:
            mark_as_bounced(route, error.detail)
        raise
    finally:
        sender.close()


def mark_as_bounced(route: Route, why: str) -> bool:
    """Nothing goes there, and nobody is reached there, until it is verified again."""
    changed = Route.objects.filter(pk=route.pk, failed_at__isnull=True).update(
        failed_at=database_now(), failed_because=why[:200]
    )
    if changed:
        _record(route, What.BOUNCED, None)
        doorbell.look_again_after_commit()
    return bool(changed)


def next_route(notification: Notification) -> Route | None:
    """The first of their usable routes by which this step has not tried to reach them."""
    tried = Notification.objects.filter(
        step=notification.step_id, recipient=notification.recipient_id
    )
    usable = Route.objects.usable().filter(person=notification.recipient_id)
    return usable.exclude(pk__in=tried.values("route")).order_by("position", "pk").first()
