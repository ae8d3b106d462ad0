"""Settings of a sender: kept on a page with their history, tried on a message, and what they do."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import Error
from django.test import Client
from django.urls import reverse

from findings.arrivals import (
    ArrivingOrder,
    ArrivingReport,
    ArrivingStatus,
    HeldReason,
    Nothing,
    OrderStep,
    Part,
    Problem,
    SenderProfile,
)
from findings.intake.importing import profile_of, run_again, take_in
from findings.intake.oru import read_message
from findings.models import IncomingMessage, Receipt, Report, Sender, SenderChange, Viewing
from findings.rules import NotAllowed
from findings.services.sender_settings import SETTINGS, change_sender
from findings.services.senders import make_sender
from tests.factories import Trust, a_trust
from tests.messages import adt, orm, oru, pid
from tests.pages import signed_in, words_of


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture
def ris(trust: Trust) -> Sender:
    return make_sender(code="RIS|RXX01", site=trust.site)


# --- What they do ---------------------------------------------------------------------------------


def only(raw: bytes, **settings: Any) -> Part:
    (part,) = read_message(raw, SenderProfile(**settings)).parts
    return part


def report(raw: bytes, **settings: Any) -> ArrivingReport:
    part = only(raw, **settings)
    assert isinstance(part, ArrivingReport), part
    return part


def with_numbers(numbers: str, also: str = "") -> bytes:
    """PID-3, and PID-2."""
    return oru().replace(b"|1||9990000018^^^NHS^NH|", f"|1|{also}|{numbers}|".encode())


@pytest.mark.parametrize("place", ["9990000018^^^NHSIC^MR", "9990000018^^^RXX^NHSIC"])
def test_a_name_of_the_nhs_number_is_its_own(place: str) -> None:
    numbers = f"H1^^^RXX^MR~{place}"
    assert report(with_numbers(numbers)).patient.nhs_number == ""
    found = report(with_numbers(numbers), nhs_words=("NHSIC",)).patient
    assert (found.nhs_number, [one.value for one in found.identifiers]) == ("9990000018", ["H1"])


@pytest.mark.parametrize(
    ("numbers", "also", "position"),
    [("H1^^^RXX^MR", "9990000018", "PID-2"), ("H1^^^RXX^MR~999 000 0018", "", "PID-3.2")],
)
def test_a_place_of_the_nhs_number_is_the_last_resort(
    numbers: str, also: str, position: str
) -> None:
    raw = with_numbers(numbers, also)
    assert report(raw).patient.nhs_number == ""
    found = report(raw, nhs_position=position)
    assert found.patient.nhs_number == "9990000018"
    assert f"The NHS number was taken from {position}: nothing names it." in found.notices


@pytest.mark.parametrize(
    "numbers", ["9990000026^^^NHS^NH~9990000018", "H1^^^RXX^MR~9990000018^^^RXX^MR", "H1^^^RXX^MR"]
)
def test_a_number_that_is_named_is_never_taken_by_its_place(numbers: str) -> None:
    found = report(with_numbers(numbers), nhs_position="PID-3.2").patient
    assert found.nhs_number != "9990000018"


def test_a_wrong_number_is_not_taken_by_its_place() -> None:
    raw = with_numbers("H1^^^RXX^MR", "123000009")
    assert report(raw, nhs_position="PID-2").patient.nhs_number == ""


def test_who_asked_and_from_where_is_looked_for_where_the_sender_puts_it() -> None:
    raw = oru(requester="C1").replace(b"PV1|1|O|", b"PV1|1|O|W1^R1||||C7^SEVEN|C8^EIGHT|C9^NINE")
    raw = raw.replace(b"OBR|1|", b"ORC|RE" + b"|" * 16 + b"WARD9^Ward nine\rOBR|1|")
    assert report(raw).requester.code == "C1"
    assert report(raw, referrer_fields=("PV1-9", "OBR-16")).requester.code == "C9"
    assert report(raw, referrer_fields=("PV1-17",)).requester.code == "C1", (
        "the usual places follow"
    )
    assert report(raw).requesting_location == "W1, R1"
    assert report(raw, location_fields=("ORC-17",)).requesting_location == "Ward nine"


def test_the_accession_number_is_the_placers_where_the_sender_says_so() -> None:
    raw = orm(said="20260630080000")
    part = only(raw, accession_fields=("OBR-2",))
    assert isinstance(part, ArrivingOrder)
    assert part.accession == "P1"
    assert not isinstance(only(raw, accession_fields=("OBR-19",)), ArrivingOrder), "and no other"


def test_its_own_codes_count_before_those_of_the_standard() -> None:
    part = only(orm("SC", order="IP"), order_words=(("ip", OrderStep.PERFORMED),))
    assert isinstance(part, ArrivingOrder)
    assert part.step is OrderStep.PERFORMED
    unknown = only(orm("SC", order="EXDONE"))
    assert isinstance(unknown, Problem)
    assert (unknown.reason, unknown.location) == (HeldReason.UNKNOWN_STATUS, "ORC-5")


@pytest.mark.parametrize("mark", ["T", "D", "t^A"])
def test_what_is_marked_as_a_test_is_for_nobody_unless_it_is_live_all_the_same(mark: str) -> None:
    merge = adt("A40", pid(), "MRG|P2^^^RXX^MR", application="RIS")
    for live in (oru(), orm(), merge):
        raw = live.replace(b"|P|2.4", f"|{mark}|2.4".encode())
        held = only(raw)
        assert isinstance(held, Problem)
        assert (held.reason, held.location) == (HeldReason.TEST_MESSAGE, "MSH-11")
        assert only(raw, takes_tests=True) == only(live)
    for other in ("", "P^T", "X"):
        assert report(oru().replace(b"|P|2.4", f"|{other}|2.4".encode()))


def test_of_a_sender_that_names_its_imaging_the_rest_is_held() -> None:
    """A feed of all services: a variant of a gene without OBR-24 is no examination."""
    own = ("RAD", "LAB")
    for section in ("RAD", "rad^Radiology", "LAB"):
        report(oru().replace(b"||CR|F", f"||{section}|F".encode()), imaging_sections=own)
    for section in ("", "CT", "GEN"):
        raw = oru().replace(b"||CR|F", f"||{section}|F".encode())
        held = only(raw, imaging_sections=own)
        assert isinstance(held, Problem)
        assert held.reason is HeldReason.NOT_IMAGING
        report(raw)
    ordered = orm("SC", order="CM").replace(b"|CR|", b"||")
    assert isinstance(only(ordered, imaging_sections=own), ArrivingOrder), "its report may say it"
    other = only(orm("SC", order="CM"), imaging_sections=own)
    assert isinstance(other, Nothing)


# --- Kept -----------------------------------------------------------------------------------------


def test_every_setting_reaches_the_parser(trust: Trust, ris: Sender) -> None:
    change_sender(
        sender=ris,
        by=trust.administrator,
        zone="Europe/Paris",
        fallback_charset="latin-1",
        number_authority="RXX",
        nhs_words=["NHSIC"],
        nhs_position="PID-2",
        accession_fields=["OBR-18"],
        referrer_fields=["PV1-9"],
        location_fields=["ORC-17"],
        imaging_sections=["rad"],
        takes_tests=True,
        status_words={"Wet-Read": "preliminary"},
        order_words={"Exam Complete": "performed"},
        trigger_words={"*** ALERT ***": "critical"},
    )
    ris.refresh_from_db()
    assert profile_of(ris) == SenderProfile(
        zone="Europe/Paris",
        status_words=(("wet read", ArrivingStatus.PRELIMINARY),),
        fallback_charset="latin-1",
        default_authority="RXX",
        order_words=(("exam complete", OrderStep.PERFORMED),),
        trigger_words=(("*** ALERT ***", "critical"),),
        nhs_words=("NHSIC",),
        nhs_position="PID-2",
        referrer_fields=("PV1-9",),
        location_fields=("ORC-17",),
        accession_fields=("OBR-18",),
        imaging_sections=("RAD",),
        takes_tests=True,
    )
    kept = SenderChange.objects.get()
    assert (kept.by, kept.before["zone"], kept.after["zone"]) == (
        trust.administrator,
        "Europe/London",
        "Europe/Paris",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", " "),
        ("zone", "Mars"),
        ("fallback_charset", "no-such"),
        ("nhs_position", "PV1-3"),
        ("nhs_position", "PID-3.0"),
        ("referrer_fields", ["OBR"]),
        ("location_fields", ["ZPV-3"]),
        ("accession_fields", ["OBR-0"]),
        ("status_words", {"wet read": "odd"}),
        ("status_words", {"": "final"}),
        ("order_words", {"done": "final"}),
        ("trigger_words", {"##": "odd"}),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    trust: Trust, ris: Sender, name: str, value: object
) -> None:
    with pytest.raises(ValueError):
        change_sender(sender=ris, by=trust.administrator, **{name: value})
    assert not SenderChange.objects.exists()


def test_the_same_again_is_no_change_and_nobody_elses_is_possible(
    trust: Trust, ris: Sender
) -> None:
    assert change_sender(sender=ris, by=trust.administrator, zone="Europe/London") is None
    with pytest.raises(NotAllowed):
        change_sender(sender=ris, by=a_trust().administrator, zone="Europe/Paris")
    with pytest.raises(NotAllowed):
        change_sender(sender=ris, by=trust.radiologist, zone="Europe/Paris")


def test_accession_numbers_are_those_of_one_that_has_its_own(trust: Trust, ris: Sender) -> None:
    epr, pacs = (make_sender(code=f"{one}|RXX01", site=trust.site) for one in ("EPR", "PACS"))
    by = trust.administrator
    change = change_sender(sender=epr, by=by, accessions_of=ris)
    assert change is not None
    epr.refresh_from_db()
    assert (change.before, change.after) == ({"accessions_of": None}, {"accessions_of": ris.code})
    for sender, keeper in ((pacs, epr), (ris, pacs), (ris, ris), (pacs, a_trust().sender)):
        with pytest.raises(ValueError):
            change_sender(sender=sender, by=by, accessions_of=keeper)
    take_in(oru(application="PACS"), "night.hl7:1")
    with pytest.raises(ValueError, match="of its own"):
        change_sender(sender=pacs, by=by, accessions_of=ris)
    answer = signed_in(by).post(page(pacs), filled_in(pacs, accessions_of=str(ris.pk)))
    assert answer.status_code == 422
    assert "has examinations under accession numbers of its own" in words_of(answer)
    with pytest.raises(Error, match="its_own_accessions_or_anothers"):
        Sender.objects.filter(pk=ris.pk).update(accessions_of=ris)


def test_a_change_is_never_changed(trust: Trust, ris: Sender) -> None:
    change = change_sender(sender=ris, by=trust.administrator, zone="Europe/Paris")
    assert change is not None
    with pytest.raises(Error, match="Cannot update"):
        SenderChange.objects.filter(pk=change.pk).update(after={})


def test_the_command_line_leaves_its_line_too(trust: Trust, ris: Sender) -> None:
    out = StringIO()
    call_command("set_up_sender", "RIS|RXX01", zone="Europe/Paris", stdout=out)
    assert SenderChange.objects.get().by is None
    with pytest.raises(CommandError, match="not the name of a time zone"):
        call_command("set_up_sender", "RIS|RXX01", zone="Mars", stdout=out)


# --- The page -------------------------------------------------------------------------------------


def filled_in(sender: Sender, **changed: str) -> dict[str, str]:
    """The form as it is drawn, with these changes."""
    given = {
        "name": sender.name,
        "zone": sender.zone,
        "fallback_charset": sender.fallback_charset,
        "silence": sender.silence,
        "do": "save",
    }
    return given | changed


def page(sender: Sender) -> str:
    return reverse("sender", args=[sender.pk])


@pytest.fixture
def client(trust: Trust) -> Client:
    return signed_in(trust.administrator)


def test_a_setting_is_changed_on_its_page_and_what_is_held_is_filed(
    trust: Trust, ris: Sender, client: Client
) -> None:
    (held,) = take_in(oru(status="Odd"), "night.hl7:1").receipts
    assert held.reason == HeldReason.UNKNOWN_STATUS
    assert words_of(client.get(reverse("senders"))).count("RIS at RXX01") == 1
    answer = client.post(
        page(ris),
        filled_in(ris, status_words="odd = final\r\n", referrer_fields="pv1-9, OBR-16"),
        follow=True,
    )
    assert "Saved." in words_of(answer)
    assert "odd = final" in words_of(answer)
    assert f"{trust.administrator}, " in words_of(answer)
    ris.refresh_from_db()
    assert ris.referrer_fields == ["PV1-9", "OBR-16"]
    assert run_again(held, trust.coordinator).outcome == Receipt.Outcome.NEW_REPORT
    drawn = client.get(page(ris)).content.decode()
    assert "PV1-9, OBR-16" in drawn
    file = client.get(page(ris), {"as": "csv"}).getvalue().decode()
    assert "Words for a status" in file
    assert "odd = final" in file


def test_what_cannot_be_is_said_beside_the_field_and_what_was_typed_stays(
    ris: Sender, client: Client
) -> None:
    answer = client.post(page(ris), filled_in(ris, zone="Mars", order_words="done = final"))
    assert answer.status_code == 422
    words = words_of(answer)
    assert "Mars is not the name of a time zone" in words
    assert "write a word = placed or performed or cancelled" in words
    assert "done = final" in answer.content.decode()
    assert not SenderChange.objects.exists()


def test_a_message_is_tried_with_what_was_typed_and_nothing_is_kept(
    trust: Trust, ris: Sender, client: Client
) -> None:
    (first,) = take_in(oru(text="Old."), "night.hl7:1").receipts
    before = IncomingMessage.objects.count(), Report.objects.count()
    pasted = oru(status="Odd", text="Mass in the left lung.").decode().replace("\r", "\r\n")
    without = client.post(page(ris), filled_in(ris, do="try", message=pasted))
    assert "The status of the report is not known" in words_of(without)
    answer = client.post(
        page(ris), filled_in(ris, do="try", message=pasted, status_words="odd = corrected")
    )
    words = words_of(answer)
    assert "A report" in words
    assert "Corrected" in words
    assert "Mass in the left lung." in words
    assert "999 000 0018" in words
    assert (IncomingMessage.objects.count(), Report.objects.count()) == before
    ris.refresh_from_db()
    assert ris.status_words == {}
    assert not SenderChange.objects.exists()
    assert first.report is not None
    seen = Viewing.objects.filter(person=trust.administrator, page="sender")
    assert [one.patients for one in seen] == [[first.report.examination.patient_id]]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("", "Paste a message to try it on"),
        ("HELLO", "It could not be read"),
        (orm("CA").decode(), "Cancelled"),
        (orm(type_="ORR^O02").decode(), "Nothing to do"),
    ],
)
def test_whatever_is_tried_is_answered(
    ris: Sender, client: Client, message: str, words: str
) -> None:
    answer = client.post(page(ris), filled_in(ris, do="try", message=message))
    assert words in words_of(answer)


def test_the_form_knows_every_setting(ris: Sender, client: Client) -> None:
    drawn = client.get(page(ris)).content.decode()
    for name in SETTINGS:
        assert f'name="{name}"' in drawn, name
