"""Files, folders, batches and logs: every message once, and nothing between them lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.intake.batch import FileWarning, RawMessage, split, walk
from tests.unit.oru_messages import header, message, patient, report_message

GOOD = report_message()
BROKEN = message(header(), "OBR|1||A9")
FHS, BHS = b"FHS|^~\\&|RIS\r", b"BHS|^~\\&|RIS\r"


def messages(raw: bytes) -> list[RawMessage]:
    return [piece for piece in split(raw) if isinstance(piece, RawMessage)]


def warnings(raw: bytes) -> list[str]:
    return [piece.text for piece in split(raw) if isinstance(piece, FileWarning)]


def test_one_message_is_one_message() -> None:
    (found,) = messages(GOOD)
    assert found.content == GOOD.rstrip(b"\r")
    assert found.line == 1


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\n\r\n"])
def test_several_messages_have_their_lines(end: bytes) -> None:
    raw = (GOOD * 3).replace(b"\r", end)
    step = len(GOOD.split(b"\r")) - 1
    step *= 2 if end == b"\r\n\r\n" else 1
    assert [found.line for found in messages(raw)] == [1, 1 + step, 1 + 2 * step]


def test_a_batch_with_a_broken_message_keeps_the_others() -> None:
    raw = FHS + BHS + GOOD + BROKEN + GOOD + b"BTS|3\rFTS|1\r"
    assert [found.line for found in messages(raw)] == [3, 7, 9]
    assert warnings(raw) == []


@pytest.mark.parametrize(
    ("trailers", "said"),
    [
        (b"BTS|5\rFTS|1\r", "The batch says 5 messages and holds 2: 3 messages missing."),
        (b"BTS|1\rFTS|1\r", "The batch says 1 message and holds 2: 1 message more than it says."),
        (b"BTS|2\rFTS|3\r", "The file says 3 batches and holds 1: 2 batches missing."),
        (b"BTS|two\rFTS|1\r", "The count at the end of the batch is not a number."),
        (b"BTS|2\r", "The file has a beginning (FHS) and no end (FTS); it may have been cut off."),
        (b"FTS|1\r", "The batch has a beginning (BHS) and no end (BTS); it may have been cut off."),
    ],
)
def test_counts_that_do_not_agree_are_said(trailers: bytes, said: str) -> None:
    assert said in warnings(FHS + BHS + GOOD + GOOD + trailers)


@pytest.mark.parametrize("trailers", [b"BTS|2\rFTS|1\r", b"BTS\rFTS\r", b"BTS||\rFTS|2\r"])
def test_counts_that_agree_or_are_not_sent_say_nothing(trailers: bytes) -> None:
    assert warnings(FHS + BHS + GOOD + GOOD + trailers) == []


def test_a_file_without_batches_is_one_batch() -> None:
    assert warnings(FHS + GOOD + GOOD + b"FTS|1\r") == []


def test_a_batch_without_a_message_header_is_held_and_counted() -> None:
    raw = BHS + patient().encode() + b"\rPV1|1\rBTS|1\r"
    assert [found.content for found in messages(raw)] == [patient().encode() + b"\rPV1|1"]
    assert warnings(raw) == ["The batch says 1 message and holds 0: 1 message missing."]


def test_junk_around_messages_is_a_piece_of_its_own() -> None:
    raw = b"/* notes */\r" + GOOD + b"\r\rsome words\rmore words\r\r" + GOOD + b"\r\rthe end"
    contents = [found.content for found in messages(raw)]
    assert contents[0] == b"/* notes */"
    assert contents[2] == b"some words\rmore words"
    assert contents[4] == b"the end"
    assert [c.startswith(b"MSH") for c in contents] == [False, True, False, True, False]


def test_a_text_broken_over_lines_stays_with_its_message() -> None:
    broken = GOOD.replace(b"No acute abnormality.", b"No acute\n\nabnormality.\nSigned")
    first, second = messages(broken + GOOD)
    assert first.content.rstrip(b"\r") == broken.rstrip(b"\r")
    assert second.content.rstrip(b"\r") == GOOD.rstrip(b"\r")


def test_a_text_that_the_end_of_the_file_breaks_stays_with_its_message() -> None:
    (found,) = messages(GOOD.partition(b"||||||F")[0] + b"\nand more")
    assert found.content.endswith(b"and more")


def test_frames_hold_one_message_each_whatever_is_between() -> None:
    raw = b"\x0b" + GOOD + b"\x1c\r\x0bHELLO\x1c\rstray\r\x0b" + GOOD + b"\x1c\r"
    assert [found.content[:5] for found in messages(raw)] == [
        b"MSH|^",
        b"HELLO",
        b"stray",
        b"MSH|^",
    ]


def test_a_frame_without_an_end_ends_where_the_next_begins() -> None:
    raw = b"\x0b" + GOOD + b"\x0b" + GOOD + b"\x1c\r"
    assert len(messages(raw)) == 2
    assert "may be cut off" in warnings(raw)[0]


def test_a_frame_that_the_end_of_the_file_cuts_off_is_said() -> None:
    whole = b"\x0b" + GOOD + b"\x1c\r"
    cut = next(piece for piece in split(whole + whole[:-9]) if isinstance(piece, FileWarning))
    assert (cut.text[-15:], cut.line) == ("may be cut off.", 1 + GOOD.count(b"\r") + 1)
    assert warnings(whole + whole) == []
    assert warnings(whole[:-2] + b"\r" + whole[:-2]) == [], "a writer that ends none"


def test_a_log_with_spelled_frames_gives_the_messages_as_they_were_sent() -> None:
    body = GOOD.replace(b"\r", b"<R>\n")
    entry = b"2026-06-30 14:45:00.1234|INFO|Listener|\n<SB>\n" + body + b"<EB><R>\n\n"
    junk = b"2026-06-30 14:46:00.0000|INFO|Listener|\n<SB>\nUnparseable<EB>\n"
    found = messages(entry + junk + entry)
    assert [piece.content for piece in found] == [GOOD, b"Unparseable", GOOD]
    assert [piece.line for piece in found] == [3, 11, 14]


def test_a_file_in_utf_16_is_read() -> None:
    for codec in ("utf-16-le", "utf-16-be"):
        raw = ("\ufeff" + GOOD.decode()).encode(codec)
        assert [found.content for found in messages(raw)] == [GOOD.rstrip(b"\r")]


def test_marks_in_the_middle_of_a_file_do_not_hide_a_message() -> None:
    raw = b"\xef\xbb\xbf" + GOOD + b"\xef\xbb\xbf" + GOOD
    assert len(messages(raw)) == 2


PIECES = [
    GOOD, b"junk\r", b"\x0b", b"\x1c\r", BHS, b"BTS|1\r", b"\r", b"PV1|1\r", b"<SB>\n", b"<EB>",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_every_word_of_every_message_comes_out(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    found = b"\r".join(piece.content for piece in messages(raw))
    assert found.count(b"No acute abnormality.") == raw.count(b"No acute abnormality.")
    assert found.count(b"junk") == raw.count(b"junk")
    assert found.count(b"PV1|1") == raw.count(b"PV1|1")


@given(st.binary())
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    for piece in split(raw):
        if isinstance(piece, RawMessage):
            assert piece.line >= 1
            assert piece.content.strip()


def test_files_come_in_the_order_a_person_expects(tmp_path: Path) -> None:
    for name in ("day10.hl7", "day2.hl7", "Day1.hl7", ".hidden", "b/1.hl7"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(GOOD)
    found = walk([tmp_path, tmp_path / "day2.hl7"])
    names = [Path(piece.file).name for piece in found]
    assert names == ["1.hl7", "Day1.hl7", "day2.hl7", "day10.hl7"]


def test_progress_reaches_the_total(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.hl7").write_bytes(GOOD * number + b"\r\n")
    found = walk([str(tmp_path)])
    seen = [found.done_bytes for _ in found]
    assert seen == sorted(seen)
    assert found.done_bytes == found.total_bytes == len(GOOD) * 3 + 6


def test_files_that_give_nothing_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty.hl7").write_bytes(b"")
    (tmp_path / "blank.hl7").write_bytes(b"\r\n \r\n")
    found = {Path(piece.file).name: piece for piece in walk([tmp_path, tmp_path / "absent"])}
    assert all(isinstance(piece, FileWarning) for piece in found.values())
    assert found["empty.hl7"].text == "The file is empty."  # type: ignore[union-attr]
    assert set(found) == {"empty.hl7", "blank.hl7", "absent"}


def test_a_piece_says_where_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "two.hl7").write_bytes(GOOD + GOOD)
    origins = [piece.origin for piece in walk([tmp_path]) if isinstance(piece, RawMessage)]
    assert [origin.rpartition("/")[2] for origin in origins] == ["two.hl7:1", "two.hl7:5"]
