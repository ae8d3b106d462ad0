"""A person's inbox; and, in a demonstration, every message as its recipient would see it."""

from typing import Any

from django.conf import settings
from django.contrib import messages as said
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from findings.models import Examination, Finding, Person
from findings.rules import can_see_proposals
from findings.states import ClockKind
from findings.views.access import signed_in
from notifications.messages import path_of
from notifications.models import Notification

ROWS_ON_A_PAGE = 25


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """What this person was told here: unread first, then the newest."""
    person = signed_in(request)
    told = (
        Notification.objects.visible_to(person)
        .in_app()
        .select_related("finding__category", "examination")
        .prefetch_related("attempts")
        .order_by(F("seen_at").desc(nulls_first=True), "-created_at", "-pk")
    )
    page = Paginator(told, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    theirs = Finding.objects.visible_to(person, or_told=True).filter(
        pk__in=[notification.finding_id for notification in page]
    )
    context = {
        "page": page,
        "theirs": set(theirs.values_list("pk", flat=True)),
        "unread": Notification.objects.visible_to(person).unread().count(),
        "now": timezone.now(),
    }
    return render(request, "inbox.jinja", context)


@require_POST
def open_notification(request: HttpRequest, public_id: str) -> HttpResponse:
    """Mark it as seen and go to its finding. A POST: what follows links marks nothing."""
    person = signed_in(request)
    own = Notification.objects.visible_to(person).in_app()
    notification = get_object_or_404(
        own.select_related("finding", "examination", "step__clock"), public_id=public_id
    )
    own.filter(pk=notification.pk, seen_at__isnull=True).update(seen_at=Now())
    finding = notification.finding
    if finding is None:
        return _open_wait(request, person, notification)
    readable = Finding.objects.visible_to(person, or_told=True)
    if readable.filter(pk=finding.pk).exists():
        return redirect("finding", finding.reference)
    said.info(
        request, f"{finding.reference} went to somebody else long ago; you can no longer see it."
    )
    return redirect("inbox")


def _open_wait(request: HttpRequest, person: Person, notification: Notification) -> HttpResponse:
    """What waits there for its report, or to be confirmed; of that whatever they may see."""
    is_proposed = notification.step.clock.kind == ClockKind.CONFIRM
    followed = Examination.objects.followed_by(person).filter(pk=notification.subject.pk)
    if can_see_proposals(person) if is_proposed else followed.exists():
        return redirect(path_of(notification))
    reference = notification.subject.reference
    said.info(request, f"Others see to {reference} now; you can no longer see it.")
    return redirect("inbox")


def _shown_in_demonstration() -> QuerySet[Notification]:
    """Everybody's messages: only where every person and patient is invented."""
    if not settings.DEMONSTRATION:
        raise Http404
    return Notification.objects.select_related(
        "recipient", "route", "finding__category", "examination", "step__clock"
    )


@require_safe
def messages(request: HttpRequest) -> HttpResponse:
    """Every message, the newest first, with what became of it."""
    page = Paginator(
        _shown_in_demonstration()
        .prefetch_related("attempts")
        .order_by(Coalesce("sent_at", "created_at").desc(), "-pk"),
        ROWS_ON_A_PAGE,
    ).get_page(request.GET.get("page"))
    return render(request, "messages.jinja", {"page": page})


@require_safe
def message(request: HttpRequest, public_id: str) -> HttpResponse:
    """One message exactly as it went out, and every try at sending it."""
    notification = get_object_or_404(_shown_in_demonstration(), public_id=public_id)
    attempts = list(
        notification.attempts.select_related("result")
        .prefetch_related("receipts")
        .order_by("number")
    )
    context: dict[str, Any] = {
        "notification": notification,
        "attempts": attempts,
        "sent": attempts[-1] if attempts else None,
    }
    return render(request, "message.jinja", context)
