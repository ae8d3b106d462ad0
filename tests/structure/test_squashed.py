"""A new database takes one step where an earlier version took twenty; both end as the same.

`python -m tests.old_migrations` compares what PostgreSQL then has. That costs half a minute: here
is what can be seen without running the old steps.
"""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.writer import MigrationWriter

from tests.old_migrations import HALF_WAY, LEAVES, old_executor


def squashed_of(app):
    disk = MigrationExecutor(connection).loader.disk_migrations
    (found,) = [one for key, one in disk.items() if key[0] == app and one.replaces]
    return found


def applied_by_the_old_steps(*ends):
    """As if the database had been made before there was a squashed step."""
    recorder = MigrationRecorder(connection)
    for app, end in ends:
        squashed = squashed_of(app)
        recorder.migration_qs.filter(app=app).delete()
        for key in squashed.replaces:
            if key[1] <= end:
                recorder.record_applied(*key)


def still_to_come():
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [(step.app_label, step.name) for step, _ in plan]


def later_ones(app):
    """Steps of this app that came after the squash."""
    squashed = squashed_of(app)
    disk = MigrationExecutor(connection).loader.disk_migrations
    known = {(app, squashed.name), *squashed.replaces}
    return {key for key in disk if key[0] == app} - known


def as_written(model):
    """Columns in their order, constraints, indexes and triggers, as a migration's file has them."""
    return MigrationWriter.serialize([list(model.fields.items()), model.options, model.bases])[0]


@pytest.mark.django_db
@pytest.mark.parametrize(("app", "leaf"), LEAVES)
def test_both_ways_end_with_the_same_models(app, leaf):
    squashed = squashed_of(app)
    old = old_executor(connection).loader.project_state((app, leaf))
    new = MigrationExecutor(connection).loader.project_state((app, squashed.name))
    ours = {key for key in old.models if key[0] == app}
    assert ours == {key for key in new.models if key[0] == app}
    for key in ours:
        assert as_written(old.models[key]) == as_written(new.models[key])


@pytest.mark.django_db
def test_this_database_has_taken_the_short_way():
    applied = MigrationRecorder(connection).applied_migrations()
    assert all((app, squashed_of(app).name) in applied for app, _ in LEAVES)
    assert still_to_come() == []


@pytest.mark.django_db
def test_a_database_that_took_the_old_steps_is_up_to_date():
    applied_by_the_old_steps(*LEAVES)
    assert set(still_to_come()) == later_ones("findings") | later_ones("notifications")


@pytest.mark.django_db
def test_a_database_half_way_goes_on_by_the_old_steps():
    applied_by_the_old_steps(*HALF_WAY)
    coming = still_to_come()
    findings = [name for app, name in coming if app == "findings"]
    assert findings[0] == "0011_tell_the_patient"
    assert "0020_leave_begins" in findings
    assert squashed_of("findings").name not in findings
    notifications = [name for app, name in coming if app == "notifications"]
    assert notifications[0] == "0004_text_messages_and_webhook"
