"""For integration staff: what each sender has sent, when it is silent, and any message again."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings.intake.importing import known_patients_in, replay
from findings.measures.feeds import feeds
from findings.models import IncomingMessage, Person, Role, Sender, TakenFolder
from findings.presenters.held import message_lines
from findings.presenters.integration import became_words, changed_words, message_name, silence_words
from findings.rules import check_can_keep_senders
from findings.services.timeline import database_now
from findings.views.access import saw, signed_in

# Counting all of a sender's would take as long as there are many.
LAST_MESSAGES = 50


def _keeper(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_keep_senders(person)
    return person


def _own(person: Person) -> "QuerySet[Sender]":
    return Sender.objects.systems().filter(organisation=person.organisation_id)


@require_safe
def integration(request: HttpRequest) -> HttpResponse:
    """Each sender of this trust since midnight, and what came from nobody that is known."""
    person = _keeper(request)
    now = database_now()
    context = {
        "feeds": feeds(_own(person), now),
        "folders": TakenFolder.objects.all(),
        "now": now,
        "silence_words": silence_words,
    }
    return render(request, "integration.jinja", context)


@require_safe
def feed(request: HttpRequest, pk: int) -> HttpResponse:
    """The last messages of one sender: what kind, what became of them, no patient."""
    person = _keeper(request)
    sender = get_object_or_404(_own(person), pk=pk)
    return _last_messages(request, sender.name, IncomingMessage.objects.filter(sender=sender))


@require_safe
def unknown_feed(request: HttpRequest) -> HttpResponse:
    """The same of messages whose sender is not known: it may have to be set up."""
    _keeper(request)
    return _last_messages(request, "Not known", IncomingMessage.objects.filter(sender=None))


def _last_messages(
    request: HttpRequest, name: str, rows: "QuerySet[IncomingMessage]"
) -> HttpResponse:
    last = rows.defer("body").prefetch_related("receipts").order_by("-received_at", "-pk")
    context = {
        "name": name,
        "last": last[:LAST_MESSAGES],
        "became_words": became_words,
        "message_name": message_name,
        "may_read": signed_in(request).has_role(Role.COORDINATOR),
        "now": timezone.now(),
    }
    return render(request, "feed.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def stored_message(request: HttpRequest, pk: int) -> HttpResponse:
    """One message as it was sent, whatever became of it; run again by POST, which is safe."""
    person = signed_in(request)
    own = IncomingMessage.objects.visible_to(person).select_related("sender")
    message: IncomingMessage = get_object_or_404(own, pk=pk)
    if request.method == "POST":
        messages.success(request, f"Run again. {changed_words(replay(message, person))}")
        return redirect("stored-message", pk=pk)
    saw(request, *known_patients_in(message))
    receipts = message.receipts.order_by("part")
    context = {
        "message": message,
        "name": message_name(message),
        "receipts": list(zip(receipts, became_words(receipts), strict=False)),
        "lines": message_lines(message),
    }
    return render(request, "stored_message.jinja", context)
