"""The page of a form: what is wrong with what was sent says so in its status, too."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def form_page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """422 where `context["form"]` has something to put right; else `status`."""
    return render(request, template, context, status=422 if context["form"].errors else status)
