"""Orders by HL7: the examination is there before its report, and is awaited once it was imaged."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import HeldReason
from findings.intake.importing import Reading, run_again, take_in, take_in_all
from findings.models import Clock, Examination, NoReport, Person, Receipt, Report, Sender
from findings.services.filing import WAS_ANOTHERS
from findings.services.report_by import end_wait, no_report_expected
from findings.services.sender_settings import change_sender
from findings.services.senders import make_sender
from tests.factories import SiteFactory, Trust, a_trust
from tests.integration.test_reporting_teams import reporting_team
from tests.messages import orm, oru
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
Outcome = Receipt.Outcome
BEECH = "PID|1||9990000026^^^NHS^NH||BEECH^BOB||19900101|M"


@pytest.fixture
def trust() -> Trust:
    trust = a_trust()
    make_sender(code="RIS|RXX01", site=trust.site)
    return trust


def stamp(days_ago: float) -> str:
    return f"{timezone.now() - timedelta(days=days_ago):%Y%m%d%H%M%S}+0000"


def take(raw: bytes) -> Receipt:
    (receipt,) = take_in(raw, "orders.hl7:1").receipts
    return receipt


def performed(days_ago: float = 2, said: float | None = None, **more: str) -> bytes:
    """That the images were made, said a little later."""
    made, at = stamp(days_ago), stamp(days_ago - 0.01 if said is None else said)
    return orm("SC", order="CM", performed=made, said=at, **more)  # type: ignore[arg-type]


def running(examination: Examination) -> Clock | None:
    return examination.clocks.filter(stopped_at__isnull=True).first()


def test_an_examination_is_there_from_its_order_and_nobody_waits_before_it_was_imaged(
    trust: Trust,
) -> None:
    receipt = take(
        orm(
            said=stamp(5),
            # The planned time: nothing has been imaged.
            performed=stamp(1),
            requester=trust.referrer.professional_code,
            location=trust.team.location_code,
            patient_class="I",
        )
    )
    examination = Examination.objects.get()
    assert (receipt.outcome, receipt.examination) == (Outcome.ORDERED, examination)
    assert receipt.detail == "Sent: ORC-1 NW."
    assert (examination.accession, examination.modality) == ("A1", "CR")
    assert (examination.requested_by, examination.requesting_team) == (trust.referrer, trust.team)
    assert (examination.performed_at, examination.setting) == (None, "inpatient")
    assert running(examination) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"control": "SC", "order": "CM"},
        {"control": "XO", "order": "A"},
        {"control": "SC", "result": "R"},
        {"control": "SC", "order": "IP", "result": "P"},
        {"control": "RE", "result": "Preliminary"},
    ],
)
def test_the_report_is_awaited_from_when_the_images_were_made(
    trust: Trust, fields: dict[str, str]
) -> None:
    made = (timezone.now() - timedelta(days=3)).replace(microsecond=0)
    receipt = take(orm(**fields, said=stamp(2), performed=stamp(3)))  # type: ignore[arg-type]
    examination = Examination.objects.get()
    clock = running(examination)
    assert receipt.outcome == Outcome.PERFORMED
    assert clock is not None
    assert clock.started_at == examination.performed_at
    assert abs(clock.started_at - made) < timedelta(seconds=2)
    assert clock.due_at == clock.started_at + timedelta(days=28)


def test_without_their_own_time_the_images_were_made_when_it_was_said(trust: Trust) -> None:
    take(orm("SC", order="CM", said="20260630081500"))
    assert Examination.objects.get().performed_at == datetime(2026, 6, 30, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        *({"control": code} for code in ("CA", "OC", "CR", "DC", "OD", "DR")),
        {"control": "SC", "order": "CA"},
        {"control": "SC", "order": "DC"},
        {"control": "XO", "result": "X"},
    ],
)
def test_a_cancelled_order_ends_the_wait(trust: Trust, fields: dict[str, str]) -> None:
    take(performed())
    receipt = take(orm(**fields, said=stamp(1)))  # type: ignore[arg-type]
    examination = Examination.objects.get()
    said = NoReport.objects.get()
    assert receipt.outcome == Outcome.CANCELLED
    assert running(examination) is None
    assert (said.reason, said.said_by) == (NoReport.Reason.CANCELLED, None)
    page = signed_in(trust.coordinator).get(reverse("wait", args=[examination.public_id]))
    assert "Another system said on" in words_of(page)
    assert "The order was cancelled (ORC-1" in words_of(page)
    for heard in ("Images made, on ", "Order cancelled, on ", "by RIS at RXX01. Sent: ORC-1 "):
        assert heard in words_of(page)


def test_the_messages_of_an_order_come_to_the_same_in_whatever_order_they_come(
    trust: Trust,
) -> None:
    story = [
        orm("NW", said=stamp(6)),
        orm("XO", said=stamp(5), examination="XABDO^XR Abdomen"),
        performed(4, said=3.9),
        orm("CA", said=stamp(3)),
        performed(2, said=1.9),
    ]
    orders = list(permutations(range(len(story))))
    for number, order in enumerate(Random(7).sample(orders, 6)):
        for which in order:
            # The same bytes would be the same message.
            take(story[which].replace(b"A1^RIS", b"B%d^RIS" % number))
    rows = Examination.objects.prefetch_related("clocks", "no_reports")
    assert {(one.order_said_at, one.description) for one in rows} == {
        (rows[0].order_said_at, "XR Chest")
    }
    assert all(running(one) is not None for one in rows)


def test_an_order_that_was_cancelled_last_is_cancelled_in_whatever_order_they_come(
    trust: Trust,
) -> None:
    story = [orm("NW", said=stamp(6)), performed(4, said=3.9), orm("CA", said=stamp(3))]
    for number, order in enumerate(permutations(story)):
        for raw in order:
            take(raw.replace(b"A1^RIS", b"C%d^RIS" % number))
    assert Examination.objects.count() == 6
    assert not Examination.objects.waiting().exists()


def test_in_doubt_the_order_stands(trust: Trust) -> None:
    """Two messages of one moment, in either order: the images were made, so somebody waits."""
    at = stamp(1)
    for accession, codes in (("A1", ("CM", "CA")), ("A2", ("CA", "CM"))):
        for code in codes:
            take(orm("SC", order=code, said=at, performed=stamp(2), accession=accession))
    assert Examination.objects.waiting().count() == 2


def test_a_number_that_was_assigned_names_the_order(trust: Trust) -> None:
    assert take(orm("NA", said=stamp(3))).outcome == Outcome.ORDERED
    take(by_placer("SC", 2, order="CM", performed=stamp(2.1)))
    assert Examination.objects.waiting().get().accession == "A1"


def test_an_order_that_could_not_be_cancelled_stands_again(trust: Trust) -> None:
    """The other side said that it had been cancelled too late."""
    for code in ("UC", "UD", "UM"):
        take(performed(2, accession=code))
        take(orm("CA", accession=code, said=stamp(1)))
        take(orm(code, accession=code, said=stamp(0.9)))
    assert Examination.objects.waiting().count() == 3


def test_an_order_is_replaced_by_the_one_that_comes_with_it(trust: Trust) -> None:
    """Some write as a replacement what changed under the same number: then it stands."""
    take(performed(2))
    changed = take(orm("RP", said=stamp(1.5), examination="XABDO^XR Abdomen"))
    assert changed.outcome == Outcome.ORDERED
    assert Examination.objects.waiting().get().description == "XR Abdomen"
    for accession, said in (("A1", 1.4), ("A2", 1.3)):
        new = f"ORC|RO|P2^EPR|{accession}^RIS", f"OBR|2|P2^EPR|{accession}^RIS|XCHES^XR Chest"
        take_in(orm("RP", said=stamp(said), more=new), "orders.hl7:1")
        assert Examination.objects.waiting().exists() == (accession == "A1")
    assert Examination.objects.count() == 2


def test_of_images_that_were_made_only_the_system_that_numbers_them_cancels(trust: Trust) -> None:
    """Wards' systems end what is open when a patient goes home."""
    epr = make_sender(code="EPR|RXX01", site=trust.site)
    ris = Sender.objects.get(code="RIS|RXX01")
    change_sender(sender=epr, by=trust.administrator, accessions_of=ris)
    take(orm("NW", said=stamp(4), accession="A2"))
    take(performed())
    held = take(orm("DC", said=stamp(1), application="EPR"))
    assert (held.outcome, held.reason) == (Outcome.HELD, HeldReason.NEEDS_DECISION)
    assert Examination.objects.waiting().exists()
    planned = take(orm("DC", said=stamp(1), application="EPR", accession="A2"))
    assert planned.outcome == Outcome.CANCELLED
    assert take(orm("CA", said=stamp(0.5))).outcome == Outcome.CANCELLED
    again = take(orm("DC", said=stamp(0.4), application="EPR"))
    assert again.outcome == Outcome.NOTHING
    # The other way round: what was cancelled before it was known that the images were made.
    take(performed(1.5, said=1.4, accession="A2"))
    assert Examination.objects.waiting().get().accession == "A2"


