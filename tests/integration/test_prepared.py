"""Statements that are prepared once a connection, and what happens where they cannot be."""

import pytest
from django.db import OperationalError, connection, transaction

from findings import prepared
from findings.models import Report
from notifications.delivery import deliver_due
from notifications.firing import fire_due_steps
from notifications.models import DeliveryResult
from tests.engine.mail import MailServer
from tests.factories import Trust, flagged, reported
from tests.integration.telling import fired

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pooler_that_changes_sessions_loses_no_message(
    mail: MailServer, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands the next transaction to a session that knows nothing of what we prepared."""
    monkeypatch.setattr(prepared, "_pooled", False)
    fired(trust)
    deliver_due()
    assert len(mail.arrived) == 1
    flagged(trust)
    knows_nothing()
    fire_due_steps()
    deliver_due()
    assert prepared._pooled
    assert len(mail.arrived) == 2
    fired(trust)
    deliver_due()
    assert len(mail.arrived) == 3
    assert set(DeliveryResult.objects.values_list("outcome", flat=True)) == {
        DeliveryResult.Outcome.ACCEPTED
    }


def test_a_pooler_that_changes_sessions_is_noticed_once_by_who_files(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that meets it is undone whole, and goes through when it is tried again."""
    monkeypatch.setattr(prepared, "_pooled", False)
    reported(trust)
    knows_nothing()
    with pytest.raises(OperationalError):
        reported(trust)
    reported(trust)
    reported(trust)
    assert Report.objects.count() == 3


def knows_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")


def mode() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        return cursor.fetchone()[0]


def test_a_rollback_leaves_nothing_planned_for_each_value(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_pooled", False)
    connection.close()
    one = prepared.Prepared("one", "SELECT %(what)s", what="int")
    with transaction.atomic():
        assert one.row(what=1) == (1,)
        transaction.set_rollback(True)
    assert mode() == "auto", "what was set is undone, what was prepared is not"
    with transaction.atomic():
        assert one.row(what=2) == (2,)
    assert mode() == "force_generic_plan"
    connection.close()
