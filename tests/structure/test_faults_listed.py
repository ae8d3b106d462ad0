"""docs/faults.md names what shows each fault: it must be there, or the list is a wish."""

import ast
import re
from pathlib import Path

from tests.faults.nemesis import FAULTS

TESTS = Path(__file__).resolve().parent.parent
PAGE = (TESTS.parent / "docs" / "faults.md").read_text()
ROW = re.compile(r"^\| ([A-Z]\d+) \|(.*)\|(.*)\|$", re.MULTILINE)
# How many faults of each kind the catalogue has.
CATALOGUE = {"P": 11, "R": 6, "D": 9, "C": 10, "T": 6, "I": 13, "H": 10}
NOT_YET = "Not yet"


def functions(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_fault_of_the_catalogue_has_its_row() -> None:
    wanted = [
        f"{kind}{number}" for kind, most in CATALOGUE.items() for number in range(1, most + 1)
    ]
    assert [found[1] for found in ROW.finditer(PAGE)] == wanted


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 90
    assert [f"{path}::{name}" for path, name in named if name not in functions(path)] == []


def test_every_fault_of_the_storm_that_is_named_exists_and_each_is_named() -> None:
    shown = " ".join(found[3] for found in ROW.finditer(PAGE))
    named = set(re.findall(r"\*([^*]+)\*", shown)) - {NOT_YET}
    assert named - set(FAULTS) == set()
    parts_of_the_storm = {"kill a client", "kill an import", "kill the watch"}
    assert set(FAULTS) - named == parts_of_the_storm, "which fault is this one?"


def test_whatever_nothing_shows_says_so() -> None:
    bare = [found[1] for found in ROW.finditer(PAGE) if not found[3].strip()]
    said = [found[1] for found in ROW.finditer(PAGE) if NOT_YET in found[2]]
    assert set(bare) - set(said) == {"D9"}, "neither shown nor said to be missing"
