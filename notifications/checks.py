"""Checks at the start: a channel that is half set up sends nothing, so say what is missing."""

from datetime import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from notifications.quiet import hours

SHORTEST_SECRET = 32
PAIRS = (("NOTIFY_API_KEY", "NOTIFY_TEMPLATE_ID"), ("WEBHOOK_URL", "WEBHOOK_SECRET"))


@register(Tags.compatibility)
def channels_are_set_up_whole(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{there} is set, but {missing} is not: nothing can be sent by that channel.",
            hint=f"Set {missing}, or unset {there}.",
            id="notifications.E001",
        )
        for pair in PAIRS
        for there, missing in (pair, pair[::-1])
        if getattr(settings, there) and not getattr(settings, missing)
    ]


@register(Tags.security)
def channels_are_private(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """Over TLS, outside a demonstration; and signed with a secret that cannot be guessed."""
    if settings.DEMONSTRATION:
        return []
    found: list[CheckMessage] = [
        Error(
            f"{name} is not a complete https address.",
            hint="Use https: what is sent names people and references.",
            id="notifications.E002",
        )
        for name in ("NOTIFY_URL", "WEBHOOK_URL")
        if getattr(settings, name) and not _is_private(getattr(settings, name))
    ]
    return found + [
        Error(
            f"{name} is too short.",
            hint=f"Use {SHORTEST_SECRET} or more random characters.",
            id="notifications.E003",
        )
        for name in ("WEBHOOK_SECRET", "NOTIFY_CALLBACK_TOKEN")
        if 0 < len(getattr(settings, name)) < SHORTEST_SECRET
    ]


@register(Tags.compatibility)
def quiet_hours_are_hours(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    try:
        quiet = hours()
    except ValueError:
        quiet = (time(0), time(0))
    if quiet is None or quiet[0] != quiet[1]:
        return []
    return [
        Error(
            "QUIET_HOURS is not from one time of the day until another.",
            hint="Write it like 20:00-08:00, or leave it empty.",
            id="notifications.E004",
        )
    ]


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)
