"""Rows for the benchmark: a few findings flagged by the real services, copied many times in SQL.

The copies of a burst go through the same constraints and triggers; they share the reports of their
patterns, which the engine never reads. Only a superuser's `replica` role, by which times are moved
between runs and millions of ended steps are laid down, skips the triggers.
"""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from findings.models import Clock, Event, Finding, Membership, Person, Role, Step
from findings.services.close import withdraw_finding
from tests.factories import TeamFactory, Trust, a_trust, flagged

REFERRERS, TEAMS = 200, 20
# Category, and how many of a hundred findings are of it.
MIX = {"critical": 5, "urgent": 15, "cancer": 10, "significant_unexpected": 70}
# Copies start here, far above whatever the services made; those of the past lie below.
FIRST_ID = 1_000_000
# Withdrawn findings of which somebody was told. On a table that was empty when it was first asked
# PostgreSQL reads all rows for each foreign key, until its next ANALYZE: of a hospital's first
# minute a benchmark must not be.
PAST = 2_000
WERE_TOLD = """
    WITH told AS (
        INSERT INTO notifications_notification (public_id, step_id, finding_id, recipient_id,
            route_id, channel, priority, status, created_at, next_attempt_at, sent_at)
        SELECT DISTINCT ON (f.id, r.id) gen_random_uuid(), s.id, f.id, r.person_id, r.id, r.channel,
            s.priority, 'sent', y.at, y.at, y.at
        FROM findings_finding f JOIN findings_step s ON s.finding_id = f.id
        JOIN notifications_route r ON r.person_id = f.owner_person_id,
            (SELECT now() - interval '1 day' AS at) y
        WHERE f.id < %s AND f.state = 'withdrawn' ORDER BY f.id, r.id, s.level RETURNING id, sent_at
    ), tried AS (
        INSERT INTO notifications_deliveryattempt (notification_id, number, started_at, subject,
            body)
        SELECT id, 1, sent_at, 'A subject', 'Words.' FROM told RETURNING id, started_at
    )
    INSERT INTO notifications_deliveryresult (attempt_id, outcome, detail, at)
    SELECT id, 'accepted', '', started_at FROM tried
"""


