"""System checks that refuse unsafe settings, each with a hint that says what to do.

They run with every `manage.py` command and in every Celery worker; `wsgi.py` runs them for the web
server. Those that ask the database run with `migrate` and `check --database default`; those of
the running application's role with `--deploy` as well.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

SHORTEST_SECRET = 50
FEWEST_CHARACTERS = 5  # different ones in a secret

Messages = list[CheckMessage]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host. A name that we cannot judge is not."""
    host = host.strip("[]")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reaches_beyond_loopback() -> list[str]:
    """The settings by which another machine could reach us."""
    reached = []
    if not all(is_loopback(host) for host in settings.ALLOWED_HOSTS):
        reached.append("ALLOWED_HOSTS")
    if not is_loopback(urlsplit(settings.BASE_URL).hostname or ""):
        reached.append("BASE_URL")
    if not is_loopback(settings.BIND_ADDRESS):
        reached.append("BIND_ADDRESS")
    return reached


@register(Tags.security)
def secret_key_is_secret(app_configs: Any, **_kwargs: Any) -> Messages:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if all(_is_strong(secret) for secret in secrets):
        return []
    return [
        Error(
            "SECRET_KEY is too short, too simple or a known example.",
            hint="Set SECRET_KEY to 50 or more random characters, for instance from"
            " `python -c 'import secrets; print(secrets.token_urlsafe(50))'`.",
            id="imaging_safety.E001",
        )
    ]


def _is_strong(secret: str) -> bool:
    return (
        len(secret) >= SHORTEST_SECRET
        and len(set(secret)) >= FEWEST_CHARACTERS
        and "insecure" not in secret
    )


@register(Tags.security)
def debug_pages_stay_at_home(app_configs: Any, **_kwargs: Any) -> Messages:
    if not settings.DEBUG or not (settings.HTTPS or _reaches_beyond_loopback()):
        return []
    return [
        Error(
            "DEBUG shows settings and patients' rows to whoever causes an error.",
            hint="Unset DEBUG. On your own machine set HTTPS=off and keep ALLOWED_HOSTS,"
            " BASE_URL and BIND_ADDRESS on loopback.",
            id="imaging_safety.E002",
        )
    ]


@register(Tags.security)
def hosts_are_named(app_configs: Any, **_kwargs: Any) -> Messages:
    if settings.ALLOWED_HOSTS and not any(host in ("*", ".") for host in settings.ALLOWED_HOSTS):
        return []
    return [
        Error(
            "ALLOWED_HOSTS lets any name through, so a forged Host header reaches our links.",
            hint="Set ALLOWED_HOSTS to the names this server is known by, separated by commas.",
            id="imaging_safety.E003",
        )
    ]


@register(Tags.security)
def demonstration_stays_at_home(app_configs: Any, **_kwargs: Any) -> Messages:
    reached = _reaches_beyond_loopback()
    if not settings.DEMONSTRATION or settings.DEMONSTRATION_ANYWHERE or not reached:
        return []
    return [
        Error(
            "A demonstration lets anybody sign in as anybody, and other machines could reach it: "
            + ", ".join(reached)
            + ".",
            hint="Unset DEMONSTRATION for a real installation, or use loopback addresses only."
            " DEMONSTRATION_ANYWHERE=on forces it: never where real patients are.",
            id="imaging_safety.E004",
        )
    ]


@register(Tags.security)
def https_beyond_loopback(app_configs: Any, **_kwargs: Any) -> Messages:
    forced = settings.DEMONSTRATION and settings.DEMONSTRATION_ANYWHERE
    if settings.HTTPS or forced or not _reaches_beyond_loopback():
        return []
    return [
        Error(
            "HTTPS is off, so passwords and reports would cross the network readable.",
            hint="Unset HTTPS (it is on by default) and put a server that speaks TLS in front,"
            " which sets X-Forwarded-Proto.",
            id="imaging_safety.E005",
        )
    ]


