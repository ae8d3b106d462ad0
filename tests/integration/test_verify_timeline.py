"""`manage.py verify_timeline` finds what was done to a timeline past the triggers."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from findings.models import Event, Finding
from tests.factories import Trust, acknowledged, flagged

pytestmark = pytest.mark.django_db


def changed(sql: str, *values: object) -> None:
    """As somebody with the owner's rights would, past the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE findings_event DISABLE TRIGGER USER")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE findings_event ENABLE TRIGGER USER")


@pytest.fixture
def line(trust: Trust) -> Event:
    """The fourth line of a timeline of five; another finding has one of its own."""
    flagged(trust)
    return acknowledged(trust).events.get(number=4)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_timeline", *arguments, stdout=out)
    return out.getvalue()


def test_a_timeline_that_nobody_touched_is_whole(line):
    assert f"Timelines whole: {Finding.objects.count()}" in run()
    assert "whole: 6 lines" in run(line.finding.reference)


def broken(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError, match="1 timelines"):
        call_command("verify_timeline", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        "SET kind = 'note'",
        "SET at = at - interval '1 hour'",
        "SET by_id = (SELECT max(id) FROM findings_person)",
        "SET data = data || '{\"level\": 9}'",
        "SET hash = repeat('0', 64)",
        "SET previous_hash = repeat('0', 64)",
    ],
)
def test_an_edited_line_is_found_and_named(line, change):
    changed(f"UPDATE findings_event {change} WHERE id = %s", line.pk)
    assert f"{line.finding.reference}, line 4" in broken()
    assert f"{line.finding.reference}, line 4" in broken(line.finding.reference)


def test_a_line_that_was_taken_out_is_found(line):
    changed("DELETE FROM findings_event WHERE id = %s", line.pk)
    assert f"{line.finding.reference}, line 5: the line before it is missing" in broken()


def test_a_line_whose_hash_was_computed_again_breaks_the_next(line):
    changed(
        "UPDATE findings_event SET kind = 'note', hash = findings_event_hash(previous_hash,"
        " finding_id, number, 'note', at, by_id, data) WHERE id = %s",
        line.pk,
    )
    assert f"{line.finding.reference}, line 5: it does not follow the line before it" in broken()


def test_a_timeline_without_lines_is_found(line):
    changed("DELETE FROM findings_event WHERE finding_id = %s", line.finding_id)
    assert f"{line.finding.reference}: its timeline has no lines" in broken()


def test_another_findings_timeline_is_not_blamed(line):
    other = Finding.objects.exclude(pk=line.finding_id).first()
    changed("UPDATE findings_event SET kind = 'note' WHERE id = %s", line.pk)
    said = run(other.reference)
    assert other.events.latest("number").hash in said


def test_an_unknown_reference_is_said_to_be_unknown():
    with pytest.raises(CommandError, match="no finding F-NOTHERE"):
        run("F-NOTHERE")
