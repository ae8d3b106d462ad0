"""Examinations without a report, kept from a list of the RIS."""

from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from findings.arrivals import ArrivingStatus
from findings.models import Clock, Examination, Patient
from findings.services import waiting_list
from findings.services.report_by import expect_report, no_report_expected
from findings.services.senders import make_sender
from findings.services.shown_first import Outcome
from findings.services.waiting_list import Change, dry_run, keep_waiting
from tests.factories import (
    Trust,
    a_trust,
    arriving,
    nhs_number,
    report,
    reported,
    unreported,
)

pytestmark = pytest.mark.django_db

HEAD = "accession,performed_at,nhs_number,family_name,birth_date,reported_at,site,setting"


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def listed(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *lines, ""]).encode()


def made(days: float) -> str:
    return (timezone.now() - timedelta(days=days)).isoformat(timespec="minutes")


def line(accession: str, days: float = 3, number: int = 4001, **cells: str) -> str:
    given = {
        "accession": accession,
        "performed_at": made(days),
        "nhs_number": nhs_number(number),
        "family_name": "Example",
        "birth_date": "1950-12-31",
        **cells,
    }
    return ",".join(given.get(name, "") for name in HEAD.split(","))


def wrong(outcome: Outcome[Change]) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.words) for mistake in outcome.mistakes]


def test_the_dry_run_shows_what_keeping_then_does(trust: Trust) -> None:
    raw = listed(line("A1", 40), line("A2", 3, number=4002, setting="inpatient"))
    shown = dry_run(raw, sender=trust.sender)
    assert not Clock.objects.exists()
    assert [(one.line, one.accession, one.what) for one in shown.changes] == [
        (2, "A1", "New"),
        (3, "A2", "New"),
    ]
    kept = keep_waiting(raw, sender=trust.sender, seen=shown.fingerprint)
    assert kept.changes == shown.changes
    assert set(Examination.objects.waiting().values_list("accession", "setting")) == {
        ("A1", ""),
        ("A2", "inpatient"),
    }


def test_the_same_list_twice_changes_nothing(trust: Trust) -> None:
    raw = listed(line("A1"))
    keep_waiting(raw, sender=trust.sender)
    again = keep_waiting(raw, sender=trust.sender)
    assert (again.changes, again.unchanged) == ([], 1)


def test_what_was_reported_waits_already_or_needs_no_report_is_passed_over(trust: Trust) -> None:
    waits, ended = unreported(trust), unreported(trust)
    expect_report(waits), expect_report(ended)
    no_report_expected(ended, reason="cancelled", because="Cancelled.", by=trust.coordinator)
    raw = listed(
        f"{waits.accession},{made(3)},,,,,,",
        f"{ended.accession},{made(3)},,,,,,",
        f"{reported(trust).accession},{made(3)},,,,,,",
        line("A1", reported_at=made(1)),
    )
    outcome = keep_waiting(raw, sender=trust.sender)
    assert (outcome.changes, outcome.mistakes, outcome.unchanged) == ([], [], 4)


