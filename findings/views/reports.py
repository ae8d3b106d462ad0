"""To be written."""

from django.http import HttpRequest, HttpResponse


def reports(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def report(request: HttpRequest, public_id: str) -> HttpResponse:
    raise NotImplementedError


def write_report(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
