"""The pages that belong to no room: signing in and out, home, help and accessibility."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from findings.form_fields import PasswordField, TextField
from findings.models import Person, Role
from findings.presenters import glossary
from imaging_safety.context import address

PASSWORDS = "django.contrib.auth.backends.ModelBackend"

# The page with a person's work on it, by the first of these roles that they hold.
FIRST_PAGES = (
    (Role.REFERRER, "my-findings"),
    (Role.RADIOLOGIST, "reports"),
    (Role.COORDINATOR, "desk"),
    (Role.GOVERNANCE, "governance"),
    (Role.ADMINISTRATOR, "people"),
)


class SignInForm(AuthenticationForm):
    """Says the same for an unknown name, a wrong password and somebody who has left."""

    username = TextField(
        label="Sign-in name", missing="Enter your sign-in name", autocomplete="username", width=20
    )
    password = PasswordField(label="Password", missing="Enter your password", width=20)
    error_messages = {
        "invalid_login": "The sign-in name or the password is not right",
        "inactive": "The sign-in name or the password is not right",
    }


class SignIn(LoginView):
    """Django's own: a new session at each sign-in, and `next` only within this site."""

    template_name = "sign_in.jinja"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"people": people_to_show()}


@method_decorator(login_not_required, name="dispatch")
class SignOut(LogoutView):
    """POST only. Without a session too: a second click is no error."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        messages.success(request, "You have signed out.")
        return answer


def people_to_show() -> list[tuple[Person, str, str]]:
    """In a demonstration: whom to sign in as, in which role, and what to look at."""
    if not settings.DEMONSTRATION:
        return []
    from findings import demonstration

    return list(demonstration.people_to_show())


@login_not_required
@require_POST
def sign_in_as(request: HttpRequest) -> HttpResponse:
    """Sign in as an invented person without a password. There is no such page in a hospital."""
    if not settings.DEMONSTRATION:
        raise Http404
    people = Person.objects.active().filter(is_superuser=False)
    person = get_object_or_404(people, username=request.POST.get("person", ""))
    login(request, person, backend=PASSWORDS)
    return redirect(safe_next(request))


def safe_next(request: HttpRequest) -> str:
    """Where they were going, unless it leads away from here."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else "home"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The page with this person's work on it."""
    assert isinstance(request.user, Person)
    for role, name in FIRST_PAGES:
        if request.user.has_role(role) and address(name):
            return redirect(name)
    return redirect("waiting" if request.user.is_imaging_manager else "help")


@login_not_required
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "help.jinja", {"glossary": glossary.PARTS})


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "accessibility.jinja")