def test_an_order_never_undoes_what_a_report_says(trust: Trust) -> None:
    take(performed())
    report = take(oru(reported=stamp(1), text="Nodule.")).report
    assert report is not None
    receipt = take(orm("CA", said=stamp(0.5), examination="XABDO^XR Abdomen"))
    assert receipt.outcome == Outcome.NOTHING
    assert "a report, which an order does not undo" in receipt.detail
    take(orm("XO", said=stamp(0.4), examination="XABDO^XR Abdomen"))
    examination = Examination.objects.get()
    assert examination.current_report == report
    assert examination.description == "XR Chest"
    assert not NoReport.objects.exists()


def test_a_preliminary_report_is_awaited_further_though_its_order_is_cancelled(
    trust: Trust,
) -> None:
    take(performed())
    take(oru(status="P", reported=stamp(1.5)))
    take(orm("CA", said=stamp(1)))
    assert Examination.objects.waiting().exists()


def test_a_report_after_the_order_was_cancelled_is_read_like_any_other(trust: Trust) -> None:
    take(performed())
    end_wait(
        Examination.objects.get(),
        reason=NoReport.Reason.CANCELLED,
        because="The order was cancelled (ORC-1 CA).",
        by=None,
        at=timezone.now() - timedelta(days=1),
    )
    assert take(oru(status="P", reported=stamp(0.5))).outcome == Outcome.NEW_REPORT
    assert NoReport.objects.get().undone_because == "A report came after all."
    assert Examination.objects.waiting().exists()


