"""To be written."""

from django.http import HttpRequest, HttpResponse


def held_items(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def held_item(request: HttpRequest, receipt_id: int) -> HttpResponse:
    raise NotImplementedError
