"""Every index is paid for with each row that is written: none says again what another says."""

import pytest
from django.db import connection

# Plain indexes whose columns another one of their table begins with, in the same order.
TWICE = """
    SELECT one.indexrelid::regclass::text
    FROM pg_index one JOIN pg_index more USING (indrelid)
    JOIN pg_class c ON c.oid = one.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relname ~ '^notifications_'
        AND one.indexrelid <> more.indexrelid AND NOT one.indisunique
        AND one.indpred IS NULL AND more.indpred IS NULL
        AND one.indexprs IS NULL AND more.indexprs IS NULL
        AND more.indkey::text LIKE one.indkey::text || ' %%'
        AND more.indclass::text LIKE one.indclass::text || ' %%'
    ORDER BY 1
"""


@pytest.mark.django_db
def test_no_index_is_the_beginning_of_another() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TWICE, [])
        assert [name for (name,) in cursor.fetchall()] == []


@pytest.mark.django_db
def test_lines_of_a_finding_are_told_to_the_planner() -> None:
    """Its own count is a tenth of what there are, since the lines of a finding lie together; it
    then takes the index of the time for each finding."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attoptions FROM pg_attribute"
            " WHERE attrelid = 'findings_event'::regclass AND attname = 'finding_id'"
        )
        assert cursor.fetchone() == (["n_distinct=-0.1"],)
