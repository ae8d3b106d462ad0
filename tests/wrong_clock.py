"""The database's clock, wrong by as much as a test likes, in this test's transaction only.

Functions of the same names are found before PostgreSQL's own, so whatever asks for the time in SQL
asks these. What a table gives by itself (`db_default`) and PostgreSQL's own time-outs go by the
true clock; the storm (`tests/faults`) turns that one, for the server as a whole.
"""

from datetime import timedelta

from django.db import connection

ASKED = ("clock_timestamp", "statement_timestamp", "transaction_timestamp", "now")
SCHEMA = "wrong_clock"


class DatabaseClock:
    """Begins right."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
            for name in ASKED:
                cursor.execute(
                    f"CREATE FUNCTION {SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql AS"
                    f" $$ SELECT pg_catalog.{name}()"
                    " + current_setting('test.wrong_by')::interval $$"
                )
            cursor.execute(f"SET LOCAL search_path = {SCHEMA}, pg_catalog, public")
        self.is_wrong_by(timedelta())

    def is_wrong_by(self, span: timedelta) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('test.wrong_by', %s, true)", [f"{span.total_seconds()} seconds"]
            )
