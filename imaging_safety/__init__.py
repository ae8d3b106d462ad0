"""Wiring only: settings, URLs, Celery, health. No rule about a finding lives here."""

from imaging_safety.celery import app as celery_app

__all__ = ["celery_app"]
