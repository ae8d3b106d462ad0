"""Messages that nobody here wrote, where a folder of them is at hand.

`IMAGING_SAFETY_CASES` names the folder. What should come of each file was decided by reading
it; `shared_cases_outcomes.tsv` holds that decision and nothing of the files but their names.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from findings.arrivals import (
    ArrivingNews,
    ArrivingOrder,
    ArrivingReport,
    HeldReason,
    Part,
    Problem,
    SenderProfile,
)
from findings.intake.batch import FileWarning, RawMessage, walk
from findings.intake.oru import read_message

NAMED = os.environ.get("IMAGING_SAFETY_CASES", "")
pytestmark = pytest.mark.skipif(not NAMED, reason="IMAGING_SAFETY_CASES names no folder")

FOLDER = Path(NAMED) / "files" if (Path(NAMED) / "files").is_dir() else Path(NAMED)
PROFILE = SenderProfile()


def expected_outcomes() -> dict[str, str]:
    table = Path(__file__).with_name("shared_cases_outcomes.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in table.splitlines())


def parts_of(path: Path, profile: SenderProfile = PROFILE) -> list[Part]:
    raw = (piece for piece in walk([path]) if isinstance(piece, RawMessage))
    return [part for piece in raw for part in read_message(piece.content, profile).parts]


def outcome(path: Path) -> str:
    """For example "2 final, 1 no_text, 1 warning"."""
    found = Counter(_word(part) for part in parts_of(path))
    found["warning"] = sum(isinstance(piece, FileWarning) for piece in walk([path]))
    return ", ".join(f"{number} {name}" for name, number in sorted(found.items()) if number)


def _word(part: Part) -> str:
    match part:
        case Problem():
            return str(part.reason)
        case ArrivingReport():
            return str(part.status)
        case ArrivingOrder():
            return str(part.step)
        case ArrivingNews():
            return f"{part.kind}, died" if part.has_died else str(part.kind)
    return "nothing"


@pytest.mark.parametrize(("name", "expected"), list(expected_outcomes().items()))
def test_every_file_comes_to_what_was_decided_for_it(name: str, expected: str) -> None:
    assert outcome(FOLDER / name) == expected


def test_no_file_of_these_folders_is_without_a_decision() -> None:
    folders = {name.partition("/")[0] for name in expected_outcomes()}
    there = {f"{folder}/{p.name}" for folder in folders for p in (FOLDER / folder).iterdir()}
    assert there == set(expected_outcomes())


def test_a_day_log_gives_the_same_reports_as_its_messages_one_by_one() -> None:
    single = {path.stem: parts_of(path) for path in (FOLDER / "radiology-hl7").iterdir()}
    logs = sorted((FOLDER / "radiology-log").iterdir())
    assert logs
    for log in logs:
        day = log.stem.partition("__")[2]
        stems = sorted(stem for stem in single if stem.rpartition("_")[0] == day)
        assert parts_of(log) == [part for stem in stems for part in single[stem]], log.name


def test_three_examinations_in_one_message_stay_three() -> None:
    path = FOLDER / "hl7-general" / "ruby-hl7__obxobr.hl7"
    held = parts_of(path)
    assert {part.reason for part in held if isinstance(part, Problem)} == {
        HeldReason.MISSING_PATIENT
    }
    # Its PID-3 names no authority; with the sender's own it is three reports.
    reports = parts_of(path, SenderProfile(default_authority="RADIS1"))
    assert [part.accession for part in reports] == [f"000000056{n}" for n in (6, 7, 8)]
    texts = [part.text.split("\n") for part in reports if isinstance(part, ArrivingReport)]
    words = [[line for line in text if not line.startswith("Note: ")] for text in texts]
    assert [len(lines) for lines in words] == [5, 3, 1]
    assert [len(lines) for lines in texts] == [6, 3, 1]
    assert words[0][:3] == words[1]


def test_no_report_is_empty_and_no_notice_is_about_a_fault_of_ours() -> None:
    paths = [FOLDER / name for name in expected_outcomes()]
    reports = [p for path in paths for p in parts_of(path) if isinstance(p, ArrivingReport)]
    assert len(reports) > 200
    for found in reports:
        assert found.text.strip()
        assert "\x00" not in found.text
        assert found.patient.nhs_number or found.patient.identifiers
