"""To be written."""

from django.http import HttpRequest, HttpResponse


def my_findings(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def open_findings(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
