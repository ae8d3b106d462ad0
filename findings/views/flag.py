"""To be written."""

from django.http import HttpRequest, HttpResponse


def flag(request: HttpRequest, public_id: str) -> HttpResponse:
    raise NotImplementedError


def my_flags(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
