"""Alert codes in reports: proposed to a radiologist, flagged at once, or flagged in the end."""

from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.alert_codes import find
from findings.arrivals import ArrivingPatient, ArrivingPerson, ArrivingStatus, HeldReason
from findings.intake.importing import run_again, take_in
from findings.models import (
    Examination,
    Finding,
    IncomingMessage,
    Proposal,
    Receipt,
    Role,
    Rule,
    Viewing,
)
from findings.rules import NotAllowed
from findings.services.hold import set_aside
from findings.services.proposals import AlreadyAnswered, reject
from findings.services.propose import flag_unanswered, propose
from notifications import rounds, watchdog
from tests.factories import Trust, a_trust, flagged, report, reported
from tests.messages import oru
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

CODE = "Nodule of 14 mm.\nCANCER: lung"
CRITICAL = "Free gas under the diaphragm.\nCRITICAL ALERT"
Outcome = Proposal.Outcome
LIST = "/to-confirm/"


@pytest.fixture
def trust(db: None) -> Trust:
    return a_trust()


@pytest.fixture
def trusted(trust: Trust) -> Trust:
    trust.sender.flags_at_once = True
    trust.sender.save()
    return trust


def proposed(trust: Trust, text: str = CRITICAL, **fields: Any) -> Proposal:
    return report(trust, text=text, **fields).proposals.get()


def at_its_limit(proposal: Proposal) -> datetime:
    return proposal.due_at + timedelta(seconds=1)


# --- Proposed ------------------------------------------------------------------------------------


def test_an_alert_code_proposes_its_category_and_flags_nothing(trust: Trust) -> None:
    proposal = proposed(trust, CODE)
    assert (proposal.category_id, proposal.primary_site) == ("cancer", "lung")
    assert (proposal.words, proposal.line) == ("CANCER", "CANCER: lung")
    assert proposal.due_at - proposal.proposed_at == timedelta(hours=4)
    assert not Finding.objects.exists()


@pytest.mark.parametrize("text", ["No critical finding.", "CANCER: none", "Known cancer."])
def test_what_is_denied_proposes_nothing(trust: Trust, text: str) -> None:
    assert not report(trust, text=text).proposals.exists()


def test_codes_beside_the_words_and_the_senders_own_words_propose_too(trust: Trust) -> None:
    assert proposed(trust, "Mass.", codes=("AA",)).category_id == "critical"
    trust.sender.trigger_words = {"code amber": "urgent"}
    trust.sender.save()
    assert proposed(trust, "Mass. Code Amber.").category_id == "urgent"


def test_a_senders_alert_codes_and_whether_it_is_trusted_are_set_up(trust: Trust) -> None:
    given = {"trigger_word": ["*** ALERT = A ***=critical"], "flags_at_once": "yes"}
    call_command("set_up_sender", trust.sender.code, stdout=StringIO(), **given)
    trust.sender.refresh_from_db()
    assert trust.sender.trigger_words == {"*** ALERT = A ***": "critical"}
    assert proposed(trust, "*** Alert = A ***").outcome == Outcome.FLAGGED
    for wrong in ("ALERT=nonsense", "=critical", "ALERT"):
        with pytest.raises(CommandError, match="write a code"):
            call_command("set_up_sender", trust.sender.code, trigger_word=[wrong])


@pytest.mark.parametrize(
    ("category", "text", "minutes"),
    [("critical", CRITICAL, 15), ("urgent", "URGENT ALERT", 60), ("cancer", CODE, 240)],
)
def test_how_long_it_may_wait_is_policy(
    trust: Trust, category: str, text: str, minutes: int
) -> None:
    proposal = proposed(trust, text)
    assert proposal.category_id == category
    assert proposal.due_at - proposal.proposed_at == timedelta(minutes=minutes)


