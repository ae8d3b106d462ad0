"""Rows that go to the database as columns arrive as they were."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from findings.columns import columns

READ = "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[])"


@pytest.mark.django_db
def test_rows_arrive_as_they_were():
    at = datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC)
    words = ["", "NULL", "null", "a,b", "{}", '"', "\\", '\\"', "'", "%s", " x ", "é\n\t", "\\x41"]
    rows = [(number, word, at) for number, word in enumerate(words)]
    rows += [(-(2**63), None, None), (2**63 - 1, "None", at)]
    with connection.cursor() as cursor:
        cursor.execute(READ, columns(rows))
        assert cursor.fetchall() == rows
