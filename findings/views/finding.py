"""To be written."""

from django.http import HttpRequest, HttpResponse


def finding(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def note(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError
