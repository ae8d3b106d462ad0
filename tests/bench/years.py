"""Five years of a trust, laid down in SQL: examinations with their reports, and findings of which
nearly every one has ended.

A few findings go through the real services to their ends; everything else is a copy of one of them
or of its examination, moved back by some days. Only a superuser's `replica` role lays down millions
of rows: it skips the triggers, so the chain of a timeline is not computed.
"""

from typing import Any

from django.db import connection, models
from django.utils import timezone

from findings.models import (
    Action,
    Clock,
    Event,
    Examination,
    Finding,
    Patient,
    Rating,
    Report,
    Step,
)
from findings.services.acknowledge import acknowledge_finding
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding
from findings.services.rate import rate_finding
from tests.bench.rows import FIRST_ID, MIX, a_hospital, copy_from, in_order_of_time
from tests.factories import Trust, flagged, reported, waiting_examination

DAYS = 365 * 5
# Of so many examinations one has a finding, one patient, and one is not reported yet.
OF_A_FINDING, OF_A_PATIENT, NOT_REPORTED = 5, 10, 300
# One in so many findings is still open; one in so many was acknowledged after its limit.
STILL_OPEN, LATE = 500, 6
FIRST_EXAMINATION, FIRST_REPORT, FIRST_PATIENT = 100_000_000, 200_000_000, 300_000_000
LATE_BY = "interval '20 days'"
# At once in one statement.
PART = 250_000

PATIENTS = """
    INSERT INTO findings_patient (id, public_id, family_name, given_name, birth_date, sex)
    SELECT {patient} + n, gen_random_uuid(), 'Bench' || n, 'Test',
        date '1930-01-01' + (n * 37 %% 30000)::integer, (ARRAY['F', 'M', 'U'])[1 + n %% 20 / 10]
    FROM generate_series(%s, %s) n
"""
CHOSEN = """
    CREATE TEMPORARY TABLE chosen AS SELECT {finding} + n AS n,
        {examination} + n * {each} AS examination, o.owner, o.team,
        CASE WHEN n %% {open} = 0 THEN p.open WHEN n %% {late} = 0 THEN p.late ELSE p.kept END
            AS pattern,
        CASE WHEN n %% {open} = 0 THEN n / {open} %% 14 ELSE 1 + {days} - n * {days} / {count} END
            * interval '1 day' + (n %% 86400) * interval '1 second' AS by
    FROM generate_series(%s::bigint, %s) n
    JOIN owners o ON o.number = n * 7 %% (SELECT count(*) FROM owners)
    JOIN patterns p ON p.number = n * 31 %% 100
"""


def five_years(superuser: Any, findings: int) -> Trust:
    """So many findings of five times as many examinations; of the trust that is returned."""
    trust, of_team = a_hospital()
    pattern = reported(trust)
    with superuser.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        _offer(cursor, "owners", ["owner", "team"], list(of_team.items()))
        _offer(cursor, "patterns", ["kept", "late", "open"], _patterns(trust, cursor))
        _examinations(cursor, pattern, findings * OF_A_FINDING)
        _waits(cursor, waiting_examination(trust))
        for first in range(0, findings, PART):
            _findings(cursor, first, min(first + PART, findings) - 1, findings)
        in_order_of_time(cursor)
        cursor.execute("SET session_replication_role = origin; RESET synchronous_commit")
        for model in (Patient, Examination, Report, Finding, Clock):
            table = model._meta.db_table
            cursor.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
        cursor.execute("VACUUM (ANALYZE)")
    connection.close()
    return trust


def _offer(cursor: Any, table: str, columns: list[str], rows: list[tuple[int, ...]]) -> None:
    """Numbered from 0."""
    named = ", ".join(f"{name} bigint" for name in columns)
    cursor.execute(f"CREATE TEMPORARY TABLE {table} (number bigint, {named})")
    places = ", ".join(["%s"] * (len(columns) + 1))
    cursor.executemany(
        f"INSERT INTO {table} VALUES ({places})",
        [(number, *row) for number, row in enumerate(rows)],
    )


def _patterns(trust: Trust, cursor: Any) -> list[tuple[int, ...]]:
    """A hundred, as often of each category as there are findings of it: one that was kept, one that
    was late, and one that is open."""
    found = []
    for category, share in MIX.items():
        late = _ended(trust, category)
        _make_late(cursor, late)
        one = _ended(trust, category).pk, late.pk, flagged(trust, category=category).pk
        found += [one] * share
    return found


def _ended(trust: Trust, category: str) -> Finding:
    finding = flagged(trust, category=category)
    by, today = trust.referrer, timezone.localdate()
    finding = acknowledge_finding(finding=finding, by=by, plan="I will see the patient.")
    given = {"kind": Action.Kind.IMAGING, "text": "CT.", "result_expected_on": today}
    record_action(finding=finding, by=by, **given)
    record_patient_told(finding=finding, by=by, how="in_person", told_at=timezone.now())
    finding = close_finding(finding=finding, by=by, outcome=Finding.Outcome.NOTHING)
    rate_finding(finding=finding, by=by, useful=Rating.Useful.YES)
    return finding