def test_the_next_version_proposes_only_what_is_new(trust: Trust) -> None:
    first = proposed(trust)
    same = {"accession": first.examination.accession, "patient": _who(first)}
    report(trust, text=f"{CRITICAL}\nAddendum.", status=ArrivingStatus.CORRECTED, **same)
    assert Proposal.objects.get() == first
    reject(proposal=first, by=trust.radiologist, because="Quoted.")
    report(trust, text=f"{CRITICAL}\nAgain.", status=ArrivingStatus.CORRECTED, **same)
    assert not Proposal.objects.open().exists(), "these words were rejected"
    report(trust, text="Another CRITICAL ALERT.", status=ArrivingStatus.CORRECTED, **same)
    assert Proposal.objects.open().get().line == "Another CRITICAL ALERT."


def test_what_is_flagged_is_not_proposed(trust: Trust) -> None:
    finding = flagged(trust, category="critical")
    same = {"accession": finding.examination.accession, "patient": _who(finding)}
    report(trust, text=CRITICAL, status=ArrivingStatus.CORRECTED, **same)
    assert not Proposal.objects.exists()


def test_a_withdrawn_report_ends_what_it_proposed_and_a_new_one_proposes_again(
    trust: Trust,
) -> None:
    first = proposed(trust)
    same = {"accession": first.examination.accession, "patient": _who(first)}
    now = timezone.now()
    report(trust, text="", status=ArrivingStatus.WITHDRAWN, reported_at=now, **same)
    first.refresh_from_db()
    assert (first.outcome, first.finding) == (Outcome.WITHDRAWN, None)
    later = now + timedelta(minutes=1)
    report(trust, text=CRITICAL, status=ArrivingStatus.CORRECTED, reported_at=later, **same)
    assert Proposal.objects.open().get().words == "CRITICAL ALERT"


def test_an_older_version_that_comes_late_proposes_nothing(trust: Trust) -> None:
    first = report(trust, text="Normal.")
    same = {"accession": first.examination.accession, "patient": _who(first)}
    before = first.reported_at - timedelta(hours=1)
    report(trust, text=CRITICAL, status=ArrivingStatus.PRELIMINARY, reported_at=before, **same)
    assert not Proposal.objects.exists()


def _who(of: Any) -> Any:
    patient = of.examination.patient
    return ArrivingPatient(
        family_name=patient.family_name,
        given_name=patient.given_name,
        birth_date=patient.birth_date,
        nhs_number=patient.nhs_number,
    )


# --- Flagged by the system ------------------------------------------------------------------------


def test_of_an_archive_no_alert_code_counts(trusted: Trust, tmp_path: Path) -> None:
    path = tmp_path / "archive.hl7"
    path.write_bytes(oru(text="CRITICAL ALERT"))
    call_command(
        "import_hl7", str(path), sender=trusted.sender.code, archive=True, stdout=StringIO()
    )
    assert Examination.objects.get().current_report.text == "CRITICAL ALERT"
    assert not Proposal.objects.exists()
    path.write_bytes(oru(text="CRITICAL ALERT", status="Odd"))
    with pytest.raises(CommandError):
        call_command(
            "import_hl7", str(path), sender=trusted.sender.code, archive=True, stdout=StringIO()
        )
    assert Receipt.objects.get(outcome="held").alert == ""


def test_a_trusted_sender_flags_at_once_for_whoever_reported_it(trusted: Trust) -> None:
    proposal = proposed(trusted, CODE)
    finding = Finding.objects.get()
    assert (proposal.outcome, proposal.finding, proposal.ended_by) == (
        Outcome.FLAGGED,
        finding,
        None,
    )
    assert (finding.category_id, finding.primary_site) == ("cancer", "lung")
    assert (finding.owner_person, finding.flagged_by) == (trusted.referrer, trusted.radiologist)
    assert finding.flagged_at == proposal.proposed_at
    event = finding.events.get(kind="flagged")
    assert (event.by, event.data["alert_code"]) == (None, "CANCER")
    assert finding.steps.order_by("due_at").first().audience == "owner"
    shown = words_of(signed_in(trusted.referrer).get(reverse("finding", args=[finding.reference])))
    assert f"By the system, for {trusted.radiologist}, since the report says “CANCER”" in shown


def test_what_is_not_sure_waits_for_a_person_whoever_sent_it(trusted: Trust) -> None:
    assert proposed(trusted, "If there is a critical finding, telephone us.").outcome == ""
    assert not Finding.objects.exists()


