"""ADT messages as they are read: what they mean for us, and what asks for nothing."""

from datetime import UTC, date, datetime

import pytest

from findings.arrivals import ArrivingNews, HeldReason, NewsKind, Nothing, Problem, SenderProfile
from findings.intake.oru import read_message
from tests.messages import adt, pid

Kind = NewsKind
MRN = "40800001^^^RXX^MR"
OLD = "40800000^^^RXX^MR"


def parts(raw: bytes, profile: SenderProfile = SenderProfile()) -> tuple[object, ...]:  # noqa: B008
    return read_message(raw, profile).parts


def news(raw: bytes) -> ArrivingNews:
    (part,) = parts(raw)
    assert isinstance(part, ArrivingNews), part
    return part


def nothing(raw: bytes) -> str:
    (part,) = parts(raw)
    assert isinstance(part, Nothing), part
    return part.detail


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        *((event, Kind.DETAILS) for event in ("A08", "A28", "A31")),
        *((event, Kind.MERGED) for event in ("A18", "A30", "A34", "A36", "A39", "A40")),
        *((event, Kind.RENUMBERED) for event in ("A46", "A47")),
        *((event, Kind.MOVED) for event in ("A43", "A45")),
        ("A02", Kind.TRANSFERRED),
        ("A12", Kind.TRANSFER_CANCELLED),
        ("A03", Kind.DISCHARGED),
        ("A13", Kind.DISCHARGE_CANCELLED),
    ],
)
def test_the_event_says_what_it_is(event: str, kind: NewsKind) -> None:
    found = news(adt(event, pid(MRN), f"MRG|{OLD}"))
    assert (found.kind, found.event) == (kind, event)
    assert found.said_at == datetime(2026, 6, 30, 11, tzinfo=UTC)
    names_another = kind in (Kind.MERGED, Kind.RENUMBERED, Kind.MOVED)
    other = found.other.identifiers[0].value if found.other else ""
    assert other == ("40800000" if names_another else "")


@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A11", "A23", "A29", "A41", "A50", "A62"])
def test_what_is_understood_and_not_used_asks_for_nothing(event: str) -> None:
    assert nothing(adt(event)) == f"Nothing follows from an ADT^{event} here."


def test_what_is_not_understood_is_refused() -> None:
    (part,) = parts(adt("A60"))
    assert isinstance(part, Problem)
    assert (part.reason, part.location) == (HeldReason.UNSUPPORTED_MESSAGE, "MSH-9")


def test_a_pair_of_patients_is_one_piece_of_news() -> None:
    found = news(adt("A37", pid(MRN), "PV1|1|I", pid(OLD, "ALDER^ANNE")))
    assert found.kind is Kind.UNMERGED
    assert found.other is not None
    assert (found.other.identifiers[0].value, found.other.given_name) == ("40800000", "ANNE")


def test_each_pair_of_a_merge_is_its_own(tmp_path: object) -> None:
    found = parts(adt("A40", pid(MRN), f"MRG|{OLD}", pid("7^^^RXX^MR"), "MRG|6^^^RXX^MR"))
    named = [part.other.identifiers[0].value for part in found]  # type: ignore[attr-defined]
    assert named == ["40800000", "6"]


@pytest.mark.parametrize(
    "segments", [(pid(MRN),), (pid(MRN), "MRG|"), (pid(MRN), "MRG|40800000"), ("MRG|1",)]
)
def test_a_merge_that_does_not_name_both_is_a_problem(segments: tuple[str, ...]) -> None:
    (part,) = parts(adt("A40", *segments))
    assert isinstance(part, Problem)
    assert part.reason is HeldReason.MISSING_PATIENT
    assert part.location in ("MRG", "MRG-1", "PID")


def test_a_placeholder_is_no_number_of_either() -> None:
    both = "40800001^^^MRENTR^MEDREC~9999999999^^^NHS^HN"
    found = news(adt("A40", pid(both), "MRG|40800000^^^MRENTR"))
    assert found.patient.nhs_number == ""
    assert [one.value for one in found.patient.identifiers] == ["40800001"]


@pytest.mark.parametrize("event", ["A02", "A03", "A08"])
def test_of_a_patient_without_a_number_nothing_is_asked(event: str) -> None:
    assert nothing(adt(event, pid("12345"))).endswith("nobody who is known here.")


@pytest.mark.parametrize(
    ("has_died", "died", "said"),
    [
        ("Y", "20260629", True),
        ("Y", "", True),
        ("", "202606291015", True),
        ("N", "", False),
        ("N", "20260629", False),
        ("", "", None),
        ('""', '""', None),
    ],
)
def test_a_death_is_told_with_whatever_event(has_died: str, died: str, said: bool | None) -> None:
    found = news(adt("A08", pid(has_died=has_died, died=died)))
    assert found.has_died is said
    if said and died == "20260629":
        assert found.died_at == datetime(2026, 6, 28, 23, tzinfo=UTC)


def test_a_death_counts_where_the_event_would_ask_for_nothing() -> None:
    for event, visit in (("A04", ""), ("A03", "PV1|1|O|CLINIC")):
        found = news(adt(event, pid(has_died="Y"), visit=visit))
        assert (found.kind, found.has_died) == (Kind.NOTHING, True)


def test_of_a_death_without_a_number_somebody_must_know() -> None:
    (part,) = parts(adt("A04", pid("12345", has_died="Y")))
    assert isinstance(part, Problem)


def test_a_bed_in_the_same_ward_and_the_end_of_a_clinic_ask_for_nothing() -> None:
    assert "same ward" in nothing(
        adt("A02", visit="PV1|1|I|W5^R1^B2||||W5^R1^B1".replace("||||", "|||"))
    )
    assert "out-patient" in nothing(adt("A03", visit="PV1|1|O|CLINIC"))


def test_when_it_happened_is_not_when_it_was_said() -> None:
    found = news(adt("A03", happened="20260629101500"))
    assert found.happened_at == datetime(2026, 6, 29, 9, 15, tzinfo=UTC)
    visit = "PV1|1|I|W5" + "|" * 42 + "202606290800"
    assert news(adt("A03", visit=visit)).happened_at == datetime(2026, 6, 29, 7, tzinfo=UTC)


def test_the_birth_date_is_that_of_the_patient() -> None:
    found = news(adt("A40", pid(MRN), f"MRG|{OLD}||||||ALDER^ANNIE"))
    assert found.other is not None
    assert (found.other.birth_date, found.other.given_name) == (date(1950, 2, 12), "ANNIE")
