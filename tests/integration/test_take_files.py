"""The drop folder: complete files only, nothing lost, nothing twice, nothing deleted."""

import os
import shutil
import threading
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from findings.intake.drop_folder import DropFolder
from findings.intake.importing import Importer, NotStored
from findings.models import Examination, IncomingMessage, Receipt, Report, TakenFolder
from findings.services.senders import make_sender
from findings.services.timeline import database_now
from notifications import lateness
from tests.factories import a_trust
from tests.messages import oru
from tests.pages import signed_in, words_of

BATCH = b"FHS|^~\\&|RIS\rBHS|^~\\&|RIS\r%bBTS|%d\rFTS|1\r"


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Path:
    make_sender(code="RIS|RXX01", site=a_trust().site)
    return tmp_path


def take(folder: Path) -> str:
    said = StringIO()
    call_command("take_files", folder, once=True, settle=0.0, stdout=said, stderr=said)
    return said.getvalue()


def inside(folder: Path) -> list[str]:
    """Every file beneath, without what is put before the names of those that were moved."""
    files = (one for one in folder.rglob("*") if one.is_file())
    return sorted(f"{one.parent.name}/{one.name.split('-', 2)[-1]}" for one in files)


def test_a_file_is_filed_and_moved_to_done(folder: Path) -> None:
    (folder / "night.hl7").write_bytes(oru())
    assert "night.hl7: 1 message; done/2" in take(folder)
    assert Report.objects.get().message.origin == f"{folder}/night.hl7:1"  # type: ignore[union-attr]
    assert inside(folder) == ["done/night.hl7"]
    assert [one.read_bytes() for one in (folder / "done").iterdir()] == [oru()]


def test_what_is_held_waits_on_its_page_and_the_file_is_done(folder: Path) -> None:
    (folder / "a.hl7").write_bytes(oru(status="Odd") + b"\rHELLO")
    assert "2 messages, 2 parts held" in take(folder)
    assert Receipt.objects.waiting().exists()
    assert inside(folder) == ["done/a.hl7"]


def test_counts_that_do_not_agree_are_said_and_what_came_is_filed(folder: Path) -> None:
    (folder / "good.hl7").write_bytes(BATCH % (oru(), 1))
    (folder / "short.hl7").write_bytes(BATCH % (oru(accession="A2", control_id="2"), 3))
    with pytest.raises(CommandError, match="problem/"):
        take(folder)
    assert Report.objects.count() == 2
    assert inside(folder) == ["done/good.hl7", "problem/short.hl7"]


def test_an_empty_file_is_a_problem(folder: Path) -> None:
    (folder / "empty.hl7").touch()
    with pytest.raises(CommandError):
        take(folder)
    assert inside(folder) == ["problem/empty.hl7"]


@pytest.mark.parametrize("name", ["a.hl7.tmp", "A.TMP", ".a.hl7", "a.part", "a.hl7~"])
def test_what_is_still_written_by_its_name_is_left_alone(folder: Path, name: str) -> None:
    (folder / name).write_bytes(oru())
    take(folder)
    assert (folder / name).exists()
    assert not IncomingMessage.objects.exists()


def test_what_still_grows_is_left_until_it_rests(folder: Path) -> None:
    drop, file = DropFolder(folder, settle=10.0), folder / "a.hl7"
    drop.prepare()
    file.write_bytes(oru()[:40])
    assert drop.complete(0.0) == []
    file.write_bytes(oru())
    assert drop.complete(11.0) == []
    assert drop.complete(20.0) == []
    assert drop.complete(21.0) == [file]


def test_a_file_that_changed_while_it_was_read_is_taken_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, whole = folder / "a.hl7", Importer.take
    file.write_bytes(oru())

    def grows(self: Importer, *given: Any) -> Any:
        summary = whole(self, *given)
        file.write_bytes(oru() + oru(accession="A2", control_id="2"))
        return summary

    with monkeypatch.context() as patched:
        patched.setattr(Importer, "take", grows)
        assert "it has changed" in take(folder)
    assert file.exists()
    take(folder)
    assert Report.objects.count() == 2
    assert inside(folder) == ["done/a.hl7"]


