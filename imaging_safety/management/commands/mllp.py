"""The HL7 listener: wiring of settings, the pulse that says that it lives, and its counts."""

import asyncio
import os
import ssl
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from findings.intake.answers import Code
from findings.intake.listener import Door, Limits, Listener, tls_context
from findings.intake.peers import read_allow_list
from findings.management.base import EpilogCommand
from imaging_safety.checks import is_loopback
from notifications import pulse, tally

EPILOG = """
Listens on MLLP_HOST and MLLP_PORT; the other settings are MLLP_… in imaging_safety/settings.py.
Beyond this machine it needs a certificate (MLLP_TLS_CERT, MLLP_TLS_KEY), senders' certificates
signed by MLLP_CLIENT_CA, and MLLP_SENDERS, which says who may send as which sender.

AA: it is filed, or waits for a person here. AE: our trouble, send it again. AR: not as it is.
SIGTERM: what is being filed is answered, then it ends.
"""


class Command(EpilogCommand):
    help = "Take HL7 v2 messages by MLLP, until it is told to stop."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--given-up",
            action="store_true",
            help="say that there is no listener any more, so that nobody misses it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["given_up"]:
            pulse.forget(pulse.LISTEN)
            return
        listener = Listener(_door(), _limits(), _each_round)
        try:
            asyncio.run(listener.run(self._say_where))
        except OSError as error:
            raise CommandError(
                f"{settings.MLLP_HOST}:{settings.MLLP_PORT} cannot be listened on"
                f" ({error.strerror}): choose another MLLP_PORT."
            ) from error
        if listener.is_stuck:
            os._exit(1)  # the database does not answer, and its thread would keep us

    def _say_where(self, host: str, port: int) -> None:
        how = "with TLS" if settings.MLLP_TLS_CERT else "without encryption"
        self.stdout.write(f"Listening for HL7 on {host}:{port}, {how}.")
        self.stdout.flush()


def _each_round(answers: Counter[Code], skipped: int) -> None:
    tally.add({f"hl7_{code.lower()}": count for code, count in answers.items()})
    tally.add({"hl7_skipped_bytes": skipped})
    pulse.beat(pulse.LISTEN)


def _limits() -> Limits:
    return Limits(
        message_bytes=settings.MLLP_MAX_BYTES,
        connections=settings.MLLP_MAX_CONNECTIONS,
        of_one_address=settings.MLLP_MAX_CONNECTIONS_OF_ONE,
        idle=settings.MLLP_IDLE_SECONDS,
        message=settings.MLLP_MESSAGE_SECONDS,
        answer=settings.MLLP_ANSWER_SECONDS,
        probe=settings.MLLP_PROBE_SECONDS,
    )


def _door() -> Door:
    """Where to listen. Whatever would let in more than was meant is refused."""
    try:
        allowed = read_allow_list(settings.MLLP_SENDERS)
    except ValueError as error:
        raise CommandError(f"MLLP_SENDERS: {error}") from error
    if not is_loopback(settings.MLLP_HOST):
        if not settings.MLLP_SENDERS:
            raise CommandError("MLLP_SENDERS is empty: say who may send as which sender.")
        if not (settings.MLLP_TLS_CERT and settings.MLLP_CLIENT_CA) and not settings.MLLP_PLAIN:
            raise CommandError(
                f"MLLP_HOST {settings.MLLP_HOST} can be reached from other machines: set"
                " MLLP_TLS_CERT, MLLP_TLS_KEY and MLLP_CLIENT_CA; or MLLP_PLAIN=on, if the network"
                " itself is encrypted and closed."
            )
    return Door(settings.MLLP_HOST, settings.MLLP_PORT, allowed, _tls())


def _tls() -> ssl.SSLContext | None:
    if not settings.MLLP_TLS_CERT:
        return None
    try:
        return tls_context(settings.MLLP_TLS_CERT, settings.MLLP_TLS_KEY, settings.MLLP_CLIENT_CA)
    except (OSError, ssl.SSLError) as error:
        raise CommandError(f"The certificate files cannot be used: {error}") from error
