"""Whom a message is about: the NHS number among many, hospital numbers with their authority."""

from itertools import permutations

import pytest

from findings.arrivals import ArrivingIdentifier, HeldReason, SenderProfile
from tests.unit.oru_messages import (
    NHS,
    OTHER_NHS,
    header,
    message,
    obr,
    patient,
    problem,
    read,
    report,
    report_message,
    text_line,
)

REPEATS = ("N501^^^RR8^PI", f"{NHS}^^^NHS^NH", "77^^^RCB^MR")


@pytest.mark.parametrize("repeats", list(permutations(REPEATS)))
def test_the_nhs_number_is_chosen_by_kind_and_not_by_place(
    repeats: tuple[str, ...],
) -> None:
    found = report(report_message(pid=patient(f3="~".join(repeats)))).patient
    assert found.nhs_number == NHS
    assert set(found.identifiers) == {
        ArrivingIdentifier("N501", "RR8", "PI"),
        ArrivingIdentifier("77", "RCB", "MR"),
    }


@pytest.mark.parametrize(
    "sent",
    [
        f"{NHS}^^^NHS^NH",
        f"{NHS}^^^NHS^HN",
        f"{NHS}^^^NHSNBR^NHSNMBR",
        f"{NHS}^^^NHSNMBR",
        f"{NHS}^^^^NHS",
        f"{NHS}^^^^HN",
        f"{NHS}^^^^^NHS",
        f"{NHS}^^^&2.16.840.1.113883.2.1.4.1&ISO^NH",
        f"{NHS}^^^nhs^nh",
        f"{NHS}^^^RR8^NH",
        "999 000 0018^^^NHS^NH",
        "999-000-0018^^^NHS",
        "999\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}0018^^^NHS^NH",
    ],
)
@pytest.mark.parametrize("field", ["f2", "f3", "f4"])
def test_every_way_to_mark_an_nhs_number_is_known_in_every_field(sent: str, field: str) -> None:
    pid = patient(**{"f2": "", "f3": "", "f4": "", field: sent})
    assert report(report_message(pid=pid)).patient.nhs_number == NHS


def test_a_number_in_pid_19_counts_when_its_check_digit_is_right() -> None:
    assert report(report_message(pid=patient(f3="", f19=NHS))).patient.nhs_number == NHS
    wrong = report(report_message(pid=patient(f3="N1^^^RR8^MR", f19="111-11-1111")))
    assert wrong.patient.nhs_number == ""
    assert wrong.notices == ()


def test_a_bare_number_that_could_be_anything_is_not_an_nhs_number() -> None:
    assert problem(report_message(pid=patient(f3=NHS))).reason is HeldReason.MISSING_PATIENT


def test_a_hospital_number_of_ten_digits_under_its_own_authority_stays_one() -> None:
    found = report(report_message(pid=patient(f3=f"{NHS}^^^RCB^HN"))).patient
    assert (found.nhs_number, found.identifiers[0].authority) == ("", "RCB")


@pytest.mark.parametrize("placeholder", ["0000000000", "9999999999", "1111111111", ""])
def test_a_placeholder_is_passed_over(placeholder: str) -> None:
    found = report(report_message(pid=patient(f3=f"N1^^^RR8^PI~{placeholder}^^^NHS^NH")))
    assert found.patient.nhs_number == ""
    assert found.notices == ()
    alone = problem(report_message(pid=patient(f3=f"{placeholder}^^^NHS^NH")))
    assert alone.reason is HeldReason.MISSING_PATIENT


@pytest.mark.parametrize("wrong", ["9990000019", "123000009", "99900000180", "999000001X"])
def test_a_wrong_nhs_number_beside_a_hospital_number_is_left_out(
    wrong: str,
) -> None:
    found = report(report_message(pid=patient(f3=f"{wrong}^^^NHS^NH~N1^^^RR8^PI")))
    assert found.patient.nhs_number == ""
    assert found.patient.identifiers == (ArrivingIdentifier("N1", "RR8", "PI"),)
    assert any("NHS number" in notice for notice in found.notices)
    assert not any(wrong in notice for notice in found.notices)


@pytest.mark.parametrize("wrong", ["9990000019", "123000009"])
def test_a_wrong_nhs_number_alone_holds_the_report(wrong: str) -> None:
    found = problem(report_message(pid=patient(f3=f"{wrong}^^^NHS^NH")))
    assert (found.reason, found.location) == (HeldReason.BAD_NHS_NUMBER, "PID-3")
    assert found.accession == "A1"
    assert wrong not in found.detail


def test_nine_digits_are_refused_with_a_hint_and_never_padded() -> None:
    found = problem(report_message(pid=patient(f3="123000009^^^NHS^NH")))
    assert "9 digits" in found.detail


def test_a_good_nhs_number_beside_a_wrong_one_counts() -> None:
    found = report(report_message(pid=patient(f3=f"9990000019^^^NHS^NH~{NHS}^^^NHS^NH")))
    assert found.patient.nhs_number == NHS
    assert found.notices


@pytest.mark.parametrize("sent", ["NHS: 999 000 0018", "nhs no. 9990000018", "NHS9990000018"])
def test_what_is_said_once_more_before_the_number_is_no_part_of_it(sent: str) -> None:
    found = report(report_message(pid=patient(f3=f"{sent}^^^NHS^NH")))
    assert found.patient.nhs_number == NHS
    wrong = problem(report_message(pid=patient(f3="NHS: 123^^^NHS^NH")))
    assert wrong.reason is HeldReason.BAD_NHS_NUMBER


