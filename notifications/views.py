"""A person's inbox; and, in a demonstration, every message as its recipient would see it."""

from typing import Any

from django.conf import settings
from django.contrib import messages as said
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from findings.forms.lists import Narrowing
from findings.models import Examination, Finding, Improvement, Person
from findings.rules import can_see_proposals
from findings.states import ClockKind
from findings.views.access import signed_in
from findings.views.listing import Shown, answer
from notifications.lists import INBOX, MESSAGES, InboxFilter, as_they_went, asked, in_inbox
from notifications.messages import path_of
from notifications.models import Notification


@require_safe
def inbox(request: HttpRequest) -> HttpResponseBase:
    """What this person was told here: unread first, then the newest."""
    person = signed_in(request)
    form = InboxFilter(request.GET)
    told = Notification.objects.visible_to(person).in_app()
    rows = in_inbox(form.apply(told) if form.is_valid() else told.none())

    def context(page: Shown) -> dict[str, Any]:
        theirs = Finding.objects.visible_to(person, or_told=True).filter(
            pk__in=[notification.finding_id for notification in page]
        )
        return {
            "form": form,
            "asked": asked,
            "theirs": set(theirs.values_list("pk", flat=True)),
            "now": timezone.now(),
        }

    return answer(request, INBOX, rows, form.narrowing, context)


@require_POST
def open_notification(request: HttpRequest, public_id: str) -> HttpResponse:
    """Mark it as seen and go to its finding. A POST: what follows links marks nothing."""
    person = signed_in(request)
    own = Notification.objects.visible_to(person).in_app()
    notification = get_object_or_404(
        own.select_related("finding", "examination", "improvement", "step__clock"),
        public_id=public_id,
    )
    own.filter(pk=notification.pk, seen_at__isnull=True).update(seen_at=Now())
    finding = notification.finding
    if notification.improvement:
        return _open_improvement(request, person, notification.improvement)
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


def _open_improvement(
    request: HttpRequest, person: Person, improvement: Improvement
) -> HttpResponse:
    if Improvement.objects.visible_to(person).filter(pk=improvement.pk).exists():
        return redirect("improvement", improvement.reference)
    said.info(request, f"{improvement.reference} is somebody else's now.")
    return redirect("inbox")


def _shown_in_demonstration() -> QuerySet[Notification]:
    """Everybody's messages: only where every person and patient is invented."""
    if not settings.DEMONSTRATION:
        raise Http404
    return Notification.objects.select_related(
        "recipient", "route", "finding__category", "examination", "improvement", "step__clock"
    )


@require_safe
def messages(request: HttpRequest) -> HttpResponseBase:
    """Every message, the newest first, with what became of it."""
    rows = as_they_went(_shown_in_demonstration())
    return answer(request, MESSAGES, rows, Narrowing(), lambda page: {"asked": asked})


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
