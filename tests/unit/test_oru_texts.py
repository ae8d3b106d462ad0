"""The words of a report: every line, in its order, and nothing that was not sent."""

import base64

import pytest

from findings.arrivals import ArrivingReport, HeldReason
from findings.intake import report_text
from findings.intake.report_text import NOT_KEPT_NOTICE
from tests.unit.oru_messages import (
    header,
    message,
    obr,
    obx,
    patient,
    problem,
    read,
    report,
    report_message,
    text_line,
)

PDF = "MOL^application^PDF^Base64^JVBERi0xLjQK"


def text(*lines: str) -> str:
    return report(report_message(*lines)).text


@pytest.mark.parametrize("version", ["2.2", "2.5"])
def test_each_repeat_is_a_line_and_blank_lines_stay(version: str) -> None:
    line = (
        "OBX|1|TX|&GDT||FINDINGS:~~6 mm nodule, left lower lobe.~Recommend CT in 3 months.||||||F"
    )
    raw = report_message(line).replace(b"|2.4", f"|{version}".encode())
    expected = "FINDINGS:\n\n6 mm nodule, left lower lobe.\nRecommend CT in 3 months."
    assert report(raw).text == expected


def test_lines_without_obx_3_are_one_body_and_a_coded_value_stands_apart() -> None:
    lines = (
        obx("60", "NM", f3="EF^Ejection fraction", f6="%"),
        obx(""),
        obx("Normal."),
        obx("End."),
    )
    assert text(*lines) == "Ejection fraction: 60 %\n\n\nNormal.\nEnd."
    assert text(obx("", "ST", f3="12345"), *lines[1:]) == "\nNormal.\nEnd."


def test_st_lines_with_a_suffix_are_body_and_no_heading_is_invented() -> None:
    lines = (
        "OBX|1|ST|&GDT|1|EXAMINATION: Chest||||||F",
        "OBX|2|ST|&GDT|1|||||||F",
        "OBX|3|ST|&IMP|2|Clear lungs.||||||F",
        "OBX|4|ST|&ADT|3|Seen again on Monday.||||||F",
    )
    assert text(*lines) == "EXAMINATION: Chest\n\nClear lungs.\nSeen again on Monday."


def test_the_senders_own_section_names_are_shown_where_the_text_lacks_them() -> None:
    lines = (
        obx("Cough.", f3="HIST^Clinical history:^L"),
        obx("Findings: clear.", f3="FIND^Findings^L"),
        obx("No effusion.", f3="FIND^Findings^L"),
        obx("Normal.", f3="IMP^Impression^L"),
    )
    assert text(*lines) == (
        "Clinical history:\nCough.\nFindings: clear.\nNo effusion.\nImpression:\nNormal."
    )
    assert text(*lines[1:3]) == "Findings: clear.\nNo effusion."


def test_a_label_in_front_of_the_body_keeps_its_place() -> None:
    lines = ("OBX|1|ST|IND^Clinical indications:||NG position||||||F", text_line("Tip in stomach."))
    assert text(*lines) == "Clinical indications: NG position\n\nTip in stomach."


@pytest.mark.parametrize(
    ("type_", "value"),
    [("ST", "Large left pleural effusion."), ("CE", "Large left pleural effusion."),
     ("CE", "^Large left pleural effusion."), ("", "Large left pleural effusion."),
     ("CWE", "^Large left pleural effusion."), ("XX", "Large left pleural effusion.")],
)  # fmt: skip
def test_a_report_in_coded_lines_is_a_report(type_: str, value: str) -> None:
    assert text(obx(value, type_, f3="RPT^Report")) == "Large left pleural effusion."
    assert text(obx(value, type_, f3="X1")) == "Large left pleural effusion."


def test_a_code_is_shown_with_its_words() -> None:
    line = obx("4^Suspicious^BR", "CE", f3="BIRADS^BI-RADS")
    assert text(text_line("Mass."), line) == "Mass.\n\nBI-RADS: Suspicious (4)"


@pytest.mark.parametrize(
    "lines",
    [
        (obx("140/90", "ST", f3="5^BP"), obx("98", "NM", f3="6^SpO2", f6="%")),
        (obx("A", "ST", f3="7^AVPU"), obx("Supplemental oxygen", "ST", f3="8^Room air or oxygen")),
        (obx(""), obx("  "), obx('""')),
        (obx("2.25.1^UK^ZB", "RP"),),
        ("NTE|1||A note is no report",),
        ("ZDS|1",),
    ],
)
def test_measurements_blanks_and_links_alone_are_no_report(lines: tuple[str, ...]) -> None:
    found = problem(report_message(*lines))
    assert (found.reason, found.location, found.accession) == (HeldReason.NO_TEXT, "OBR", "A1")


def test_a_note_stays_with_its_line() -> None:
    lines = (text_line("One."), "NTE|1|L|Phoned to ward~at noon", text_line("Two."))
    assert text(*lines) == "One.\nNote: Phoned to ward\nNote: at noon\nTwo."