def test_what_a_person_said_stands_until_images_were_made_since(trust: Trust) -> None:
    take(performed(2))
    examination = Examination.objects.get()
    no_report_expected(
        examination,
        reason=NoReport.Reason.CANCELLED,
        because="The patient left.",
        by=imaging_manager(trust),
        at=timezone.now() - timedelta(days=1.5),
    )
    receipt = take(performed(2, said=1))
    assert receipt.detail.startswith("It stays as it was said")
    assert running(examination) is None
    take(performed(0.5, said=0.4))
    assert running(examination) is not None
    assert NoReport.objects.get().undone_because.startswith("The images were made since")


def imaging_manager(trust: Trust) -> Person:
    return trust.add(team=reporting_team(trust, site=trust.site))


def test_until_its_report_the_newest_order_says_who_asked(trust: Trust) -> None:
    take(orm(said=stamp(5), requester=trust.referrer.professional_code))
    take(orm("XO", said=stamp(3), requester=trust.colleague.professional_code))
    take(orm("XO", said=stamp(4), requester=trust.referrer.professional_code))
    assert Examination.objects.get().requested_by == trust.colleague
    take(oru(reported=stamp(1), requester=trust.referrer.professional_code))
    report = Report.objects.get()
    assert report.examination.requested_by == trust.colleague


def test_until_its_report_the_newest_order_says_whose_it_is(trust: Trust) -> None:
    """An order that was entered for the wrong patient is corrected under the same number. Only by
    the system that numbers it, and never by a report, which may be the one that is wrong."""
    ris = Sender.objects.get(code="RIS|RXX01")
    epr = make_sender(code="EPR|RXX01", site=trust.site)
    change_sender(sender=epr, by=trust.administrator, accessions_of=ris)
    take(orm("NW", said=stamp(3)))
    report = oru(reported=stamp(1)).replace(b"9990000018", b"9990000026")
    report = report.replace(b"ALDER^ANN", b"BEECH^BOB").replace(b"19500212", b"19900101")
    for raw in (
        report,
        orm("XO", said=stamp(4), patient=BEECH),
        orm("XO", said=stamp(2), patient=BEECH, application="EPR"),
    ):
        assert take(raw).reason == HeldReason.ACCESSION_CONFLICT
    corrected = take(orm("XO", said=stamp(2), patient=BEECH))
    assert (corrected.outcome, WAS_ANOTHERS in corrected.detail) == (Outcome.ORDERED, True)
    (held,) = Receipt.objects.filter(message__message_type="ORU^R01")
    assert run_again(held, trust.coordinator).outcome == Outcome.NEW_REPORT
    assert take(orm("XO", said=stamp(1))).reason == HeldReason.ACCESSION_CONFLICT


def test_a_code_that_nobody_knows_is_held_until_the_sender_is_set_up(trust: Trust) -> None:
    held = take(orm("SC", order="EXDONE", said=stamp(1), performed=stamp(2)))
    assert (held.outcome, held.reason, held.location) == (
        Outcome.HELD,
        HeldReason.UNKNOWN_STATUS,
        "ORC-5",
    )
    sender = make_sender(code="RIS|RXX01", site=trust.site)
    sender.order_words = {"exdone": "performed"}
    sender.save()
    assert run_again(held, trust.coordinator).outcome == Outcome.PERFORMED
    assert Examination.objects.waiting().exists()


