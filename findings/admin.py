"""The directory: people, teams, sites and senders, kept by administrators on Django's own pages.

Nothing clinical is registered here, and nothing can be deleted: a row that is no longer used is
made inactive. People leave on the page People, where their findings go to their team; here it is
only shown. Every change is written to Django's admin log. Served only where ADMIN_SITE=on.
"""

from http import HTTPStatus
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.forms import AdminUserCreationForm, ReadOnlyPasswordHashField
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from findings import doorbell, newcomers
from findings.models import (
    Membership,
    Organisation,
    Person,
    Role,
    Sender,
    Site,
    Team,
)
from findings.presenters.foretold import shown
from findings.services.concerns import by_anybody_of
from findings.services.directory_trail import NAMES, note, note_place
from findings.services.foretell import Before, Foretold
from findings.services.leavers import findings_held_by

# Where a change was made.
DIRECTORY = "directory"
CSRF = "csrfmiddlewaretoken"
# Fields that name a row, by whose key a form knows them.
ROWS: dict[str, type[Organisation] | type[Site]] = {"organisation": Organisation, "site": Site}


class DirectorySite(admin.AdminSite):
    """For administrators only, whatever Django's own flags say."""

    site_header = "Imaging Safety: directory"
    site_title = "Imaging Safety"
    index_title = "People, teams, sites and senders"

    def has_permission(self, request: HttpRequest) -> bool:
        person = request.user
        return isinstance(person, Person) and person.has_role(Role.ADMINISTRATOR)


directory = DirectorySite(name="directory")


class DirectoryAdmin(admin.ModelAdmin):
    """May be added to and changed by administrators; never deleted from."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return directory.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return directory.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return directory.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return directory.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """A change of people or teams after which somebody else would hear of an open finding is
        made, looked at, taken back and shown first, as on our own pages."""
        if request.method != "POST" or self.model not in (Person, Team):
            return super().changeform_view(request, *args, **kwargs)
        by = cast(Person, request.user)
        with transaction.atomic():
            before = Before(by_anybody_of(by))
            response = super().changeform_view(request, *args, **kwargs)
            if response.status_code != HTTPStatus.FOUND:
                return response
            found, seen = before.foretold(), request.POST.get("foreseen", "")
            if not found.differences or seen == found.fingerprint:
                return response
            transaction.set_rollback(True)
        return self._ask_first(request, found, again=bool(seen))

    def _ask_first(self, request: HttpRequest, found: Foretold, *, again: bool) -> HttpResponse:
        list(messages.get_messages(request))  # that it was saved
        typed = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            "foretold": shown(found, timezone.now()),
            "foretold_again": again,
            "typed": [pair for pair in typed if pair[0] not in ("foreseen", CSRF)],
        }
        status = HTTPStatus.CONFLICT if again else HTTPStatus.OK
        return render(request, "directory_confirm.jinja", context, status=status)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """With a line for each field of a person or a team that changed."""
        super().save_model(request, obj, form, change)
        if not isinstance(obj, Person | Team):
            return
        by = cast(Person, request.user)
        if not change:
            note(obj, "In the directory", "", "Yes", by=by, source=DIRECTORY)
        for name in form.changed_data if change else ():
            was, now = form.initial.get(name), form.cleaned_data.get(name)
            if name in ROWS and was is not None:
                was = ROWS[name].objects.get(pk=was)
            note(obj, NAMES.get(name, name), was, now, by=by, source=DIRECTORY)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Places in teams: added here, or with another duty."""
        super().save_formset(request, form, formset, change)
        if formset.model is not Membership:
            return
        by = cast(Person, request.user)
        duties = {one.instance.pk: one.initial.get("duty") for one in formset.initial_forms}
        for place in [*formset.new_objects, *(row for row, _ in formset.changed_objects)]:
            before = duties.get(place.pk)
            note_place(place.person, place.team, before, place.duty, by=by, source=DIRECTORY)

    def save_related(self, *args: Any) -> None:
        """Roles and places in teams decide who is told."""
        super().save_related(*args)
        doorbell.look_again_after_commit()


class NewPersonForm(AdminUserCreationForm):
    class Meta:
        model = Person
        fields = ["username", "given_name", "family_name", "organisation", "roles"]


class PersonForm(ModelForm):
    password = ReadOnlyPasswordHashField()

    class Meta:
        model = Person
        fields = [
            "username",
            "password",
            "title",
            "given_name",
            "family_name",
            "job_title",
            "professional_code",
            "email",
            "phone",
            "organisation",
            "site",
            "roles",
        ]

    def clean_roles(self) -> list[str]:
        """Whoever holds a finding must be able to answer it."""
        roles = self.cleaned_data["roles"]
        if Role.REFERRER not in roles and findings_held_by(self.instance).exists():
            raise ValidationError(
                "They hold open findings: hand those over before they stop being a referring"
                " clinician."
            )
        return roles


class MembershipForm(ModelForm):
    """Somebody changes teams by the staff list, which shows what stays behind with the old one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"person", "team"} & set(self.fields):
            self.fields[name].disabled = self.instance.pk is not None


class MembershipInline(admin.TabularInline):
    model = Membership
    form = MembershipForm
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return directory.has_permission(request)

    has_change_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return directory.has_permission(request)


@admin.register(Person, site=directory)
class PersonAdmin(DirectoryAdmin):
    form = PersonForm
    list_display = ["full_name", "job_title", "organisation", "site", "roles", "is_active"]
    list_filter = ["is_active", "organisation", "site"]
    search_fields = ["family_name", "given_name", "username", "professional_code"]
    inlines = [MembershipInline]
    readonly_fields = ["is_active", "left_at"]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = Person.objects.get(pk=obj.pk).email if change else obj.email
        super().save_model(request, obj, form, change)
        newcomers.greet(obj)
        if before != obj.email and (said := newcomers.moved(obj, before)):
            self.message_user(request, f"{said[:1].upper()}{said[1:]}.")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else []


@admin.register(Team, site=directory)
class TeamAdmin(DirectoryAdmin):
    list_display = ["name", "organisation", "site", "kind", "location_code"]
    list_filter = ["kind", "organisation", "site"]
    inlines = [MembershipInline]


@admin.register(Sender, site=directory)
class SenderAdmin(DirectoryAdmin):
    """Who it is and where; how it is read is kept on the page Senders, with every change."""

    list_display = ["name", "code", "organisation", "site"]
    fields = ["code", "name", "organisation", "site"]


@admin.register(Organisation, Site, site=directory)
class PlainAdmin(DirectoryAdmin):
    """Pages that need nothing of their own."""
