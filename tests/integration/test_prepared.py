"""Statements that are prepared once a connection, and what happens where they cannot be."""

import pytest
from django.db import connection

from notifications import prepared
from notifications.delivery import deliver_due
from notifications.models import DeliveryResult
from tests.engine.mail import MailServer
from tests.factories import Trust
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
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    fired(trust)
    deliver_due()
    assert prepared._pooled
    assert len(mail.arrived) == 2
    fired(trust)
    deliver_due()
    assert len(mail.arrived) == 3
    assert set(DeliveryResult.objects.values_list("outcome", flat=True)) == {
        DeliveryResult.Outcome.ACCEPTED
    }
