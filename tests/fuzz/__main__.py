"""`make fuzz`: `python -m tests.fuzz --messages 100000 --seed 1`.

Servers of its own, a real listener, and made-up messages until so many were sent. Ends with 1 when
anything is wrong: with the messages that show it, as few and as small as could be found.
"""

import argparse
import os
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from imaging_safety import children, embedded

if TYPE_CHECKING:
    from tests.fuzz.sending import Fuzzer

# In one example, with the good report at the end.
FEWEST, MOST = 5, 30
AT_ONCE = 500  # examples between two lines of progress
# A listener that has seen everything once keeps what it has loaded and compiled.
WARM_AFTER = 0.1
GROWS_AT_MOST = 32.0  # MB


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given_ = asked.parse_args()
    print(f"Seed {given_.seed}: the same again with --seed {given_.seed}.", flush=True)
    servers = embedded.Throwaway().start()
    try:
        fuzzer = _prepare(servers)
        try:
            return _run(fuzzer, given_.messages, given_.seed)
        finally:
            children.stop(fuzzer.listening.child)
            print(fuzzer.listening.log.read_text()[-2000:])
    finally:
        servers.stop()


def _prepare(servers: embedded.Throwaway) -> "Fuzzer":
    os.environ |= {
        "DATABASE_URL": servers.postgres.url(embedded.OWNER),
        "REDIS_URL": servers.valkey.url,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "HTTPS": "off",
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "imaging_safety.settings",
    }
    import django

    django.setup()
    from django.core.management import call_command

    from findings.services.senders import make_sender
    from tests.engine.listening import Listening
    from tests.factories import a_trust
    from tests.fuzz.sending import Fuzzer

    call_command("migrate", verbosity=0)
    make_sender(code="RIS|RXX01", site=a_trust().site)
    return Fuzzer(Listening(Path(servers.base, "listener.log")))


def _run(fuzzer: "Fuzzer", wanted: int, number: int) -> int:
    from tests.fuzz.messages import messages

    @given(st.lists(messages, min_size=FEWEST, max_size=MOST), st.integers(1, 4))
    @settings(
        max_examples=AT_ONCE,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    def send(some: list[bytes], pieces: int) -> None:
        fuzzer.send(some, pieces)

    began, before = time.monotonic(), 0.0
    while fuzzer.sent < wanted:
        seed(number)(send)()
        number += 1
        if not before and fuzzer.sent > wanted * WARM_AFTER:
            before = fuzzer.listening.megabytes
        took = time.monotonic() - began
        print(f"{took:5.0f} s: {fuzzer.sent:,} sent, {_counts(fuzzer)}", flush=True)
    fuzzer.judge_in_the_end()
    grown = fuzzer.listening.megabytes - before
    print(f"Memory: {before:.0f} MB after a tenth, {grown:+.0f} MB at the end.")
    assert grown < GROWS_AT_MOST, "memory is not back where it was"
    print("Nothing wrong.")
    return 0


def _counts(fuzzer: "Fuzzer") -> str:
    return ", ".join(f"{code} {count:,}" for code, count in sorted(fuzzer.answers.items()))


if __name__ == "__main__":
    sys.exit(main())
