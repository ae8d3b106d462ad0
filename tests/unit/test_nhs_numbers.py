"""NHS numbers: what is accepted, and what a person is told when not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.nhs_numbers import NhsFault, read_nhs_number, spaced


@pytest.mark.parametrize(
    "written",
    [
        "9990000018",
        "999 000 0018",
        " 999 000 0018 ",
        "999-000-0018",
        "999\N{EN DASH}000\N{NON-BREAKING HYPHEN}0018",
        "999\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}0018",
        "999\N{NARROW NO-BREAK SPACE}000 0018",
        "\N{ZERO WIDTH NO-BREAK SPACE}9990000018",
        "\uff19\uff19\uff19\uff10\uff10\uff10\uff10018",
        "\u0669\u0669\u0669\u0660\u0660\u0660\u0660\u0660\u0661\u0668",
    ],
)
def test_however_it_is_written_it_is_the_same_number(written: str) -> None:
    assert read_nhs_number(written).number == "9990000018"


@pytest.mark.parametrize("written", ["123000009", "999000001", "99900000180"])
def test_a_wrong_length_is_never_padded_or_cut(written: str) -> None:
    found = read_nhs_number(written)
    assert found.number == ""
    assert found.fault is NhsFault.LENGTH
    assert f"{len(written)} digits" in found.hint


def test_a_leading_zero_that_was_typed_is_kept() -> None:
    assert read_nhs_number("0123000009").number == "0123000009"


def test_nine_digits_come_with_a_hint_about_the_lost_zero() -> None:
    assert "leading zero" in read_nhs_number("123000009").hint


@pytest.mark.parametrize("digit", "0123456789")
def test_a_placeholder_is_nobodys_number(digit: str) -> None:
    assert read_nhs_number(digit * 10).fault is NhsFault.PLACEHOLDER


@pytest.mark.parametrize("written", ["9990000019", "9990000081", "9909000018"])
def test_a_slip_is_caught_by_the_check_digit(written: str) -> None:
    assert read_nhs_number(written).fault is NhsFault.CHECK_DIGIT


@pytest.mark.parametrize("written", ["999000001X", "999.000.0018", "²²²²²²²²²²", "N501"])
def test_anything_but_digits_is_refused(written: str) -> None:
    assert read_nhs_number(written).fault is NhsFault.NOT_DIGITS


@pytest.mark.parametrize("written", ["", "  ", "\N{NO-BREAK SPACE}-"])
def test_nothing_is_nothing(written: str) -> None:
    assert read_nhs_number(written).fault is NhsFault.EMPTY


def test_it_is_printed_in_three_groups() -> None:
    assert spaced("9990000018") == "999 000 0018"


@given(st.text())
def test_no_text_makes_it_fail(written: str) -> None:
    found = read_nhs_number(written)
    assert bool(found.number) is (found.fault is None)
    assert found.number == "" or len(found.number) == 10


@given(st.integers(0, 999_999_999), st.integers(0, 9), st.integers(1, 9))
def test_changing_one_digit_is_always_noticed(start: int, place: int, by: int) -> None:
    number = f"{start:09d}"
    check = (-sum(int(d) * (10 - i) for i, d in enumerate(number))) % 11
    if check == 10 or len(set(number + str(check))) == 1:
        return
    valid = number + str(check)
    changed = valid[:place] + str((int(valid[place]) + by) % 10) + valid[place + 1 :]
    assert read_nhs_number(valid).number == valid
    assert read_nhs_number(changed).number == ""
