"""Telling people, and proof of it."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Answers what findings asks (who would be told, and how), and wakes when it rings."""
        from findings import doorbell, reach
        from notifications import audience, checks, tasks  # noqa: F401  checks register themselves

        reach.answer_with(audience.previews)
        doorbell.rings(tasks.wake)
