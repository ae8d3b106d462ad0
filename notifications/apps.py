"""Telling people, and proof of it."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        """Answers what findings asks (who would be told, and how), and wakes when it rings."""
        from findings import doorbell, newcomers, reach, told
        from findings.news import tell_with
        from notifications import (  # noqa: F401  checks register themselves
            audience,
            checks,
            news,
            restored,
            routes,
            standing,
            tasks,
        )

        reach.answer_with(audience.Look)
        tell_with(news.tell)
        told.answer_with(standing.told_since, standing.told_by, restored.gone_since)
        newcomers.greet_with(routes.make_routes)
        newcomers.vouch_with(routes.vouch_for_email)
        newcomers.moved_with(routes.email_moved)
        doorbell.rings(tasks.wake)
        doorbell.looks_again(tasks.look_again)
        doorbell.reckons(tasks.reckon_soon)
