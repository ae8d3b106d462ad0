"""Numbers as they may leave the organisation: none from which a patient could be recognised.

What has fewer than ten cases is not shown; the others are rounded to the nearest five. Where only
one part of a whole is hidden, the next smallest is hidden too, since the rest would give it away. A
rule of our own: no source that was read has a number for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from findings.measures.measure import Reading

ROUNDED_TO = 5
TOO_FEW = "too few to show"


@dataclass(frozen=True)
class Outside:
    """One reading for people outside: all three are None where it is hidden."""

    percent: int | None
    numerator: int | None
    denominator: int | None

    @property
    def is_hidden(self) -> bool:
        return self.denominator is None

    def __str__(self) -> str:
        if self.is_hidden:
            return TOO_FEW
        if not self.denominator:
            return "none"
        return f"{self.percent} % of about {self.denominator}"


HIDDEN = Outside(None, None, None)


def for_outside(readings: Sequence[Reading]) -> list[Outside]:
    """Of readings that stand alone."""
    return [HIDDEN if reading.is_small else _rounded(reading) for reading in readings]


def parts_for_outside(parts: Sequence[Reading]) -> list[Outside]:
    """Of the parts of a whole that is shown beside them."""
    hidden = too_few(parts)
    return [HIDDEN if n in hidden else _rounded(part) for n, part in enumerate(parts)]


def too_few(parts: Sequence[Reading]) -> set[int]:
    """Which of the parts of a whole are to be hidden, by their place."""
    hidden = {n for n, part in enumerate(parts) if part.is_small}
    others = [n for n, part in enumerate(parts) if part.denominator and n not in hidden]
    if len(hidden) == 1 and others:
        hidden.add(min(others, key=lambda n: parts[n].denominator))
    return hidden


def _rounded(reading: Reading) -> Outside:
    def near(number: int) -> int:
        return ROUNDED_TO * round(number / ROUNDED_TO)

    return Outside(reading.percent, near(reading.numerator), near(reading.denominator))
