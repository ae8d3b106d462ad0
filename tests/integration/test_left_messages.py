"""Messages that were stored and not filed: the sweep, its patience, and the watchdog."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from findings.arrivals import HeldReason
from findings.intake.importing import run_again, take_in
from findings.intake.sweep import LEFT_AFTER, LONGEST_COMMIT, sweep
from findings.models import FilingTry, IncomingMessage, Receipt, Report, Sender
from findings.services.senders import find_sender, make_sender
from findings.services.unfiled import TRIES
from notifications import pulse, rounds, watchdog
from tests.factories import Trust, a_trust
from tests.messages import oru

Outcome = Receipt.Outcome
LATER = timedelta(minutes=11)


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture
def ris(trust: Trust) -> Sender:
    return make_sender(code="RIS|RXX01", site=trust.site)


def left(body: bytes, sender: Sender | None, ago: timedelta = LATER) -> IncomingMessage:
    """Stored raw; the process that had it is gone."""
    return IncomingMessage.objects.create(
        sender=sender,
        body=body,
        fingerprint=f"{len(body)}-{ago}-{sender}"[:64],
        origin="mllp 10.0.0.1",
        received_at=timezone.now() - ago,
    )


def all_left() -> "QuerySet[IncomingMessage]":
    return IncomingMessage.objects.filter(receipts=None)


def test_what_was_left_is_filed_once(ris: Sender) -> None:
    message = left(oru(), ris)
    sweep(None)
    sweep(None)
    assert message.receipts.get().outcome == Outcome.NEW_REPORT
    assert Report.objects.get().message == message
    assert FilingTry.objects.get().tries == 1


def test_what_is_on_its_way_is_left_alone(ris: Sender) -> None:
    message = left(oru(), ris, LEFT_AFTER - timedelta(minutes=1))
    sweep(None)
    assert not message.receipts.exists()


def test_what_was_filed_is_not_looked_at_again(ris: Sender) -> None:
    take_in(oru(), "a")
    before = sweep(None)
    assert before < timezone.now() - LONGEST_COMMIT + timedelta(seconds=1)
    assert Report.objects.count() == 1
    assert not FilingTry.objects.exists()


def test_whoever_was_not_believed_to_be_the_sender_is_not_now(ris: Sender) -> None:
    """The listener keeps such a message without a sender; its MSH-3 alone proves nothing."""
    message = left(oru(), None)
    sweep(None)
    assert find_sender("RIS|RXX01") == ris
    assert message.receipts.get().reason == HeldReason.UNKNOWN_SENDER


def test_the_beginning_of_a_message_is_never_filed(trust: Trust, ris: Sender) -> None:
    """It reads like a whole one: what it would say may be the opposite of what was meant."""
    message = left(b"\x0b" + oru(text="No cancer was exclu"), ris)
    sweep(None)
    receipt = message.receipts.get()
    assert (receipt.outcome, receipt.reason) == (Outcome.HELD, HeldReason.CUT_OFF)
    assert run_again(receipt, trust.coordinator).is_waiting
    assert not Report.objects.exists()


def test_what_ends_its_process_is_tried_a_few_times_then_held(
    ris: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = left(oru(), ris)

    def killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("findings.intake.sweep.file_kept", killed)
        for _ in range(TRIES):
            with pytest.raises(SystemExit):
                sweep(None)
            assert list(all_left()) == [message]
        sweep(None)
    receipt = message.receipts.get()
    assert (receipt.outcome, receipt.reason) == (Outcome.HELD, HeldReason.OUR_FAULT)


def test_the_sweep_begins_where_nothing_is_left_before(ris: Sender) -> None:
    now = timezone.now()
    assert sweep(None, now) == now - LONGEST_COMMIT
    old = left(oru(), ris, timedelta(hours=5))
    sweep(now - timedelta(hours=1), now)
    assert not old.receipts.exists(), "it was said that nothing is left there"
    sweep(now - timedelta(hours=6), now)
    assert old.receipts.exists()


def test_the_watcher_files_it_and_only_else_says_so(
    ris: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError

    left(oru(), ris)
    with monkeypatch.context() as patched:
        patched.setattr("findings.intake.sweep.file_kept", broken)
        (said,) = [one for one in rounds.watch() if "stored" in one.text]
    assert said.text.startswith("1 message is stored and neither filed nor held; the first came on")
    assert said.page == "integration"
    assert not [one for one in rounds.watch() if "stored" in one.text]
    assert pulse.last(pulse.FILED)
    watchdog.forget()
