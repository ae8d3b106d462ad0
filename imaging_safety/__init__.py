"""Wiring only: settings, URLs, Celery, health. No rule about a finding lives here."""

import gc

# What is loaded stays. To look through it for garbage after each few hundred new objects was a
# seventh of the start of every program; apps.py says how it goes on when all is loaded.
gc.set_threshold(1_000_000, 20, 100)

from imaging_safety.celery import app as celery_app  # noqa: E402  first what makes it quick

__all__ = ["celery_app"]
