"""Fixtures of the browser tests. Without a Chromium they are skipped, except in CI."""

import os
from collections.abc import Iterator

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser import chromium as find_chromium
from tests.conftest import IN_CI
from tests.functional.browser import Browser, Tabs, running_chromium

# Playwright's synchronous calls run an event loop in this thread; Django would refuse to talk
# to the database in it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def tabs() -> Iterator[Tabs]:
    if not find_chromium() and not IN_CI:
        pytest.skip("there is no Chromium on this machine")
    with running_chromium() as started:
        yield started


@pytest.fixture
def browser(tabs: Tabs, live_server: LiveServer) -> Iterator[Browser]:
    """Opens pages of a server that runs on the test's own (really committed) rows."""
    opened = Browser(tabs, live_server.url)
    yield opened
    opened.close()
