"""Lists as files: what a spreadsheet would make of their cells."""

import io
from datetime import UTC, date, datetime
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest

from findings.presenters.list_file import About, Heading, Kind, harmless, write_csv, write_xlsx

HEADINGS = [
    Heading("NHS number"),
    Heading("Born", Kind.DATE),
    Heading("Due", Kind.MOMENT),
    Heading("Count", Kind.NUMBER),
    Heading("Text", Kind.LONG_TEXT),
]
IN_SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
ROWS = [
    ["9990000018", date(1950, 2, 3), IN_SUMMER, 12, '=HYPERLINK("http://x","y")'],
    ["0012", None, None, None, "Line\none\x00\x1b, é 漢"],
]
ABOUT = About("Open findings", IN_SUMMER, "Dr A Example", ["State: Awaiting"], "Care.")


def sheets(file: io.BytesIO) -> list[list[list[tuple[str, str]]]]:
    """Of each sheet its rows; of each cell its type and what is in it."""
    space = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    read = []
    with ZipFile(file) as book:
        for number in (1, 2):
            root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            read.append(
                [
                    [
                        (cell.get("t", "n"), "".join(cell.itertext()))
                        for cell in row.findall("s:c", space)
                    ]
                    for row in root.findall(".//s:row", space)
                ]
            )
            assert not root.findall(".//s:f", space), "a formula"
    return read


def test_in_a_workbook_identifiers_are_text_and_dates_are_dates() -> None:
    file = io.BytesIO()
    write_xlsx(file, ABOUT, HEADINGS, iter(ROWS))
    about, (head, first, second) = sheets(file)
    assert [said for _, said in head] == [heading.words for heading in HEADINGS]
    assert first[0] == ("inlineStr", "9990000018")
    assert first[1] == ("n", "18297"), "3 February 1950 as a day, counted from 1900"
    assert first[2][0] == "n"
    assert float(first[2][1]) % 1 == pytest.approx(23.5 / 24), "local time, which is BST"
    assert first[3] == ("n", "12")
    assert first[4] == ("inlineStr", ROWS[0][4])
    assert second[0] == ("inlineStr", "0012")
    assert second[1][1] == second[2][1] == ""
    assert second[4][1] == "Line\none, é 漢", "without what no XML may hold"
    said = {name: value for (_, name), (_, value) in about}
    assert said["Saved (local time)"] == "01/07/2026 23:30:00 BST"
    assert said["Saved (UTC)"] == "2026-07-01T22:30:00Z"
    assert said["Filter"] == "State: Awaiting"
    assert said["Rows"] == "2"
    assert said["Saved by"] == "Dr A Example"


def test_csv_says_that_it_is_utf_8_and_holds_no_formula() -> None:
    file = io.BytesIO()
    write_csv(file, HEADINGS, iter(ROWS))
    text = file.getvalue().decode("utf-8")
    assert text.startswith("\ufeffNHS number,Born,Due,Count,Text\r\n")
    assert "9990000018,1950-02-03,2026-07-01 23:30+01:00,12,\"'=HYPERLINK(" in text


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+44 20 7946", "-2+3", "@SUM(A1)", "\t=1", " =1", "\uff1d1", "-", "-1e5", "\r=1"],
)
def test_what_a_program_takes_for_a_formula_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-3", "-3.5", "+4", "-3,5", "12", "", "5 mm - 7 mm", "a=b"])
def test_numbers_and_words_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text