def a_hospital() -> tuple[Trust, dict[int, int]]:
    """A trust with many teams; and its many referrers, each with their team."""
    trust = a_trust()
    of_team: dict[int, int] = {}
    for _ in range(TEAMS):
        team = TeamFactory(organisation=trust.organisation, site=trust.site)
        trust.add(Role.REFERRER, team=team, duty=Membership.Duty.RESPONSIBLE)
        for _ in range(REFERRERS // TEAMS):
            person: Person = trust.add(Role.REFERRER, team=team)
            of_team[person.pk] = team.pk
    return trust, of_team


def a_burst(count: int, seed: int) -> None:
    """So many findings, spread over categories and owners; the same with the same seed."""
    trust, of_team = a_hospital()
    patterns = {name: flagged(trust, category=name) for name in MIX}
    chance = random.Random(seed)
    names = chance.choices(list(MIX), list(MIX.values()), k=count)
    owners = chance.choices(list(of_team), k=count + PAST)
    copies = [
        (FIRST_ID + n, patterns[name].pk, owner, of_team[owner])
        for n, (name, owner) in enumerate(zip(names, owners, strict=False))
    ]
    _copy_to(copies)
    for finding in patterns.values():
        withdraw_finding(finding=finding, by=trust.radiologist, because="Only a pattern.")
    old = patterns["critical"].pk
    _copy_to([(FIRST_ID - n, old, o, of_team[o]) for n, o in enumerate(owners[count:], start=1)])
    _were_told()


def _copy_to(copies: Sequence[tuple[int, int, int, int]]) -> None:
    """Number, pattern, owner and their team of each."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            "CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS SELECT * FROM"
            " unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])"
            " AS c (n, pattern, owner, team)",
            [list(column) for column in zip(*copies, strict=True)],
        )
        copy_chosen(cursor, owner_person_id="c.owner", team_id="c.team")


def _were_told() -> None:
    """The owners of what is past heard of its first step by each route, a day ago."""
    with connection.cursor() as cursor:
        cursor.execute(WERE_TOLD, [FIRST_ID])


def copy_chosen(cursor: Any, **of_finding: str) -> None:
    """For each row of the temporary table `chosen` (c.n, a number from FIRST_ID on, and c.pattern)
    a copy of the pattern, with its clocks, steps and lines; `of_finding` are other columns."""
    _copy(cursor, Finding, id="c.n", reference="'F-B' || c.n", **of_finding)
    _copy(cursor, Clock, id="c.n * 1000 + t.id", finding_id="c.n")
    _copy(cursor, Step, finding_id="c.n", clock_id="c.n * 1000 + t.clock_id")
    _copy(cursor, Event, finding_id="c.n")


def copy_rows(cursor: Any, model: type[models.Model], which: str, **instead: str) -> None:
    """A copy of the rows (t) of this model for which that is so, with these columns instead."""
    copy_from(cursor, model, f"{model._meta.db_table} t WHERE {which}", **instead)


def copy_from(cursor: Any, model: type[models.Model], rows: str, **instead: str) -> None:
    """A copy of what `rows` has of this model (t), with these columns instead."""
    columns = [
        field.column
        for field in model._meta.concrete_fields
        if not isinstance(field, models.GeneratedField)
        and (not field.primary_key or "id" in instead)
    ]
    values = ", ".join(instead.get(name, f"t.{name}") for name in columns)
    named = ", ".join(columns)
    cursor.execute(f"INSERT INTO {model._meta.db_table} ({named}) SELECT {values} FROM {rows}")


def _copy(cursor: Any, model: type[models.Model], **instead: str) -> None:
    """For each row of `chosen` (c) a copy of every row (t) that its pattern has of this model."""
    pattern = "id" if model is Finding else "finding_id"
    rows = f"chosen c JOIN {model._meta.db_table} t ON t.{pattern} = c.pattern ORDER BY c.n, t.id"
    copy_from(cursor, model, rows, **instead)


def in_order_of_time(cursor: Any) -> None:
    """Lines are laid down finding by finding. A timeline only grows at its end, so that those of
    one day lie together, which is what its index of times is made for."""
    for statement in (
        "CREATE INDEX in_order ON findings_event (at)",
        "CLUSTER findings_event USING in_order",
        "DROP INDEX in_order",
    ):
        cursor.execute(statement)


def fall_due_at(superuser: Any, at: datetime) -> None:
    """Move the burst, so that the first step of each finding falls due at that instant."""
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE findings_step SET due_at = due_at + (%s - due_first) FROM (SELECT finding_id AS"
            " of_finding, min(due_at) AS due_first FROM findings_step GROUP BY 1) f"
            " WHERE finding_id = of_finding AND cancelled_at IS NULL",
            [at],
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM (ANALYZE)")


# A finding that ended long ago: its four steps fired or were cancelled. One in five hundred is
# open, with a step that falls due within the next days.
LAY_DOWN = """
    SET session_replication_role = replica;
    SET synchronous_commit = off;
    INSERT INTO findings_step (clock_id, finding_id, level, audience, words, priority, may_wait,
            due_at, fired_at, cancelled_at)
        SELECT %(clock)s, %(first)s + n, 1 + n %% 4, 'owner', '', 1 + n %% 4, false, due,
            CASE WHEN due < now() AND n %% 3 > 0 THEN due + interval '1 second' END,
            CASE WHEN due < now() AND n %% 3 = 0 THEN due END
        FROM (SELECT n, CASE WHEN n %% 500 = 0
                THEN now() + interval '1 hour' + (n / 500 %% 5000) * interval '1 minute'
                ELSE now() - interval '1 day' - random() * interval '5 years' END AS due
            FROM generate_series(%(from)s, %(to)s) n) f;
    SET session_replication_role = origin;
    SET synchronous_commit = on;
"""
PART = 250_000


def lay_down(superuser: Any, count: int, clock: int) -> None:
    """So many steps, each of a finding of its own, none of them due."""
    with superuser.cursor() as cursor:
        indexes = _take_indexes_away(cursor)
        for start in range(0, count, PART):
            end = min(start + PART, count) - 1
            numbers = {"clock": clock, "first": FIRST_ID, "from": start, "to": end}
            cursor.execute(LAY_DOWN, numbers)
        for index in indexes:
            cursor.execute(index)
        cursor.execute("VACUUM (ANALYZE) findings_step")


def _take_indexes_away(cursor: Any) -> list[str]:
    """What makes them again: building one over all rows takes a tenth of the time of adding each
    row to it."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename = 'findings_step' AND indexdef NOT LIKE 'CREATE UNIQUE%'"
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute("SET maintenance_work_mem = '512MB'")
    return [how for _, how in found]
