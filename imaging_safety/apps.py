"""The wiring as a Django app, so that its system checks and its commands are found."""

from django.apps import AppConfig


class ImagingSafetyConfig(AppConfig):
    name = "imaging_safety"
    verbose_name = "Imaging Safety"

    def ready(self) -> None:
        from imaging_safety import checks  # noqa: F401  registers them