def test_a_reporter_nobody_knows_is_the_senders_account(trusted: Trust) -> None:
    for _ in range(2):
        proposed(trusted, reporter=ArrivingPerson(code="X1", family_name="Away"))
    one, two = Finding.objects.all()
    trusted.sender.refresh_from_db()
    assert one.flagged_by == two.flagged_by == trusted.sender.account


def test_a_cancer_without_a_site_says_that_none_was_stated(trusted: Trust) -> None:
    proposed(trusted, "CANCER ALERT")
    assert Finding.objects.get().primary_site == "Not stated"


def test_an_order_that_leads_to_nobody_is_routed_as_everywhere(trusted: Trust) -> None:
    proposed(trusted, requester=ArrivingPerson(), requesting_location="")
    assert Finding.objects.get().owner_team == trusted.coordination


def test_what_nobody_has_answered_by_its_limit_is_flagged(trust: Trust) -> None:
    proposal = proposed(trust)
    assert flag_unanswered(proposal.due_at - timedelta(seconds=1)) == []
    (finding,) = flag_unanswered(at_its_limit(proposal))
    proposal.refresh_from_db()
    assert (proposal.outcome, proposal.finding) == (Outcome.FLAGGED, finding)
    assert finding.counts_from == proposal.proposed_at, "that it waited gives nobody more time"
    assert flag_unanswered(at_its_limit(proposal)) == []


def test_what_a_correction_left_out_is_flagged_and_says_in_which_version_it_stood(
    trust: Trust,
) -> None:
    proposal = proposed(trust)
    same = {"accession": proposal.examination.accession, "patient": _who(proposal)}
    report(trust, text="Free gas.", status=ArrivingStatus.CORRECTED, **same)
    (finding,) = flag_unanswered(at_its_limit(proposal))
    assert finding.report.version == 2
    assert "(in version 1; read what the report says now)" in finding.description


def test_the_round_that_fires_flags_first_and_tells_the_owner_in_the_same_round(
    trust: Trust,
) -> None:
    proposal = _overdue(trust)
    rounds.fire()
    finding = Finding.objects.get()
    assert finding.proposals.get() == proposal
    assert finding.notifications.filter(recipient=trust.referrer).exists()


def _overdue(trust: Trust) -> Proposal:
    """As if its report had come an hour ago."""
    received = report(trust, text="Normal.")
    (one,) = propose(
        examination=received.examination,
        report=received,
        alerts=find(CRITICAL),
        since=timezone.now() - timedelta(hours=1),
    )
    return one


def test_what_cannot_be_flagged_stays_proposed_and_the_watchdog_says_so(trust: Trust) -> None:
    assert "alert code" not in " ".join(map(str, watchdog.look()))
    proposal = _overdue(trust)
    _change_unsigned("DEF-CRIT")
    assert flag_unanswered() == []
    assert Proposal.objects.open().get() == proposal
    said = [str(sentence) for sentence in watchdog.look()]
    assert any("1 alert code is in reports neither confirmed nor flagged" in one for one in said)


def test_without_a_signed_limit_nothing_waits(trust: Trust) -> None:
    _change_unsigned("DEF-CONFIRM-CRIT")
    proposal = proposed(trust)
    assert proposal.due_at == proposal.proposed_at
    (finding,) = flag_unanswered()
    assert finding.proposals.get() == proposal


def _change_unsigned(policy_id: str) -> None:
    """A newer version of a rule, which nobody has signed."""
    newest = Rule.objects.filter(policy_id=policy_id).latest("version")
    newest.pk, newest.version, newest.fingerprint = None, newest.version + 1, "newer"
    newest.save(force_insert=True)


# --- Confirmed or rejected ------------------------------------------------------------------------


