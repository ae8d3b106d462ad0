"""Whether the engine keeps its promises: for an outside monitor, and for whoever sees the banner.

No sign-in and no patient data: counts only.
"""

import hmac
import ipaddress

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from notifications import metrics as figures
from notifications import watchdog

# How the headers begin by which a proxy says for whom it asks.
PASSED_ON = ("forwarded", "x-forwarded-", "x-real-ip", "via")


@login_not_required
@require_safe
def clock(request: HttpRequest) -> HttpResponse:
    """200 when nothing is late, 503 with what is. JSON for whoever asks for it."""
    try:
        late = watchdog.look()
    except Error:
        # The page around the list would ask the database too.
        return JsonResponse({"late": ["The database does not answer."]}, status=503)
    status = 503 if late else 200
    if not request.accepts("text/html"):
        return JsonResponse({"late": [str(sentence) for sentence in late]}, status=status)
    return render(request, "clock_health.jinja", {"late": late}, status=status)


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus: by its token, or from this machine where there is none. Else not here."""
    if not _may_scrape(request):
        raise Http404
    try:
        return HttpResponse(figures.page(), content_type=CONTENT_TYPE_LATEST)
    except Error:
        return HttpResponse("The database does not answer.\n", "text/plain", status=503)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    return _is_of_this_machine(request)


def _is_of_this_machine(request: HttpRequest) -> bool:
    """Not by way of a proxy: the request that it passes on comes from this machine, too."""
    if any(name.lower().startswith(PASSED_ON) for name in request.headers):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
