"""To be written."""

from django.http import HttpRequest, HttpResponse


def acknowledge(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def decline(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def act(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def patient_told(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def close(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError


def hand_over(request: HttpRequest, reference: str) -> HttpResponse:
    raise NotImplementedError