@register(Tags.security)
def mail_is_encrypted(app_configs: Any, **_kwargs: Any) -> Messages:
    encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    is_smtp = settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")
    if encrypted or not is_smtp or settings.DEMONSTRATION or is_loopback(settings.EMAIL_HOST):
        return []
    return [
        Error(
            "Mail would leave this machine in clear: it names people and references.",
            hint="Write EMAIL_URL as smtp+tls://user:password@mail:587. For a server that speaks no"
            " TLS, let a mail server on this machine take it and pass it on.",
            id="imaging_safety.E010",
        )
    ]


@register(Tags.compatibility)
def instants_are_utc(app_configs: Any, **_kwargs: Any) -> Messages:
    if settings.USE_TZ and settings.CELERY_TIMEZONE == "UTC":
        return []
    return [
        Error(
            "Clocks would run an hour wrong twice a year.",
            hint="Keep USE_TZ = True and CELERY_TIMEZONE = 'UTC'; TIME_ZONE is what pages show.",
            id="imaging_safety.E006",
        )
    ]


@register(Tags.database)
def database_keeps_what_it_confirms(
    app_configs: Any, databases: Sequence[str] | None = None, **_kwargs: Any
) -> Messages:
    return [
        Error(
            f"PostgreSQL runs with {name} off: a power cut loses or breaks findings.",
            hint=f"Set {name} = on in postgresql.conf, or with ALTER SYSTEM, and reload.",
            id="imaging_safety.E007",
        )
        for alias in databases or []
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if _setting(alias, name) == "off"
    ]


def _setting(alias: str, name: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return cursor.fetchone()[0]


@register(Tags.database)
def broker_never_drops_a_queue(
    app_configs: Any, databases: Sequence[str] | None = None, **_kwargs: Any
) -> Messages:
    """A broker that is down is no reason to refuse: the rows carry the state."""
    if not databases:
        return []
    policy = _maxmemory_policy()
    if policy == "noeviction":
        return []
    if policy is None:
        return [
            Warning(
                "The broker could not be asked what it does when its memory is full.",
                hint="Start it, or check by hand that its maxmemory-policy is noeviction.",
                id="imaging_safety.W001",
            )
        ]
    return [
        Error(
            f"The broker's maxmemory-policy is {policy}: it silently drops queues when it is full.",
            hint="Give Imaging Safety a Redis of its own with `maxmemory-policy noeviction`.",
            id="imaging_safety.E008",
        )
    ]


def _maxmemory_policy() -> str | None:
    from imaging_safety.health import broker_client, broker_errors

    try:
        with broker_client() as client:
            return client.config_get("maxmemory-policy").get("maxmemory-policy")
    except broker_errors():
        return None


@register(Tags.database, deploy=True)
def application_cannot_rewrite_history(
    app_configs: Any, databases: Sequence[str] | None = None, **_kwargs: Any
) -> Messages:
    """Run this as the application runs; the role that migrates may do more."""
    from imaging_safety.grants import tables_it_could_rewrite

    return [
        Error(
            f"The application's database role may change or delete rows of {', '.join(tables)}.",
            hint="Migrate as the owner, then `manage.py restrict_role ROLE`, and let DATABASE_URL"
            " of the running application name that role.",
            id="imaging_safety.E009",
        )
        for alias in databases or []
        if (tables := tables_it_could_rewrite(connections[alias]))
    ]


REFUSALS = (
    secret_key_is_secret,
    debug_pages_stay_at_home,
    hosts_are_named,
    demonstration_stays_at_home,
    https_beyond_loopback,
    mail_is_encrypted,
    instants_are_utc,
)


def refuse_unsafe_settings() -> None:
    """For the web server, which runs no system checks by itself."""
    found = [message for check in REFUSALS for message in check(None)]
    if found:
        raise ImproperlyConfigured("\n".join(f"{m.id}: {m.msg} {m.hint}" for m in found))
