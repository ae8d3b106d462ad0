"""MLLP framing: where messages begin and end, however the bytes come."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from findings.intake.frames import KEPT_OF_TOO_LARGE, Framer, Kind, framed

LIMIT = 1_000
ONE, TWO = b"MSH|^~\\&|RIS\rPID|1", b"MSH|^~\\&|CRIS\rPID|2"


def frames(*pieces: bytes, limit: int = LIMIT) -> list[tuple[bytes, Kind]]:
    framer = Framer(limit)
    return [(frame.content, frame.kind) for piece in pieces for frame in framer.feed(piece)]


@pytest.mark.parametrize(
    "pieces",
    [
        [framed(ONE) + framed(TWO)],
        [bytes([one]) for one in framed(ONE) + framed(TWO)],
        [b"\x0b", ONE, b"\x1c", b"\r", framed(TWO)],
        [b"garbage\x00\r\n" + framed(ONE) + b"\r\n\x00more" + framed(TWO) + b"x"],
        [b"\x0b\x0b" + framed(ONE), b"\x0b", framed(TWO)],
        [b"\x0b" + ONE + b"\x1c" + framed(TWO)],  # without its CR
        [b"\x0b" + ONE + b"\x1c\n" + framed(TWO)],
    ],
)
def test_two_messages_are_two_whatever_the_packets(pieces: list[bytes]) -> None:
    assert frames(*pieces) == [(ONE, Kind.WHOLE), (TWO, Kind.WHOLE)]


def test_what_stands_between_frames_is_counted() -> None:
    framer = Framer(LIMIT)
    framer.feed(b"abc\r\n" + framed(ONE) + b"\r\n de\x00" + framed(TWO) + b"f")
    assert framer.skipped == len(b"abcdef")


def test_a_message_without_an_end_is_cut_off_by_the_next_and_kept() -> None:
    assert frames(b"\x0b" + ONE + framed(TWO)) == [(ONE, Kind.CUT_OFF), (TWO, Kind.WHOLE)]


def test_marks_inside_a_text_are_text() -> None:
    text = ONE + b"\rOBX|1|TX|||a\x0bb\x1cc\x00d"
    assert frames(framed(text)) == [(text, Kind.WHOLE)]


def test_an_end_without_its_cr_is_one_when_nothing_follows() -> None:
    framer = Framer(LIMIT)
    assert framer.feed(b"\x0b" + ONE + b"\x1c") == []
    assert framer.seems_ended
    assert [frame.content for frame in framer.quiet()] == [ONE]
    assert framer.feed(b"\r") == []
    assert [frame.content for frame in framer.feed(framed(TWO))] == [TWO]


def test_the_end_of_the_connection_leaves_what_was_begun() -> None:
    framer = Framer(LIMIT)
    framer.feed(b"\x0b" + ONE)
    assert [(frame.content, frame.kind) for frame in framer.close()] == [(ONE, Kind.UNFINISHED)]
    framer.feed(b"\x0b")
    assert framer.close() == []


@pytest.mark.parametrize("pieces", [1, 7, 200_000])
def test_what_is_too_large_is_read_away_and_its_beginning_kept(pieces: int) -> None:
    large = ONE + b"A" * 200_000
    stream = framed(large) + framed(TWO)
    framer = Framer(LIMIT)
    step = len(stream) // pieces + 1
    found, most = [], 0
    for start in range(0, len(stream), step):
        found += framer.feed(stream[start : start + step])
        most = max(most, len(framer._data))
    assert [(one.kind, one.size) for one in found] == [
        (Kind.TOO_LARGE, len(large)),
        (Kind.WHOLE, len(TWO)),
    ]
    assert large.startswith(found[0].content)
    assert len(found[0].content) <= KEPT_OF_TOO_LARGE
    if pieces > 1:
        assert most <= LIMIT + step + 4


@given(
    st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"M", b"MSH", b"|", b"\x00"])),
    st.integers(1, 5),
)
@example([b"\x0b"] * 11 + [b"M"], 1)
def test_how_the_bytes_are_cut_changes_nothing(bytes_: list[bytes], step: int) -> None:
    stream = b"".join(bytes_)
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    at_once, in_pieces = Framer(6), Framer(6)
    found = [at_once.feed(stream), at_once.close()]
    others = [[one for piece in pieces for one in in_pieces.feed(piece)], in_pieces.close()]
    assert [[(one.kind, one.size) for one in some] for some in found] == [
        [(one.kind, one.size) for one in some] for some in others
    ]
    assert at_once.skipped == in_pieces.skipped