def by_placer(control: str, said: float, **more: str) -> bytes:
    """An order with its placer's number (P1) and no accession number."""
    return orm(control, said=stamp(said), accession="", **more).replace(b"^RIS", b"")  # type: ignore[arg-type]


def test_an_order_is_found_by_its_placers_number_alone(trust: Trust) -> None:
    """A system that orders often knows no other. Only of the same patient, and only the one."""
    assert take(by_placer("CA", 5)).outcome == Outcome.NOTHING, "it was never asked for here"
    take(orm("NW", said=stamp(4)))
    made = take(by_placer("SC", 2.9, order="CM", performed=stamp(3)))
    examination = Examination.objects.waiting().get()
    assert (made.outcome, made.examination) == (Outcome.PERFORMED, examination)
    for patient in (BEECH, BEECH.replace("9990000026", "9990000034")):
        assert take(by_placer("CA", 2, patient=patient)).outcome == Outcome.NOTHING
        take(orm("NW", said=stamp(4), patient=patient, accession=patient[7:17]))
    assert running(examination) is not None
    epr = make_sender(code="EPR|RXX01", site=trust.site)
    change_sender(sender=epr, by=trust.administrator, accessions_of=examination.sender)
    cancelled = take(by_placer("CA", 1, application="EPR"))
    assert cancelled.reason == HeldReason.NEEDS_DECISION
    cancelled = take(by_placer("CA", 1))
    assert (cancelled.outcome, cancelled.examination) == (Outcome.CANCELLED, examination)
    assert running(examination) is None


def test_a_placers_number_of_more_than_one_examination_is_held(trust: Trust) -> None:
    for accession in ("A1", "A2"):
        take(performed(accession=accession))
    for raw in (by_placer("CA", 1), by_placer("SC", 1, order="CM")):
        held = take(raw)
        assert (held.reason, held.location) == (HeldReason.MISSING_ACCESSION, "ORC-2")
    assert Examination.objects.waiting().count() == 2
    none = take(by_placer("SC", 1, order="CM", patient=BEECH))
    assert (none.reason, none.detail[-5:]) == (HeldReason.MISSING_ACCESSION, "none.")


def test_what_says_nothing_of_the_examination_is_of_one_that_is_there(trust: Trust) -> None:
    """ORC alone, as state or as cancellation."""

    def alone(*fields: str, said: float = 1) -> bytes:
        return orm(said=stamp(said)).partition(b"ORC|")[0] + "\r".join(fields).encode() + b"\r"

    for accession in ("A1", "A2"):
        take(orm("NW", said=stamp(3), accession=accession).replace(b"P1^", b"P-%a^" % accession))
    made = "ORC|SC|P-'A1'^EPR|A1^RIS||CM", "NTE|1||Left.", "ORC|SC|P-'A2'^EPR|||CM"
    both = take_in(alone(*made), "orders.hl7:1").receipts
    assert {one.outcome for one in both} == {Outcome.PERFORMED}
    assert Examination.objects.waiting().count() == 2
    assert take(alone("ORC|OC||A1^RIS", said=0.5)).outcome == Outcome.CANCELLED
    assert take(alone("ORC|OC||A3^RIS")).outcome == Outcome.NOTHING
    assert take(alone("ORC|SC||A3^RIS||CM")).reason == HeldReason.MISSING_ACCESSION
    assert Examination.objects.count() == 2


def test_a_placers_number_leads_to_the_numbering_of_another_system(trust: Trust) -> None:
    """Nobody has said whose accession numbers it sends: it sends none."""
    make_sender(code="EPR|RXX01", site=trust.site)
    elsewhere = make_sender(code="RIS|RYY01", site=SiteFactory())
    take(orm("NW", said=stamp(3), facility=elsewhere.code[4:]))
    assert take(by_placer("CA", 2, application="EPR")).outcome == Outcome.NOTHING
    take(orm("NW", said=stamp(3)))
    cancelled = take(by_placer("CA", 1, application="EPR"))
    assert cancelled.outcome == Outcome.CANCELLED
    assert cancelled.examination is not None
    assert cancelled.examination.sender.code == "RIS|RXX01"
    other = make_sender(code="CARDIO|RXX01", site=trust.site)
    take(orm("NW", said=stamp(3), application=other.code[:6]))
    assert take(by_placer("CA", 0.5, application="EPR")).reason == HeldReason.MISSING_ACCESSION