def test_what_is_noted_before_the_first_line_comes_first() -> None:
    found = report(report_message("NTE|1||Walks?=No~Bleep 123", "NTE|2|P|", text_line("One.")))
    assert found.text == "Note on the request: Walks?=No\nNote on the request: Bleep 123\n\nOne."
    held = problem(report_message("NTE|1||CRITICAL ALERT: phone us"))
    assert (held.reason, held.alert) == (HeldReason.NO_TEXT, "critical")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        # Nobody has escaped the separators in it; OBX-11 is where it is not.
        ("OBX|1|TX|||Left | right, 3 mm||||||F", "Left | right, 3 mm"),
        ("OBX|1|FT|&GDT|1|a | b || c | d||||||C|||20260630", "a | b || c | d"),
        ("OBX|1|ST|||Left | right\nand below | it||||||F", "Left | right\nand below | it"),
        ("OBX|1|TX|||Left | right", "Left  right"),
        ("OBX|1|TX|WT^Weight||72|kg|50-80|N|||F", "72 kg (reference 50-80)"),
        ("OBX|1|TX|||One.|||||||||20260630||1234^WREN", "One."),
        ("OBX|1|TX|||One.||||||F\rNTE|1|L|Left | right", "One.\nNote: Left | right"),
        ("OBX|1|TX|||One.||||||F\rNTE|1|L|Phoned.|RE^Remark", "One.\nNote: Phoned."),
    ],
)
def test_separators_in_a_text_lose_none_of_it(line: str, words: str) -> None:
    assert text(line) == words


def test_a_measurement_is_shown_with_its_range_and_flags() -> None:
    lines = (obx("35", "NM", f3="EF^Ejection fraction", f6="%^percent", f7="50-70", f8="LL~A"),)
    found = report(report_message(*lines, text_line("Poor.")))
    assert found.text == "Ejection fraction: 35 % (reference 50-70) [LL, A]\n\nPoor."
    assert found.codes == ("LL",)


def test_a_continued_segment_goes_on() -> None:
    assert text(text_line("One."), "ADD|and two", text_line("Three.")) == "One.\nand two\nThree."


def test_unescaped_component_signs_in_text_stay() -> None:
    assert text(text_line("Size 3 ^ 4 mm & more")) == "Size 3 ^ 4 mm & more"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (obx(PDF, "ED"), "[attached document: PDF, not shown here]"),
        (obx("^AP^^Base64^JVBERi0xLjQK", "ED"), "[attached document: PDF, not shown here]"),
        (obx("^IM^jpeg^Base64^/9j/4AAQ", "ED"), "[attached document: JPEG, not shown here]"),
        (obx(PDF, "CE", f3="RPT^Report"), "[attached document: PDF, not shown here]"),
        (obx(PDF, "TX"), "[attached document: PDF, not shown here]"),
        (obx("^AP^Octet-stream^Base64^AAAA", "ED"), "[attached document, not shown here]"),
        (
            obx("//share/1.pdf^^application^pdf", "RP"),
            "[attached document: PDF, not shown here: //share/1.pdf]",
        ),
    ],
)
def test_a_document_alone_is_a_report_that_says_so(line: str, shown: str) -> None:
    found = report(report_message(line))
    assert found.text == shown
    assert any("document" in notice for notice in found.notices)


def test_a_document_among_text_leaves_a_line() -> None:
    found = text(text_line("See letter."), obx(PDF, "ED"), text_line("End."))
    assert found == "See letter.\n\n[attached document: PDF, not shown here]\n\nEnd."


def test_a_document_in_many_mime_lines_is_one_document() -> None:
    parts = (
        "Content-transfer-encoding: base64",
        "Content-Type: text/plain; name=a.pdf",
        "",
        "JVBERi0x",
        "LjQK",
    )
    lines = [obx(part, "ED") for part in parts]
    found = report(report_message(*lines))
    assert found.text == "[attached document: PDF, not shown here]"
    assert found.documents == (b"%PDF-1.4\n",)


@pytest.mark.parametrize(
    "value",
    [
        "^TEXT^^A^Mass.\\.br\\CRITICAL ALERT",
        "^TEXT^PLAIN^Base64^TWFzcy4KQ1JJVElDQUwgQUxFUlQ=",
        "RIS^text^plain^Hex^4d6173732e0d0a435249544943414c20414c455254",
    ],
)
def test_a_document_of_nothing_but_text_is_text(value: str) -> None:
    found = report(report_message(obx(value, "ED")))
    assert found.text == "Mass.\nCRITICAL ALERT"
    assert (found.documents, found.notices) == ((), ())


@pytest.mark.parametrize(
    "value",
    ["^TEXT^HTML^Base64^PHA+TWFzcy48L3A+", "^TEXT^plain^Base64^AAECAw==", "^TEXT^^Base64^"],
)
def test_a_document_that_only_says_it_is_text_stays_a_document(value: str) -> None:
    found = report(report_message(text_line("One."), obx(value, "ED")))
    assert "[attached document" in found.text
    assert "Mass" not in found.text


def documents(*lines: str) -> tuple[bytes, ...]:
    return report(report_message(*lines)).documents


