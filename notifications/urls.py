"""Addresses of the pages about messages and the engine."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
