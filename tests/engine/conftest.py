"""What every test of real processes starts from: a mail server that listens, and a trust."""

from collections.abc import Iterator

import pytest

from tests.engine.mail import MailServer
from tests.factories import Trust, a_trust


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    return a_trust()
