"""To be written."""

from django.http import HttpRequest, HttpResponse


def policy(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
