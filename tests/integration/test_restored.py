"""The database was restored from a copy: what may repeat says so, and what is missing is named."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from findings.models import Examination, Finding
from notifications import clockwork, pulse, restored, rounds, watchdog
from notifications.models import Pulse
from tests.engine.mail import MailServer
from tests.factories import Trust, acknowledged, flagged
from tests.integration.telling import ago
from tests.integration.test_waits_are_told import waits
from tests.pages import signed_in, words_of


@pytest.fixture
def finding(trust: Trust) -> Finding:
    """Due half an hour ago, which the copy, an hour old, does not know."""
    made = flagged(trust, at=ago(minutes=30))
    Pulse.objects.create(name=clockwork.LATEST, at=ago(hours=1))
    return made


def after_restore(capsys: pytest.CaptureFixture[str], **options: str) -> str:
    call_command("after_restore", **options)
    return capsys.readouterr().out


def test_what_was_due_before_says_that_it_may_be_a_second_copy(
    trust: Trust, mail: MailServer, finding: Finding, capsys: pytest.CaptureFixture[str]
) -> None:
    said = after_restore(capsys)
    assert "1 open finding" in said
    rounds.fire()
    rounds.deliver()
    assert mail.arrived
    assert all(one.may_be_second for one in mail.arrived)
    mail.arrived.clear()
    Pulse.objects.filter(name=restored.PUT_BACK).update(at=ago(minutes=1))
    flagged(trust)
    rounds.fire()
    rounds.deliver()
    assert mail.arrived
    assert not any(one.may_be_second for one in mail.arrived), "due since then"


def test_the_timeline_of_each_open_finding_says_where_lines_are_missing(
    trust: Trust, finding: Finding, capsys: pytest.CaptureFixture[str]
) -> None:
    after_restore(capsys)
    last = finding.events.order_by("-number")[0]
    assert last.by is None
    assert last.data["text"].startswith("Restored from a copy. What was recorded from ")
    call_command("verify_timeline", verbosity=0)
    client = signed_in(trust.referrer)
    assert "is missing in this timeline" in words_of(client.get(f"/findings/{finding.reference}/"))


def test_the_page_of_a_wait_says_it_too_for_it_has_no_timeline(
    trust: Trust, finding: Finding, capsys: pytest.CaptureFixture[str]
) -> None:
    before = waits(trust, 3)
    assert "1 examination without a report on their pages" in after_restore(capsys)
    client = signed_in(trust.coordinator)
    # The banner, which is kept for some seconds, says that it is gone.
    said = "is missing here."

    def page(examination: Examination) -> str:
        return words_of(client.get(reverse("wait", args=[examination.public_id])))

    assert said in page(before)
    Pulse.objects.filter(name=restored.PUT_BACK).update(at=ago(hours=2))
    Pulse.objects.filter(name=restored.COPY_OF).update(at=ago(hours=3))
    assert said in page(before)
    assert said not in page(waits(trust, 1 / 24)), "made since then"


def test_every_page_says_for_a_week_what_has_to_be_entered_again(
    trust: Trust, finding: Finding, capsys: pytest.CaptureFixture[str]
) -> None:
    acknowledged(trust, finding)
    pulse.beat(pulse.FIRE)
    pulse.beat(pulse.DELIVER)
    after_restore(capsys)
    watchdog.forget()
    assert "is gone: please enter it again." in words_of(signed_in(trust.referrer).get("/inbox/"))
    assert watchdog.look() == [], "nothing is late because of it"
    Pulse.objects.filter(name=restored.PUT_BACK).update(at=ago(days=8))
    watchdog.forget()
    assert watchdog.sentences() == []
    watchdog.forget()


def test_of_when_the_copy_is_must_be_known(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="has never run in this copy"):
        after_restore(capsys)
    rounds.fire()
    with pytest.raises(CommandError, match="has run since it was restored"):
        after_restore(capsys)
    with pytest.raises(CommandError, match="older than this moment"):
        after_restore(capsys, copy_of=str(timezone.now() + timedelta(hours=1)))
    with pytest.raises(CommandError, match="isoformat"):
        after_restore(capsys, copy_of="yesterday")
    assert after_restore(capsys, copy_of="2026-03-02 14:02").startswith(
        "The copy is of 2 March 2026 at 14:02;"
    )
