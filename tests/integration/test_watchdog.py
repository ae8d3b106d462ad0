"""What should have happened and did not: each sentence, who hears it, and the heartbeat."""

import http.server
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from findings.models import Clock, Step
from findings.services.acknowledge import decline_finding
from findings.services.clocks import stop_clocks
from notifications import pulse, rounds, watchdog
from notifications.firing import fire_due_steps
from notifications.lateness import Sentence
from notifications.models import Notification, Pulse, Route
from tests.factories import Trust, a_trust, acknowledged, flagged

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    watchdog.forget()
    yield
    watchdog.forget()


@pytest.fixture
def _running() -> None:
    """Both parts of the engine have just been round."""
    pulse.beat(pulse.FIRE)
    pulse.beat(pulse.DELIVER)


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def said() -> list[str]:
    return [str(sentence) for sentence in watchdog.look()]


def test_where_nothing_ever_ran_it_says_so() -> None:
    assert said() == [
        "Nothing has looked for due steps yet.",
        "Nothing has sent waiting messages yet.",
    ]


def test_after_a_round_of_each_all_is_well(trust: Trust) -> None:
    flagged(trust)
    rounds.fire()
    rounds.deliver()
    assert said() == []


@pytest.mark.usefixtures("_running")
@pytest.mark.parametrize(
    ("name", "what"), [("fire", "looked for due steps"), ("deliver", "sent waiting messages")]
)
def test_three_minutes_without_a_sweep_are_said(name: str, what: str) -> None:
    Pulse.objects.filter(name=name).update(at=ago(minutes=2, seconds=50))
    assert said() == []
    Pulse.objects.filter(name=name).update(at=ago(minutes=3, seconds=5))
    (sentence,) = said()
    assert sentence.startswith(f"Nothing has {what} since ")


@pytest.mark.usefixtures("_running")
def test_a_listener_that_fell_silent_is_said_until_it_is_given_up() -> None:
    pulse.beat(pulse.LISTEN, ago(minutes=2))
    assert said() == []
    pulse.beat(pulse.LISTEN, ago(minutes=4))
    (sentence,) = said()
    assert sentence.startswith("The HL7 listener has been silent since")
    call_command("mllp", given_up=True)
    assert said() == []


@pytest.mark.usefixtures("_running")
def test_a_step_two_minutes_overdue_is_said_and_a_fresh_one_is_not(trust: Trust) -> None:
    finding = flagged(trust, at=ago(minutes=1))
    assert said() == []
    flagged(trust, at=ago(minutes=5))
    (sentence,) = watchdog.look()
    assert sentence.count == 1
    assert str(sentence).startswith("1 escalation step is overdue and nobody has been told")
    assert finding.reference not in str(sentence)


@pytest.mark.usefixtures("_running")
def test_a_message_that_waits_for_five_minutes_is_said(trust: Trust) -> None:
    flagged(trust)
    fire_due_steps()
    assert said() == []
    Notification.objects.update(created_at=ago(minutes=6))
    assert said() == ["2 messages could not be sent for more than 5 minutes."]
    Notification.objects.update(status="not_needed")
    assert said() == []


@pytest.mark.usefixtures("_running")
def test_an_open_finding_without_a_clock_is_said(trust: Trust) -> None:
    finding = flagged(trust)
    with transaction.atomic():
        stop_clocks(
            finding=finding, because=Clock.StoppedBecause.ANSWERED, at=timezone.now(), by=None
        )
        assert said() == ["1 open finding is not being counted down: no clock is running."]
        transaction.set_rollback(True)  # at commit the database would refuse it


@pytest.mark.usefixtures("_running")
def test_the_end_of_the_ladder_without_an_answer_is_said(trust: Trust) -> None:
    finding = flagged(trust, at=ago(hours=3))
    fire_due_steps()
    assert said() == ["1 open finding went up the whole ladder and nobody has answered."]
    asks = Step.objects.unfired().filter(clock__kind="tell_patient")
    asks.update(brought_forward_to=ago(minutes=1))
    fire_due_steps()
    other = "Of 1 open finding everybody was told that the patient has not been, and nobody has"
    assert f"{other} said that they are told now." in said()
    assert "1 open finding went up the whole ladder and nobody has answered." in said()
    acknowledged(trust, finding)
    assert said() == [f"{other} said that they are told now."], "it is no answer to that"