def test_a_radiologist_sees_what_waits_and_confirms_it_on_the_form_filled_in(trust: Trust) -> None:
    proposal = proposed(trust, CODE)
    client = signed_in(trust.radiologist)
    page = client.get(LIST)
    shown = words_of(page)
    assert "Cancer, lung: “CANCER”" in shown
    assert "AoMRC 2022 as applied by Everlight and Barnsley" in shown
    assert "national" not in shown.lower()
    address = f"{reverse('flag', args=[proposal.examination.public_id])}?proposal={proposal.pk}"
    assert address in page.content.decode()
    form = client.get(address)
    assert "Flagging it confirms that" in words_of(form)
    assert 'value="cancer" checked' in " ".join(form.content.decode().split())
    typed = hidden_in(form) | {
        "category": "cancer",
        "primary_site": "Lung",
        "description": "Nodule of 14 mm.",
        "action": "referral",
        "holder": "order",
        "do": "flag",
    }
    client.post(address, typed)
    proposal.refresh_from_db()
    finding = Finding.objects.get()
    assert (proposal.outcome, proposal.ended_by, proposal.finding) == (
        Outcome.CONFIRMED,
        trust.radiologist,
        finding,
    )
    assert finding.events.get(kind="flagged").by == trust.radiologist
    assert "Nothing waits to be confirmed" in words_of(client.get(LIST))
    assert flag_unanswered(at_its_limit(proposal)) == []


def test_flagging_in_the_same_category_answers_it_too(trust: Trust) -> None:
    proposal = proposed(trust)
    finding = flagged(trust, category="critical", examination=proposal.examination)
    proposal.refresh_from_db()
    assert (proposal.outcome, proposal.finding) == (Outcome.CONFIRMED, finding)


def test_flagging_in_another_category_leaves_it_open(trust: Trust) -> None:
    proposal = proposed(trust)
    flagged(trust, category="urgent", examination=proposal.examination)
    assert Proposal.objects.open().get() == proposal


def test_rejecting_needs_a_reason_and_ends_it(trust: Trust) -> None:
    proposal = proposed(trust)
    client, address = signed_in(trust.radiologist), reverse("not-a-finding", args=[proposal.pk])
    empty = client.post(address, {"because": " "})
    assert (empty.status_code, Proposal.objects.open().count()) == (422, 1)
    assert "Say why it is not a finding" in words_of(empty)
    fill_in(client, address, {"because": "It quotes the report of May."})
    proposal.refresh_from_db()
    assert (proposal.outcome, proposal.because) == (
        Outcome.REJECTED,
        "It quotes the report of May.",
    )
    again = client.post(address, {"because": "Again."}, follow=True)
    assert f"answered already by {trust.radiologist}" in words_of(again)
    assert flag_unanswered(at_its_limit(proposal)) == []
    assert not Finding.objects.exists()


def test_only_a_radiologist_of_the_site_answers(trust: Trust) -> None:
    proposal = proposed(trust)
    for person in (trust.coordinator, trust.referrer, a_trust().radiologist):
        with pytest.raises(NotAllowed):
            reject(proposal=proposal, by=person, because="No.")
    with pytest.raises(ValueError, match="why"):
        reject(proposal=proposal, by=trust.radiologist, because="  ")
    reject(proposal=proposal, by=trust.radiologist, because="Quoted.")
    with pytest.raises(AlreadyAnswered):
        reject(proposal=proposal, by=trust.radiologist, because="Quoted.")


@pytest.mark.parametrize("who", ["coordinator", "governance", "radiologist"])
def test_whoever_watches_sees_it_and_another_trust_does_not(trust: Trust, who: str) -> None:
    proposal = proposed(trust)
    words = f"of {proposal.examination.patient.display_name}"
    assert words in words_of(signed_in(getattr(trust, who)).get(LIST))
    assert Viewing.objects.get().page == "to-confirm"
    assert words not in words_of(signed_in(getattr(a_trust(), who)).get(LIST))
    assert not Proposal.objects.visible_to(trust.referrer).exists()


def test_whoever_reported_it_sees_it_wherever_the_images_were_made(trust: Trust) -> None:
    away = trust.add(Role.RADIOLOGIST, site=a_trust().site)
    proposal = proposed(trust, reporter=ArrivingPerson(code=away.professional_code))
    assert Proposal.objects.visible_to(away).get() == proposal
    assert "For a radiologist of" in words_of(signed_in(away).get(LIST))
    away.is_active = False
    assert not Proposal.objects.visible_to(away).exists()


