"""The database ends a connection under a page: whoever asked is told to ask again."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client

from imaging_safety import errors
from tests.calling import FINDINGS
from tests.factories import Trust
from tests.fhir import TASKS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(trust: Trust) -> Iterator[Client]:
    client = Client(raise_request_exception=False)
    client.force_login(trust.referrer)
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    yield client
    connection.close()


@pytest.mark.parametrize("address", ["/inbox/", FINDINGS, TASKS])
def test_a_database_that_is_away_is_503_and_when_to_ask_again(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(errors.RETRY_AFTER)
    assert "database does not answer just now" in answer.content.decode()
