"""An examination that waits for its report: whoever watches the engine sees it, too, and what would
reach nobody is found before its step falls."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from findings.models import Clock, Examination, Step, Team, Unroutable, Viewing
from findings.services.coverage import check_coverage
from notifications import pulse, rounds, watchdog
from notifications.firing import fire_due_steps
from notifications.models import Channel, Notification, Route
from tests.factories import Trust, flagged, waiting_examination
from tests.integration.test_coverage import cut_off
from tests.integration.test_metrics import figures
from tests.integration.test_waits_are_told import reporting_of, told, waits
from tests.pages import queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LIST = reverse("downtime-list")


@pytest.fixture(autouse=True)
def _engine_runs(db: None) -> Iterator[None]:
    watchdog.forget()
    pulse.beat(pulse.FIRE)
    pulse.beat(pulse.DELIVER)
    yield
    watchdog.forget()


@pytest.fixture
def reporting(trust: Trust) -> Team:
    return reporting_of(trust)


def late() -> list[tuple[str, str]]:
    return [(str(one), one.page) for one in watchdog.look()]


def ends(examination: Examination) -> None:
    clocks = Clock.objects.filter(examination=examination)
    clocks.update(stopped_at=timezone.now(), stopped_because=Clock.StoppedBecause.REPORTED)


# --- What should have happened and did not -----------------------------------------------------


def test_a_step_of_a_wait_that_nobody_fired_is_said_with_the_page_of_waits(trust: Trust) -> None:
    waits(trust, 22)
    ((text, page),) = late()
    assert text.startswith("1 escalation step is overdue and nobody has been told;")
    assert page == "waiting"
    flagged(trust, at=timezone.now() - timedelta(minutes=5))
    ((text, page),) = late()
    assert text.startswith("2 escalation steps are overdue")
    assert page == "open-findings"


def test_the_end_of_the_ladder_without_a_report_is_said(trust: Trust) -> None:
    examinations = [waits(trust, 30) for _ in range(2)]
    fire_due_steps()
    text = "2 examinations went up the whole ladder and no report has come."
    assert late() == [(text, "waiting")]
    for examination in examinations:
        ends(examination)
    assert late() == []


def test_a_step_whose_messages_all_failed_reached_nobody(trust: Trust) -> None:
    examination = waits(trust, 22)
    fire_due_steps()
    assert late() == []
    Notification.objects.filter(examination=examination).update(status="failed")
    text = "Nobody could be reached at the latest step of 1 unreported examination."
    assert late() == [(text, "waiting")]


# --- Figures -----------------------------------------------------------------------------------


def test_the_figures_count_what_waits_and_what_is_overdue(trust: Trust) -> None:
    waits(trust, 22), waits(trust, 3), ends(waits(trust, 4))
    seen = figures()
    assert seen["examinations_waiting",] == 2
    assert seen["overdue_steps", "report_by", "1"] == 1
    assert seen["oldest_unfired_step_seconds",] == pytest.approx(DAY.total_seconds(), abs=5)


# --- After downtime ----------------------------------------------------------------------------


def test_what_is_to_be_caught_up_with_is_listed_and_fired(trust: Trust) -> None:
    examination, finding = waits(trust, 22), flagged(trust)

    def catch_up(*arguments: str) -> list[str]:
        out = StringIO()
        call_command("catch_up", *arguments, stdout=out)
        return out.getvalue().splitlines()

    *listed, total = catch_up("--dry-run")
    assert listed[0].startswith(f"{finding.reference}  Critical:")
    assert listed[1].startswith(f"{examination.reference}  waits for its report:")
    assert listed[1].endswith("1 day late")
    assert total == "1 finding and 1 examination to catch up with; nothing was fired."
    assert catch_up()[-1].startswith("Fired 2 steps.")
    assert not Step.objects.due().exists()


def test_the_list_for_downtime_names_it_and_whom_to_ring(trust: Trust, reporting: Team) -> None:
    manager = trust.add(team=reporting, phone="0113 496 0002")
    examination = waits(trust, 3, description="CT Chest")
    client = signed_in(trust.coordinator)
    text = words_of(client.get(LIST))
    assert "1 examination without a report" in text
    for words in (examination.accession, examination.patient.display_name, "CT Chest"):
        assert words in text
    assert f"{manager}, 0113 496 0002" in text
    assert Viewing.objects.filter(patients__contains=[examination.patient_id]).exists()
    few = queries_without_banner(client, LIST)
    waits(trust, 4), waits(trust, 5)
    assert queries_without_banner(client, LIST) == few
    ends(examination)
    assert examination.accession not in words_of(client.get(LIST))


def test_another_trusts_waits_are_not_on_the_list(trust: Trust) -> None:
    from tests.factories import a_trust

    elsewhere = waits(a_trust(), 3)
    assert elsewhere.accession not in words_of(signed_in(trust.coordinator).get(LIST))


# --- Would it reach a human? -------------------------------------------------------------------


def test_a_wait_whose_next_step_would_reach_nobody_stands_in_the_queue(
    trust: Trust, reporting: Team
) -> None:
    """Weeks before the step falls."""
    manager = trust.add(team=reporting, reachable=False)
    examination = waiting_examination(trust)
    found = check_coverage()
    assert [one.subject for one in found.unroutable] == [examination]
    row = Unroutable.objects.standing().get()
    assert row.examination == examination
    assert row.because == f"Nobody can be told as the team: {manager} has no address."
    check_coverage()
    assert Unroutable.objects.get() == row, "a second check does not begin again"
    assert late() == [
        (
            "Nobody can be told of 1 unreported examination; the longest has waited for less than a"
            " minute.",
            "coverage",
        )
    ]
    trust.add(team=reporting)
    assert check_coverage().unroutable == []
    assert Unroutable.objects.get().mended_at is not None


def test_what_has_its_report_leaves_the_queue_and_the_sentence(
    trust: Trust, reporting: Team
) -> None:
    trust.add(team=reporting, reachable=False)
    examination = waiting_examination(trust)
    check_coverage()
    ends(examination)
    assert late() == []
    check_coverage()
    assert not Unroutable.objects.standing().exists()


@pytest.fixture
def nobody_hears(trust: Trust, reporting: Team) -> None:
    """The ladder of a wait ends in silence."""
    trust.add(team=reporting, reachable=False)
    cut_off(trust.governance)
    rounds.watch()


def test_what_reaches_nobody_stands_in_the_queue_at_once(
    trust: Trust, nobody_hears: None, django_capture_on_commit_callbacks: Any
) -> None:
    examination = waits(trust, 22)
    rounds.watch()
    assert not Unroutable.objects.exists(), "the check of this hour was before"
    with django_capture_on_commit_callbacks(execute=True):
        fire_due_steps()
    assert not told(examination)
    rounds.watch()
    row = Unroutable.objects.standing().get()
    assert row.examination == examination
    assert str(trust.governance) in row.because
    Route.objects.create(
        person=trust.governance, channel=Channel.IN_APP, verified_at=timezone.now()
    )
    check_coverage()
    assert not Unroutable.objects.standing().exists(), "whoever heard last can be told"


def test_a_finding_that_reaches_nobody_stands_there_at_once_too(
    trust: Trust, django_capture_on_commit_callbacks: Any
) -> None:
    rounds.watch()
    cut_off(trust.referrer)
    finding = flagged(trust)
    with django_capture_on_commit_callbacks(execute=True):
        fire_due_steps()
    rounds.watch()
    assert Unroutable.objects.standing().get().finding == finding


def test_the_page_shows_it_among_findings_with_where_to_put_it_right(
    trust: Trust, reporting: Team
) -> None:
    manager = trust.add(team=reporting, reachable=False)
    examination = waiting_examination(trust)
    check_coverage()
    client = signed_in(trust.coordinator)
    response = client.get(reverse("coverage"))
    text = words_of(response)
    assert examination.reference in text
    assert "Examination without a report" in text
    assert f"{manager} has no address." in text
    assert reverse("wait", args=[examination.public_id]) in response.text
    few = queries_without_banner(client, reverse("coverage"))
    for _ in range(3):
        waiting_examination(trust)
    assert queries_without_banner(client, reverse("coverage")) == few


def test_the_command_says_so(trust: Trust, reporting: Team) -> None:
    trust.add(team=reporting, reachable=False)
    waiting_examination(trust), flagged(trust)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("check_coverage", stdout=out)
    assert "Nobody can be told of 1 unreported examination: see" in out.getvalue()
