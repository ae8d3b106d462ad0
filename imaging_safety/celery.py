"""The Celery application. Its schedule and its settings stand in settings.py."""

import os
import signal
from typing import Any

from billiard.process import current_process
from celery import Celery
from celery.signals import worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

from imaging_safety.children import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imaging_safety.settings")

app = Celery("imaging_safety")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# The request id of the page that caused a task stands in the task's log lines.
app.steps["worker"].add(DjangoStructLogInitStep)


@worker_process_init.connect
def never_outlive_the_worker(**_kwargs: Any) -> None:
    """kill -9 of a worker must not leave its pool behind, holding tasks nobody hears about."""
    die_with_parent(signal.SIGKILL, current_process()._parent_pid)
