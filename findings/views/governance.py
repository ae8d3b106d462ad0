"""To be written."""

from django.http import HttpRequest, HttpResponse


def governance(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
