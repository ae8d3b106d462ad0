"""Public trouble reports of neighbouring software, tried here: answering, reading, and one limit
whatever a finding came by. The cases of escalation and mail are in test_trouble_log.py."""

import threading
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.intake.importing import take_in
from findings.models import Category, Event, Examination, Finding
from findings.services.flag import flag_finding
from findings.services.receive import receive_report
from findings.services.senders import account_of, typed_sender
from findings.services.timeline import record_reading
from notifications.firing import fire_due_steps
from notifications.models import Notification
from tests.calling import body, calling, post
from tests.factories import Trust, a_trust, acknowledged, arriving, flagged
from tests.messages import oru
from tests.pages import fill_in, hidden_in, signed_in, words_of

SEEING = {"choice": "see", "details": ""}


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def answer_of(finding: Finding) -> str:
    return reverse("acknowledge", args=[finding.reference])


def acknowledgements(finding: Finding) -> int:
    return finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).count()


def test_an_answer_after_the_session_ended_is_not_taken_and_leads_back_to_its_form(
    trust: Trust,
) -> None:
    """Case 48: loud, and nothing half done."""
    finding, client = flagged(trust), signed_in(trust.referrer)
    typed = hidden_in(client.get(answer_of(finding))) | SEEING
    client.logout()
    late = client.post(answer_of(finding), typed)
    assert (late.status_code, late["Location"]) == (
        302,
        f"{reverse('sign-in')}?next={answer_of(finding)}",
    )
    assert acknowledgements(finding) == 0
    client.force_login(trust.referrer)
    assert client.get(answer_of(finding)).status_code == 200
    assert fill_in(client, answer_of(finding), SEEING).status_code == 302
    assert acknowledgements(finding) == 1


def test_words_that_a_script_would_trip_over_are_kept_as_they_were_typed(trust: Trust) -> None:
    """Case 48."""
    words = 'It\'s "quoted" \\x41 </script> `${1}`'
    finding = flagged(trust, description=words)
    page = signed_in(trust.referrer).get(answer_of(finding))
    assert words in words_of(page)
    fill_in(signed_in(trust.referrer), answer_of(finding), {"choice": "other", "details": words})
    finding.refresh_from_db()
    assert words in finding.plan


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_it_on_at_once_one_does_and_the_others_are_told() -> None:
    """Case 50: real threads, a real database."""
    trust = a_trust()
    finding = flagged(trust)
    presses, statuses = 4, list[int]()
    start = threading.Barrier(2)

    def take_on(client: Client, typed: dict[str, str]) -> None:
        start.wait()
        for _ in range(presses):
            statuses.append(client.post(answer_of(finding), typed).status_code)
        connections.close_all()

    threads = []
    for person in (trust.referrer, trust.colleague):
        client = signed_in(person)
        typed = hidden_in(client.get(answer_of(finding))) | SEEING
        threads.append(threading.Thread(target=take_on, args=[client, typed]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert acknowledgements(finding) == 1
    assert statuses.count(302) == 1
    assert set(statuses) <= {302, 403, 409}
    assert len(statuses) == 2 * presses


def test_a_scanner_that_follows_the_link_of_a_mail_answers_nothing(trust: Trust) -> None:
    """Case 51: not by HEAD, not by GET, not by sending the form without having signed in."""
    finding, scanner = flagged(trust), Client()
    page = reverse("finding", args=[finding.reference])
    for address in (page, answer_of(finding)):
        assert scanner.head(address).status_code == 302
        assert scanner.get(address).status_code == 302
        assert scanner.post(address, SEEING).status_code in (302, 405)
    finding.refresh_from_db()
    assert (finding.state, acknowledgements(finding)) == ("awaiting", 0)
    assert not finding.events.filter(kind=Event.Kind.READ).exists()
    assert fill_in(signed_in(trust.referrer), answer_of(finding), SEEING).status_code == 302
    assert acknowledgements(finding) == 1


def test_whoever_only_reads_is_reminded_like_whoever_does_not(trust: Trust) -> None:
    """Case 53: an answer stops the ladder, and nothing else does."""
    long_ago = timezone.now() - timedelta(hours=2)
    read, unread, answered = (flagged(trust, at=long_ago) for _ in range(3))
    record_reading(finding=read, by=trust.referrer, page="finding")
    acknowledged(trust, answered)
    fire_due_steps()
    assert told_of(read) == told_of(unread)
    assert len(told_of(read)) > 2
    assert not told_of(answered)
    assert read.steps.unfired().count() == unread.steps.unfired().count()


def told_of(finding: Finding) -> set[int]:
    of_the_answer = Notification.objects.filter(
        finding=finding, step__clock__kind="acknowledge", step__level__gt=0
    )
    return set(of_the_answer.values_list("recipient", flat=True))


# --- One limit, whatever it came by ---------------------------------------------------------------

ALERT = "Free gas under the diaphragm. CRITICAL ALERT"


def _by_hand(trust: Trust, folder: Path) -> None:
    examination = receive_report(sender=trust.sender, arriving=arriving(trust))[1].examination
    critical = Category.objects.get(code="critical")
    flag_finding(
        examination=examination,
        by=trust.radiologist,
        category=critical,
        description="Free gas.",
        recommended_action="Surgical review.",
    )


def _typed(trust: Trust, folder: Path) -> None:
    sender = typed_sender(trust.site)
    sender.flags_at_once = True
    sender.save()
    receive_report(sender=sender, arriving=arriving(trust, text=ALERT))


def _by_hl7(trust: Trust, folder: Path) -> None:
    take_in(oru(text=ALERT), "a", trust.sender)


def _from_a_file(trust: Trust, folder: Path) -> None:
    path = folder / "night.hl7"
    path.write_bytes(oru(text=ALERT))
    call_command("import_hl7", str(path), sender=trust.sender.code, stdout=StringIO())


def _by_the_api(trust: Trust, folder: Path) -> None:
    sent = post(calling(account_of(trust.sender)), body(text=ALERT))
    assert sent.status_code == 201


@pytest.mark.parametrize("way", [_by_hand, _typed, _by_hl7, _from_a_file, _by_the_api])
def test_the_limit_is_the_same_whatever_a_finding_came_by(
    trust: Trust, tmp_path: Path, way: Callable[[Trust, Path], Any]
) -> None:
    """Case 54: one row holds when it began, and none is without."""
    trust.sender.flags_at_once = True
    trust.sender.save()
    way(trust, tmp_path)
    finding = Finding.objects.get()
    (clock,) = finding.clocks.filter(kind="acknowledge")
    assert clock.due_at - finding.flagged_at == timedelta(hours=1)
    assert clock.started_at == finding.counts_from == finding.flagged_at
    assert timezone.now() - finding.flagged_at < timedelta(minutes=5)
    assert Examination.objects.count() == 1
