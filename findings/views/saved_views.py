"""Keeping the filters of a list under a name, and renaming or removing what was kept."""

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from findings.forms.saved_views import ViewNameForm
from findings.models import SavedView
from findings.rules import NotAllowed
from findings.services.saved_views import keep_view, put_view_back, remove_view, rename_view
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.listing import KEEP_SALT


@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: HttpRequest) -> HttpResponse:
    """Of the list and the filters that the signed address says: nothing else can be kept."""
    try:
        path, query, said = signing.loads(request.GET.get("of", ""), salt=KEEP_SALT)
    except signing.BadSignature:
        raise Http404 from None
    form = ViewNameForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            kept = keep_view(by=signed_in(request), path=path, query=query, name=name)
        except NotAllowed as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"Kept as “{kept.name}”. It stands above the list.")
            return redirect(kept.address)
    context = {"form": form, "said": said, "list_address": f"{path}?{query}"}
    return form_page(request, "keep_view.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def saved_view(request: HttpRequest, pk: int) -> HttpResponse:
    """One of one's own: rename it, remove it, and put it back."""
    view = get_object_or_404(SavedView, person=signed_in(request), pk=pk)
    wanted = request.POST.get("do", "rename") if request.method == "POST" else ""
    form = ViewNameForm(request.POST if wanted == "rename" else None, initial={"name": view.name})
    if wanted:
        answered = _answer(request, view, wanted, form)
        if answered is not None:
            return answered
        view.refresh_from_db()
    return form_page(request, "saved_view.jinja", {"form": form, "view": view})


def _answer(
    request: HttpRequest, view: SavedView, wanted: str, form: ViewNameForm
) -> HttpResponse | None:
    """Do what was asked; None where the form must be shown again."""
    try:
        if wanted == "remove":
            remove_view(view)
            return redirect("saved-view", view.pk)
        if wanted == "put-back":
            put_view_back(view)
            messages.success(request, f"“{view.name}” is back above the list.")
            return redirect(view.address)
        if not form.is_valid():
            return None
        rename_view(view, name=form.cleaned_data["name"])
        messages.success(request, f"Its name is “{view.name}” now.")
        return redirect(view.address)
    except NotAllowed as refusal:
        if wanted == "rename":
            form.add_error("name", str(refusal))
            return None
        messages.warning(request, str(refusal))
        return redirect("saved-view", view.pk)
