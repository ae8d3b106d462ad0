"""Messages that are filed together have the outcome of messages that are filed one by one.

For many batches, and other ones each time: BATCHES=500 python -m pytest …/test_together.py
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from dataclasses import field as with_factory
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import models, transaction
from django.db.models.expressions import DatabaseDefault
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingNews,
    ArrivingOrder,
    ArrivingPatient,
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    LanguageNeed,
    NewsKind,
    OrderStep,
    Part,
    Problem,
    ReadMessage,
)
from findings.models import (
    Circumstances,
    Clock,
    Document,
    Event,
    Examination,
    Finding,
    IncomingMessage,
    Membership,
    NoReport,
    Patient,
    PatientChange,
    PatientIdentifier,
    PatientMerge,
    PatientUpdate,
    Proposal,
    ProposedMatch,
    Receipt,
    Report,
    Role,
    Sender,
    Step,
    Team,
)
from findings.services import messages
from findings.services.flag import Advised
from findings.services.merge import merge_patients
from findings.services.messages import Incoming, Received, receive_messages
from findings.services.report_by import end_wait
from tests.factories import (
    SenderFactory,
    SiteFactory,
    TeamFactory,
    Trust,
    a_trust,
    flagged,
    nhs_number,
    reported,
    waiting_examination,
)

BEGAN = timezone.now() - timedelta(hours=1)
AT = datetime(2026, 6, 30, 10, 5, tzinfo=UTC)
NUMBERS = [ArrivingIdentifier(f"H{n}", "RXX", "MR") for n in range(8)]
NHS = [nhs_number(n) for n in range(8)]
# In the order in which they depend on each other, each by what names it.
COMPARED: dict[type[models.Model], Callable[[Any], object]] = {
    Patient: lambda one: (one.nhs_number, sorted(one.identifiers.values_list("value", flat=True))),
    PatientIdentifier: lambda one: one.value,
    IncomingMessage: lambda one: one.fingerprint,
    Examination: lambda one: (one.sender_id, one.accession),
    Report: lambda one: (one.examination.sender_id, one.examination.accession, one.version),
    Document: lambda one: one.sha256,
    Receipt: lambda one: (one.message.fingerprint, one.part),
    Finding: lambda one: (one.examination.accession, one.description),
    Clock: lambda one: (one.kind, one.examination_id and one.examination.accession, one.rule_id),
    Step: lambda one: (one.level, one.audience, one.clock.kind),
    Event: lambda one: (one.finding.examination.accession, one.number),
    ProposedMatch: lambda one: one.examination.accession,
    Proposal: lambda one: (one.examination.accession, one.code),
    NoReport: lambda one: (one.examination.accession, one.because),
    PatientUpdate: lambda one: (one.message.fingerprint, str(one.after)),
    PatientMerge: lambda one: (one.kept.nhs_number, one.merged.nhs_number),
    PatientChange: lambda one: (one.patient.nhs_number, one.kind),
    Circumstances: lambda one: (one.said_of.nhs_number, one.said_of.family_name),
}
# What nobody could foresee, or what follows from that.
LEFT_OUT = {"id", "examinations", "public_id", "reference", "hash", "previous_hash", "data"}


def person(number: int, named_by: str = "both") -> ArrivingPatient:
    """As on record."""
    nhs, numbers = NHS[number], (NUMBERS[number],)
    if named_by != "both":
        nhs, numbers = (nhs, ()) if named_by == "nhs" else ("", numbers)
    return ArrivingPatient("ALDER", "Ann", date(1950, 1, 1), "F", nhs, identifiers=numbers)


def mostly(
    usual: st.SearchStrategy, rare: st.SearchStrategy, one_in: int = 10
) -> st.SearchStrategy:
    return st.integers(1, one_in).flatmap(lambda chance: rare if chance == one_in else usual)


def people() -> st.SearchStrategy[ArrivingPatient]:
    return st.builds(
        ArrivingPatient,
        postcode=st.sampled_from(["", "", "AB12CD", "AB12EF", "ZZ993VZ"]),
        language_need=st.sampled_from([None, None, *LanguageNeed]),
        family_name=st.sampled_from(["ALDER", "ALDER", "Álder", "BIRCH", ""]),
        given_name=st.sampled_from(["Ann", "Ann", "Ben"]),
        birth_date=st.sampled_from([date(1950, 1, 1), date(1950, 1, 1), date(1960, 2, 2), None]),
        sex=st.sampled_from(["F", ""]),
        nhs_number=st.sampled_from([*NHS, NHS[0], ""]),
        identifiers=st.lists(st.sampled_from(NUMBERS), max_size=2, unique=True).map(tuple),
    )


def reports(trust: Trust) -> st.SearchStrategy[ArrivingReport]:
    codes = ["", "C7654321", "7654321", trust.referrer.professional_code.lower(), "X1"]
    anything = st.builds(
        ArrivingReport,
        accession=st.sampled_from(["A0", "A1", "A2", "A3", "A4", "W1", "", " "]),
        patient=people(),
        status=st.sampled_from([*ArrivingStatus, *[ArrivingStatus.FINAL] * 4]),
        reported_at=mostly(
            st.integers(0, 2).map(lambda hours: AT + timedelta(hours=hours)),
            st.just(AT + timedelta(days=4000)),
            one_in=20,
        ),
        text=mostly(
            st.sampled_from(["Nodule.", "No nodule."]),
            st.just("A \x00 that cannot be kept."),
            one_in=50,
        ),
        modality=st.sampled_from(["CT", ""]),
        examination_description=st.sampled_from(["CT chest", ""]),
        performed_at=st.sampled_from([AT - timedelta(hours=2), AT + timedelta(hours=2), None]),
        requester=st.builds(ArrivingPerson, st.sampled_from(codes)),
        reporter=st.builds(ArrivingPerson, st.sampled_from(codes), family_name=st.just("Example")),
        requesting_location=st.sampled_from(["", "", "ward5", "WARD5, R1, B2", "GP1", "NOWHERE"]),
        site_code=st.sampled_from(["", trust.site.name, "rzz99", "ELSEWHERE"]),
        notices=st.sampled_from([(), ("Something.", "Something.")]),
        documents=mostly(st.just(()), st.just((b"%PDF-1.4 words",))),
        codes=mostly(st.just(()), st.just(("CANCER",))),
    )
    # Most of what comes is about the patient whom it has always been about, and few are new.
    who = st.builds(person, st.integers(0, 6), st.sampled_from(["both", "both", "nhs", "number"]))

    def usual(one: ArrivingReport, patient: ArrivingPatient, letter: str) -> ArrivingReport:
        number = NHS.index(patient.nhs_number) if patient.nhs_number else 0
        number = NUMBERS.index(patient.identifiers[0]) if patient.identifiers else number
        return replace(one, patient=patient, accession=f"{letter}{number}")

    return mostly(st.builds(usual, anything, who, st.sampled_from("AAB")), anything)


def orders(trust: Trust) -> st.SearchStrategy[ArrivingOrder]:
    """Most are new, or of an examination that is there and whose patient it has always been."""
    codes = ["", "C7654321", trust.referrer.professional_code.lower(), "X1"]
    anything = st.builds(
        ArrivingOrder,
        accession=st.sampled_from(["A0", "A1", "A4", "C0", "C1", "W1", "W2", ""]),
        patient=mostly(st.just(person(4)), people(), one_in=4),
        step=st.sampled_from([*OrderStep, OrderStep.PLACED]),
        said_at=mostly(
            st.integers(0, 3).map(lambda hours: AT + timedelta(hours=hours)),
            st.just(AT + timedelta(days=4000)),
            one_in=20,
        ),
        said=st.just("ORC-1 XO"),
        placer_number=st.sampled_from(["", "P1", "P2"]),
        examination_description=st.sampled_from(["CT chest", "CT head", ""]),
        requester=st.builds(ArrivingPerson, st.sampled_from(codes)),
        requesting_location=st.sampled_from(["", "ward5", "GP1"]),
        site_code=st.sampled_from(["", "rzz99"]),
        setting=st.sampled_from(["", "inpatient"]),
        is_bare=mostly(st.just(False), st.just(True)),
    )

    def usual(one: ArrivingOrder, number: int) -> ArrivingOrder:
        return replace(one, patient=person(number), accession=f"C{number}")

    def made(one: ArrivingOrder) -> ArrivingOrder:
        is_made = one.step is OrderStep.PERFORMED
        return replace(one, performed_at=AT - timedelta(hours=1)) if is_made else one

    return st.one_of(st.builds(usual, anything, st.integers(0, 6)), anything).map(made)


def news() -> st.SearchStrategy[ArrivingNews]:
    """Most is about somebody who is not known here."""
    nobody = ArrivingPatient("CEDAR", "Col", identifiers=(ArrivingIdentifier("H99", "RXX"),))
    return st.builds(
        lambda kind, hours, patient, other, has_died: ArrivingNews(
            kind=kind,
            event="A00",
            patient=patient,
            said_at=AT + timedelta(hours=hours),
            other=other,
            happened_at=AT,
            has_died=has_died,
        ),
        mostly(
            st.sampled_from([NewsKind.DETAILS, NewsKind.DISCHARGED, NewsKind.TRANSFERRED]),
            st.just(NewsKind.MERGED),
            one_in=6,
        ),
        st.integers(0, 3),
        mostly(st.just(nobody), people(), one_in=3),
        people(),
        mostly(st.sampled_from([None, False]), st.just(True)),
    )


PROBLEM = Problem(HeldReason.NO_TEXT, "OBR[3]-4", "No text.", "Wait for it.", "A3")


def incoming(trust: Trust, senders: Sequence[Sender | None]) -> st.SearchStrategy[Incoming]:
    usual = st.one_of(reports(trust), reports(trust), orders(trust), news())
    some = st.lists(mostly(usual, st.just(PROBLEM)), max_size=3)
    parts: st.SearchStrategy[list[Part]] = mostly(usual.map(lambda one: [one]), some)
    return st.builds(
        lambda sender, body, control, parts: Incoming(
            sender,
            b"message %d" % body,
            "a.hl7:1",
            ReadMessage("RIS", "X", control, "ORU^R01", None, tuple(parts)),
        ),
        mostly(st.just(senders[0]), st.sampled_from(senders)),
        st.integers(0, 500),
        st.sampled_from(["", "1", "2"]),
        parts,
    )


def a_past(trust: Trust) -> None:
    """What is on record: a finding, one that waits for another examination, a record that was
    merged, examinations that wait for their report; and what has the same name elsewhere."""
    ann, bea, cat, dee, eva = map(person, range(5))
    given = {"reported_at": AT, "text": "Nodule."}
    flagged(trust, examination=reported(trust, accession="A0", patient=ann, **given))
    first = reported(trust, accession="A1", patient=bea, **given)
    flagged(trust, examination=first, at=AT, advised=Advised("CT", "chest", date(2026, 7, 14)))
    records = [
        reported(trust, accession=f"A{number}", patient=one, modality="", **given).patient
        for number, one in enumerate((cat, dee), 2)
    ]
    merge_patients(keep=records[0], merged=records[1], because="One person.", by=None)
    known = reported(trust, accession="B4", patient=eva, **given).patient
    # From before small letters were capitals.
    PatientIdentifier.objects.filter(value="H2").update(value="h2")
    for accession in ("A4", "W1", "W2"):
        waiting = waiting_examination(trust, accession=accession, patient=known)
    because, reason = "The order was cancelled.", NoReport.Reason.CANCELLED
    end_wait(waiting, reason=reason, because=because, by=None, at=BEGAN)
    elsewhere = SiteFactory(organisation=trust.organisation, ods_code="RZZ99")
    TeamFactory(location_code="WARD5")
    TeamFactory(organisation=trust.organisation, location_code="WARD5")
    consultant = trust.add(Role.REFERRER, professional_code="7654321")
    for site in (elsewhere, trust.site):
        team = TeamFactory(organisation=trust.organisation, site=site)
        Membership.objects.create(person=consultant, team=team)
    TeamFactory(kind=Team.Kind.PRACTICE, location_code="GP1")


def one_by_one(given: Sequence[Incoming]) -> list[Received]:
    return [messages._alone(messages._keep([one])[0]) for one in given]


@dataclass
class Ways:
    """How many messages were filed, and of those how many alone; and why batches were halved."""

    filed: int = 0
    alone: int = 0
    halved: list[str] = with_factory(default_factory=list)


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ways]:
    ways, alone, together = Ways(), messages._alone, messages._file_together

    def file_alone(one: Any) -> Received:
        ways.alone += 1
        return alone(one)

    def file_together(waiting: Any) -> Any:
        try:
            return together(waiting)
        except Exception as error:
            ways.halved.append(repr(error))
            raise

    with monkeypatch.context() as patch:
        patch.setattr(messages, "_alone", file_alone)
        patch.setattr(messages, "_file_together", file_together)
        yield ways


def outcome(file: Callable[[Sequence[Incoming]], list[Received]], given: Sequence[Incoming]) -> Any:
    """All rows that there are afterwards, by what names them; and none is left."""
    with transaction.atomic():
        received = file(given)
        said = [
            (one.known, one.control_id_reused, [_row(each, {}) for each in one.receipts])
            for one in received
        ]
        found = {model: list(model._default_manager.all()) for model in COMPARED}
        names = {(m, one.pk): COMPARED[m](one) for m, every in found.items() for one in every}
        rows = {
            model: sorted((_row(one, names) for one in every), key=repr)
            for model, every in found.items()
        }
        transaction.set_rollback(True)
    return [("said", said), *rows.items()]


def _row(one: models.Model, names: dict[tuple[type[models.Model], Any], object]) -> dict[str, Any]:
    """Its columns; keys as what they name, and what follows from this moment as such."""
    row = {}
    for field in one._meta.concrete_fields:
        value = getattr(one, field.attname)
        if field.name in LEFT_OUT or (field.is_relation and not names):
            continue
        if field.is_relation:
            value = names.get((field.related_model, value), value)
        if isinstance(value, DatabaseDefault) or (isinstance(value, datetime) and value > BEGAN):
            value = "counted from now"
        row[field.attname] = bytes(value) if isinstance(value, memoryview) else value
    return row


@pytest.mark.django_db
def test_together_has_the_outcome_of_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is not, because each was filed by itself after all: nothing but words that cannot be
    kept makes a batch fail, and most of what comes is usual."""
    trust = a_trust()
    total = Ways()
    a_past(trust)
    senders = [trust.sender, SenderFactory(site=trust.site), None]

    # Shown as it was found: to make it small takes minutes.
    @settings(
        max_examples=int(os.environ.get("BATCHES", "20")),
        deadline=None,
        derandomize="BATCHES" not in os.environ,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=HealthCheck,
    )
    @given(st.lists(incoming(trust, senders), min_size=4, max_size=8))
    def holds(given: list[Incoming]) -> None:
        with watched(monkeypatch) as ways:
            together = outcome(receive_messages, given)
        alone = outcome(one_by_one, given)
        for (what, one), (_, other) in zip(together, alone, strict=True):
            assert one == other, what
        if not any("\x00" in getattr(part, "text", "") for one in given for part in one.read.parts):
            assert ways.halved == []
        total.filed += len(given)
        total.alone += ways.alone

    holds()
    assert total.alone < total.filed / 2
