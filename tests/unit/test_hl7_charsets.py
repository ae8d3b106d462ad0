"""Character sets: what MSH-18 says, what is really sent, and that nothing is lost to either."""

import pytest

from findings.arrivals import SenderProfile
from findings.intake.charsets import codec_for, decode
from tests.unit.oru_messages import header, message, obr, patient, report, text_line

TEXT = "Zoë: 37° \N{EN DASH} “fine”"


def sent(charset: str, codec: str, text: str = TEXT) -> bytes:
    segments = (header(f18=charset), patient(), obr(), text_line(text))
    return message(*segments).decode().encode(codec)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("", "utf-8"),
        ("8859/1", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("ISO 8859-1", "cp1252"),
        ("WINDOWS-1252", "cp1252"),
        ("ASCII~UNICODE UTF-8", "utf-8"),
        ("UNICODE UTF-16", "utf-16"),
        ("", "utf-16-be"),
        ("", "utf-16-le"),
        ("ISO_IR 100", "cp1252"),
        ("ISO_IR 192", "utf-8"),
        ("ISO 2022 IR 100", "cp1252"),
    ],
)
def test_text_in_the_named_set_is_read(charset: str, codec: str) -> None:
    found = report(sent(charset, codec))
    assert found.text == TEXT
    assert found.notices == ()


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("8859/2", "iso8859-2", "Wałęsa"),
        ("8859/5", "iso8859-5", "Иванов"),
        ("8859/7", "iso8859-7", "Αστρινίδης"),
        ("8859/15", "iso8859-15", "10 € Œ"),
        ("8859/15~UNICODE UTF-8", "iso8859-15", "Œ"),
        ("GB 18030-2000", "gb18030", "李"),
        ("~ISO IR87", "iso2022_jp", "山田"),
    ],
)
def test_every_set_of_the_table_is_known(charset: str, codec: str, text: str) -> None:
    assert report(sent(charset, codec, text)).text == text


def test_without_a_name_the_senders_own_set_is_tried_after_utf8() -> None:
    raw = sent("", "cp1252")
    assert report(raw).text == TEXT
    greek = sent("", "iso8859-7", "Αστρινίδης")
    assert report(greek, SenderProfile(fallback_charset="8859/7")).text == "Αστρινίδης"
    assert any("character set" in notice for notice in report(raw).notices)


@pytest.mark.parametrize("charset", ["8859/1", "ASCII", "8859/7"])
def test_utf8_under_another_name_is_read_as_utf8_and_said(charset: str) -> None:
    found = report(sent(charset, "utf-8"))
    assert found.text == TEXT
    assert any("UTF-8" in notice for notice in found.notices)


@pytest.mark.parametrize("charset", ["ASCII", "UTF-8", "KLINGON", ""])
def test_bytes_that_fit_nothing_lose_no_report(charset: str) -> None:
    raw = sent(charset, "utf-8", "Size 4 mm XX").replace(b"XX", b"\x81\xff")
    found = report(raw)
    assert found.text.startswith("Size 4 mm ")
    assert found.notices


@pytest.mark.parametrize(
    "name", ["hex", "zlib", "unicode_escape", "utf-7", "undefined", "", "8859/12"]
)
def test_only_known_sets_are_ever_used(name: str) -> None:
    assert codec_for(name) == ""
    assert decode(b"caf\xe9", [name], name).text == "café"


def test_lines_of_two_systems_are_read_each_in_its_own_set() -> None:
    name, words = sent("", "utf-8", "x").split(b"OBX", 1)
    raw = (
        name.replace(b"Ann", "Zoë".encode())
        + b"OBX"
        + words.replace(b"x", "4 µm²".encode("cp1252"))
    )
    found = report(raw)
    assert (found.patient.given_name, found.text) == ("Zoë", "4 µm²")
    assert any("accents and symbols" in notice for notice in found.notices)
