"""manage.py import_hl7: files in, and a summary that adds up."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from findings.arrivals import HeldReason
from findings.intake import importing
from findings.models import Examination, IncomingMessage, Patient, Receipt, Report, Sender
from findings.services.messages import Incoming, Received
from findings.services.senders import make_sender
from tests.factories import OrganisationFactory, SiteFactory, Trust, a_trust
from tests.messages import adt, orm, oru, pid

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def trust(db: None) -> Trust:
    trust = a_trust()
    make_sender(code="RIS|RXX01", site=trust.site)
    return trust


def run(*paths: Path | str, **options: object) -> tuple[str, int]:
    """What the command printed, and its exit status."""
    out = StringIO()
    try:
        call_command("import_hl7", *map(str, paths), stdout=out, **options)
    except CommandError as error:
        return f"{out.getvalue()}\n{error}", error.returncode
    return out.getvalue(), 0


def number(words: str, printed: str) -> int:
    found = re.search(rf"^\s*{re.escape(words)}\s+([\d,]+)$", printed, re.MULTILINE)
    assert found, printed
    return int(found[1].replace(",", ""))


def check_sums(printed: str) -> None:
    """Each number is the sum of those indented beneath it."""
    rows = [
        (len(line) - len(line.lstrip()), int(line.split()[-1].replace(",", "")), line)
        for line in printed.splitlines()
        if re.search(r"\S {2,}[\d,]+$", line)
    ]
    for place, (depth, total, line) in enumerate(rows):
        below = []
        for deeper, value, _ in rows[place + 1 :]:
            if deeper <= depth:
                break
            if deeper == depth + 2:
                below.append(value)
        assert not below or sum(below) == total, line


def test_files_folders_and_batches_all_come_in(trust: Trust, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "one.hl7").write_bytes(oru(accession="A1"))
    (folder / "two.hl7").write_bytes(oru(accession="A2", control_id="2"))
    batch = tmp_path / "batch.hl7"
    batch.write_bytes(
        b"FHS|^~\\&\rBHS|^~\\&\r"
        + oru(accession="A3", control_id="3")
        + oru(accession="A4", control_id="4")
        + b"BTS|2\rFTS|1\r"
    )
    printed, status = run(folder, batch)
    assert status == 0, printed
    assert number("Files", printed) == 3
    assert number("Messages", printed) == number("New report", printed) == 4
    check_sums(printed)
    examination = Examination.objects.get(accession="A1")
    assert examination.description == "XR Chest"
    assert examination.current_report.text == "Nodule of 14 mm. CT advised."


def test_running_it_twice_changes_nothing_and_says_so(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_bytes(oru() + oru(accession="", control_id="2"))
    _, status = run(tmp_path)
    rows = {model: list(model.objects.values()) for model in (Report, Receipt, Patient)}
    again, status_again = run(tmp_path)
    assert number("Already received, nothing changed", again) == 2
    assert number("New", again) == 0
    assert {model: list(model.objects.values()) for model in rows} == rows
    assert number("Still held from before", again) == 1
    assert (status, status_again) == (1, 1), "the held item still waits for a person"


def test_what_is_held_is_printed_with_file_line_segment_and_field(
    trust: Trust, tmp_path: Path
) -> None:
    path = tmp_path / "mixed.hl7"
    path.write_bytes(oru() + oru(accession="A2", status="Q").replace(b"||||||Q\r", b"||||||\r"))
    printed, status = run(path)
    assert status == 1
    assert f"{path}:6: held. OBR-25: " in printed
    assert number("Held for a person", printed) == 1
    assert number("The status of the report is not known", printed) == 1
    check_sums(printed)
    assert "ALDER" not in printed


def test_junk_between_messages_is_kept_as_a_held_item(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "junk.hl7").write_bytes(oru() + b"\rHELLO OPERATOR\r\r" + oru(accession="A2"))
    printed, status = run(tmp_path)
    assert status == 1
    held = Receipt.objects.waiting().get()
    assert held.reason == HeldReason.UNREADABLE
    assert b"HELLO OPERATOR" in bytes(held.message.body)
    assert number("New report", printed) == 2


def test_one_bad_message_in_a_batch_does_not_stop_the_others(trust: Trust, tmp_path: Path) -> None:
    bad = re.sub(rb"PID[^\r]*\r", b"", oru(accession="A2", control_id="2"))
    (tmp_path / "batch.hl7").write_bytes(
        b"FHS|^~\\&\rBHS|^~\\&\r"
        + oru()
        + bad
        + oru(accession="A3", control_id="3")
        + b"BTS|5\rFTS|1\r"
    )
    printed, status = run(tmp_path)
    assert status == 1
    assert (number("New report", printed), number("Held for a person", printed)) == (2, 1)
    assert "2 messages missing" in printed
    assert number("Counts of batches that do not agree", printed) == 1


def test_a_path_that_cannot_be_read_is_named_and_the_others_go_on(
    trust: Trust, tmp_path: Path
) -> None:
    good = tmp_path / "good.hl7"
    good.write_bytes(oru())
    printed, status = run(tmp_path / "missing.hl7", good)
    assert status == 3
    assert f"{tmp_path / 'missing.hl7'}: There is no such file" in printed
    assert number("New report", printed) == 1


def test_messages_of_an_unknown_sender_are_held(db: None, tmp_path: Path) -> None:
    a_trust()
    (tmp_path / "one.hl7").write_bytes(oru())
    printed, status = run(tmp_path)
    assert (status, number("The sender is not set up", printed)) == (1, 1)
    assert not Sender.objects.filter(code="RIS|RXX01").exists()


def test_make_sender_sets_it_up_at_the_site(db: None, tmp_path: Path) -> None:
    trust = a_trust()
    (tmp_path / "one.hl7").write_bytes(oru())
    printed, status = run(tmp_path, make_sender=True, site=trust.site.ods_code)
    assert status == 0
    assert "Set up sender RIS|RXX01" in printed
    assert Report.objects.get().examination.site == trust.site


def test_make_sender_with_two_sites_asks_which(db: None, tmp_path: Path) -> None:
    organisation = OrganisationFactory()
    sites = [SiteFactory(organisation=organisation) for _ in range(2)]
    (tmp_path / "one.hl7").write_bytes(oru())
    with pytest.raises(CommandError, match=f"--site.*{sites[1].ods_code}"):
        call_command("import_hl7", str(tmp_path), make_sender=True)


def test_a_demonstration_sets_up_senders_by_itself(
    db: None, tmp_path: Path, settings: object
) -> None:
    settings.DEMONSTRATION = True  # type: ignore[attr-defined]
    a_trust()
    (tmp_path / "one.hl7").write_bytes(oru())
    assert run(tmp_path)[1] == 0


def test_a_sender_is_read_by_its_own_settings(trust: Trust, tmp_path: Path) -> None:
    call_command(
        "set_up_sender",
        "RIS|RXX01",
        zone="Europe/Paris",
        status_word=["read wet=preliminary"],
        stdout=StringIO(),
    )
    (tmp_path / "one.hl7").write_bytes(oru(status="Read Wet"))
    assert run(tmp_path)[1] == 0
    report = Report.objects.get()
    assert report.status == "preliminary"
    assert report.reported_at.isoformat() == "2026-06-30T08:30:00+00:00"


def test_sender_reads_all_as_that_senders(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_bytes(oru(application="OTHER"))
    assert run(tmp_path, sender="RIS|RXX01")[1] == 0
    with pytest.raises(CommandError, match=r"Set up are: .*RIS\|RXX01"):
        call_command("import_hl7", str(tmp_path), sender="NOBODY|X")


def test_a_control_id_used_twice_is_counted(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_bytes(
        oru(control_id="RR8") + oru(control_id="RR8", accession="A2", nhs_number="9990000026")
    )
    printed, status = run(tmp_path)
    assert (status, number("New report", printed)) == (0, 2)
    assert number("Message numbers (MSH-10) used again for another message", printed) == 1


def test_a_database_that_stops_answering_stops_the_import_and_says_where(
    trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "two.hl7"
    path.write_bytes(oru() + oru(accession="A2", control_id="2"))
    honest = importing.receive_messages

    def gone_at_the_second(incoming: Sequence[Incoming]) -> list[Received]:
        if any(b"|A2|" in one.body for one in incoming):
            raise OperationalError("server closed the connection")
        return honest(incoming)

    monkeypatch.setattr(importing, "receive_messages", gone_at_the_second)
    printed, status = run(path)
    assert status == 3
    assert f"Stopped at {path}:6" in printed
    assert Report.objects.count() == 1
    monkeypatch.undo()
    assert run(path)[1] == 0
    assert Report.objects.count() == 2


def test_what_a_message_says_in_markup_is_kept_as_words(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_bytes(
        oru(name="<iframe src=//x>^A", text="A \\T\\ E </script><img src=x onerror=alert(1)>")
    )
    assert run(tmp_path)[1] == 0
    report = Report.objects.get()
    assert report.text == "A & E </script><img src=x onerror=alert(1)>"
    assert report.examination.patient.family_name == "<iframe src=//x>"


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_and_run_again_ends_in_the_same_state(tmp_path: Path) -> None:
    trust = a_trust()
    make_sender(code="RIS|RXX01", site=trust.site)
    path = tmp_path / "many.hl7"
    count = 200  # enough that the kill comes long before the last
    path.write_bytes(b"".join(oru(accession=f"A{n}", control_id=f"{n}") for n in range(count)))
    killed = subprocess.Popen(
        [sys.executable, "manage.py", "import_hl7", str(path)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": _address_of_this_database()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: IncomingMessage.objects.count() >= 20)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
    before = IncomingMessage.objects.count()
    assert 0 < before < count, "killed in the middle"
    filed = Receipt.objects.count()
    printed, status = run(path)
    assert status == 0
    assert number("Already received, nothing changed", printed) == filed
    assert Receipt.objects.count() == count, "no message without what became of it"
    assert number("Messages", printed) == Report.objects.count() == count
    assert Patient.objects.count() == 1


def _address_of_this_database() -> str:
    name = connection.settings_dict["NAME"]
    return re.sub(r"/[^/?]*(\?|$)", rf"/{name}\1", os.environ["DATABASE_URL"], count=1)


def _wait_until(is_so: object, within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_orders_and_news_are_counted_where_there_are_any(trust: Trust, tmp_path: Path) -> None:
    for place, raw in enumerate((orm(), adt("A40", pid(), "MRG|7^^^RXX^MR"), adt("A04"))):
        (tmp_path / f"{place}.hl7").write_bytes(raw)
    printed, _ = run(tmp_path, make_sender=True)
    check_sums(printed)
    counts = {
        words: number(words, printed) for words in ("Order placed or changed", "Nothing to do")
    }
    assert counts == {"Order placed or changed": 1, "Nothing to do": 1}
    assert number("Records merged", printed) == 1
    assert number("Held for a person", printed) == 0
    assert "Images made" not in printed
