"""Any stored message, and all of them, can be run again: nothing that was filed changes."""

from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings.intake.importing import replay, take_in
from findings.models import IncomingMessage, Receipt, Sender
from findings.services.hold import set_aside
from findings.services.sender_settings import change_sender
from findings.services.senders import make_sender
from tests.factories import Trust, a_trust
from tests.messages import adt, orm, oru

Outcome = Receipt.Outcome
KINDS = (
    oru(),
    oru(control_id="2"),
    oru(control_id="3", text="Other words.", reported="20260701"),
    oru(control_id="4", reported="20260601", text="Earlier."),
    oru(control_id="5", status="Odd", accession="A5"),
    oru(control_id="6", name="BEECH^BOB", born="19900101", accession="A6"),
    oru(control_id="7", application="NEW"),
    oru(control_id="8", accession="A8", status="X"),
    orm("NW", accession="A9"),
    orm("CA", accession="A9", said="20260630090000"),
    orm("CM", accession="A10", performed="20260630090000"),
    adt("A08", application="RIS"),
    adt("A99", application="RIS"),
    b"HELLO",
    b"\x0b" + oru(accession="A11"),
    b"MSH|^~\\&|RIS|RXX01",
)


def a_ris() -> tuple[Trust, Sender]:
    trust = a_trust()
    return trust, make_sender(code="RIS|RXX01", site=trust.site)


def everything() -> dict[str, list[Any]]:
    """Every row of ours, in order."""
    rows = {}
    for model in apps.get_app_config("findings").get_models():
        table = connection.ops.quote_name(model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            rows[table] = cursor.fetchall()
    return rows


class AnyOrder(TestCase):
    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.sampled_from(KINDS), max_size=8))
    def test_to_replay_everything_changes_nothing(self, sent: list[bytes]) -> None:
        trust, _ = a_ris()
        for body in sent:
            take_in(body, "night.hl7:1")
        before = everything()
        for message in IncomingMessage.objects.order_by("-pk"):
            assert replay(message, trust.coordinator) == []
        assert everything() == before


def test_every_kind_is_as_before_when_it_is_run_again(db: None) -> None:
    trust, _ = a_ris()
    for body in KINDS:
        take_in(body, "night.hl7:1")
    held = Receipt.objects.waiting().first()
    assert held
    set_aside(receipt=held, by=trust.coordinator, because="A test.")
    outcomes = set(Receipt.objects.values_list("outcome", flat=True))
    assert len(outcomes) >= 8, outcomes
    before = everything()
    for message in IncomingMessage.objects.order_by("-pk"):
        replay(message, trust.coordinator)
    assert everything() == before


@pytest.fixture
def held(db: None) -> tuple[Trust, Sender, Receipt]:
    trust, ris = a_ris()
    (receipt,) = take_in(oru(status="Odd"), "night.hl7:1").receipts
    change_sender(sender=ris, by=trust.coordinator, status_words={"odd": "final"})
    return trust, ris, receipt


def said(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command("replay", *words, stdout=out, **options)
    return out.getvalue()


def test_a_dry_run_says_what_would_become_of_it_and_changes_nothing(
    held: tuple[Trust, Sender, Receipt],
) -> None:
    before = everything()
    out = said(sender="RIS|RXX01", dry_run=True)
    assert "night.hl7:1): New report." in out
    assert "1 message run again: 1 would change, 0 as before." in out
    assert everything() == before


def test_it_is_filed_in_the_name_of_whoever_decides_it(held: tuple[Trust, Sender, Receipt]) -> None:
    trust, _, receipt = held
    said(sender="RIS|RXX01", by=trust.coordinator.username)
    receipt.refresh_from_db()
    assert (receipt.outcome, receipt.resolved_by) == (Outcome.NEW_REPORT, trust.coordinator)
    assert "0 messages run again" in said("--since=2026-01-01", "--dry-run")
    every = said("--since=2026-01-01T00:00", "--every", "--dry-run")
    assert "1 message run again: 0 would change" in every


def test_only_a_coordinator_of_its_trust_decides_it(held: tuple[Trust, Sender, Receipt]) -> None:
    trust, _, receipt = held
    for by in (trust.administrator, a_trust().coordinator):
        with pytest.raises(CommandError, match="coordinator"):
            said(id=[receipt.message_id], by=by.username)
    with pytest.raises(CommandError, match="Say with --by"):
        said(id=[receipt.message_id])
    with pytest.raises(CommandError, match="Say which"):
        said(dry_run=True)
    receipt.refresh_from_db()
    assert receipt.is_waiting


def test_a_refused_message_is_left_to_its_sender(db: None) -> None:
    trust, _ = a_ris()
    (receipt,) = take_in(oru(), "a").receipts
    Receipt.objects.filter(pk=receipt.pk).update(
        outcome=Outcome.REFUSED, report=None, reason="wrong_sender"
    )
    assert replay(receipt.message, trust.coordinator) == []
    receipt.refresh_from_db()
    assert receipt.outcome == Outcome.REFUSED
