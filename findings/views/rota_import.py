"""Rotas from a file: choose it, see every change, then make them."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from findings.forms.rotas import RotaFileForm
from findings.forms.table_file import ConfirmFileForm
from findings.services import rota_import as services
from findings.views.imports import Import, import_page
from findings.views.rotas import keeper

ROTA = Import(
    form=RotaFileForm,
    confirm=ConfirmFileForm,
    columns=services.COLUMNS,
    dry_run=services.dry_run,
    carry_out=partial(services.import_rota, source="imported from a file"),
    choose_template="import_rota.jinja",
    changes_template="rota_changes.jinja",
    page="import-rota",
    onwards="rotas",
)


@require_http_methods(["GET", "HEAD", "POST"])
def import_rota(request: HttpRequest) -> HttpResponse:
    return import_page(request, keeper(request), ROTA)
