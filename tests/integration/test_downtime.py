"""The list for when this system is down: complete, kept fresh, and missed when it is not."""

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from findings.models import Viewing
from findings.services.close import withdraw_finding
from findings.services.timeline import database_now
from notifications import downtime, pulse, rounds, watchdog
from notifications.models import Pulse
from tests.factories import Trust, a_trust, acknowledged, flagged
from tests.pages import queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

LIST = reverse("downtime-list")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DOWNTIME_FOLDER = str(tmp_path / "lists")
    return tmp_path / "lists"


def written(folder: Path, trust: Trust) -> Path:
    return folder / f"open-findings-{trust.organisation.ods_code}.html"


def last_written(**ago: int) -> None:
    Pulse.objects.filter(name=pulse.LISTS).update(at=database_now() - timedelta(**ago))


def old_lists() -> list[str]:
    return [str(said) for said in watchdog.look() if "for downtime" in str(said)]


# --- What stands on it -----------------------------------------------------------------------


def test_it_holds_every_open_finding_with_whom_to_ring(trust: Trust) -> None:
    trust.referrer.phone = "0113 496 0001"
    trust.referrer.save()
    waiting, promised = flagged(trust), acknowledged(trust)
    ended = flagged(trust)
    withdraw_finding(finding=ended, by=trust.radiologist, because="Wrong patient.")
    text = words_of(signed_in(trust.coordinator).get(LIST))
    for finding in (waiting, promised):
        assert finding.reference in text
        assert finding.examination.patient.display_name in text
        assert finding.examination.accession in text
    assert ended.reference not in text
    assert "2 open findings" in text
    assert f"{trust.referrer}, 0113 496 0001" in text
    assert promised.plan in text


def test_the_least_time_left_comes_first(trust: Trust) -> None:
    later = flagged(trust)
    sooner = flagged(trust, at=database_now() - timedelta(minutes=30))
    text = words_of(signed_in(trust.coordinator).get(LIST))
    assert text.index(sooner.reference) < text.index(later.reference)


def test_the_end_of_the_ladder_says_to_ring_the_owner(trust: Trust) -> None:
    finding = flagged(trust)
    finding.steps.update(cancelled_at=database_now())
    assert "The ladder has ended: ring the owner" in words_of(
        signed_in(trust.coordinator).get(LIST)
    )


def test_another_trusts_findings_are_not_on_it(trust: Trust) -> None:
    elsewhere = flagged(a_trust())
    text = words_of(signed_in(trust.governance).get(LIST))
    assert elsewhere.reference not in text
    assert "No finding is open." in text


def test_it_is_a_file_of_its_own_and_whoever_saves_it_saw_its_patients(trust: Trust) -> None:
    finding = flagged(trust)
    response = signed_in(trust.coordinator).get(LIST)
    assert response["Content-Disposition"].startswith('attachment; filename="open-findings-')
    html = response.content.decode()
    assert "<script" not in html
    assert "href=" not in html
    assert Viewing.objects.filter(
        person=trust.coordinator,
        patients__contains=[finding.examination.patient_id],
        page="downtime-list",
    ).exists()


def test_many_findings_cost_as_many_questions_as_few(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    flagged(trust)
    client.get(LIST)
    few = queries_without_banner(client, LIST)
    for _ in range(4):
        flagged(trust)
    assert queries_without_banner(client, LIST) == few


# --- Kept on disk ----------------------------------------------------------------------------


def test_each_trust_has_its_file_which_only_the_application_reads(
    trust: Trust, folder: Path
) -> None:
    other = a_trust()
    finding = flagged(trust)
    rounds.watch()
    assert finding.reference in written(folder, trust).read_text()
    assert finding.reference not in written(folder, other).read_text()
    assert stat.S_IMODE(written(folder, trust).stat().st_mode) == 0o600
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".html"]


def test_it_is_written_anew_when_an_hour_has_passed(trust: Trust, folder: Path) -> None:
    rounds.watch()
    finding = flagged(trust)
    rounds.watch()
    assert finding.reference not in written(folder, trust).read_text()
    last_written(minutes=61)
    rounds.watch()
    assert finding.reference in written(folder, trust).read_text()


def test_whatever_goes_wrong_in_a_list_stops_nothing_else(
    trust: Trust, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finding = flagged(trust)

    def broken(*_: object) -> str:
        raise LookupError(finding.examination.patient.family_name)

    monkeypatch.setattr(downtime, "document", broken)
    rounds.watch()
    assert old_lists()
    assert finding.examination.patient.family_name not in caplog.text
    monkeypatch.undo()
    rounds.watch()
    assert not old_lists(), "the next round tries again"


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(
    trust: Trust, settings: Any, tmp_path: Path
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    settings.DOWNTIME_FOLDER = str(blocked / "lists")
    rounds.watch()
    assert old_lists() == [
        "The lists of open findings for downtime were never written: see the log."
    ]


def test_lists_that_grow_old_are_said(trust: Trust, folder: Path) -> None:
    rounds.watch()
    assert not old_lists()
    last_written(hours=3)
    (said,) = old_lists()
    assert said.startswith("The lists of open findings for downtime are of ")


def test_without_a_folder_nothing_is_kept_and_nothing_is_missed(trust: Trust) -> None:
    rounds.watch()
    assert not Pulse.objects.filter(name=pulse.LISTS).exists()
    assert not old_lists()
