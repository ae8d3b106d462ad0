"""The page of a form: what is wrong with what was sent says so in its status, too."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from findings.views.unsent import put_back


def form_page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """422 where `context["form"]` has something to put right; else `status`."""
    put_back(request, [form for form in context.values() if isinstance(form, BaseForm)])
    return render(request, template, context, status=422 if context["form"].errors else status)
