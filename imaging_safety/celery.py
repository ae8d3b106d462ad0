"""The Celery application. Its schedule and its settings stand in settings.py."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imaging_safety.settings")

app = Celery("imaging_safety")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