def test_the_report_page_says_that_an_alert_code_waits(trust: Trust) -> None:
    proposal = proposed(trust)
    address = reverse("report", args=[proposal.examination.public_id])
    of_radiologist = signed_in(trust.radiologist).get(address)
    assert "An alert code waits to be confirmed" in words_of(of_radiologist)
    assert f"?proposal={proposal.pk}" in of_radiologist.content.decode()
    of_referrer = signed_in(trust.referrer).get(address)
    assert "An alert code waits to be confirmed" in words_of(of_referrer)
    assert "?proposal=" not in of_referrer.content.decode()


def test_the_list_asks_as_much_for_three_as_for_one(trust: Trust) -> None:
    client = signed_in(trust.radiologist)
    proposed(trust)
    one = queries_without_banner(client, LIST)
    proposed(trust), proposed(trust, CODE)
    assert queries_without_banner(client, LIST) == one


@pytest.mark.parametrize("number", ["0", "x", "-1", "9" * 30, "\u0661"])
def test_a_proposal_that_is_none_is_an_ordinary_flag(trust: Trust, number: str) -> None:
    address = reverse("flag", args=[reported(trust).public_id])
    page = signed_in(trust.radiologist).get(address, {"proposal": number})
    assert page.status_code == 200
    assert "Flagging it confirms" not in words_of(page)


# --- What the database refuses --------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "rejected", "ended_at": timezone.now() + timedelta(hours=1)},
        {"outcome": "flagged", "ended_at": timezone.now() + timedelta(hours=1)},
        {"ended_at": timezone.now() + timedelta(hours=1)},
        {"outcome": "rejected"},
        {"due_at": timezone.now() + timedelta(days=1)},
        {"category": "urgent"},
    ],
)
def test_a_proposal_ends_with_who_and_why_and_never_changes(
    trust: Trust, change: dict[str, Any]
) -> None:
    proposal = proposed(trust)
    with pytest.raises(Exception, match=r"proposal|Cannot update"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(**change)


def test_a_proposal_is_open_once_a_category_ends_once_and_is_never_deleted(trust: Trust) -> None:
    proposal = proposed(trust)
    copy = Proposal.objects.get(pk=proposal.pk)
    copy.pk = None
    with pytest.raises(IntegrityError, match="one_open_proposal"), transaction.atomic():
        copy.save(force_insert=True)
    with pytest.raises(Exception, match="Cannot delete"), transaction.atomic():
        proposal.delete()
    reject(proposal=proposal, by=trust.radiologist, because="Quoted.")
    with pytest.raises(Exception, match="has ended"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(because="Otherwise.")


# --- Held ----------------------------------------------------------------------------------------


def held(trust: Trust, **fields: Any) -> Receipt:
    (receipt,) = take_in(
        oru(text=CRITICAL.replace("\n", "~"), **fields), "a", trust.sender
    ).receipts
    assert receipt.outcome == Receipt.Outcome.HELD
    return receipt


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "Odd"}, HeldReason.UNKNOWN_STATUS),
        ({"nhs_number": "9990000019"}, HeldReason.BAD_NHS_NUMBER),
        ({"reported": "20990101"}, HeldReason.BAD_TIME),
        ({"accession": ""}, HeldReason.MISSING_ACCESSION),
    ],
)
def test_a_held_report_with_an_alert_code_has_a_limit(
    trust: Trust, fields: dict[str, str], reason: HeldReason
) -> None:
    receipt = held(trust, **fields)
    assert (receipt.reason, receipt.alert) == (reason, "critical")
    received_at = IncomingMessage.objects.get().received_at
    assert receipt.alert_due_at == received_at + timedelta(minutes=15)


def test_an_identity_conflict_is_held_with_the_clock_running(trust: Trust) -> None:
    take_in(oru(), "a", trust.sender)
    receipt = held(trust, accession="A2", name="BEECH^BOB", born="19900101")
    assert receipt.reason == HeldReason.IDENTITY_CONFLICT
    assert (receipt.alert, receipt.alert_due_at is not None) == ("critical", True)
    assert Examination.objects.get().accession == "A1", "nothing of it is in the patient's record"