def test_a_file_that_goes_on_after_it_was_moved_is_taken_again(folder: Path) -> None:
    """Its writer paused for longer than a file has to rest, in the middle of a word."""
    whole = BATCH % (oru(text="Free gas.~CRITICAL FINDING") + oru(accession="A2"), 2)
    with (folder / "a.hl7").open("wb", buffering=0) as file:
        pause = whole.index(b"gas")
        file.write(whole[:pause])
        with pytest.raises(CommandError, match="problem/"):
            take(folder)
        assert Report.objects.get().text == "Free"
        file.write(whole[pause:])
    take(folder)
    assert inside(folder) == ["done/a.hl7"]
    assert take(folder) == "", "it rests now"
    first, second = Examination.objects.order_by("accession")
    assert first.current_report.text == "Free gas.\nCRITICAL FINDING"  # type: ignore[union-attr]
    assert first.proposals.get().category.code == "critical"
    assert second.reports.count() == 1


def test_ended_between_storing_and_moving_nothing_is_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.hl7").write_bytes(oru())

    def ends(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("findings.intake.drop_folder._move", ends)
        with pytest.raises(SystemExit):
            take(folder)
    assert Report.objects.count() == 1
    assert "1 had been received" in take(folder)
    assert (Report.objects.count(), Receipt.objects.count()) == (1, 1)
    assert inside(folder) == ["done/a.hl7"]


def test_what_waits_in_a_folder_is_on_a_page_and_in_a_warning(folder: Path) -> None:
    (folder / "ALDER_ANN.hl7").touch()
    (folder / "night.hl7.tmp").write_bytes(oru())
    (folder / "fresh.hl7.tmp").write_bytes(oru())
    (folder / "monday").mkdir()
    for one in ("night.hl7.tmp", "monday"):
        os.utime(folder / one, (0, 0))
    with pytest.raises(CommandError):
        take(folder)
    assert [str(one) for one in lateness._folders(database_now())] == [
        "1 dropped file is in a problem folder: messages may be missing.",
        "2 things in a folder of dropped files will never be taken: a folder, or a file with the"
        " name of an unfinished one.",
    ]
    page = words_of(signed_in(a_trust().coordinator).get(reverse("integration")))
    assert (
        f"{folder} Last looked through Run by hand or by a timetable In problem 1 , the" in page
    ), page
    assert "ALDER" not in page
    # Somebody clears it up.
    shutil.rmtree(folder / "monday")
    for file in folder.rglob("*.*"):
        file.unlink()
    take(folder)
    assert list(lateness._folders(database_now())) == []


def test_a_taker_that_stops_is_missed_until_it_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneRound(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return True

    command = "findings.management.commands.take_files"
    monkeypatch.setattr(f"{command}.threading", SimpleNamespace(Event=OneRound))
    monkeypatch.setattr(f"{command}.signal.signal", lambda *_: None)
    monkeypatch.setattr(f"{command}.close_old_connections", lambda: None)
    call_command("take_files", folder)
    assert list(lateness._folders(database_now())) == []
    TakenFolder.objects.update(looked_at=database_now() - timedelta(minutes=4))
    with monkeypatch.context() as patched:
        patched.setattr(DropFolder, "complete", lambda *_: Path(folder / "none").stat())
        call_command("take_files", folder, stderr=StringIO())
    (sentence,) = lateness._folders(database_now())
    assert "Nothing has been taken out of 1 folder" in str(sentence)
    assert str(folder) not in str(sentence), "everybody can read it"
    call_command("take_files", folder, given_up=True)
    assert list(lateness._folders(database_now())) == []


def test_two_files_of_one_name_are_both_kept(folder: Path) -> None:
    for n in range(2):
        (folder / "a.hl7").write_bytes(oru(control_id=f"{n}", accession=f"A{n}"))
        take(folder)
    assert inside(folder) == ["done/a.hl7", "done/a.hl7"]


def test_without_the_database_the_file_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.hl7").write_bytes(oru())

    def away(*_: Any) -> None:
        raise NotStored("a.hl7:1")

    monkeypatch.setattr(Importer, "take", away)
    with pytest.raises(CommandError, match="not repeated") as refused:
        take(folder)
    assert refused.value.returncode == 3
    assert inside(folder) == [f"{folder.name}/a.hl7"]


def test_a_folder_that_is_none_is_one_sentence(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be used"):
        take(tmp_path / "none")
