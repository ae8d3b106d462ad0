"""The pages for what went wrong: a plain sentence, never a patient, and never a second error."""

import sys

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from findings.fhir.names import BASE_PATH
from findings.fhir.outcome import RETRY_AFTER_SECONDS, TYPES, Issue, operation_outcome
from findings.rules import NotAllowed
from findings.views.unsent import keep_of

# Shown when even the page's template fails, and as the answer of the API.
SENTENCES = {
    400: "We could not read that request. Go back and try again.",
    403: "You may not do this. If you should be able to, ask your administrator.",
    404: "There is no such page, or it is not yours to see.",
    405: "Nothing was done: this address only takes what a button of a page sends. Go back to it.",
    413: "Nothing was done: what you sent is larger than we take. Send less at once.",
    500: "Something went wrong on our side. Nothing you sent was half saved. Try again.",
    503: "The database does not answer just now. Nothing you sent was half saved. Try again soon.",
}
# As Django says it: of our origin, and with a token that signing in has changed.
OF_AN_EARLIER_SIGN_IN = "CSRF token from POST incorrect."
# Seconds, for a program that asks again: a restart of the database takes no longer.
RETRY_AFTER = RETRY_AFTER_SECONDS


TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 413 if isinstance(exception, TOO_LARGE) else 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A rule says why in a sentence for whoever asked."""
    why = str(exception) if isinstance(exception, NotAllowed) else ""
    return _page(request, 403, context={"why": why})


def not_allowed(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Where an address takes only what a button sends, and somebody opened it: as a rule they have
    just signed in again. Django's own answer is an empty page."""
    written = _page(request, 405)
    written.headers["Allow"] = answer.headers["Allow"]
    return written


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without the request: its context may be what failed (the database, say). When it was, 503
    tells a program that asking again will help."""
    status = 503 if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)) else 500
    answer = _last_page(request, status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _last_page(request: HttpRequest, status: int) -> HttpResponse:
    if _is_api(request):
        return _json(request, status)
    try:
        return HttpResponse(render_to_string(f"errors/{status}.jinja"), status=status)
    except Exception:  # the last page there is
        return _plain(status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open for too long, or was sent from elsewhere. `reason` stays in the log.

    What was typed on a page of ours, before somebody signed in again, is kept for its form."""
    user = request.user if reason == OF_AN_EARLIER_SIGN_IN else None
    is_kept = user and user.is_authenticated and keep_of(request, str(user.pk))
    return _page(request, 403, "errors/csrf.jinja", {"again": request.path if is_kept else ""})


def _page(
    request: HttpRequest, status: int, template: str = "", context: dict[str, str] | None = None
) -> HttpResponse:
    if _is_api(request):
        return _json(request, status)
    try:
        return render(request, template or f"errors/{status}.jinja", context, status=status)
    except Exception:  # an error page must not raise another
        return _plain(status)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", BASE_PATH))


def _json(request: HttpRequest, status: int) -> JsonResponse:
    if not request.path.startswith(BASE_PATH):
        return JsonResponse({"detail": SENTENCES[status]}, status=status)
    said = operation_outcome([Issue(SENTENCES[status], code=TYPES[status])])
    return JsonResponse(said, status=status, content_type="application/fhir+json")


def _plain(status: int) -> HttpResponse:
    return HttpResponse(SENTENCES[status], status=status, content_type="text/plain; charset=utf-8")
