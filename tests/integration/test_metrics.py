"""/metrics: who may read it, and that it says what is in the database and nothing of a patient."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import Error
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from prometheus_client.parser import text_string_to_metric_families

from findings.intake.importing import take_in
from findings.models import Receipt
from findings.services.senders import account_of
from notifications import metrics, rounds, tally, tasks
from notifications.models import Notification, Pulse
from tests.factories import Trust, a_trust, flagged, reported
from tests.messages import oru

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def figures() -> dict[tuple[str, ...], float]:
    """By name and values of the labels, as Prometheus itself reads them."""
    text = metrics.page().decode()
    return {
        (sample.name.removeprefix("imaging_safety_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_open_findings_are_counted_by_category(trust: Trust) -> None:
    flagged(trust)
    flagged(trust)
    flagged(trust, category="cancer")
    seen = figures()
    assert seen["open_findings", "critical"] == 2
    assert seen["open_findings", "cancer"] == 1
    assert seen["open_findings", "urgent"] == 0


def test_alert_codes_that_wait_are_counted(trust: Trust) -> None:
    assert figures()["alert_codes_waiting",] == 0
    reported(trust, text="CRITICAL ALERT")
    assert figures()["alert_codes_waiting",] == 1


def test_a_step_that_nobody_fired_shows_with_its_age(trust: Trust) -> None:
    assert figures()["oldest_unfired_step_seconds",] == 0
    flagged(trust, at=ago(minutes=10))
    seen = figures()
    assert seen["overdue_steps", "acknowledge", "1"] == 1
    assert seen["overdue_steps", "acknowledge", "2"] == 0
    assert sum(value for name, value in seen.items() if name[0] == "overdue_steps") == 1
    assert seen["oldest_unfired_step_seconds",] == pytest.approx(600, abs=5)


def test_how_long_firing_and_delivering_took_is_said_for_the_last_hour(trust: Trust) -> None:
    flagged(trust, at=ago(minutes=10))
    rounds.fire()
    rounds.deliver()
    seen = figures()
    assert seen["due_to_fired_seconds", "1"] == pytest.approx(600, abs=5)
    assert seen["due_to_fired_count",] == 1
    assert 0 <= seen["fired_to_delivered_seconds", "0.5"] < 5
    assert seen["fired_to_delivered_count",] == 2
    Notification.objects.update(sent_at=ago(minutes=61))
    seen = figures()
    assert seen["fired_to_delivered_count",] == 0
    assert ("fired_to_delivered_seconds", "0.5") not in seen


def test_failed_messages_are_counted_by_channel(trust: Trust) -> None:
    flagged(trust)
    rounds.fire()
    Notification.objects.filter(channel="email").update(status="failed")
    seen = figures()
    assert seen["messages_failed_total", "email"] == 1
    assert seen["messages_failed_total", "in_app"] == 0


def test_hl7_messages_are_counted_by_their_answer() -> None:
    assert figures()["hl7_answers_total", "AA"] == 0
    tally.add({"hl7_aa": 3, "hl7_ae": 0, "hl7_ar": 1, "hl7_skipped_bytes": 7})
    tally.add({"hl7_aa": 2})
    seen = figures()
    assert [seen["hl7_answers_total", code] for code in ("AA", "AE", "AR")] == [5, 0, 1]
    assert seen["hl7_skipped_bytes_total",] == 7


def test_each_part_of_the_engine_shows_its_pulse() -> None:
    assert ("pulse_age_seconds", "fire") not in figures()
    rounds.fire()
    Pulse.objects.filter(name="fire").update(at=ago(seconds=90))
    assert figures()["pulse_age_seconds", "fire"] == pytest.approx(90, abs=5)


def test_whoever_wakes_the_engine_shows_its_own_pulse() -> None:
    assert ("pulse_age_seconds", "celery") not in figures()
    tasks.watch()
    assert figures()["pulse_age_seconds", "celery"] == pytest.approx(0, abs=5)


def test_what_waits_for_a_person_shows_with_its_age(trust: Trust) -> None:
    assert figures()["held_items",] == 0
    assert figures()["oldest_held_item_seconds",] == 0
    take_in(oru(), "night.hl7:1")  # of a sender that nobody has set up
    Receipt.objects.update(at=ago(hours=30))
    seen = figures()
    assert seen["held_items",] == 1
    assert seen["oldest_held_item_seconds",] == pytest.approx(30 * 3600, abs=5)


def test_a_sender_whose_token_ends_shows_it_before_and_after(trust: Trust) -> None:
    series = "api_token_ends_in_seconds", trust.sender.code
    assert series not in figures(), "it does not call the API"
    account = account_of(trust.sender)
    assert figures()[series] == 0
    for days in (90, 20):
        AuthToken.objects.create(account, expiry=timedelta(days=days))
    assert figures()[series] == pytest.approx(90 * 86_400, abs=5)
    AuthToken.objects.update(expiry=ago(days=1))
    assert figures()[series] == 0


def test_no_patient_person_or_reference_is_in_it(trust: Trust) -> None:
    finding = flagged(trust)
    rounds.fire()
    text = metrics.page().decode()
    patient = finding.examination.patient
    for secret in (finding.reference, patient.family_name, trust.referrer.family_name):
        assert secret not in text


def test_this_machine_may_read_it_where_no_token_is_set(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert b'imaging_safety_overdue_steps{clock="act",level="1"} 0.0' in answer.content


@pytest.mark.parametrize("address", ["10.0.0.5", "", "unix:"])
def test_no_other_machine_may(client: Client, address: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"])
def test_a_proxy_on_this_machine_opens_it_to_nobody(client: Client, header: str) -> None:
    assert client.get("/metrics", headers={header: "10.0.0.5"}).status_code == 404


def test_with_a_token_set_nothing_else_opens_it(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a-token-of-some-length"
    assert client.get("/metrics").status_code == 404
    for given in ("Bearer wrong", "Bearer ", "a-token-of-some-length"):
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 404
    right = {"Authorization": "Bearer a-token-of-some-length"}
    assert client.get("/metrics", headers=right, REMOTE_ADDR="10.0.0.5").status_code == 200


def test_without_a_database_it_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> bytes:
        raise Error

    monkeypatch.setattr(metrics, "page", gone)
    answer = client.get("/metrics")
    assert (answer.status_code, answer.content) == (503, b"The database does not answer.\n")
