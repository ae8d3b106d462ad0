"""The short form of `make fuzz`: a few hundred messages to a real listener."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings.services.senders import make_sender
from imaging_safety import children
from tests.engine.listening import Listening
from tests.engine.world import test_database_url
from tests.factories import a_trust
from tests.fuzz.messages import messages
from tests.fuzz.sending import Fuzzer

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def fuzzer(transactional_db: None, tmp_path: Path) -> Iterator[Fuzzer]:
    make_sender(code="RIS|RXX01", site=a_trust().site)
    listening = Listening(tmp_path / "log", DATABASE_URL=test_database_url(), LOG_LEVEL="ERROR")
    yield Fuzzer(listening)
    children.stop(listening.child)


def test_whatever_is_sent_is_answered_and_what_is_accepted_is_kept(fuzzer: Fuzzer) -> None:
    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(messages, min_size=5, max_size=10), st.integers(1, 4))
    def send(some: list[bytes], pieces: int) -> None:
        fuzzer.send(some, pieces)

    send()
    assert fuzzer.sent > 100
    fuzzer.judge_in_the_end()