@pytest.mark.usefixtures("_running")
def test_a_step_that_reached_nobody_is_said_until_a_later_one_does() -> None:
    trust = a_trust()
    Route.objects.all().delete()
    flagged(trust)
    fire_due_steps()
    assert "Nobody could be reached at the latest step of 1 open finding." in said()


@pytest.mark.usefixtures("_running")
def test_a_step_whose_messages_all_failed_reached_nobody(trust: Trust) -> None:
    finding = flagged(trust)
    fire_due_steps()
    assert said() == []
    Notification.objects.update(status="failed")
    assert said() == ["Nobody could be reached at the latest step of 1 open finding."]
    Step.objects.filter(finding=finding, level=2).update(brought_forward_to=finding.flagged_at)
    fire_due_steps()
    assert said() == [], "the next step reached somebody"


@pytest.mark.usefixtures("_running")
def test_of_two_owners_named_before_a_round_the_last_one_is_told_and_that_is_enough(
    trust: Trust,
) -> None:
    finding = flagged(trust)
    fire_due_steps()
    for to in (trust.colleague, trust.responsible):
        decline_finding(finding=finding, by=trust.referrer, because="Not ours.", to=to)
    fire_due_steps()
    assert finding.steps.filter(level=0, fired_at__isnull=False).count() == 2
    assert said() == []


def test_pages_ask_the_database_at_most_every_fifteen_seconds(
    django_assert_num_queries: Any,
) -> None:
    first = watchdog.sentences()
    with django_assert_num_queries(0):
        assert watchdog.sentences() == first
    pulse.beat(pulse.FIRE)
    assert len(watchdog.sentences()) == 2
    watchdog.forget()
    assert len(watchdog.sentences()) == 1


# --- Who hears it ------------------------------------------------------------------------------


def test_the_page_is_503_and_lists_what_is_late(client: Client) -> None:
    page = client.get("/health/clock/")
    assert page.status_code == 503
    assert "Nothing has looked for due steps yet." in page.content.decode()


@pytest.mark.usefixtures("_running")
def test_the_page_is_200_when_nothing_is_late(client: Client) -> None:
    page = client.get("/health/clock/")
    assert page.status_code == 200
    assert "every message has been sent" in page.content.decode()


def test_a_monitor_gets_the_same_as_json(client: Client) -> None:
    answer = client.get("/health/clock/", headers={"accept": "application/json"})
    assert answer.status_code == 503
    assert answer.json() == {
        "late": ["Nothing has looked for due steps yet.", "Nothing has sent waiting messages yet."]
    }


def test_the_page_says_nothing_about_any_patient_or_finding(client: Client, trust: Trust) -> None:
    finding = flagged(trust, at=ago(hours=3))
    patient = finding.examination.patient
    page = client.get("/health/clock/").content.decode()
    for secret in (finding.reference, patient.family_name, patient.nhs_number, str(trust.referrer)):
        assert secret not in page


def test_the_command_exits_1_and_says_why() -> None:
    said_by_it = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_clock", stdout=said_by_it)
    assert ended.value.code == 1
    assert "Nothing has looked for due steps yet." in said_by_it.getvalue()


@pytest.mark.usefixtures("_running")
def test_the_command_ends_well_when_nothing_is_late() -> None:
    said_by_it = StringIO()
    call_command("check_clock", stdout=said_by_it)
    assert said_by_it.getvalue() == "Nothing is late.\n"


class Monitor:
    """An outside monitor: counts the calls."""

    def __init__(self) -> None:
        self.calls = 0
        monitor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                monitor.calls += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_args: Any) -> None: ...

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/beat"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def monitor(settings: Any) -> Iterator[Monitor]:
    made = Monitor()
    settings.HEARTBEAT_URL = made.url
    yield made
    made.stop()


@pytest.mark.usefixtures("_running")
def test_when_all_is_well_the_outside_monitor_is_called(monitor: Monitor) -> None:
    rounds.watch()
    assert monitor.calls == 1


def test_when_anything_is_late_the_outside_monitor_hears_nothing(monitor: Monitor) -> None:
    rounds.watch()
    assert monitor.calls == 0
    assert Pulse.objects.filter(name="watch").exists()


@pytest.mark.usefixtures("_running")
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "file:///etc/hostname", "nonsense"])
def test_a_monitor_that_cannot_be_called_stops_no_round(settings: Any, url: str) -> None:
    settings.HEARTBEAT_URL = url
    rounds.watch()
    assert Pulse.objects.filter(name="watch").exists()


def test_a_sentence_is_its_text() -> None:
    assert str(Sentence("One thing.", 3, "open-findings")) == "One thing."