def test_what_could_not_be_read_at_all_is_looked_through_for_alert_codes(trust: Trust) -> None:
    (junk,) = take_in(b"Report of a CT.\nCRITICAL ALERT\n", "a", trust.sender).receipts
    assert (junk.reason, junk.alert) == (HeldReason.UNREADABLE, "critical")
    document = oru(text="CRITICAL ALERT").replace(b"ORU^R01", b"MDM^T02")
    (other,) = take_in(document, "a", trust.sender).receipts
    assert (other.outcome, other.alert) == (Receipt.Outcome.HELD, "critical")
    (plain,) = take_in(oru(status="Odd", text="Normal."), "a", trust.sender).receipts
    assert (plain.alert, plain.alert_due_at) == ("", None)


def test_a_held_alert_comes_first_and_past_its_limit_the_watchdog_speaks(trust: Trust) -> None:
    (plain,) = take_in(oru(status="Odd", text="Normal."), "a", trust.sender).receipts
    receipt = held(trust, status="Odd", accession="A2")
    client = signed_in(trust.coordinator)
    page = client.get(reverse("held-items"))
    html = page.content.decode()
    assert html.index(f"/held/{receipt.pk}/") < html.index(f"/held/{plain.pk}/")
    assert "At stake: critical" in words_of(page)
    assert "At stake: critical" in words_of(client.get(reverse("held-item", args=[receipt.pk])))
    assert "held item" not in " ".join(map(str, watchdog.look()))
    Receipt.objects.filter(pk=receipt.pk).update(alert_due_at=timezone.now() - timedelta(hours=1))
    (said,) = [one for one in watchdog.look() if "held item" in str(one)]
    assert str(said).startswith(
        "1 held item with an alert code or an open finding at stake: nobody"
    )
    assert (said.page, said.is_late) == ("held-items", True)
    set_aside(receipt=receipt, by=trust.coordinator, because="Telephoned; sent again.")
    assert "held item" not in " ".join(map(str, watchdog.look()))


def test_when_it_is_filed_its_proposal_counts_from_when_it_came(trust: Trust) -> None:
    receipt = held(trust, status="Odd")
    trust.sender.status_words = {"odd": "final"}
    trust.sender.save()
    filed = run_again(receipt, trust.coordinator)
    proposal = Proposal.objects.get()
    assert proposal.report == filed.report
    assert proposal.proposed_at == receipt.message.received_at
    assert proposal.due_at == receipt.alert_due_at, "the original clock"


def test_what_may_correct_a_report_with_an_open_finding_has_a_limit_too(trust: Trust) -> None:
    take_in(oru(), "a", trust.sender)
    finding = flagged(trust, category="urgent", examination=Examination.objects.get())
    wrong = oru(status="Odd", text="Other words.", control_id="2")
    (receipt,) = take_in(wrong, "a", trust.sender).receipts
    assert (receipt.reason, receipt.alert) == (HeldReason.UNKNOWN_STATUS, finding.category_id)
    other = oru(status="Odd", accession="A2", control_id="3")
    (plain,) = take_in(other, "a", trust.sender).receipts
    assert plain.alert == ""


def test_run_again_and_still_held_it_keeps_its_limit(trust: Trust) -> None:
    receipt = held(trust, status="Odd")
    again = run_again(receipt, trust.coordinator)
    assert (again.is_waiting, again.alert_due_at) == (True, receipt.alert_due_at)


def test_every_unclosed_report_is_in_exactly_one_queue(trust: Trust) -> None:
    """Held, then filed with nobody whom the order names: with the coordinators' team, its clock
    counting from when it came (case 46)."""
    receipt = held(trust, status="Odd", requester="", location="")
    assert _queues() == (1, 0, 0)
    trust.sender.status_words = {"odd": "final"}
    trust.sender.save()
    run_again(receipt, trust.coordinator)
    assert _queues() == (0, 1, 0)
    (finding,) = flag_unanswered(at_its_limit(Proposal.objects.get()))
    assert _queues() == (0, 0, 1)
    assert (finding.owner_team, finding.counts_from) == (
        trust.coordination,
        receipt.message.received_at,
    )


def _queues() -> tuple[int, int, int]:
    """Held, to confirm, and flagged."""
    return (
        Receipt.objects.alarming().count(),
        Proposal.objects.open().count(),
        Finding.objects.open().count(),
    )
