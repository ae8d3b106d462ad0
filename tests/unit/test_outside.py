"""What leaves the organisation gives nobody away."""

from datetime import date

import pytest

from findings.measures import MEASURES, Period, Reading
from findings.measures.outside import for_outside, parts_for_outside

MONTH = Period(date(2026, 10, 1), date(2026, 10, 31))


def reading(numerator: int, denominator: int) -> Reading:
    return Reading(MEASURES["acknowledged"], MONTH, numerator, denominator)


@pytest.mark.parametrize(
    ("numerator", "denominator", "words"),
    [
        (0, 0, "none"),
        (1, 1, "too few to show"),
        (9, 9, "too few to show"),
        (7, 10, "70 % of about 10"),
        (197, 203, "97 % of about 205"),
    ],
)
def test_few_cases_are_hidden_and_many_are_rounded(numerator, denominator, words):
    (shown,) = for_outside([reading(numerator, denominator)])
    assert str(shown) == words


def test_one_hidden_part_takes_the_next_smallest_with_it():
    parts = [reading(50, 60), reading(3, 4), reading(11, 12), reading(0, 0)]
    shown = parts_for_outside(parts)
    assert [one.is_hidden for one in shown] == [False, True, True, False]
    # What is shown of the whole, less what is shown of the parts, is two parts, not one.
    assert (
        sum(part.denominator for part, one in zip(parts, shown, strict=True) if one.is_hidden) == 16
    )


def test_two_hidden_parts_hide_each_other():
    shown = parts_for_outside([reading(50, 60), reading(3, 4), reading(2, 3)])
    assert [one.is_hidden for one in shown] == [False, True, True]


def test_nothing_is_hidden_where_nothing_is_small():
    assert not any(one.is_hidden for one in parts_for_outside([reading(5, 10), reading(9, 20)]))
