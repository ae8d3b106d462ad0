"""Delimiters, line ends, framing, broken lines: the same message however it is wrapped."""

import pytest

from findings.arrivals import HeldReason, Problem
from findings.intake.hl7 import Message, parse
from tests.unit.oru_messages import header, message, obr, patient, problem, report, text_line

SEGMENTS = (header(), patient(), obr(), text_line("First."), text_line("Zo\u00eb's second."))


def parsed(raw: bytes) -> Message:
    found = parse(raw)
    assert isinstance(found, Message), found
    return found


@pytest.mark.parametrize(
    "raw",
    [
        message(*SEGMENTS),
        message(*SEGMENTS, end="\n"),
        message(*SEGMENTS, end="\r\n"),
        message(*SEGMENTS, "", "", end="\r\n"),
        message(*SEGMENTS, end="\r\n\r\n"),
        b"\n" + message(*SEGMENTS),
        b"\xef\xbb\xbf" + message(*SEGMENTS),
        b"\x0b" + message(*SEGMENTS) + b"\x1c\r",
        b"\r\n \x0b\xef\xbb\xbf" + message(*SEGMENTS).rstrip(b"\r") + b"\x1c",
        message(*(f"  {segment}" for segment in SEGMENTS)),
        ("\ufeff" + message(*SEGMENTS).decode()).encode("utf-16-le"),
        ("\ufeff" + message(*SEGMENTS).decode()).encode("utf-16-be"),
        message(*SEGMENTS).decode().encode("utf-16-le"),
    ],
)
def test_however_it_is_wrapped_the_report_is_the_same(raw: bytes) -> None:
    assert report(raw) == report(message(*SEGMENTS))
    assert report(raw).text == "First.\nZo\u00eb's second."


@pytest.mark.parametrize("delimiters", ["#*@!$", "$%?/:", "\x1d\x1e\x1f\x10\x11", "|^~\\&"])
def test_any_delimiters_will_do(delimiters: str) -> None:
    table = str.maketrans("|^~\\&", delimiters)
    body = "\r".join(SEGMENTS).translate(table).encode()
    assert report(body) == report(message(*SEGMENTS))


@pytest.mark.parametrize("encoding", ["^~\\", "^~", "^", "", "^~&", "^~\\&#", "^~\\\\&"])
def test_encoding_characters_cut_short_or_doubled_are_completed(encoding: str) -> None:
    raw = message(*SEGMENTS).replace(b"^~\\&", encoding.encode(), 1)
    assert report(raw) == report(message(*SEGMENTS))


@pytest.mark.parametrize("encoding", ["0000", "^^\\&", "AB", "^ \\&"])
def test_encoding_characters_that_cannot_be_are_a_problem(encoding: str) -> None:
    raw = message(*SEGMENTS).replace(b"^~\\&", encoding.encode(), 1)
    found = problem(raw)
    assert (found.reason, found.location) == (HeldReason.UNREADABLE, "MSH-2")


@pytest.mark.parametrize(
    "raw", [b"", b" \r\n", b"HELLO", b"PID|1||1", b"XMSH|^~\\&|", b"MSH", b"MSHA|"]
)
def test_what_has_no_header_is_a_problem(raw: bytes) -> None:
    found = parse(raw)
    assert isinstance(found, Problem)
    assert (found.reason, found.location) == (HeldReason.UNREADABLE, "MSH")


def test_a_line_broken_inside_a_text_is_joined_again() -> None:
    raw = message(*SEGMENTS[:3], "OBX|1|TX|&GDT||one\n\ntwo\r\nthree||||||F")
    assert report(raw).text == "one\n\ntwo\nthree"


def test_a_broken_line_of_nothing_but_three_letters_is_text() -> None:
    raw = message(*SEGMENTS[:3], "OBX|1|TX|&GDT||Impression\nABC\n\nthe END||||||F")
    assert report(raw).text == "Impression\nABC\n\nthe END"


def test_unknown_and_empty_segments_are_passed_over() -> None:
    raw = message(*SEGMENTS[:3], "ZDS|1^2", "OMG||||", "PV1", SEGMENTS[3], "ZZZ|")
    assert report(raw).text == "First."


def test_what_stands_before_the_header_is_said_and_not_read() -> None:
    found = report(b"junk before\r" + message(*SEGMENTS))
    assert any("before the message header" in notice for notice in found.notices)


def test_a_second_message_in_one_frame_does_not_vanish() -> None:
    found = parsed(message(*SEGMENTS) + message(*SEGMENTS))
    assert found.has_second
    assert [segment[0] for segment in found.segments].count("MSH") == 1


def test_control_characters_do_not_reach_the_text() -> None:
    raw = message(*SEGMENTS[:3], "OBX|1|TX|&GDT||a\x00b\x07c\x0bd||||||F")
    assert report(raw).text == "abc\nd"


def test_delimiters_that_the_sender_lacks_split_nothing() -> None:
    assert parsed(b"MSH|&|A").delimiters.component == "&"
    assert parsed(b"MSH|&|A").delimiters.subcomponent == ""
