"""Reports as they are written here: from the sentences in reports/*.toml to one report's text.

Each kind of examination has organs with sentences for when they are normal. An abnormality
replaces the sentences of the organs that it touches, so that no report contradicts itself.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).resolve().parent / "reports"
OLDEST = 105
YOUNGEST = 18


@dataclass(frozen=True)
class Abnormality:
    """Something that may be seen; with a category it is worth a flag."""

    name: str
    findings: Mapping[str, str]
    conclusion: str
    weight: int = 1
    category: str = ""
    sexes: str = "FM"
    from_age: int = YOUNGEST
    until_age: int = OLDEST
    description: str = ""
    action: str = ""
    # From the flag to the day by which the radiologist advises it; 0: no date is advised.
    within_days: int = 0
    primary_site: str = ""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def suits(self, sex: str, age: int) -> bool:
        return sex in self.sexes and self.from_age <= age <= self.until_age


@dataclass(frozen=True)
class Kind:
    """One kind of examination."""

    key: str
    modality: str
    code: str
    description: str
    # How many of these there are among the others.
    share: int
    # Who asks for it, by the keys of hospital.toml; the first of them most often.
    teams: Sequence[str]
    # From the images to the report, least and most.
    delay_hours: Sequence[float]
    histories: Sequence[str]
    clear: Sequence[str]
    normal: Mapping[str, Sequence[str]]
    abnormal: Sequence[Abnormality]
    female: Mapping[str, Sequence[str]] = field(default_factory=dict)
    male: Mapping[str, Sequence[str]] = field(default_factory=dict)
    technique: Sequence[str] = ()
    sexes: str = "FM"
    from_age: int = YOUNGEST
    # The part of them that a registrar reports first and a consultant afterwards.
    preliminary: float = 0.0
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def suits(self, sex: str, age: int) -> bool:
        return sex in self.sexes and age >= self.from_age

    def benign(self, sex: str, age: int) -> list[Abnormality]:
        return [one for one in self.abnormal if not one.category and one.suits(sex, age)]

    def organs(self, sex: str) -> dict[str, Sequence[str]]:
        return {**self.normal, **(self.female if sex == "F" else self.male)}


@dataclass(frozen=True)
class Seen:
    """An abnormality with its sizes and sides, as one report has them."""

    what: Abnormality
    values: Mapping[str, str]

    def words(self, sentence: str) -> str:
        return sentence.format_map(self.values)


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """Every kind of examination, as the files say."""
    written = (
        row
        for file in sorted(FOLDER.glob("*.toml"))
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["examination"]
    )
    return tuple(_kind(row) for row in written)


def _kind(row: dict[str, Any]) -> Kind:
    return Kind(**{**row, "abnormal": tuple(Abnormality(**one) for one in row["abnormal"])})


def flaggable(category: str) -> list[tuple[Kind, Abnormality]]:
    """What a radiologist may flag in this category, and in which examination."""
    return [(kind, one) for kind in kinds() for one in kind.abnormal if one.category == category]


def see(kind: Kind, what: Abnormality, rng: Random) -> Seen:
    """Choose the sizes and sides of one abnormality."""
    values = {**kind.values, **what.values}
    return Seen(what, {name: rng.choice(list(choices)) for name, choices in values.items()})


def choose_benign(kind: Kind, sex: str, age: int, rng: Random) -> list[Seen]:
    """None, one or two common changes, never two of the same organ."""
    seen: list[Seen] = []
    taken: set[str] = set()
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2))):
        choices = [one for one in kind.benign(sex, age) if not taken & set(one.findings)]
        if not choices:
            break
        one = rng.choices(choices, [choice.weight for choice in choices])[0]
        taken |= set(one.findings)
        seen.append(see(kind, one, rng))
    return seen


def write_report(kind: Kind, sex: str, seen: Sequence[Seen], signed: str, rng: Random) -> str:
    """The text of one report, by the radiologist whose name and post are `signed`."""
    plain = {name: rng.choice(list(choices)) for name, choices in kind.values.items()}
    said = {organ: rng.choice(list(words)) for organ, words in kind.organs(sex).items()}
    said = {organ: sentence.format_map(plain) for organ, sentence in said.items()}
    for one in seen:
        said.update({organ: one.words(text) for organ, text in one.what.findings.items()})
    parts = [f"Clinical history\n{rng.choice(list(kind.histories))}"]
    if kind.technique:
        parts.append(f"Technique\n{rng.choice(list(kind.technique))}")
    parts.append("Findings\n" + "\n".join(said.values()))
    parts.append("Conclusion\n" + _conclusion(kind, seen, rng))
    parts.append(signed)
    return "\n\n".join(parts)


def _conclusion(kind: Kind, seen: Sequence[Seen], rng: Random) -> str:
    if not seen:
        return rng.choice(list(kind.clear))
    lines = [one.words(one.what.conclusion) for one in seen]
    return "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1)) if seen[1:] else lines[0]


# What a second reading adds, for findings that are asked about again.
ADDENDA = (
    "Addendum after second reading: earlier images from another hospital have now arrived. The"
    " abnormality described above was not present two years ago, which makes it more worrying."
    " Please deal with it as advised without waiting for the next clinic.",
    "Addendum after discussion at the multidisciplinary meeting: on review the abnormality is"
    " larger than was first measured and a second, smaller one of the same kind lies beside it.",
    "Correction: the measurement in the report above was given too small, because it was taken"
    " in one plane only. The advice in the conclusion is now more urgent than it was.",
)
# What changes nothing in a report without a flag.
CORRECTIONS = (
    "Correction: the first version named the wrong requesting clinic. Nothing else has changed.",
    "Addendum: the examination of last year has been compared. There is no change.",
    "Correction: dictation error in the technique. Findings and conclusion are as they were.",
)