def test_a_number_that_ended_gives_way_to_the_one_that_holds() -> None:
    ended, holds = f"{OTHER_NHS}^^^NHS^NH^^20000101^20200101", f"{NHS}^^^NHS^NH"
    for sent in (f"{ended}~{holds}", f"{holds}~{ended}"):
        found = report(report_message(pid=patient(f3=sent)))
        assert found.patient.nhs_number == NHS
        assert any("ended" in notice for notice in found.notices)
    assert report(report_message(pid=patient(f3=ended))).patient.nhs_number == OTHER_NHS
    not_yet = ended.replace("20200101", "20301231")
    conflict = problem(report_message(pid=patient(f3=f"{not_yet}~{holds}")))
    assert conflict.reason is HeldReason.IDENTITY_CONFLICT


@pytest.mark.parametrize("fields", [{"f3": f"{NHS}^^^NHS^NH~{OTHER_NHS}^^^NHS^NH"},
                                    {"f3": f"{NHS}^^^NHS^NH", "f19": OTHER_NHS}])  # fmt: skip
def test_two_nhs_numbers_are_for_a_person_to_decide(fields: dict[str, str]) -> None:
    assert problem(report_message(pid=patient(**fields))).reason is HeldReason.IDENTITY_CONFLICT


@pytest.mark.parametrize(
    "sent",
    ["N501", "N501^^^^PI", "", "UNUSED^^^RR8^MR", "00000^^^RR8^MR", "000000000^^^RR8^MR",
     "V77^^^RR8^VN", '""^^^RR8^MR', "^^^RR8^MR"],
)  # fmt: skip
def test_what_identifies_nobody_holds_the_report(sent: str) -> None:
    found = problem(report_message(pid=patient(f3=sent)))
    assert (found.reason, found.location) == (HeldReason.MISSING_PATIENT, "PID-3")
    assert "PID-3" in found.suggestion


def test_a_number_in_pid_2_without_authority_identifies_nobody() -> None:
    raw = report_message(pid=patient(f2="LT01", f3=""))
    assert problem(raw).reason is HeldReason.MISSING_PATIENT
    own = SenderProfile(default_authority="RR8")
    assert problem(raw, own).reason is HeldReason.MISSING_PATIENT


def test_the_senders_own_authority_is_given_to_bare_numbers_where_it_is_set() -> None:
    own = SenderProfile(default_authority="RR8")
    found = report(report_message(pid=patient(f3="N501~77^^^RCB^MR")), own).patient
    assert set(found.identifiers) == {
        ArrivingIdentifier("N501", "RR8"),
        ArrivingIdentifier("77", "RCB", "MR"),
    }


def test_no_pid_at_all_is_a_problem_of_its_own() -> None:
    found = problem(message(header(), obr(), text_line()))
    assert (found.reason, found.location) == (HeldReason.MISSING_PATIENT, "PID")


def test_each_patient_of_a_message_gets_their_own_reports() -> None:
    other = f"PID|2||{OTHER_NHS}^^^NHS^NH||BEECH^Bob"
    reports = (obr("A1"), text_line("one"), other, obr("A2"), text_line("two"))
    first, second = read(message(header(), patient(), *reports)).parts
    assert (first.patient.nhs_number, first.text) == (NHS, "one")  # type: ignore[union-attr]
    assert (second.patient.nhs_number, second.text) == (OTHER_NHS, "two")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "family", "given"),
    [
        ("O'NEILL-GARC\u00cdA^Zo\u00eb^M", "O'NEILL-GARC\u00cdA", "Zo\u00eb"),
        ("van Beethoven&van^Ludwig", "van Beethoven", "Ludwig"),
        ("ALDER, Ann", "ALDER", "Ann"),
        ("MAIDEN^Ann^^^^^M~ALDER^Ann^^^^^L", "ALDER", "Ann"),
        ("<iframe src=//x>^A", "<iframe src=//x>", "A"),
        ("", "", ""),
    ],
)
def test_names_are_taken_as_sent(name: str, family: str, given: str) -> None:
    found = report(report_message(pid=patient(f5=name))).patient
    assert (found.family_name, found.given_name) == (family, given)


@pytest.mark.parametrize("sent", ["19500212", "195002120000", "19500212000000+0100"])
def test_a_birthday_is_never_moved_by_a_zone(sent: str) -> None:
    found = report(report_message(pid=patient(f7=sent))).patient
    assert str(found.birth_date) == "1950-02-12"


@pytest.mark.parametrize("sent", ["1950", "12/02/1950", "20991231", "ALDER^Ann"])
def test_a_birthday_that_cannot_be_is_left_out_and_said(sent: str) -> None:
    found = report(report_message(pid=patient(f7=sent)))
    assert found.patient.birth_date is None
    assert any("PID-7" in notice for notice in found.notices)


@pytest.mark.parametrize(
    ("sent", "sex"), [("F", "F"), ("m", "M"), ("Female", "F"), ("2", "F"), ("X", "O"), ("", "")]
)
def test_sex_is_folded_to_four_letters(sent: str, sex: str) -> None:
    assert report(report_message(pid=patient(f8=sent))).patient.sex == sex


def test_a_sex_that_is_none_is_left_out_and_said() -> None:
    found = report(report_message(pid=patient(f8="19500212")))
    assert found.patient.sex == ""
    assert any("PID-8" in notice for notice in found.notices)
