"""Reports, orders and news of patients in one stream, as they come by HL7: what each is answered,
that a batch comes to the same as one after the other, and the life of one report."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from findings.intake.answers import Code
from findings.intake.frames import Frame, Kind
from findings.intake.importing import Reading, take_in, take_in_all
from findings.intake.peers import Peer
from findings.intake.taking import Arrived, take
from findings.models import Event, Examination, Finding, Patient, Receipt
from findings.services.senders import make_sender
from findings.states import State
from tests.factories import Trust, a_trust, acknowledged, flagged
from tests.messages import adt, orm, oru, pid

pytestmark = pytest.mark.django_db
Outcome = Receipt.Outcome


@pytest.fixture
def trust() -> Trust:
    trust = a_trust()
    for application in ("RIS", "PAS"):
        make_sender(code=f"{application}|RXX01", site=trust.site)
    return trust


def stamp(days_ago: float) -> str:
    return f"{timezone.now() - timedelta(days=days_ago):%Y%m%d%H%M%S}+0000"


def mrn(value: str) -> str:
    return f"{value}^^^RXX^MR"


def story(one: str) -> list[bytes]:
    """A patient whose order, report and merge cross; every number begins with `one`."""
    old, new = mrn(f"{one}OLD"), mrn(f"{one}NEW")
    made, accession = stamp(5), f"{one}A1"
    report = {"accession": accession, "reported": stamp(3)}
    return [
        orm("NW", accession=accession, patient=pid(old), said=stamp(6)),
        orm("SC", order="CM", accession=accession, patient=pid(old), performed=made, said=made),
        adt("A40", pid(new), f"MRG|{old}", said=stamp(4)),
        oru(control_id=f"{one}1", status="P", **report).replace(
            b"9990000018^^^NHS^NH", new.encode()
        ),
        adt("A08", pid(new, name="BEECH^ANN"), said=stamp(3.5)),
        oru(control_id=f"{one}2", accession=accession, reported=stamp(2)).replace(
            b"9990000018^^^NHS^NH", new.encode()
        ),
        orm("CA", accession=accession, patient=pid(new), said=stamp(1)),
        adt("A04", pid(new), said=stamp(0.5)),
    ]


def outcomes(one: str) -> list[str]:
    rows = Receipt.objects.filter(message__origin=f"{one}.hl7").order_by("message__pk", "part")
    return [f"{receipt.outcome} {receipt.reason}".strip() for receipt in rows]


def test_a_batch_of_all_kinds_comes_to_the_same_as_one_after_the_other(trust: Trust) -> None:
    """What is not usual is filed by itself, and still in its turn: the merge after the order under
    the old number, and before the report under the new one."""
    for raw in story("A"):
        take_in(raw, "A.hl7")
    take_in_all([(raw, "B.hl7") for raw in story("B")], Reading())
    assert outcomes("B") == outcomes("A")
    assert outcomes("A") == [
        *("ordered", "performed", "merged", "new_report", "patient", "new_version"),
        *("nothing", "nothing"),
    ]
    for one in "AB":
        examination = Examination.objects.get(accession=f"{one}A1")
        assert examination.patient == Patient.objects.get(identifiers__value=f"{one}NEW")
        assert examination.patient.family_name == "BEECH"
        assert examination.current_report is not None
        assert examination.current_report.status == "final"
    assert not Examination.objects.waiting().exists()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (orm("NW"), Code.ACCEPT),
        (orm("SC", order="EXDONE"), Code.ACCEPT),  # held, and settled here
        (adt("A04"), Code.ACCEPT),
        (adt("A08"), Code.ACCEPT),
        (adt("A40", pid(mrn("1")), f"MRG|{mrn('2')}"), Code.ACCEPT),
        (orm(type_="ORR^O02"), Code.ACCEPT),
        (adt("A60"), Code.REJECT),
        (orm(type_="SIU^S12"), Code.REJECT),
    ],
)
def test_each_is_answered_by_what_came_of_it(trust: Trust, raw: bytes, code: Code) -> None:
    frame = Frame(raw, Kind.WHOLE, len(raw))
    (answered,) = take([Arrived(frame, Peer("127.0.0.1"), frozenset({"*"}))], 1_000_000)
    assert answered.code == code
    receipt = Receipt.objects.get()
    assert (receipt.outcome == Outcome.REFUSED) == (code is Code.REJECT)


# --- The life of one report -----------------------------------------------------------------------


def version(trust: Trust, status: str, reported: float, text: str) -> Receipt:
    raw = oru(
        accession="ACC200",
        control_id=f"{status}{reported}",
        status=status,
        reported=stamp(reported),
        text=text,
        requester=trust.referrer.professional_code,
        location=trust.team.location_code,
    )
    (receipt,) = take_in(raw, "life.hl7").receipts
    return receipt


def held_by_the_referrer(trust: Trust) -> Finding:
    finding = flagged(trust, examination=Examination.objects.get())
    return acknowledged(trust, finding)


def test_a_report_that_is_deleted_asks_whoever_acknowledged_and_is_read_in_every_version(
    trust: Trust,
) -> None:
    """Reported elsewhere: cancelled results failed, or were shown as results. Right: P, F and X
    are three versions, a person says what becomes of the finding, and an unknown word waits."""
    first = version(trust, "Wet Read", 3, "Nodule?")
    assert first.report is not None
    assert first.report.status == "preliminary"
    assert version(trust, "F", 2, "Nodule.").outcome == Outcome.NEW_VERSION
    finding = held_by_the_referrer(trust)
    assert version(trust, "X", 1, "").outcome == Outcome.NEW_VERSION
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    because = finding.events.get(kind=Event.Kind.REOPENED).data["because"]
    assert "withdrawn by its sender" in because
    texts = finding.examination.reports.order_by("version").values_list("text", flat=True)
    assert list(texts)[:2] == ["Nodule?", "Nodule."]
    unknown = version(trust, "Q", 0.5, "Nodule.")
    assert (unknown.outcome, unknown.reason) == (Outcome.HELD, "unknown_status")


def test_a_correction_after_the_acknowledgement_is_asked_about_with_a_clock_of_its_own(
    trust: Trust,
) -> None:
    """Reported elsewhere: the item stayed reviewed and nobody saw the change."""
    version(trust, "F", 0.2, "No suspicious lesion.")
    finding = held_by_the_referrer(trust)
    again = version(trust, "C", 0.1, "Suspicious lesion, left breast.")
    finding.refresh_from_db()
    assert (again.outcome, finding.state, finding.report.version) == (
        Outcome.NEW_VERSION,
        State.AWAITING,
        2,
    )
    first, second = finding.clocks.filter(kind="acknowledge").order_by("started_at")
    assert first.stopped_at is not None
    assert second.started_at > first.started_at
    assert finding.events.filter(kind=Event.Kind.ACKNOWLEDGED).count() == 1
    acknowledged(trust, finding)
    same = version(trust, "C", 0.05, "Suspicious lesion, left breast.")
    finding.refresh_from_db()
    assert (same.outcome, finding.state) == (Outcome.DUPLICATE, State.ACKNOWLEDGED)


def test_a_version_that_comes_late_is_history(trust: Trust) -> None:
    """Reported elsewhere: a retry delivered P after F and wrote over it. Right: the time of the
    report decides, not that of its arrival."""
    version(trust, "F", 1, "Nodule.")
    finding = held_by_the_referrer(trust)
    late = version(trust, "P", 2, "Nodule?")
    examination = Examination.objects.get()
    assert late.outcome == Outcome.OLDER_VERSION
    assert examination.current_report is not None
    assert examination.current_report.text == "Nodule."
    finding.refresh_from_db()
    assert finding.state == State.ACKNOWLEDGED
    ordered = sorted(examination.reports.all(), key=lambda one: one.reading_order)
    assert [one.status for one in ordered] == ["preliminary", "final"]
    assert all(one.reported_at < other.reported_at for one, other in pairwise(ordered))
