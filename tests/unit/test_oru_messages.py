"""From a message to its parts: which examination, how finished, when, by whom, from where."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.arrivals import (
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    Problem,
    SenderProfile,
)
from findings.intake.oru import sender_named_in
from tests.unit.oru_messages import (
    OTHER_NHS,
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

PRELIMINARY, FINAL = ArrivingStatus.PRELIMINARY, ArrivingStatus.FINAL
CORRECTED, WITHDRAWN = ArrivingStatus.CORRECTED, ArrivingStatus.WITHDRAWN


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def request(**fields: str) -> bytes:
    """A message whose OBR has these fields."""
    return report_message(request=obr(**fields))


def test_what_the_header_says_is_handed_on() -> None:
    found = read(report_message(msh=header(f3="RIS^1.2.3^ISO")))
    assert (found.sender_application, found.sender_facility) == ("RIS", "RR801")
    assert (found.control_id, found.message_type) == ("C1", "ORU^R01")
    assert found.sent_at == utc(2026, 6, 30, 13, 45)


@pytest.mark.parametrize("type_", ["ORU^R01", "ORU", "ORU^R01^ORU_R01", "oru^r01", "ORU_R01"])
def test_every_way_to_say_oru_r01_is_a_report(type_: str) -> None:
    assert report(report_message(msh=header(f9=type_)))


@pytest.mark.parametrize(
    "type_", ["ADT^A60", "ADT^A99", "OMR^O01", "ORU^R03", "MDM^T02", "SIU^S12"]
)
def test_what_is_no_report_is_one_problem(type_: str) -> None:
    found = problem(message(header(f9=type_), patient(), obr("A1"), obr("A2")))
    assert (found.reason, found.location) == (HeldReason.UNSUPPORTED_MESSAGE, "MSH-9")


@pytest.mark.parametrize("type_", ["", "0", "^R01", "REPORT", "?"])
def test_a_message_that_does_not_say_what_it_is_cannot_be_read(type_: str) -> None:
    found = problem(report_message(msh=header(f9=type_)))
    assert (found.reason, found.location) == (HeldReason.UNREADABLE, "MSH-9")


def test_each_obr_is_a_report_with_its_own_lines() -> None:
    raw = message(
        header(),
        patient(),
        "ORC|1",
        obr("566", "P", f4="1^CT chest"),
        "NTE|1|L|About the request",
        text_line("Same words."),
        "NTE|1|L|About the line",
        text_line("More."),
        "ORC|2",
        obr("567", "P", f4="2^CT abdomen"),
        text_line("Same words."),
        "ORC|3",
        obr("568", "P", f4="3^CT pelvis"),
        "ZZZ|1",
    )
    first, second, third = read(raw).parts
    assert isinstance(first, ArrivingReport)
    assert isinstance(second, ArrivingReport)
    noted = "Note on the request: About the request\n\n"
    words = f"{noted}Same words.\nNote: About the line\nMore."
    assert (first.accession, first.text) == ("566", words)
    assert (second.accession, second.text) == ("567", "Same words.")
    assert isinstance(third, Problem)
    assert (third.reason, third.location) == (HeldReason.NO_TEXT, "OBR[3]")
    assert third.accession == "568"


def test_a_problem_in_one_obr_leaves_the_others_alone() -> None:
    raw = message(
        header(),
        patient(),
        obr("A1", "Q"),
        text_line(),
        obr("A2"),
        text_line(),
        obr(""),
        text_line(),
    )
    first, second, third = read(raw).parts
    assert (first.reason, first.location) == (HeldReason.UNKNOWN_STATUS, "OBR[1]-25")  # type: ignore[union-attr]
    assert second.accession == "A2"
    assert (third.reason, third.location) == (HeldReason.MISSING_ACCESSION, "OBR[3]-3")  # type: ignore[union-attr]


def test_two_examinations_under_one_accession_number_are_one_report() -> None:
    raw = message(
        header(), patient(),
        obr("A1", "F", f4="1^CT chest"), text_line("Chest."),
        obr("A1", "P", f4="2^CT abdomen"), text_line("Abdomen."),
    )  # fmt: skip
    found = report(raw)
    assert found.text == "CT chest:\nChest.\n\nCT abdomen:\nAbdomen."
    assert found.status is PRELIMINARY
    assert found.examination_description == "CT chest; CT abdomen"
    assert any("share this accession" in notice for notice in found.notices)


def test_the_same_text_under_two_codes_is_shown_once() -> None:
    raw = message(header(), patient(), obr("A1"), text_line("Both."), obr("A1"), text_line("Both."))
    assert report(raw).text == "Both."


def test_one_text_for_several_examinations_is_filed_once_and_said() -> None:
    """With one accession number it is of both; with two a person looks."""
    chest, abdomen = obr("A1", f4="1^CT chest"), obr("A1", f4="2^CT abdomen")
    beside = ("NTE|1||Bleep 123", obx("9", "NM", f3="X^Grade", f8="AA"))
    raw = message(header(), patient(), chest, *beside, abdomen, text_line("Both."))
    found = report(raw)
    assert found.examination_description == "CT abdomen; CT chest"
    assert found.text == "Both.\n\nNote on the request: Bleep 123\n\nGrade: 9 [AA]"
    assert found.codes == ("AA",)
    assert any("one text" in notice for notice in found.notices)
    other = patient(f3=f"{OTHER_NHS}^^^NHS^NH")
    for rest in ((obr("A2"),), (other, abdomen)):
        raw = message(header(), patient(), chest, *rest, text_line("Both."))
        silent, told = read(raw).parts
        assert isinstance(silent, Problem)
        assert (silent.reason, silent.location) == (HeldReason.NO_TEXT, "OBR[1]")
        assert "another examination" in silent.suggestion
        assert isinstance(told, ArrivingReport)
        assert told.text == "Both."


def test_a_message_without_obr_is_a_problem() -> None:
    found = problem(message(header(), patient(), text_line()))
    assert (found.reason, found.location) == (HeldReason.MISSING_ACCESSION, "OBR")


def test_the_rest_of_a_message_is_no_report_by_itself() -> None:
    found = problem(report_message(text_line("CRITICAL ALERT."), msh=header(f14="77")))
    assert (found.reason, found.location) == (HeldReason.CUT_OFF, "MSH-14")
    assert found.alert == "critical"
    begun = report(report_message(text_line(), "DSC|77"))
    assert any("DSC" in notice for notice in begun.notices)


def test_a_second_message_in_the_frame_is_held() -> None:
    parts = read(report_message() + report_message()).parts
    assert isinstance(parts[0], ArrivingReport)
    assert isinstance(parts[1], Problem)
    assert (parts[1].reason, parts[1].location) == (HeldReason.UNREADABLE, "MSH[2]")


@pytest.mark.parametrize(
    ("fields", "orc", "accession"),
    [
        ({"f3": "F3^RIS", "f18": "F18"}, "ORC|RE||O3", "F3"),
        ({"f3": "", "f18": "F18", "f20": "F20"}, "ORC|RE||O3", "F18"),
        ({"f3": '""', "f20": "F20"}, "ORC|RE||O3", "F20"),
        ({"f3": "^RIS"}, "ORC|RE||O3^RIS", "O3"),
        ({"f3": "A&E1"}, "ORC|RE", "A&E1"),
    ],
)
def test_where_the_accession_number_is_looked_for(
    fields: dict[str, str], orc: str, accession: str
) -> None:
    assert report(report_message(request=obr(**fields), extra=(orc,))).accession == accession


def test_of_two_orders_before_one_examination_neither_lends_its_number() -> None:
    orders = ("ORC|RE|P1|A1", "ORC|RE|P2|A2")
    raw = message(header(), patient(), *orders, obr(""), text_line("One."), obr("A2"), text_line())
    first, second = read(raw).parts
    assert isinstance(first, Problem)
    assert (first.reason, first.location) == (HeldReason.MISSING_ACCESSION, "OBR[1]-3")
    assert isinstance(second, ArrivingReport)


def test_another_examinations_order_gives_no_accession_number() -> None:
    raw = message(header(), patient(), "ORC|RE||O3", obr("A1"), text_line(), obr(""), text_line())
    assert read(raw).parts[1].reason is HeldReason.MISSING_ACCESSION  # type: ignore[union-attr]


@pytest.mark.parametrize("accession", ["", '""', "  ", "A" * 81])
def test_without_a_usable_accession_number_the_report_is_held(accession: str) -> None:
    found = problem(request(accession=accession))
    assert (found.reason, found.location) == (HeldReason.MISSING_ACCESSION, "OBR-3")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        *((word, PRELIMINARY) for word in ("P", "R", "I", "S", "Prelim", "Wet Read", "wet-read")),
        *((word, FINAL) for word in ("F", "f", "Final", "FINAL")),
        *((word, CORRECTED) for word in ("C", "A", "Corrected", "Addendum")),
        *((word, WITHDRAWN) for word in ("X", "D", "W", "Cancelled")),
    ],
)
def test_every_known_word_for_a_status_is_read(sent: str, status: ArrivingStatus) -> None:
    assert report(request(status=sent)).status is status
    line = obx("Words.", f11=sent)
    assert report(report_message(line, request=obr(status=""))).status is status


@pytest.mark.parametrize("sent", ["Q", "Z", "Perhaps", "O"])
def test_an_unknown_status_is_for_a_person(sent: str) -> None:
    found = problem(request(status=sent))
    assert (found.reason, found.location) == (HeldReason.UNKNOWN_STATUS, "OBR-25")
    assert (
        problem(report_message(obx("x", f11=sent), request=obr(status=""))).reason is found.reason
    )


def test_a_sender_may_have_words_of_its_own() -> None:
    own = SenderProfile(status_words=(("Checked Twice", FINAL), ("f", PRELIMINARY)))
    assert report(request(status="checked twice"), own).status is FINAL
    assert report(request(status="F"), own).status is PRELIMINARY


def test_obr_25_counts_before_the_lines_and_a_contradiction_is_said() -> None:
    found = report(report_message(obx("Words.", f11="P")))
    assert found.status is FINAL
    assert any("OBX-11" in notice for notice in found.notices)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("FFP", PRELIMINARY),
        ("FCF", CORRECTED),
        ("FFX", FINAL),
        ("XXX", WITHDRAWN),
        ("DWX", WITHDRAWN),
    ],
)
def test_lines_that_differ_make_the_least_finished_whole(
    lines: str, status: ArrivingStatus
) -> None:
    sent = [obx("Words.", f11=state) for state in lines]
    assert report(report_message(*sent, request=obr(status=""))).status is status


def test_without_any_status_the_report_is_held() -> None:
    raw = report_message(obx("Words."), request=obr(status=""))
    assert problem(raw).reason is HeldReason.UNKNOWN_STATUS


@pytest.mark.parametrize(
    ("sent", "message_time", "at"),
    [
        ("20260630143000", "20260630144500", utc(2026, 6, 30, 13, 30)),
        ("20260630143000", "20260630144500+0000", utc(2026, 6, 30, 14, 30)),
        ("20260630143000+0200", "20260630144500+0000", utc(2026, 6, 30, 12, 30)),
        ("20260115143000", "20260115144500", utc(2026, 1, 15, 14, 30)),
        ("20260115143000^S", "20260115144500", utc(2026, 1, 15, 14, 30)),
    ],
)
def test_the_time_of_the_report_is_an_instant(sent: str, message_time: str, at: datetime) -> None:
    found = report(report_message(msh=header(f7=message_time), request=obr(f22=sent)))
    assert (found.reported_at, found.notices) == (at, ())


def test_the_senders_zone_is_used_and_an_impossible_one_is_said() -> None:
    raw = request(f22="20260630143000")
    assert report(raw, SenderProfile(zone="Europe/Paris")).reported_at == utc(2026, 6, 30, 12, 30)
    wrong = report(raw, SenderProfile(zone="Mars/Olympus"))
    assert wrong.reported_at == utc(2026, 6, 30, 13, 30)
    assert any("zone" in notice for notice in wrong.notices)


def test_where_the_time_of_the_report_is_looked_for() -> None:
    lines = (obx("a", f14="202606301000"), obx("b", f14="202606301100"), obx("c"))
    order = ("ORC|RE||||||||202606300900",)
    no_time = obr(f22="")
    assert report(report_message(*lines, request=no_time)).reported_at == utc(2026, 6, 30, 10)
    by_order = report(report_message(request=no_time, extra=order))
    assert by_order.reported_at == utc(2026, 6, 30, 8)
    by_message = report(report_message(request=no_time))
    assert by_message.reported_at == utc(2026, 6, 30, 13, 45)
    for found in (by_order, by_message):
        assert any("time of the report was not sent" in notice for notice in found.notices)


@pytest.mark.parametrize(
    ("observed", "sent", "at"),
    [
        ("202606301100", "20260630144500", utc(2026, 6, 30, 10)),
        ("", "20260630144500", utc(2026, 6, 30, 13, 45)),
        ("20260630", "20260701090000", utc(2026, 6, 29, 23)),
        ("202606290900", "20260701003000+0200", utc(2026, 6, 30, 22, 30)),
    ],
)
def test_a_day_alone_gets_its_hour_from_its_lines_or_the_message(
    observed: str, sent: str, at: datetime
) -> None:
    """Or a report verified at noon would stay behind the preliminary one of that morning."""
    day = "20260701" if "+" in sent else "20260630"
    line = obx("a", f14=observed)
    found = report(report_message(line, msh=header(f7=sent), request=obr(f22=day)))
    assert found.reported_at == at
    assert any(notice.startswith("OBR-22 has no time of day") for notice in found.notices)


def test_an_unreadable_time_is_said_and_the_next_one_used() -> None:
    found = report(request(f22="yesterday"))
    assert found.reported_at == utc(2026, 6, 30, 13, 45)
    assert any(notice.startswith("OBR-22 ") for notice in found.notices)


def test_without_any_readable_time_the_report_is_held() -> None:
    found = problem(report_message(msh=header(f7="soon"), request=obr(f22="yesterday")))
    assert (found.reason, found.location) == (HeldReason.BAD_TIME, "OBR-22")


@pytest.mark.parametrize(
    ("sent", "at", "word"),
    [
        ("20261025013000", utc(2026, 10, 25, 1, 30), "twice"),
        ("20260329013000", utc(2026, 3, 29, 1, 30), "does not exist"),
    ],
)
def test_doubtful_hours_are_read_the_same_way_every_time(
    sent: str, at: datetime, word: str
) -> None:
    found = report(report_message(msh=header(f7=sent), request=obr(f22=sent)))
    assert found.reported_at == at
    assert any("OBR-22" in notice and word in notice for notice in found.notices)


def test_a_report_from_the_future_is_said() -> None:
    assert any("dated more than a day" in n for n in report(request(f22="22060630143000")).notices)


def test_when_it_was_done_is_obr_7() -> None:
    assert report(request(f7="202606301200")).performed_at == utc(2026, 6, 30, 11)
    assert report(request(f8="202606301200")).performed_at == utc(2026, 6, 30, 11)
    assert report(request()).performed_at is None


@pytest.mark.parametrize(
    ("sent", "code", "description"),
    [
        ("CTCHE^CT chest^L", "CTCHE", "CT chest"),
        ("CTCHE^CT chest & abdomen", "CTCHE", "CT chest & abdomen"),
        ("^^^77^MR knee^L", "77", "MR knee"),
        ("1^MR spine^L~2^MR spine with contrast^L", "1", "MR spine; MR spine with contrast"),
        ("CTCHE", "CTCHE", ""),
        ('^"><svg/onload=1>', "", '"><svg/onload=1>'),
    ],
)
def test_what_was_done_is_read_with_its_words(sent: str, code: str, description: str) -> None:
    found = report(request(f4=sent))
    assert (found.examination_code, found.examination_description) == (code, description)


@pytest.mark.parametrize("section", ["LAB", "SP", "AP", "MB", "CH", "HM", "IMM", "GE", "BLB", "lab",
                                     "H^Histopathology", "Path,Cyt", "PATH", "micro"])  # fmt: skip
def test_a_report_of_the_laboratory_is_not_imaging(section: str) -> None:
    found = problem(request(f24=section))
    assert (found.reason, found.location) == (HeldReason.NOT_IMAGING, "OBR-24")
    assert found.accession == "A1"


@pytest.mark.parametrize(
    ("section", "specimen", "name", "is_imaging"),
    [
        ("", "", "FBC^Full blood count^WinPath", False),
        ("", "", "X1^Test^England-GenomicTestDirectory", False),
        ("", "", "Histopathology report", False),
        ("H1", "BLD^Blood", "TELH^Telephoned result", False),
        ("", "SPM", "57021-8^Panel", False),
        ("", "HEAD", "70450^Head", True),
        ("US", "SPM", "UC^Urine culture", True),
        ("", "BLD^Blood", "NM1^Red cell scan", True),
        ("", "", "us-1^Ultrasound guided cytology", True),
        ("", "", "us-1^Vital signs", False),
        ("", "", "FEM^Femur ?pathological fracture", True),
        ("", "", "GRAM^Gram stain, sputum culture", False),
        ("", "", "CYS^Cystogram and urine", True),
    ],
)
def test_what_nobody_images_is_told_from_imaging(
    section: str, specimen: str, name: str, is_imaging: bool
) -> None:
    more = ("SPM|1|||UR^Urine",) if specimen == "SPM" else ()
    source = "" if specimen == "SPM" else specimen
    request = obr(f4=name, f15=source, f24=section)
    (part,) = read(report_message(text_line("Mixed growth."), *more, request=request)).parts
    assert isinstance(part, ArrivingReport) is is_imaging
    if isinstance(part, Problem):
        assert part.reason is HeldReason.NOT_IMAGING


@pytest.mark.parametrize("section", ["CT", "MRI", "RAD", "US", "NM", "PT", "OT", "XA", ""])
def test_imaging_and_an_empty_section_are_taken(section: str) -> None:
    assert report(request(f24=section)).modality == section


@pytest.mark.parametrize(
    ("sent", "person"),
    [
        ("C1^Oak^Pat^^^Dr^^^GMC", ArrivingPerson("C1", "GMC", "Oak", "Pat")),
        (r"1^O\T\Neil^Pat", ArrivingPerson("1", "", "O&Neil", "Pat")),
        ("C1^Oak^Pat^^^^^^RR8&1.2.3&ISO", ArrivingPerson("C1", "RR8", "Oak", "Pat")),
        ("C1^Oak^Pat^^^^^^&1.2.3&ISO", ArrivingPerson("C1", "1.2.3", "Oak", "Pat")),
        ("C1^van Oak&van^Pat", ArrivingPerson("C1", "", "van Oak", "Pat")),
        ("~C1^Oak", ArrivingPerson("C1", "", "Oak")),
        ("C1^Oak~C2^Elm", ArrivingPerson("C1", "", "Oak")),
        ("^OAK, Pat", ArrivingPerson("", "", "OAK", "Pat")),
        ("OAK, Pat", ArrivingPerson("", "", "OAK", "Pat")),
        ("Pat Oak", ArrivingPerson("", "", "Pat Oak")),
        ("C1234567", ArrivingPerson("C1234567")),
        ("^^^^ ", ArrivingPerson()),
    ],
)
def test_who_asked_is_read_in_every_shape(sent: str, person: ArrivingPerson) -> None:
    assert report(request(f16=sent)).requester == person


@pytest.mark.parametrize(
    ("sent", "person"),
    [
        ("R1&Rowan&Kim&&&Dr^202606301400", ArrivingPerson("R1", "", "Rowan", "Kim")),
        ("R1&Rowan&Kim&&&&&&GMC", ArrivingPerson("R1", "GMC", "Rowan", "Kim")),
        ("R1^Rowan^Kim^^^Dr", ArrivingPerson("R1", "", "Rowan", "Kim")),
        ("R1^20260630140000", ArrivingPerson("R1")),
        ("&Rowan&Kim", ArrivingPerson("", "", "Rowan", "Kim")),
    ],
)
def test_who_reported_is_read_in_every_shape(sent: str, person: ArrivingPerson) -> None:
    assert report(request(f32=sent)).reporter == person


def test_where_people_are_looked_for() -> None:
    order = "ORC|RE|||||||||||C12^Order"
    visit = "PV1|1|O|W5|||||C8^Visit"
    both = report(report_message(extra=(visit, order), request=obr(f16="C16^Request")))
    assert both.requester.code == "C16"
    assert report(report_message(extra=(visit, order))).requester.code == "C12"
    assert report(report_message(extra=(visit,))).requester.code == "C8"
    line = obx("Words.", f16="R16^Line")
    assert report(report_message(line)).reporter.code == "R16"
    assert report(report_message(line, request=obr(f33="R33^Second"))).reporter.code == "R33"
    assert report(report_message(line, request=obr(f32="R32"))).reporter.code == "R32"


@pytest.mark.parametrize(
    ("segments", "location", "site"),
    [
        (("PV1|1|O|W5^Bay 2^Bed 7^RR802&1.2&ISO",), "W5, Bay 2, Bed 7", "RR802"),
        (("PV1|1|O|W5^W5",), "W5", "RR801"),
        (("PV1|1|O|", "ORC|RE||||||||||||CLINIC^Room 1"), "CLINIC, Room 1", "RR801"),
        (("ORC|RE||||||||||||||||||||Elm Surgery^^F83625",), "Elm Surgery", "RR801"),
        ((), "", "RR801"),
    ],
)
def test_where_it_was_asked_for(segments: tuple[str, ...], location: str, site: str) -> None:
    found = report(report_message(extra=segments))
    assert (found.requesting_location, found.site_code) == (location, site)


def test_no_problem_quotes_the_patient() -> None:
    pid = patient(f3="SECRET1", f5="SECRET2^SECRET3", f7="SECRET4", f19="SECRET5")
    broken = (
        report_message(pid=pid),
        report_message(pid=pid, msh=header(f9="ADT^A40")),
        report_message(pid=patient(f5="SECRET2"), request=obr(status="SECRET6")),
        report_message(pid=patient(f5="SECRET2"), request=obr(f22="SECRET7"), msh=header(f7="x")),
    )
    for raw in broken:
        found = problem(raw)
        assert "SECRET" not in found.location + found.detail + found.suggestion
        assert found.detail.endswith(".")
        assert found.suggestion.endswith(".")


def _damaged() -> st.SearchStrategy[bytes]:
    """Messages with pieces cut out, doubled and overwritten."""
    whole = report_message(
        text_line(r"A \T\ B~~C"), obx("60", "NM", f3="E^EF"), obx("^A^B^Base64^JVBE", "ED"),
        "NTE|1||x", extra=("PV1|1|O|W5^^^RR8", "ORC|RE||O3"),
    )  # fmt: skip
    place = st.integers(0, len(whole))
    return st.builds(
        lambda a, b, new: whole[: min(a, b)] + new + whole[max(a, b) :],
        place,
        place,
        st.binary(max_size=20) | st.sampled_from([b"|", b"^", b"~", b"\\", b"&", b"\r", b'""']),
    )


@given(st.binary() | st.builds(lambda tail: b"MSH|^~\\&|" + tail, st.binary()) | _damaged())
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    found = read(raw)
    assert found.parts
    for part in found.parts:
        if isinstance(part, Problem):
            assert part.reason is not HeldReason.OUR_FAULT
            assert part.location
        else:
            assert part.reported_at.tzinfo is UTC
            assert "\x00" not in part.text


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_profile_makes_it_fail(zone: str, charset: str) -> None:
    own = SenderProfile(zone=zone, fallback_charset=charset)
    assert report(report_message(text_line("\u00eb")).replace(b"\xc3", b"\xff"), own)


def test_who_sent_it_is_read_though_its_header_is_broken_in_two() -> None:
    """Found by the fuzzer: a form feed ends a line."""
    assert sender_named_in(b"MSH|^~\\&|RIS|RXX01|IS\x0cPID|1") == ("RIS", "RXX01")
