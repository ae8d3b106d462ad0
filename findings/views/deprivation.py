"""How deprived the place of each postcode is: what is loaded, and a file that adds to it."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from findings.forms.deprivation import DeprivationFileForm
from findings.forms.table_file import ConfirmFileForm
from findings.presenters.deprivation import index_rows, said_of
from findings.rules import check_can_load_deprivation
from findings.services import deprivation_file as services
from findings.views.access import signed_in
from findings.views.imports import Import, import_page


def _loaded() -> dict[str, Any]:
    indices = services.loaded_indices()
    known, said = services.patients_known()
    return {"rows": list(index_rows(indices)), "known": known, "said": said}


DECILES = Import(
    form=DeprivationFileForm,
    confirm=ConfirmFileForm,
    columns=services.COLUMNS,
    dry_run=services.dry_run,
    carry_out=partial(services.load, source="a file that was chosen on the page"),
    choose_template="deprivation.jinja",
    changes_template="deprivation_changes.jinja",
    page="deprivation",
    onwards="deprivation",
    beside=_loaded,
    said=said_of,
)


@require_http_methods(["GET", "HEAD", "POST"])
def deprivation(request: HttpRequest) -> HttpResponse:
    by = signed_in(request)
    check_can_load_deprivation(by)
    return import_page(request, by, DECILES)
