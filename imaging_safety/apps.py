"""The wiring as a Django app, so that its system checks and its commands are found."""

import gc

from django.apps import AppConfig


class ImagingSafetyConfig(AppConfig):
    name = "imaging_safety"
    verbose_name = "Imaging Safety"

    def ready(self) -> None:
        from imaging_safety import checks  # noqa: F401  registers them

        # The last app: all is loaded. It is never looked through again, not at the end either, and
        # processes that are forked share it.
        gc.freeze()
        gc.set_threshold(100_000, 20, 100)