def _make_late(cursor: Any, finding: Finding) -> None:
    """Flagged, and promised, so many days earlier."""
    for statement in (
        "UPDATE findings_finding SET flagged_at = flagged_at - {by}, tell_by = tell_by - {by},"
        " counts_from = counts_from - {by} WHERE id = %s",
        "UPDATE findings_clock SET started_at = started_at - {by}, due_at = due_at - {by}"
        " WHERE finding_id = %s AND kind = 'acknowledge'",
        "UPDATE findings_event SET at = at - {by} WHERE finding_id = %s AND number <= 3",
    ):
        cursor.execute(statement.format(by=LATE_BY), [finding.pk])


def _examinations(cursor: Any, pattern: Examination, count: int) -> None:
    """With a report that came within some weeks, and patients who had several."""
    patients = count // OF_A_PATIENT
    cursor.execute(PATIENTS.format(patient=FIRST_PATIENT), [0, patients])
    ago = f"({DAYS} - s.n::bigint * {DAYS} / {count}) * 86400 + s.n % 36000"
    performed = f"now() - ({ago}) * interval '1 second'"
    number = f"{FIRST_REPORT} + s.n"
    for first in range(0, count, PART):
        series = f"generate_series({first}, {min(first + PART, count) - 1}) s (n)"
        copy_from(
            cursor,
            Examination,
            f"{series}, findings_examination t WHERE t.id = {pattern.pk}",
            id=f"{FIRST_EXAMINATION} + s.n",
            public_id="gen_random_uuid()",
            accession="'BX' || s.n",
            patient_id=f"{FIRST_PATIENT} + s.n % {patients}",
            performed_at=performed,
            modality="(ARRAY['CT', 'MR', 'DX', 'US'])[1 + s.n % 4]",
            current_report_id=f"CASE WHEN s.n % {NOT_REPORTED} > 0 THEN {number} END",
        )
        copy_from(
            cursor,
            Report,
            f"{series}, findings_report t WHERE t.examination_id = {pattern.pk}"
            f" AND s.n % {NOT_REPORTED} > 0",
            id=number,
            public_id="gen_random_uuid()",
            examination_id=f"{FIRST_EXAMINATION} + s.n",
            reported_at=f"least(now(), {performed} + s.n % 97 * interval '7 hours')",
            received_at=f"least(now(), {performed} + s.n % 97 * interval '7 hours')",
            fingerprint="md5(s.n::text)",
        )


def _waits(cursor: Any, pattern: Examination) -> None:
    """Of what is not reported and not long ago somebody is to hear."""
    cursor.execute(
        "CREATE TEMPORARY TABLE chosen AS SELECT id AS n, id AS examination,"
        f" {pattern.pk} AS pattern, now() - performed_at AS by FROM findings_examination"
        " WHERE current_report_id IS NULL AND performed_at > now() - interval '60 days'"
        f" AND id >= {FIRST_EXAMINATION}"
    )
    _moved(cursor, Clock, by="examination_id", id="c.n", examination_id="c.n")
    _moved(cursor, Step, by="examination_id", examination_id="c.n", clock_id="c.n")
    cursor.execute("DROP TABLE chosen")


def _findings(cursor: Any, first: int, last: int, count: int) -> None:
    """The oldest first, as they lie in a database that has grown."""
    cursor.execute(
        CHOSEN.format(
            finding=FIRST_ID,
            examination=FIRST_EXAMINATION,
            each=OF_A_FINDING,
            open=STILL_OPEN,
            late=LATE,
            days=DAYS,
            count=count,
        ),
        [first, last],
    )
    _moved(
        cursor,
        Finding,
        id="c.n",
        reference="'F-' || lpad(c.n::text, 10, '0')",
        owner_person_id="c.owner",
        team_id="c.team",
        examination_id="c.examination",
    )
    _moved(cursor, Clock, id="c.n * 1000 + t.id", finding_id="c.n")
    _moved(cursor, Step, finding_id="c.n", clock_id="c.n * 1000 + t.clock_id")
    _moved(cursor, Event, finding_id="c.n")
    _moved(cursor, Rating, finding_id="c.n")
    cursor.execute("DROP TABLE chosen")


def _moved(cursor: Any, model: type[models.Model], by: str = "finding_id", **instead: str) -> None:
    """For each row of `chosen` (c) what its pattern has of this model (t), so long before."""
    moments = {
        field.column: f"t.{field.column} - c.by"
        for field in model._meta.concrete_fields
        if isinstance(field, models.DateTimeField)
    }
    by = "id" if model is Finding else by
    of_pattern = f"chosen c JOIN {model._meta.db_table} t ON t.{by} = c.pattern"
    copy_from(cursor, model, of_pattern, **moments | instead)
