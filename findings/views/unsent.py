"""What somebody sent when their sign-in had ended, or from a page of an earlier one: nothing is
done with it, and what they typed is in the form again once they have signed in.

It waits on the server, in the session that the sign-in page begins, and nobody but the same person
is shown it.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest, QueryDict

UNSENT = "unsent"
# Who has been signed out a moment ago; of an idle session its own row still says it.
SIGNED_OUT = "signed_out"
LONGEST = 100_000  # characters
NOT_TAKEN = "Your sign-in had ended, so what you sent was not taken."


def keep(request: HttpRequest) -> None:
    """Keep what was sent without a sign-in, and say that it was not taken."""
    if keep_of(request, _whose(request)):
        messages.warning(request, f"{NOT_TAKEN} Sign in: what you typed will be in the form again.")
    else:
        messages.warning(request, f"{NOT_TAKEN} Sign in, and send it again.")


def keep_of(request: HttpRequest, who: str) -> bool:
    """Whether what this person sent is kept for them."""
    typed = _typed(request)
    if not who or len(typed) > LONGEST:
        return False
    request.session[UNSENT] = {"by": who, "path": request.path, "typed": typed}
    return True


def put_back(request: HttpRequest, on_page: Iterable[forms.BaseForm]) -> None:
    """Fill the forms of this page with what its reader had typed there. What they cannot see, such
    as what the page had shown, is as it is now."""
    kept = request.session.get(UNSENT)
    if not kept or request.method != "GET" or kept["path"] != request.path:
        return
    del request.session[UNSENT]
    if kept["by"] != str(request.user.pk):
        return
    typed: Any = QueryDict(kept["typed"])
    for form in on_page:
        for bound in form.visible_fields():
            widget, name = bound.field.widget, bound.html_name
            if not widget.value_omitted_from_data(typed, {}, name):
                form.initial[bound.name] = widget.value_from_datadict(typed, {}, name)
    messages.warning(request, "What you had typed is in the form again. It has not been sent yet.")


def _whose(request: HttpRequest) -> str:
    """Whose sign-in it was that ended; empty where nobody knows."""
    if who := request.session.pop(SIGNED_OUT, ""):
        return str(who)
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    ended = Session.objects.filter(pk=key).first()
    return str(ended.get_decoded().get(SESSION_KEY, "")) if ended else ""


def _typed(request: HttpRequest) -> str:
    """Without what nobody may keep. Files are not in it."""
    typed = request.POST.copy()
    for name in list(typed):
        if "password" in name.lower() or name == "csrfmiddlewaretoken":
            del typed[name]
    return typed.urlencode()
