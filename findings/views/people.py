"""To be written."""

from django.http import HttpRequest, HttpResponse


def people(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
