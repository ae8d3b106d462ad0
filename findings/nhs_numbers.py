"""NHS numbers as they are typed and sent: ten digits or a reason why not.

The ten digits are text: a leading zero belongs to them and is never added by us. Only the
check digit is tested; which part of the kingdom issued a number is not for us to refuse.
"""

import unicodedata
from enum import StrEnum
from typing import NamedTuple

import nhs_number

LENGTH = 10
# Besides the digits: white space of any kind, hyphens and dashes of any kind, and the
# invisible characters that come along when a number is copied from a document.
_SEPARATOR_CATEGORIES = frozenset({"Zs", "Pd", "Cc", "Cf"})


class NhsFault(StrEnum):
    """Why something is not an NHS number."""

    EMPTY = "empty"
    NOT_DIGITS = "not_digits"
    LENGTH = "length"
    CHECK_DIGIT = "check_digit"
    PLACEHOLDER = "placeholder"  # 9999999999 and its like: means "none known"


class NhsNumber(NamedTuple):
    """What was found: a number, or a fault and a sentence for the person who typed it."""

    number: str
    fault: NhsFault | None = None
    hint: str = ""


def normalise(text: str) -> str:
    """The characters that count, digits of every script as 0-9: '999 000 0018' -> '9990000018'."""
    if text.isascii() and text.isdigit():
        return text
    return "".join(map(_plain, text))


def _plain(character: str) -> str:
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    return "" if unicodedata.category(character) in _SEPARATOR_CATEGORIES else character


def read_nhs_number(text: str) -> NhsNumber:
    """Check what somebody typed or sent. `number` is empty unless it can be relied on."""
    digits = normalise(text)
    fault, hint = _fault(digits)
    return NhsNumber("" if fault else digits, fault, hint)


def _fault(digits: str) -> tuple[NhsFault | None, str]:
    if not digits:
        return NhsFault.EMPTY, "Enter the NHS number."
    if not (digits.isascii() and digits.isdigit()):
        return NhsFault.NOT_DIGITS, "An NHS number has digits only."
    if len(digits) != LENGTH:
        return NhsFault.LENGTH, _length_hint(len(digits))
    if len(set(digits)) == 1:
        return NhsFault.PLACEHOLDER, "This is a placeholder, not an NHS number."
    if nhs_number.calculate_checksum(digits[:-1]) != int(digits[-1]):
        return NhsFault.CHECK_DIGIT, "The last digit does not fit the others: look for a slip."
    return None, ""


def _length_hint(length: int) -> str:
    hint = f"An NHS number has 10 digits; this has {length} digits."
    if length == LENGTH - 1:
        hint += " A leading zero may have been lost; type it if it belongs there."
    return hint


def spaced(number: str) -> str:
    """3-3-4, as it is printed and read out: '9990000018' -> '999 000 0018'."""
    return f"{number[:3]} {number[3:6]} {number[6:]}" if len(number) == LENGTH else number
