"""What an acknowledgement says, and to whom."""

from datetime import UTC, datetime

import pytest

from findings.arrivals import HeldReason, Problem
from findings.intake.answers import ACCEPTED, OUR_TROUBLE, Code, Verdict, answer, rejected

AT = datetime(2026, 6, 30, 10, 5, tzinfo=UTC)
HEADER = "MSH|^~\\&|RIS|RXX01|IS|RXX|20260630104500||ORU^R01^ORU_R01|M1|P|2.5.1"
REFUSED = rejected(Problem(HeldReason.UNREADABLE, "MSH-9", "MSH-9 is empty | so.", "Fill it."))


def lines(message: str, verdict: Verdict = ACCEPTED, separator: str = "|") -> list[list[str]]:
    given = answer(message.encode(), verdict, AT)
    assert given is not None
    assert given.endswith(b"\r")
    return [line.split(separator) for line in given.decode().split("\r")[:-1]]


def test_it_goes_back_to_where_it_came_from_with_a_number_of_its_own() -> None:
    msh, msa = lines(HEADER)
    assert msh[2:7] == ["IS", "RXX", "RIS", "RXX01", "20260630100500+0000"]
    assert msh[8] == "ACK^R01^ACK"
    assert msh[10:] == ["P", "2.5.1"]
    assert msa == ["MSA", "AA", "M1"]
    assert lines(HEADER)[0][9] != msh[9] != "M1"


def test_it_is_written_with_the_senders_own_marks() -> None:
    other = HEADER.replace("^", "$").replace("|", "!").replace("~\\&", "*/%")
    msh, msa, err = lines(other, REFUSED, "!")
    assert msh[1] == "$*/%"
    assert msa[:3] == ["MSA", "AR", "M1"]
    assert err[2:4] == ["MSH$1$9", "101$Required field missing$HL70357"]


def test_an_error_has_a_code_a_place_and_words() -> None:
    _, msa, err = lines(HEADER, REFUSED)
    assert msa[3] == "MSH-9 is empty \\F\\ so."
    assert err == [
        *("ERR", "", "MSH^1^9", "101^Required field missing^HL70357", "E", "", "", ""),
        "MSH-9 is empty \\F\\ so.",
    ]
    old = HEADER.replace("2.5.1", "2.3").replace("^ORU_R01", "")
    msh, _, err = lines(old, REFUSED)
    assert (msh[8], msh[11]) == ("ACK^R01", "2.3")
    assert err == ["ERR", "MSH^1^9^101&Required field missing&HL70357"]


def test_our_trouble_is_not_theirs() -> None:
    _, msa, err = lines(HEADER, OUR_TROUBLE)
    assert msa[1] == "AE"
    assert err[3].startswith("207^")


@pytest.mark.parametrize("what", ["HELLO", "", "MSH", "MSH|", "\x00\x0b\x1c", "MSH|||||||||7"])
def test_whatever_it_is_there_is_an_answer(what: str) -> None:
    msh, msa, _ = lines(what, REFUSED)
    assert (msh[0], msa[1]) == ("MSH", "AR")
    assert msa[2] == ("7" if what.endswith("7") else "")


@pytest.mark.parametrize(
    ("asked", "accepted", "refused"),
    [
        ("|", "AA", "AR"),
        ("AL|NE", "CA", "CR"),
        ("NE|AL", "AA", "AR"),
        ("AL|AL", "AA", "AR"),
        ("AL|ER", "CA", "AR"),
        ("ER|NE", None, "CR"),
        ("NE|NE", None, None),
        ("|SU", "AA", None),
    ],
)
def test_enhanced_mode_gets_the_one_answer_that_it_asked_for(
    asked: str, accepted: str | None, refused: str | None
) -> None:
    for verdict, code in ((ACCEPTED, accepted), (REFUSED, refused)):
        given = answer(f"{HEADER}|||{asked}".encode(), verdict, AT)
        assert (given and given.decode().split("MSA|")[1][:2]) == code


def test_its_number_comes_back_as_it_was_sent() -> None:
    message = HEADER.replace("M1", "Ü\\T\\1")
    assert "MSA|AA|Ü\\T\\1\r".encode() in (answer(message.encode(), ACCEPTED, AT) or b"")
    latin = message.encode("latin-1")
    assert "MSA|AA|Ü\\T\\1\r".encode("latin-1") in (answer(latin, ACCEPTED, AT) or b"")


def test_only_accepting_has_no_error_segment() -> None:
    assert [fields[0] for fields in lines(HEADER, Verdict(Code.ACCEPT))] == ["MSH", "MSA"]
