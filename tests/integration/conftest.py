"""What a test with a database may ask for: a trust, and a mail server that is really there."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.mail import MailServer, deliver_to
from tests.factories import Trust, a_trust


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    server = MailServer().start()
    deliver_to(server, settings)
    yield server
    server.stop()


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()
