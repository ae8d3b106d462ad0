"""Which patient a report is filed under, and when a person has to look first."""

from dataclasses import replace
from datetime import date

import pytest

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    HeldReason,
    ReadMessage,
)
from findings.models import (
    Patient,
    PatientIdentifier,
    Report,
)
from findings.services.identity import names_agree
from findings.services.merge import merge_patients
from findings.services.messages import Incoming, receive_messages
from findings.services.receive import (
    AccessionHeld,
    Held,
    IdentityHeld,
)
from tests.factories import (
    Trust,
    a_trust,
    arriving,
    report,
)
from tests.integration.test_receive import message


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


def ann(**fields: object) -> ArrivingPatient:
    known = ArrivingPatient("ALDER", "Ann", date(1950, 2, 12), "F", "9990000018")
    return replace(known, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    ["ONEILL GARCIA", "O\u2019NEILL-GARCIA", "GARCIA O NEILL", "O'Neill", "García", "ONEILLGARCIA"],
)
def test_ways_of_writing_a_double_surname_agree(name: str) -> None:
    assert names_agree("O'NEILL-GARCÍA", name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("O NEILL", "O BRIEN"), ("VAN DYKE", "VAN GOGH"), ("LEE", "EEL"), ("ALDER", "BEECH")],
)
def test_other_names_do_not_agree(one: str, other: str) -> None:
    assert not names_agree(one, other)


def test_a_known_number_with_another_name_and_birth_date_is_held(trust: Trust) -> None:
    report(trust, patient=ann())
    bob = ann(family_name="BEECH", given_name="BOB", birth_date=date(1990, 1, 1))
    (receipt,) = message(trust, arriving(trust, patient=bob)).receipts
    assert (receipt.reason, receipt.location) == (HeldReason.IDENTITY_CONFLICT, "PID-3")
    assert "BEECH" not in receipt.detail + receipt.suggestion
    assert Patient.objects.get().family_name == "ALDER"
    assert Report.objects.count() == 1


def test_a_known_number_with_both_names_other_and_no_birth_date_is_held(trust: Trust) -> None:
    report(trust, patient=ann())
    with pytest.raises(IdentityHeld):
        report(trust, patient=ann(family_name="BEECH", given_name="BOB", birth_date=None))


def test_a_married_name_is_accepted_with_a_notice(trust: Trust) -> None:
    report(trust, patient=ann())
    married = report(trust, patient=ann(family_name="ALDER-SMITH"))
    assert "written differently" in " ".join(married.notices)
    renamed = report(trust, patient=ann(family_name="BEECH"))
    assert "not the one on record" in " ".join(renamed.notices)
    assert Patient.objects.get().family_name == "ALDER", "a report never changes the record"


def test_identifiers_of_two_patients_are_held(trust: Trust) -> None:
    report(trust, patient=ann())
    number = ArrivingIdentifier("N501", "RR8", "PI")
    report(trust, patient=ArrivingPatient("BEECH", identifiers=(number,)))
    with pytest.raises(IdentityHeld) as held:
        report(trust, patient=ann(identifiers=(number,)))
    assert held.value.reason == HeldReason.IDENTITY_CONFLICT


def test_a_hospital_number_with_another_nhs_number_is_held(trust: Trust) -> None:
    number = ArrivingIdentifier("N501", "RR8", "PI")
    report(trust, patient=ann(identifiers=(number,)))
    with pytest.raises(IdentityHeld):
        report(trust, patient=ann(nhs_number="9990000026", identifiers=(number,)))


def test_new_identifiers_are_kept_unless_the_birth_date_speaks_against_it(trust: Trust) -> None:
    report(trust, patient=ann())
    report(trust, patient=ann(identifiers=(ArrivingIdentifier("N501", "RR8"),)))
    doubtful = report(
        trust,
        patient=ann(birth_date=date(1951, 2, 12), identifiers=(ArrivingIdentifier("N502", "RR8"),)),
    )
    assert list(PatientIdentifier.objects.values_list("value", flat=True)) == ["N501"]
    assert "were therefore not added" in " ".join(doubtful.notices)


def test_an_accession_of_another_patient_is_held(trust: Trust) -> None:
    report(trust, accession="A1")
    with pytest.raises(AccessionHeld) as held:
        report(trust, accession="A1")
    assert held.value.location == "OBR-3"


def test_held_says_where_and_never_who(trust: Trust) -> None:
    with pytest.raises(Held) as held:
        report(trust, patient=ArrivingPatient("ALDER"))
    assert held.value.location == "PID-3"
    assert "ALDER" not in str(held.value)


# --- Capitals ----------------------------------------------------------------------------------


def numbered(value: str, **fields: object) -> ArrivingPatient:
    return ann(nhs_number="", identifiers=(ArrivingIdentifier(value, "RR8", "MR"),), **fields)


def test_hospital_numbers_that_differ_in_capitals_alone_are_one(trust: Trust) -> None:
    twice = (ArrivingIdentifier("Mx1", "RR8"), ArrivingIdentifier("mX1", "RR8"))
    first = report(trust, patient=ann(nhs_number="", identifiers=twice))
    second = report(trust, patient=numbered("MX1"))
    assert first.examination.patient == second.examination.patient
    # As it was kept before small letters became capitals.
    PatientIdentifier.objects.update(value="mx1")
    third = report(trust, patient=numbered("Mx1"))
    assert third.examination.patient == first.examination.patient
    assert list(PatientIdentifier.objects.values_list("value", flat=True)) == ["mx1"]
    assert report(trust, patient=numbered("MX2")).examination.patient_id != first.pk
    other = ArrivingIdentifier("MX1", "RR9", "MR")
    elsewhere = report(trust, patient=ann(nhs_number="", identifiers=(other,)))
    assert elsewhere.examination.patient != first.examination.patient, "of another authority"


def test_records_that_differ_so_from_before_are_held_until_somebody_merges_them(
    trust: Trust,
) -> None:
    kept = report(trust, patient=numbered("MX1")).examination.patient
    other = report(trust, patient=numbered("H7")).examination.patient
    other.identifiers.update(value="mx1")
    sent = [
        ReadMessage(
            "RIS", "TRUST", name, "ORU^R01", None, (arriving(trust, patient=numbered(name)),)
        )
        for name in ("mx1", "MX1")
    ]
    together = [Incoming(trust.sender, one.control_id.encode(), "a.hl7", one) for one in sent]
    for received in receive_messages(together):
        (receipt,) = received.receipts
        assert receipt.reason == HeldReason.IDENTITY_CONFLICT
        assert "or whether they are one" in receipt.suggestion
    assert Report.objects.count() == 2
    assert Patient.objects.filter(merged_into=None).count() == 2, "nothing is merged by itself"
    merge_patients(keep=kept, merged=other, because="One person.", by=trust.coordinator)
    assert report(trust, patient=numbered("mX1")).examination.patient == kept