@pytest.mark.parametrize(
    "line",
    [
        obx(PDF, "ED"),
        obx("^AP^pdf^BASE64^JVBERi0xLjQK", "ED"),
        obx("^AP^pdf^Base64^JVBERi0xLjQK^", "ED"),
        obx("^AP^pdf^Base64^JVBERi0x\\.br\\LjQK", "ED"),
        obx("^AP^pdf^Base64^JVBERi0x\\X0D\\\\X0A\\LjQK", "ED"),
        obx("^AP^pdf^Hex^255044462d312e340a", "ED"),
        obx("JVBERi0xLjQK", "ED"),
        obx(PDF, "CE", f3="RPT^Report"),
        obx(PDF, "TX"),
    ],
)
def test_a_document_is_handed_on_byte_by_byte(line: str) -> None:
    assert documents(line) == (b"%PDF-1.4\n",)


def test_every_document_is_handed_on_in_its_order_and_each_with_its_own_report() -> None:
    assert documents(obx(PDF, "ED"), text_line("And."), obx("^IM^jpeg^Base64^/9j/", "ED")) == (
        b"%PDF-1.4\n",
        b"\xff\xd8\xff",
    )
    raw = message(header(), patient(), obr("A1"), obx(PDF, "ED"), obr("A2"), text_line("Text."))
    first, second = (part for part in read(raw).parts if isinstance(part, ArrivingReport))
    assert (first.documents, second.documents) == ((b"%PDF-1.4\n",), ())


LONG = b"%PDF-1.4\n" + bytes(range(256)) * 3


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("type_", ["TX", "FT", "ST", ""])
def test_a_document_in_a_line_of_text_is_one(type_: str) -> None:
    whole = coded(LONG)
    cut = [obx(whole[n : n + 400], type_, f3="RPT^Report") for n in range(0, len(whole), 400)]
    for lines in ([obx(whole, type_, f3="RPT^Report")], cut):
        found = report(report_message(text_line("See letter."), *lines, text_line("End.")))
        assert found.documents == (LONG,)
        assert "JVBER" not in found.text
        assert "End." in found.text


def test_several_documents_in_one_field_are_several() -> None:
    other = "^IM^jpeg^Base64^/9j/4AAQ"
    found = report(report_message(obx(f"{PDF}~{other}", "ED")))
    assert found.documents == (b"%PDF-1.4\n", b"\xff\xd8\xff\xe0\x00\x10")
    assert found.text.count("[attached document") == 2


def test_a_document_that_is_cut_into_several_lines_is_put_together() -> None:
    whole, about = coded(LONG), "MOL^application^PDF^Base64^"
    lines = [obx(f"{about}{whole[n : n + 500]}", "ED") for n in range(0, len(whole), 500)]
    other = obx(f"{about}{coded(b'%PDF-1.7 another')}", "ED")
    assert documents(*lines, other) == (LONG, b"%PDF-1.7 another")


@pytest.mark.parametrize("words", ["/9j/ is how a JPEG begins", "JVBER", "SUkqA " * 9])
def test_words_that_begin_like_a_document_stay_words(words: str) -> None:
    assert text(text_line(words), text_line("Normal")) == f"{words}\nNormal"


@pytest.mark.parametrize(
    "line",
    [
        obx("^AP^pdf^Base64^JVBER-not-base64", "ED"),
        obx("^AP^pdf^Base64^", "ED"),
        obx("//share/1.pdf^^application^pdf", "RP"),
        obx("http://ris/1.pdf", "RP"),
    ],
)
def test_a_document_that_cannot_be_had_is_said_and_costs_no_report(line: str) -> None:
    found = report(report_message(text_line("See letter."), line))
    assert (found.documents, found.text.startswith("See letter.")) == ((), True)
    if "http" not in line:
        assert NOT_KEPT_NOTICE in found.notices


def test_a_document_that_is_too_large_is_said_and_costs_no_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_text, "LARGEST", 8)
    found = report(report_message(obx(PDF, "ED")))
    assert (found.documents, found.notices[-1]) == ((), NOT_KEPT_NOTICE)


def test_a_link_to_images_is_said_in_the_text() -> None:
    assert (
        text(text_line("One."), obx("2.25.1^UK^ZB", "RP"))
        == "One.\n\n[linked item, not shown here: 2.25.1]"
    )


def test_a_line_that_the_sender_deleted_is_marked() -> None:
    lines = (text_line("Right."), "OBX|2|TX|&GDT||Wrong.||||||D")
    assert text(*lines) == "Right.\n[marked as deleted by the sender] Wrong."


def test_when_every_line_is_deleted_each_is_marked_and_it_is_said() -> None:
    found = report(report_message("OBX|1|TX|&GDT||CRITICAL ALERT||||||W"))
    assert found.text == "[marked as deleted by the sender] CRITICAL ALERT"
    assert any("every line" in notice for notice in found.notices)


def test_a_long_text_is_read_whole() -> None:
    words = "word " * 1_000_000
    assert text(text_line(words)) == words


def test_a_withdrawn_report_needs_no_text() -> None:
    assert report(report_message("ZDS|1", request=obr(status="X"))).text == ""
