"""People from a file: choose it, see every change, then make them."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from findings.forms.staff import ConfirmStaffForm, StaffFileForm
from findings.rules import check_can_import_people
from findings.services.staff_file import COLUMNS
from findings.services.staff_import import dry_run, import_people
from findings.views.access import signed_in
from findings.views.imports import Import, import_page

STAFF = Import(
    form=StaffFileForm,
    confirm=ConfirmStaffForm,
    columns=COLUMNS,
    dry_run=dry_run,
    carry_out=import_people,
    choose_template="import_staff.jinja",
    changes_template="staff_changes.jinja",
    page="import-staff",
    onwards="people",
)


@require_http_methods(["GET", "HEAD", "POST"])
def import_staff(request: HttpRequest) -> HttpResponse:
    by = signed_in(request)
    check_can_import_people(by)
    return import_page(request, by, STAFF)
