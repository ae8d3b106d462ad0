"""From a RIS straight to the page on which its report is flagged; and the keys of such links."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.reports import SearchForm
from findings.models import LinkKey, Person, Sender
from findings.presenters.trail import of_sender
from findings.ris_link import LIVES, LinkRefused, TooOld
from findings.rules import can_flag, check_can_keep_senders
from findings.services.ris_links import end_key, make_key, named_by, running_keys
from findings.views.access import signed_in
from findings.views.reports import READERS

MINUTES = int(LIVES.total_seconds() // 60)
NOT_VALID = "The link was not made by a system that is set up here, or was changed on its way."
TOO_OLD = (
    f"The link was made more than {MINUTES} minutes ago, or the clock of the RIS is wrong."
    " Press its button once more."
)
NOT_HERE = (
    "Its report has not come yet, came more than 90 days ago, or is not yours to read. If it was"
    " verified a moment ago, wait a minute and press the button in the RIS once more."
)


@require_safe
def from_ris(request: HttpRequest) -> HttpResponse:
    """Whoever may flag in it lands where it is flagged, any other reader on the report."""
    person = signed_in(request)
    if not person.has_role(*READERS):
        raise PermissionDenied("Reports are for people with a clinical role.")
    try:
        found = named_by(request.GET, person)
    except TooOld:
        return _nowhere(request, TOO_OLD, 400)
    except LinkRefused:
        return _nowhere(request, NOT_VALID, 400)
    if found is None:
        return _nowhere(request, NOT_HERE, 404)
    return redirect("flag" if can_flag(person, found) else "report", found.public_id)


def _nowhere(request: HttpRequest, because: str, status: int) -> HttpResponse:
    context = {"because": because, "form": SearchForm()}
    return render(request, "ris_link.jinja", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest, pk: int) -> HttpResponse:
    """The keys of one sender. A secret is shown once, in answer to the press that made it."""
    person = signed_in(request)
    check_can_keep_senders(person)
    own = Sender.objects.systems().filter(organisation=person.organisation_id)
    sender: Sender = get_object_or_404(own, pk=pk)
    if request.method != "POST":
        return _page(request, sender)
    if request.POST.get("do") == "make":
        return _make(request, sender, person)
    ended = [key for key in running_keys(sender) if str(key.pk) == request.POST.get("end")]
    for key in ended:
        end_key(key=key, by=person)
        messages.success(request, f"Key {key.pk} has ended.")
    return redirect("link-keys", sender.pk)


def _make(request: HttpRequest, sender: Sender, by: Person) -> HttpResponse:
    try:
        made = make_key(sender=sender, by=by)
    except ValueError as refused:
        messages.warning(request, str(refused))
        return redirect("link-keys", sender.pk)
    return _page(request, sender, made)


def _page(
    request: HttpRequest, sender: Sender, made: tuple[LinkKey, str] | None = None
) -> HttpResponse:
    changes = sender.changes.filter(after__has_key="link_keys").select_related("by")
    context = {
        "sender": sender,
        "keys": running_keys(sender),
        "made": made,
        "minutes": MINUTES,
        "changes": of_sender(changes),
    }
    return render(request, "link_keys.jinja", context)
