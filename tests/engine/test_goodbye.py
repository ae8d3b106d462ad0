"""Somebody leaves at the very moment at which something is flagged to them."""

import threading
from typing import Any

import pytest
from django.db import connection

from findings.models import Finding, Person
from findings.services import leavers
from tests.factories import Trust, flagged, reported

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_flagged_while_somebody_leaves_goes_to_the_team_too(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, examination = flagged(trust), reported(trust)
    meanwhile: list[Finding] = []
    real = leavers._end_offers_to

    def flag() -> None:
        try:
            meanwhile.append(flagged(trust, examination=examination))
        finally:
            connection.close()

    def flag_before_the_commit(*given: Any) -> None:
        if not meanwhile:
            other = threading.Thread(target=flag)
            other.start()
            other.join(20)
        real(*given)

    monkeypatch.setattr(leavers, "_end_offers_to", flag_before_the_commit)
    moved = leavers.say_goodbye(person=trust.referrer, by=trust.coordinator, because="Retires.")
    assert {one.pk for one in moved} == {first.pk, meanwhile[0].pk}
    assert not Person.objects.get(pk=trust.referrer.pk).is_active
    assert not Finding.objects.owner_left().exists()
