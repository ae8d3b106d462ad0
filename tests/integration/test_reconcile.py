"""A list of the RIS held against what arrived."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from findings.intake.importing import take_in
from findings.models import Examination
from findings.services.reconcile import Gap, reconcile
from tests.factories import SenderFactory, Trust, a_trust, report, reported
from tests.messages import oru
from tests.pages import hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def listed(*lines: str, head: str = "accession") -> bytes:
    return "\n".join([head, *lines, ""]).encode()


def gaps(raw: bytes, trust: Trust) -> dict[str, Gap]:
    return {one.accession: one.gap for one in reconcile(raw, trust.sender).missing}


def test_a_report_that_never_arrived_is_named(trust: Trust) -> None:
    here = reported(trust).accession
    found = reconcile(listed(here, "GONE1"), trust.sender)
    assert [(one.line, one.accession, one.gap) for one in found.missing] == [
        (3, "GONE1", Gap.UNKNOWN)
    ]
    assert (found.listed, found.received, found.is_whole) == (2, 1, False)


def test_everything_here_is_whole(trust: Trust) -> None:
    assert reconcile(listed(reported(trust).accession), trust.sender).is_whole


def test_an_examination_without_its_report_is_named(trust: Trust) -> None:
    examination = reported(trust)
    Examination.objects.filter(pk=examination.pk).update(current_report=None)
    assert gaps(listed(examination.accession), trust) == {examination.accession: Gap.NO_REPORT}


def test_a_message_that_is_held_is_not_lost(trust: Trust) -> None:
    (held,) = take_in(oru(status="Odd", accession="HELD1"), "night.hl7:1", trust.sender).receipts
    assert held.accession == "HELD1"
    assert gaps(listed("HELD1"), trust) == {"HELD1": Gap.HELD}


def test_an_older_version_than_the_list_has_is_named(trust: Trust) -> None:
    made = report(trust)
    at, accession = made.reported_at, made.examination.accession
    head = "accession,reported_at"
    same = f"{accession},{at.isoformat(timespec='minutes')}"
    newer = f"{accession},{(at + timedelta(hours=2)).isoformat(timespec='minutes')}"
    assert gaps(listed(same, head=head), trust) == {}
    assert gaps(listed(newer, head=head), trust) == {accession: Gap.OLDER}
    assert gaps(listed(newer, same, head=head), trust) == {accession: Gap.OLDER}


def test_a_time_without_an_offset_is_on_the_senders_wall_clock(trust: Trust) -> None:
    made = report(trust)
    trust.sender.zone = "America/New_York"
    trust.sender.save()
    wall = made.reported_at - timedelta(hours=8)  # behind New York by three hours or more
    line = f"{made.examination.accession},{wall:%Y-%m-%d %H:%M}"
    assert gaps(listed(line, head="accession,reported_at"), trust) == {}


def test_the_same_accession_of_another_sender_is_another_examination(trust: Trust) -> None:
    other = SenderFactory(organisation=trust.organisation, site=trust.site)
    accession = reported(trust).accession
    (missing,) = reconcile(listed(accession), other).missing
    assert missing.gap is Gap.UNKNOWN


def test_other_columns_are_ignored_and_an_accession_twice_counts_once(trust: Trust) -> None:
    accession = reported(trust).accession
    raw = listed(f"{accession},Chest", f"{accession},Chest", head="accession,what")
    found = reconcile(raw, trust.sender)
    assert (found.listed, found.is_whole) == (1, True)


def test_a_line_that_cannot_be_read_is_said_and_the_rest_compared(trust: Trust) -> None:
    raw = listed(",2026-11-25 21:00", "A1,yesterday", "A2,", head="accession,reported_at")
    found = reconcile(raw, trust.sender)
    assert [mistake.line for mistake in found.mistakes] == [2, 3]
    assert [one.accession for one in found.missing] == ["A2"]


@pytest.mark.parametrize("raw", [b"", b"number\n1\n", b"accession\n\xff\xfe\n"])
def test_what_is_no_such_list_is_never_whole(trust: Trust, raw: bytes) -> None:
    assert not reconcile(raw, trust.sender).is_whole


def test_the_command_names_the_gaps_and_ends_with_one(
    trust: Trust, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ris.csv"
    path.write_bytes(listed("GONE1"))
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile", str(path), sender=trust.sender.code)
    assert ended.value.code == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"line 2: GONE1: {Gap.UNKNOWN}"
    assert said[1].startswith("1 report listed: 0 received, 1 missing")


def test_the_command_needs_to_know_whose_list_it_is(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "ris.csv"
    path.write_bytes(listed(reported(trust).accession))
    out = StringIO()
    call_command("reconcile", str(path), stdout=out)  # the only sender
    assert "1 received" in out.getvalue()
    other = SenderFactory(organisation=trust.organisation, site=trust.site)
    with pytest.raises(CommandError, match="--sender CODE") as refused:
        call_command("reconcile", str(path), stdout=out)
    assert other.code in str(refused.value)


def test_a_coordinator_compares_on_a_page_and_nothing_is_kept(trust: Trust) -> None:
    client, address = signed_in(trust.coordinator), reverse("reconcile")
    form = hidden_in(client.get(address)) | {"sender": str(trust.sender.pk)}
    raw = SimpleUploadedFile("ris.csv", listed(reported(trust).accession, "GONE1"))
    text = words_of(client.post(address, form | {"file": raw}))
    assert "2 reports listed: 1 received, 1 missing." in text
    assert f"GONE1 How it is missing {Gap.UNKNOWN}" in text.replace(": ", " ")
    assert client.post(address, form).status_code == 422


def test_a_sender_of_another_trust_is_not_on_offer(trust: Trust) -> None:
    other = a_trust()
    raw = SimpleUploadedFile("ris.csv", listed("A1"))
    answer = signed_in(trust.coordinator).post(
        reverse("reconcile"), {"sender": str(other.sender.pk), "file": raw}
    )
    assert answer.status_code == 422


def test_a_list_of_a_system_that_sends_for_another_is_held_against_all_of_them(
    trust: Trust,
) -> None:
    other = SenderFactory(organisation=trust.organisation, site=trust.site)
    other.accessions_of = trust.sender
    other.save()
    take_in(oru(status="Odd", accession="HELD1"), "night.hl7:1", trust.sender)
    take_in(oru(status="Odd", accession="HELD2"), "night.hl7:2", other)
    raw = listed(reported(trust).accession, "HELD1", "HELD2")
    for sender in (trust.sender, other):
        missing = {one.accession: one.gap for one in reconcile(raw, sender).missing}
        assert missing == {"HELD1": Gap.HELD, "HELD2": Gap.HELD}
