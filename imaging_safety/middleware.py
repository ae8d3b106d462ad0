"""What every answer carries, and how long a sign-in may last at the most."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.utils import timezone

from findings.views import gone, unsent
from findings.views.listing import AS, NEWS
from imaging_safety import errors

SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
# How often a session is written again only because somebody is there: not with each page.
KEPT_EVERY = 60.0  # seconds

Answer = Callable[[HttpRequest], HttpResponse]


class NoStoreMiddleware:
    """Nothing about a patient stays in a browser's or a proxy's cache.

    Static files never get here: WhiteNoise answers for them earlier.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Cache-Control"] = "no-store"
        return response


class WrittenMiddleware:
    """No page is empty: what Django answers without a word gets its words; and who pressed a button
    second is told who was first."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return errors.not_allowed(request, response)
        return response

    def process_exception(self, request: HttpRequest, raised: Exception) -> HttpResponse | None:
        return gone.answer(request, raised) if isinstance(raised, gone.Gone) else None


class SessionAgeMiddleware:
    """Signs a person out after SESSION_ABSOLUTE_SECONDS, however busy they were; and keeps a
    session from ending while they are: SESSION_IDLE_SECONDS, a minute less at the most.

    The page they asked for then sends them to the sign-in page, and back.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and self._is_too_old(request):
            who = request.user.pk
            logout(request)
            request.session[unsent.SIGNED_OUT] = who
        return self.get_response(request)

    def _is_too_old(self, request: HttpRequest) -> bool:
        now = timezone.now().timestamp()
        began = request.session.setdefault(SIGNED_IN_AT, now)
        # A list that asks by itself whether its rows have changed: nobody need be there.
        by_itself = request.GET.get(AS) == NEWS
        if not by_itself and not 0 <= now - request.session.get(SEEN_AT, 0.0) < KEPT_EVERY:
            request.session[SEEN_AT] = now
        return now - began > settings.SESSION_ABSOLUTE_SECONDS


class SignInFirst(LoginRequiredMiddleware):
    """Sends to the sign-in page, and loses nothing that somebody typed while theirs ended."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        if request.method == "POST":
            unsent.keep(request)
        return super().handle_no_permission(request, view_func)
