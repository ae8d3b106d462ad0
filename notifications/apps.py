"""Telling people, and proof of it."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Answers the one question that findings asks of us: who would be told, and how."""
        from findings import reach
        from notifications import audience

        reach.answer_with(audience.preview)
