"""A worker that is killed while it reckons a replay: nothing of it is kept, and another does it."""

import os
import signal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from findings.models import LabReplay, LabRun, ReplayedCase
from findings.services.lab_runs import SILENT_AFTER, ask_for_replay, take_up
from tests.engine.mail import MailServer
from tests.engine.world import engines, wait_until
from tests.factories import Trust
from tests.integration.test_policy_lab import a_draft, late_case, sooner

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

# Not pg_stat_activity: within a transaction that says each time what it said first.
BLOCKED = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND relation = 'findings_labreplay'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(BLOCKED)
        return cursor.fetchone()[0] > 0


def test_a_replay_outlives_the_worker_that_was_killed_at_it(
    trust: Trust, mail: MailServer, tmp_path: Path
) -> None:
    """Killed as it is about to keep what it reckoned: we hold it there."""
    late_case(trust)
    version = a_draft(trust, rungs=sooner()).versions.all()[0]
    ask_for_replay(version=version, by=trust.governance)
    with engines(tmp_path, mail) as engine:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE findings_labreplay IN EXCLUSIVE MODE")
            killed = engine.crowd("reckon")
            wait_until(waits_for_us, what="the result to be there")
            os.killpg(killed.pid, signal.SIGKILL)
            killed.wait()
        run = LabRun.objects.get()
        assert (run.tries, run.done, run.ended_at) == (1, 1, None)
        assert take_up() == 0, "it was heard of a moment ago"
        assert not LabReplay.objects.exists()

        LabRun.objects.update(heard_at=timezone.now() - SILENT_AFTER)
        engine.crowd("reckon")
        wait_until(LabRun.objects.exclude(ended_at=None).exists, what="another to do it")
    run.refresh_from_db()
    assert (run.tries, run.failed_because, run.replay) == (2, "", LabReplay.objects.get())
    assert ReplayedCase.objects.get().replay == run.replay