def test_examinations_of_one_order_have_each_their_placers_number(trust: Trust) -> None:
    second = "OBR|2|P2^EPR|A2^RIS|XABDO^XR Abdomen"
    take_in(orm(said=stamp(2), more=(second,)), "orders.hl7:1")
    numbers = Examination.objects.values_list("accession", "placer_number")
    assert set(numbers) == {("A1", "P1"), ("A2", "P2")}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (orm("UA"), "asks for nothing"),
        (orm("SN", accession="").replace(b"^RIS", b""), "no accession number yet"),
        (orm(accession="").replace(b"^RIS", b""), "no accession number yet"),
        (orm(type_="ORR^O02"), "Nothing follows from ORR"),
        (orm(type_="OML^O21"), "Nothing follows from OML"),
        (orm().replace(b"|CR|", b"|LAB|"), "not imaging"),
        (orm(examination="FBC^Full blood count").replace(b"|CR|", b"||"), "not imaging"),
        (orm().partition(b"OBR|")[0] + b"RXO|1^Tablets", "orders no examination"),
    ],
)
def test_what_asks_for_nothing_is_kept_and_nobody_has_to_look(
    trust: Trust, raw: bytes, words: str
) -> None:
    receipt = take(raw)
    assert (receipt.outcome, receipt.is_waiting) == (Outcome.NOTHING, False)
    assert words in receipt.detail
    assert not Examination.objects.exists()


def test_images_without_an_accession_number_are_held(trust: Trust) -> None:
    held = take(performed(accession="").replace(b"^RIS", b"").replace(b"P1^EPR", b""))
    assert held.reason == HeldReason.MISSING_ACCESSION


def test_an_imaging_order_of_newer_versions_is_read_alike(trust: Trust) -> None:
    imaging = "IPC|A7^RIS|RP1|1.2.3^RIS|SPS1|CT"
    raw = orm(accession="", said=stamp(2), type_="OMI^O23^OMI_O23", more=(imaging,))
    receipt = take(raw.replace(b"^RIS|XCHES", b"|XCHES").replace(b"|^RIS|", b"||"))
    assert receipt.outcome == Outcome.ORDERED, receipt.detail
    assert Examination.objects.get().accession == "A7"


def test_the_order_of_one_system_and_the_report_of_another_are_one_examination(
    trust: Trust,
) -> None:
    """Without the setting the order would wait for ever beside a report that came."""
    ris, epr = (make_sender(code=f"{one}|RXX01", site=trust.site) for one in ("RIS", "EPR"))
    change_sender(sender=epr, by=trust.administrator, accessions_of=ris)
    take(performed(application="EPR"))
    examination = Examination.objects.waiting().get()
    assert (examination.sender, examination.receipts.get().message.sender) == (ris, epr)
    second = [oru(accession=one, control_id=one, reported=stamp(1)) for one in ("A1", "A2")]
    received = take_in_all([(raw, "reports.hl7:1") for raw in second], Reading())
    assert received[0].receipts[0].report.examination == examination  # type: ignore[union-attr]
    assert not Examination.objects.waiting().exists()
    late = take(orm("CA", said=stamp(0.1), accession="A2", application="EPR"))
    assert late.outcome == Outcome.NOTHING
    assert Examination.objects.count() == 2


def test_several_orders_in_one_message_are_several_examinations(trust: Trust) -> None:
    more = (
        "ORC|CA|P2^EPR|A2^RIS",
        "OBR|2|P2^EPR|A2^RIS|XABDO^XR Abdomen|||||||||||||||||||||CR",
    )
    first, second = take_in(orm(said=stamp(1), more=more), "orders.hl7:1").receipts
    assert (first.outcome, second.outcome) == (Outcome.ORDERED, Outcome.CANCELLED)
    assert Examination.objects.count() == 2


@pytest.mark.parametrize(
    ("patient_class", "setting"),
    [("I", "inpatient"), ("E", "emergency"), ("O", "outpatient"), ("GP", "gp"), ("N", "")],
)
def test_a_report_says_where_the_patient_was(
    trust: Trust, patient_class: str, setting: str
) -> None:
    take(oru(reported=stamp(1)).replace(b"PV1|1|O|", f"PV1|1|{patient_class}|".encode()))
    assert Examination.objects.get().setting == setting


def test_the_future_is_held(trust: Trust) -> None:
    held = take(orm("SC", order="CM", said=stamp(1), performed=stamp(-3)))
    assert (held.reason, held.location) == (HeldReason.BAD_TIME, "OBR-7")
    assert not Examination.objects.exists()