def test_a_list_that_comes_each_night_asks_little_of_what_waits_already(trust: Trust) -> None:
    def asked(*lines: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            keep_waiting(listed(*lines), sender=trust.sender)
        return len(captured)

    first = [line(f"A{number}", number=4001 + number) for number in range(6)]
    asked(*first)
    known = asked(*first)
    assert known < 12
    assert asked(*first[:2]) == known
    assert asked(*first, line("B1", number=4010)) > known
    again = keep_waiting(listed(line("A1", number=4002, setting="cancer")), sender=trust.sender)
    assert not again.mistakes
    assert Examination.objects.get(accession="A1").setting == "cancer", "that was not known"


def test_a_known_examination_needs_no_patient_and_learns_when_it_was_made(trust: Trust) -> None:
    known = reported(
        trust, status=ArrivingStatus.PRELIMINARY, performed_at=None, accession="KNOWN1"
    )
    outcome = keep_waiting(listed(f"KNOWN1,{made(20)},,,,,,"), sender=trust.sender)
    (change,) = outcome.changes
    assert change.what == "Known"
    known.refresh_from_db()
    assert known.performed_at == change.counts_from


def test_a_line_that_is_wrong_is_named_and_nothing_is_kept(trust: Trust) -> None:
    theirs = report(trust).examination
    raw = listed(
        line("A1"),
        line("", number=4002),
        line("A2", number=4003, performed_at="yesterday"),
        line("A3", number=4004, performed_at=made(-1)),
        line("A4", number=4005, nhs_number="999 000 0000"),
        line("A5", number=4006, nhs_number=""),
        line("A6", number=4007, site="NOWHERE"),
        line("A7", number=4008, setting="cardiac"),
        line("A1", number=4009),
        line(theirs.accession, number=4010),
        line("A8", number=4011, performed_at=""),
        line("A9", number=4012, birth_date="soon"),
    )
    outcome = keep_waiting(raw, sender=trust.sender)
    said = dict(wrong(outcome))
    assert list(said) == list(range(3, 14))
    expected = {
        3: "accession is empty",
        4: "is not a time",
        5: "in the future",
        6: "last digit",
        7: "No identifier",
        8: "no site NOWHERE",
        9: "write inpatient, outpatient, emergency, gp, cancer",
        10: "is in line 2 already",
        11: "another patient",
        12: "when the images were made",
        13: "birth_date",
    }
    assert [said[number] for number, part in expected.items() if part not in said[number]] == []
    assert not Patient.objects.filter(family_name="Example").exists()


def test_a_list_of_too_many_new_ones_is_to_be_split(trust: Trust, monkeypatch) -> None:
    monkeypatch.setattr(waiting_list, "MOST_AT_ONCE", 2)
    three = [line(f"A{number}", number=4001 + number) for number in range(3)]
    assert wrong(keep_waiting(listed(*three), sender=trust.sender)) == [
        (4, "More than 2 examinations are new here: split the list.")
    ]
    assert not keep_waiting(listed(*three[:2]), sender=trust.sender).mistakes
    assert not keep_waiting(listed(*three), sender=trust.sender).mistakes, "one is new"


def test_no_patient_is_named_in_what_is_shown(trust: Trust) -> None:
    outcome = dry_run(
        listed(line("A1"), line("A2", number=4001, birth_date="")), sender=trust.sender
    )
    assert "Example" not in repr(outcome)
    assert nhs_number(4001) not in repr(outcome)


def test_a_time_without_an_offset_is_on_the_senders_wall_clock(trust: Trust) -> None:
    keep_waiting(listed(line("A1", performed_at="2026-07-01 09:00")), sender=trust.sender)
    clock = Clock.objects.get()
    assert clock.started_at == datetime.fromisoformat("2026-07-01T08:00+00:00")


def test_its_report_ends_the_wait(trust: Trust) -> None:
    keep_waiting(listed(line("A1")), sender=trust.sender)
    waits = Examination.objects.waiting().get()
    patient = arriving(trust).patient.__class__(nhs_number=nhs_number(4001), family_name="Example")
    report(trust, accession="A1", patient=patient)
    assert not Examination.objects.waiting().exists()
    assert waits.clocks.get().stopped_because == Clock.StoppedBecause.REPORTED


# --- The command ----------------------------------------------------------------------------------


def test_the_command_shows_first_and_keeps_with_apply(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "ris.csv"
    path.write_bytes(listed(line("A1", 40)))
    out = StringIO()
    call_command("reconcile", str(path), waiting=True, stdout=out)
    assert "line 2: A1: new here, report by" in out.getvalue()
    assert "Run it with --apply" in out.getvalue()
    assert not Clock.objects.exists()
    call_command("reconcile", str(path), waiting=True, apply=True, stdout=out)
    assert Clock.objects.get().examination.accession == "A1"  # type: ignore[union-attr]
    with pytest.raises(CommandError, match="--waiting"):
        call_command("reconcile", str(path), apply=True, stdout=out)


def test_the_command_ends_with_one_where_a_line_is_wrong(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "ris.csv"
    path.write_bytes(listed(line("A1"), line("")))
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile", str(path), waiting=True, apply=True, stderr=StringIO())
    assert ended.value.code == 1
    assert not Clock.objects.exists()


def test_a_list_of_a_system_that_sends_for_another_is_about_that_ones_examinations(
    trust: Trust,
) -> None:
    """Else each line would be a second examination, whose report never comes."""
    other = make_sender(code="PACS|RXX01", site=trust.site)
    other.accessions_of = trust.sender
    other.save()
    known = reported(trust)
    there = keep_waiting(
        listed(line(known.accession, nhs_number=""), line("L9", number=4009)), sender=other
    )
    assert (wrong(there), there.unchanged) == ([], 1)
    new = Examination.objects.exclude(pk=known.pk).get()
    assert (new.accession, new.sender) == ("L9", trust.sender)
    assert keep_waiting(listed(line("L9", number=4009)), sender=other).unchanged == 1
