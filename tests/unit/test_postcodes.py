"""Postcodes as people write them, the marks that are kept, and what is known of a language."""

import pytest
from django.test import override_settings

from findings.arrivals import LanguageNeed
from findings.postcodes import is_pseudo, mark, secrets, squeezed


@pytest.mark.parametrize(
    "written", ["SW1A 1AA", "sw1a1aa", " SW1A  1AA ", "Sw1A1Aa", "SW1A\u00a01AA"]
)
def test_one_postcode_has_one_mark_however_it_is_written(written: str) -> None:
    assert squeezed(written) == "SW1A1AA"
    assert mark(squeezed(written)) == mark("SW1A1AA")


@pytest.mark.parametrize("written", ["M1 1AE", "B33 8TH", "CR2 6XH", "EC1A 1BB", "W1A 0AX"])
def test_every_form_is_known(written: str) -> None:
    assert squeezed(written)


@pytest.mark.parametrize(
    "written", ["", "SW1A", "SW1A 1A", "UNKNOWN", "12345", "SW1A 1AAA", "\x00"]
)
def test_what_is_no_postcode_has_no_mark(written: str) -> None:
    assert squeezed(written) == "" == mark(squeezed(written))


@pytest.mark.parametrize("written", ["ZZ99 3VZ", "zz993wz", "ZZ99 3CZ"])
def test_a_pseudo_postcode_is_no_place(written: str) -> None:
    assert is_pseudo(squeezed(written))
    assert mark(squeezed(written)) == ""


def test_a_mark_does_not_say_which_postcode_it_is_of() -> None:
    made = mark("SW1A1AA")
    assert len(made) == 32
    assert "SW1A" not in made.upper()
    with override_settings(SECRET_KEY="another-secret", SECRET_KEY_FALLBACKS=["the-old-one"]):
        assert mark("SW1A1AA") != made
        assert secrets() == ["another-secret", "the-old-one"]


@pytest.mark.parametrize(
    ("language", "is_needed", "need"),
    [
        ("", None, None),
        ("und", None, None),
        ("Not Stated", None, None),
        ("en", None, LanguageNeed.ENGLISH),
        ("en-GB", None, LanguageNeed.ENGLISH),
        ("ENG", None, LanguageNeed.ENGLISH),
        ("pl", None, LanguageNeed.OTHER),
        # British Sign Language.
        ("bfi", None, LanguageNeed.OTHER),
        ("en", True, LanguageNeed.INTERPRETER),
        ("pl", False, LanguageNeed.NONE),
        ("", True, LanguageNeed.INTERPRETER),
    ],
)
def test_a_need_is_never_guessed(
    language: str, is_needed: bool | None, need: LanguageNeed | None
) -> None:
    assert LanguageNeed.of(language, is_needed) == need
