"""The case and the clock: reports, findings, who owns them, and the promises made about them."""

from django.apps import AppConfig


class FindingsConfig(AppConfig):
    name = "findings"
    verbose_name = "Findings"
