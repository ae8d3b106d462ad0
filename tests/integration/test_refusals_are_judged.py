"""The eleventh invariant: the checker finds each fault that a mutant has.

A storm has a hundred messages that were refused, and few of them leave nobody else who hears. So
each is tried here with one.
"""

from collections.abc import Callable

import pytest

from notifications import outcomes, receipts
from notifications.models import DeliveryReceipt
from notifications.receipts import Told, take_receipt
from notifications.rounds import deliver, fire
from tests.engine.mail import MailServer
from tests.factories import Trust
from tests.faults.checker import Verdict, ladders_that_wait, refusals
from tests.faults.mutants import MUTANTS
from tests.integration.telling import email_to, fired

pytestmark = pytest.mark.django_db
Failed = DeliveryReceipt.Outcome.FAILED


@pytest.fixture(autouse=True)
def _sound_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a mutant puts into the place of these ends with the test."""
    for name in ("_outcome", "follow_failure"):
        monkeypatch.setattr(outcomes, name, getattr(outcomes, name))
    monkeypatch.setattr(receipts, "_FOLLOWS", dict(receipts._FOLLOWS))


def is_refused(trust: Trust, mail: MailServer) -> list[str]:
    mail.answers[trust.referrer.email] = "550 5.1.1 No such mailbox"
    fired(trust, category="urgent")
    deliver(), fire(), deliver()
    return []


def comes_back(trust: Trust, mail: MailServer) -> list[str]:
    fired(trust, category="urgent")
    deliver()
    email = email_to(trust.referrer)
    take_receipt(Told(str(email.public_id), Failed, address_is_bad=True))
    fire(), deliver()
    return [email.message_id]


def is_lost_on_its_way_back(trust: Trust, mail: MailServer) -> list[str]:
    fired(trust, category="urgent")
    deliver()
    return [email_to(trust.referrer).message_id]


@pytest.mark.parametrize(
    ("what", "mutant", "says"),
    [
        (is_refused, None, None),
        (comes_back, None, None),
        (is_refused, "stubborn", "was refused for good and tried again"),
        (is_refused, "idle", "reached nobody, and the ladder waits"),
        (comes_back, "deaf", "came back and is shown as sent"),
        (is_lost_on_its_way_back, None, "came back and nobody heard of it"),
    ],
)
def test_what_becomes_of_a_refusal_is_judged(
    trust: Trust,
    mail: MailServer,
    what: Callable[[Trust, MailServer], list[str]],
    mutant: str | None,
    says: str | None,
) -> None:
    if mutant:
        MUTANTS[mutant]()
    verdict = Verdict()
    refusals(what(trust, mail), verdict)
    wrong = [*verdict.wrong, *ladders_that_wait()]
    if says is None:
        assert wrong == []
    else:
        assert any(one.startswith("11: ") and says in one for one in wrong)
