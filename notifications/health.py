"""Whether the engine keeps its promises: for an outside monitor, and for whoever sees the banner.

No sign-in and no patient data: counts only.
"""

from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from notifications import watchdog


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
