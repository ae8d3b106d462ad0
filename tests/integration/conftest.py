"""What a test with a database may ask for: a trust, a mail server that is really there, and the
whole application as `make run` starts it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imaging_safety import embedded
from tests.engine.mail import MailServer, deliver_to
from tests.factories import Trust, a_trust
from tests.supervised import Running


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    server = MailServer().start()
    deliver_to(server, settings)
    yield server
    server.stop()


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture(scope="session")
def local() -> Iterator[Path]:
    """A `.local/` kept from test to test as it is kept from day to day."""
    base = embedded.temporary_directory()
    base.chmod(0o711)
    yield base / "local"
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def first_run(local: Path) -> Iterator[Running]:
    """The first `make run` on a machine, with all that it loads: test_demonstration.py looks at
    that, then test_supervisor.py at the rest (`tests/sharing.py` keeps them together)."""
    one = Running(local)
    try:
        yield one.wait_until_up()
    finally:
        one.end_if_running()
