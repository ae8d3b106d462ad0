"""Files that nobody here wrote, where a folder of them is at hand: what becomes of each.

`IMAGING_SAFETY_CASES` names the folder. What should come of each file was decided by reading
it; `shared_cases_outcomes.tsv` holds that decision and nothing of the files but their names: by
which way it is tried, and how many parts of it are applied, held and why, or refused and why.

- hl7: a file, log or batch of messages, as `import_hl7` reads it
- text: the words of one report, sent as a message
- texts: the same, one report a line or row
- wrong: no message and no report, put into the folder of files by mistake
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from findings.alert_codes import Alert, find
from findings.arrivals import (
    ArrivingNews,
    ArrivingOrder,
    ArrivingReport,
    HeldReason,
    Part,
    Problem,
    Refusal,
    SenderProfile,
)
from findings.intake.batch import FileWarning, RawMessage, walk
from findings.intake.escapes import escape
from findings.intake.oru import read_message
from tests.messages import oru

NAMED = os.environ.get("IMAGING_SAFETY_CASES", "")
pytestmark = pytest.mark.skipif(not NAMED, reason="IMAGING_SAFETY_CASES names no folder")

FOLDER = Path(NAMED) / "files" if (Path(NAMED) / "files").is_dir() else Path(NAMED)
# Samples are marked as tests, most of them: they are tried as if they were live.
PROFILE = SenderProfile(takes_tests=True)
# The order in which an outcome says it.
FATES = ("applied", "held", "refused", "warning", "proposes")


def expected_outcomes() -> dict[str, tuple[str, str]]:
    """By file: the way in, and what becomes of it."""
    table = Path(__file__).with_name("shared_cases_outcomes.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines())
    return {name: (way, outcome) for name, way, outcome in rows}


def files_by(*ways: str) -> list[Path]:
    return [FOLDER / name for name, (way, _) in expected_outcomes().items() if way in ways]


def parts_of(path: Path, profile: SenderProfile = PROFILE) -> list[Part]:
    raw = (piece for piece in walk([path]) if isinstance(piece, RawMessage))
    return [part for piece in raw for part in read_message(piece.content, profile).parts]


def texts_of(path: Path) -> Iterator[str]:
    """One report a row of a CSV, one a line of anything else."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        if path.suffix == ".csv":
            for row in csv.DictReader(file):
                yield "\n".join(filter(None, row.values()))
        else:
            yield from filter(str.strip, file.read().splitlines())


def sent_as_a_message(words: str) -> ArrivingReport:
    """The report with these words, as a RIS would send it; not a word of it may change."""
    clean = "\n".join(line.rstrip() for line in words.replace("\t", " ").splitlines()).strip()
    raw = oru(text=escape(clean))
    (part,) = read_message(raw, PROFILE).parts
    assert isinstance(part, ArrivingReport), part
    assert part.text == clean
    return part


def fate(part: Part) -> str:
    """ "held no_text", "applied final", "applied merged": of an order or of news of a patient what
    it asks for, which the database may still hold."""
    match part:
        case Refusal():
            return f"refused {part.reason}"
        case Problem():
            return f"held {part.reason}"
        case ArrivingReport():
            return f"applied {part.status}"
        case ArrivingOrder():
            return f"applied {part.step}"
        case ArrivingNews():
            return f"applied {part.kind} and died" if part.has_died else f"applied {part.kind}"
    return "applied nothing"


def outcome(way: str, path: Path) -> str:
    """For example "applied 2 final; held 1 no_text; warning 1"."""
    found: Counter[str] = Counter()
    if way in ("text", "texts"):
        whole = [path.read_text(encoding="utf-8", errors="replace")]
        for words in whole if way == "text" else texts_of(path):
            found[fate(sent_as_a_message(words))] += 1
            found.update(f"proposes {alert.category}" for alert in find(words))
    else:
        found.update(map(fate, parts_of(path)))
        found["warning"] = sum(isinstance(piece, FileWarning) for piece in walk([path]))
    return "; ".join(filter(None, (_said(one, found) for one in FATES)))


def _said(what: str, found: Counter[str]) -> str:
    of_it = {key.partition(" ")[2]: n for key, n in found.items() if key.split()[0] == what and n}
    numbers = ", ".join(f"{n} {name}".strip() for name, n in sorted(of_it.items()))
    return f"{what} {numbers}" if numbers else ""


@pytest.mark.parametrize(("name", "expected"), list(expected_outcomes().items()))
def test_every_file_comes_to_what_was_decided_for_it(name: str, expected: tuple[str, str]) -> None:
    way, decided = expected
    assert outcome(way, FOLDER / name) == decided


def test_what_is_marked_as_a_test_is_held_whole() -> None:
    """Every file with MSH-11 T or D, and nothing else of it."""
    marked, held = set(), Counter[str]()
    for path in files_by("hl7"):
        raw = [piece.content for piece in walk([path]) if isinstance(piece, RawMessage)]
        for content in raw:
            before, after = (read_message(content, one).parts for one in (SenderProfile(), PROFILE))
            if before != after:
                (problem,) = before
                assert isinstance(problem, Problem)
                assert problem.reason is HeldReason.TEST_MESSAGE
                marked.add(path.name)
                held[path.parent.name] += 1
    assert (len(marked), held.total()) == (18, 1031)


def test_no_file_is_without_a_decision() -> None:
    there = {str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*") if p.is_file()}
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
    reports = parts_of(path, SenderProfile(default_authority="RADIS1", takes_tests=True))
    assert [part.accession for part in reports] == [f"000000056{n}" for n in (6, 7, 8)]
    texts = [part.text.split("\n") for part in reports if isinstance(part, ArrivingReport)]
    words = [[line for line in text if line and not line.startswith("Note")] for text in texts]
    assert [len(lines) for lines in words] == [5, 3, 1]
    assert texts[0][:2] == ["Note on the request: Something related to request", ""]
    assert texts[0][3] == "Note: Something related to findings"
    assert words[0][:3] == words[1]


def test_no_report_is_empty_and_no_notice_is_about_a_fault_of_ours() -> None:
    paths = files_by("hl7")
    reports = [p for path in paths for p in parts_of(path) if isinstance(p, ArrivingReport)]
    assert len(reports) > 200
    for found in reports:
        assert found.text.strip()
        assert "\x00" not in found.text
        assert found.patient.nhs_number or found.patient.identifiers


def test_of_annotated_sentences_none_that_affirms_is_lost_and_few_that_deny_are_sure() -> None:
    """Each sentence with its finding called a critical finding: what is affirmed is proposed, what
    is denied is not, or a person looks."""
    path = FOLDER / "report-text-nc" / "negex__Annotations-1-120.txt"
    became: Counter[tuple[str, str]] = Counter()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        _, phrase, sentence, label, *_ = [*line.split("\t"), "", "", ""]
        named = re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", sentence, re.IGNORECASE)
        if not phrase or named is None:
            continue
        alerts = find(f"{sentence[: named.start()]}critical finding{sentence[named.end() :]}")
        became[label, _how(alerts)] += 1
    assert became["Affirmed", "nothing"] == 0
    assert became["Affirmed", "at once"] > 1600
    assert became["Negated", "at once"] <= 10
    assert became["Negated", "nothing"] >= 220


def _how(alerts: tuple[Alert, ...]) -> str:
    if not alerts:
        return "nothing"
    return "at once" if alerts[0].is_sure else "to a person"
