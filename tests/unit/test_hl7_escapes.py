"""Escape sequences: decoded once, after splitting; unknown ones stay visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.intake.escapes import Delimiters, escape, unescape
from tests.unit.oru_messages import report, report_message, text_line

STANDARD = Delimiters()
# Line ends other than \n, and characters that no text holds, do not survive on purpose.
_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (
            r"A\T\E attender\X0D\\X0A\Size 3 \S\ 4 mm\.br\\H\URGENT\N\ see C:\E\temp",
            "A&E attender\nSize 3 ^ 4 mm\nURGENT see C:\\temp",
        ),
        (
            r"line1\X000d\\X0A\line2\X0d0a\line3\Zfoo\end",
            "line1\nline2\nline3\\Zfoo\\end",
        ),
        (r"\F\\S\\T\\R\\E\ ", "|^&~\\ "),
        (r"a\X00A\b", "a\nb"),
        (r"a\XA\b", "a\nb"),
        (r"a\x0a\b", "a\nb"),
        (
            r"Zo\XC3AB\ \XC3\\XAB\ \XEB\ \X00EB\ \X2019\s",
            "Zoë ë ë ë \N{RIGHT SINGLE QUOTATION MARK}s",
        ),
        (r"a\X00\b\X07\c", "abc"),
        (r"one\.sp\two\.sp3\five\.BR\six", "one\ntwo\n\n\nfive\nsix"),
        (r"\.in5\indented\.ti-3\\.fi\\.nf\ centred\.ce\end\.sk2\x", "indented centred\nend  x"),
        (r"C:\temp\scan", r"C:\temp\scan"),
        (r"\\server\share\H\bold\N\ ", r"\\server\sharebold "),
        (r"10\P\5", "10#5"),
        (r"half \X0", r"half \X0"),
        (r"\X\ \XZZ\ \X0G\ ", r"\X\ \XZZ\ \X0G\ "),
        (r"\C2842\ \M2842\ \Z1\ ", r"\C2842\ \M2842\ \Z1\ "),
        (r"a\E\.br\E\b", r"a\.br\b"),
        (r"\.sp999999999999\a", "\na"),
        # An engine has escaped every escape once more.
        (r"A\\T\\E\\.br\\\\.BR\\Zo\\XEB\\ \\H\\now\\N\\", "A&E\n\nZoë now"),
        (r"\.br\\.br\\.br\end", "\n\n\nend"),
        (r"\\server\share\\old", r"\\server\share\\old"),
    ],
)
def test_an_escape_becomes_what_it_stands_for(sent: str, shown: str) -> None:
    assert unescape(sent, STANDARD) == shown


def test_an_escaped_delimiter_does_not_split() -> None:
    found = report(
        report_message(
            text_line(r"one \R\ two \F\ three"), pid=r"PID|1||N\S\1^^^RR8^PI||O\T\Neil^Pat"
        )
    )
    assert found.text == "one ~ two | three"
    assert found.patient.family_name == "O&Neil"
    assert found.patient.identifiers[0].value == "N^1"


def test_the_senders_own_delimiters_are_what_the_letters_mean() -> None:
    assert unescape("a?F?b?T?c", Delimiters("$", "%", "!", "?", ":")) == "a$b:c"


def test_text_reaches_the_reader_as_text_and_not_as_markup() -> None:
    found = report(report_message(text_line("</script><img src=x onerror=alert(1)>")))
    assert found.text == "</script><img src=x onerror=alert(1)>"


@given(_TEXT)
def test_what_is_escaped_comes_back_the_same(text: str) -> None:
    assert unescape(escape(text), STANDARD) == text


@given(_TEXT)
def test_the_round_trip_holds_for_other_delimiters(text: str) -> None:
    own = Delimiters("#", "*", "@", "!", "$")
    assert unescape(escape(text, own), own) == text


@given(st.text(r"\XSTRFEHNZ.brsp0Aa19~^&|"))
def test_no_sequence_makes_it_fail_or_hang(text: str) -> None:
    assert isinstance(unescape(text, STANDARD), str)
