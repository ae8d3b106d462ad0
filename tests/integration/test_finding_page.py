"""The page of a finding: what it says, to whom, and what reading it records."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingIdentifier, ArrivingPatient, ArrivingStatus
from findings.models import Category, Event, Finding, Person, Report, Viewing
from findings.presenters import finding as presenter
from findings.presenters.moments import step_words
from findings.presenters.sentences import SENTENCES, say
from findings.presenters.timeline import entries
from findings.services.policy import limits_under, rules_of
from findings.services.timeline import add_note, record_reading
from notifications.rounds import deliver, fire
from tests.factories import TEXT, Trust, a_trust, acknowledged, flagged, report, reported
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
LETTERS = ("hold-letter", "patient-letter")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def page_of(finding: Finding, person: Person, **headers: str) -> Any:
    address = reverse("finding", args=[finding.reference])
    return signed_in(person).get(address, headers=headers)


def text_of(finding: Finding, person: Person) -> str:
    response = page_of(finding, person)
    assert response.status_code == 200
    return words_of(response)


def readings(finding: Finding) -> int:
    return finding.events.filter(kind=Event.Kind.READ).count()


def corrected(trust: Trust, finding: Finding, text: str) -> Report:
    """A newer version of the report in which the finding was flagged."""
    examination = finding.examination
    patient = examination.patient
    return report(
        trust,
        accession=examination.accession,
        text=text,
        status=ArrivingStatus.CORRECTED,
        reported_at=timezone.now(),
        patient=ArrivingPatient(
            family_name=patient.family_name,
            given_name=patient.given_name,
            birth_date=patient.birth_date,
            sex="F",
            nhs_number=patient.nhs_number,
            identifiers=tuple(
                ArrivingIdentifier(one.value, one.authority, "MR")
                for one in patient.identifiers.all()
            ),
        ),
    )


def test_it_says_what_was_found_what_is_advised_and_by_when_to_answer(trust: Trust) -> None:
    finding = flagged(trust, category="cancer", at=timezone.now() - timedelta(minutes=5))
    page = text_of(finding, trust.referrer)
    assert finding.description in page
    assert finding.recommended_action in page
    assert finding.examination.patient.display_name in page
    assert TEXT in page
    assert "Acknowledgement due" in page


def test_a_late_promise_says_how_late_it_is(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - timedelta(hours=4))
    assert "(3 hours ago)" in text_of(finding, trust.referrer)


@pytest.mark.parametrize("code", ["critical", "urgent", "cancer", "significant_unexpected"])
def test_only_a_number_of_a_national_standard_is_called_national_guidance(
    trust: Trust, code: str
) -> None:
    page = text_of(flagged(trust, category=code), trust.referrer)
    shown = limits_under(*rules_of(Category.objects.get(code=code)))
    words = ("Acknowledge within", "Act within", "Tell the patient within")
    assert len(shown) == sum(page.count(one) for one in words)
    assert page.count("National guidance") == sum(limit.is_national for limit in shown)


def test_opening_it_is_recorded_and_stops_no_clock(trust: Trust) -> None:
    finding = flagged(trust)
    page = text_of(finding, trust.referrer)
    assert "Reading is not acknowledging" in page
    assert readings(finding) == 1
    event = finding.events.get(kind=Event.Kind.READ)
    assert event.by == trust.referrer
    finding.refresh_from_db()
    assert finding.state == "awaiting"
    assert finding.clocks.get(kind="acknowledge").is_running
    viewing = Viewing.objects.get(page="finding")
    assert viewing.person == trust.referrer
    assert viewing.patients == [finding.examination.patient_id]


def test_every_reading_is_recorded(trust: Trust) -> None:
    finding = flagged(trust)
    for person in (trust.referrer, trust.referrer, trust.coordinator):
        page_of(finding, person)
    assert readings(finding) == 3


def test_a_head_request_reads_nothing(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    assert client.head(reverse("finding", args=[finding.reference])).status_code == 200
    assert readings(finding) == 0


@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose", "X-Moz"])
def test_a_page_fetched_ahead_is_refused_so_that_nothing_is_read_unrecorded(
    trust: Trust, header: str
) -> None:
    finding = flagged(trust)
    response = page_of(finding, trust.referrer, **{header: "prefetch"})
    assert response.status_code == 503
    assert finding.examination.patient.family_name.encode() not in response.content
    assert readings(finding) == 0


def test_somebody_elses_finding_is_not_found(trust: Trust) -> None:
    finding = flagged(trust)
    stranger = a_trust().referrer
    assert page_of(finding, stranger).status_code == 404
    assert readings(finding) == 0


def test_without_a_sign_in_the_link_leads_there_and_back(trust: Trust) -> None:
    address = reverse("finding", args=[flagged(trust).reference])
    response = Client().get(address)
    assert response.status_code == 302
    assert response.headers["Location"] == f"{reverse('sign-in')}?next={address}"


def offered(finding: Finding, person: Person) -> list[str]:
    """Which answers the page leads to, in its order."""
    page = page_of(finding, person).content.decode()
    names = [answer.url_name for _, answer in presenter._ANSWERS]
    return [name for name in names if reverse(name, args=[finding.reference]) in page]


def test_the_owner_is_asked_mine_or_not_mine_first(trust: Trust) -> None:
    finding = flagged(trust)
    expected = ["acknowledge", "decline", "patient-told", "offer", "ask", *LETTERS, "note"]
    assert offered(finding, trust.referrer) == expected
    assert offered(finding, trust.colleague) == expected


def test_each_role_is_offered_what_the_rules_let_it_do(trust: Trust) -> None:
    finding = flagged(trust)
    assert offered(finding, trust.radiologist) == ["call", "change-category", "withdraw", "note"]
    assert offered(finding, trust.coordinator) == [
        "ask",
        "hand-over",
        "call",
        "change-category",
        "withdraw",
        "patient-letter",
        "note",
    ]
    assert offered(finding, trust.governance) == ["ask", "hand-over", "call", "note"]


def test_after_acknowledging_the_action_is_asked_for(trust: Trust) -> None:
    finding = acknowledged(trust)
    assert offered(finding, trust.referrer) == [
        "act",
        "patient-told",
        "offer",
        "take-back",
        "ask",
        *LETTERS,
        "note",
    ]


def test_it_shows_who_was_told_and_who_is_told_next_and_when(trust: Trust) -> None:
    finding = flagged(trust, at=timezone.now() - timedelta(minutes=20))
    fire()
    page = text_of(finding, trust.referrer)
    assert "Told so far" in page
    assert "The responsible consultant" in page
    assert f"{trust.responsible} (in this application, by e-mail)" in page
    assert "The governance leads" in page


def test_a_step_that_would_reach_nobody_says_so_beforehand(trust: Trust) -> None:
    finding = flagged(trust)
    trust.responsible.routes.all().delete()
    assert "Cannot be reached:" in text_of(finding, trust.referrer)


def test_what_became_of_each_message_is_in_the_timeline(trust: Trust) -> None:
    finding = flagged(trust)
    fire()
    deliver()
    page = text_of(finding, trust.referrer)
    assert "2 messages sent" in page
    assert f"Message sent to {trust.referrer} in this application, " in page
    assert f"Message sent to {trust.referrer} by e-mail, " in page


def test_a_corrected_report_says_what_was_changed_in_it(trust: Trust) -> None:
    finding = flagged(trust)
    corrected(trust, finding, TEXT.replace("14 mm", "19 mm"))
    page = text_of(finding, trust.referrer)
    assert "The report changed since this was flagged" in page
    assert "[Removed:] 14 [End of removed]" in page
    assert "[Added:] 19 [End of added]" in page
    assert "The report changed; an answer is asked for anew." in page


def test_an_unchanged_report_says_nothing_of_changes(trust: Trust) -> None:
    page = text_of(flagged(trust), trust.referrer)
    assert "changed since" not in page
    assert "[Added:]" not in page


def test_the_differences_put_together_are_both_texts() -> None:
    before = "A nodule of 14 mm.\n\nNo effusion.\nHeart normal."
    after = "A nodule of 19 mm.\n\nSmall effusion.\nHeart normal.\nDiscussed."
    pieces = presenter.differences(before, after)
    assert "".join(p.text for p in pieces if p.kind != "removed") == after
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert next(p.text for p in pieces if p.kind == "removed") == "14"
    assert next(p.text for p in pieces if p.kind == "added") == "19"


def test_two_very_long_reports_are_compared_in_less_than_a_second() -> None:
    before = " ".join(f"word{n}" for n in range(20_000))
    after = " ".join(f"word{n}" for n in range(1, 20_001))
    began = timezone.now()
    presenter.differences(before, after)
    assert timezone.now() - began < timedelta(seconds=1)


# --- The timeline ----------------------------------------------------------------------------


def test_every_kind_of_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Event.Kind)


@pytest.mark.parametrize("kind", Event.Kind)
def test_a_sentence_needs_none_of_an_events_data(kind: Event.Kind) -> None:
    assert say(Event(kind=kind, data={})).sentence.endswith(".")


def test_a_deed_and_what_followed_from_it_are_one_entry(trust: Trust) -> None:
    finding = acknowledged(trust)
    newest = entries(finding.events.select_related("by"))[0]
    assert newest.title == "Acknowledged: mine, and this is my plan."
    assert newest.by == str(trust.referrer)
    assert newest.text == "I will see the patient in clinic this week."
    assert next(line.split(".")[0] for line in newest.lines) == "Clock to acknowledge stopped"
    assert newest.lines[1].startswith("Clock started: act by")


def test_readings_in_a_row_are_one_entry_a_person(trust: Trust) -> None:
    finding = flagged(trust)
    for person in (trust.referrer, trust.colleague, trust.referrer):
        record_reading(finding=finding, by=person, page="finding")
    add_note(finding=finding, by=trust.referrer, text="Telephoned.")
    record_reading(finding=finding, by=trust.referrer, page="finding")
    made = entries(finding.events.select_related("by"))
    assert [(entry.title, entry.by) for entry in made[:4]] == [
        ("Read", str(trust.referrer)),
        ("Note.", str(trust.referrer)),
        ("Read 2 times", str(trust.referrer)),
        ("Read", str(trust.colleague)),
    ]


def test_a_note_is_added_and_stops_no_clock(trust: Trust) -> None:
    finding = flagged(trust)
    address = reverse("note", args=[finding.reference])
    response = fill_in(signed_in(trust.coordinator), address, {"text": "Ward telephoned."})
    assert response.status_code == 302
    assert "Ward telephoned." in text_of(finding, trust.referrer)
    assert finding.clocks.get(kind="acknowledge").is_running


@pytest.mark.parametrize(
    ("audience", "why", "said"),
    [
        ("owner", "the report has changed", "the owner (the report has changed)"),
        ("coordinator", "write to the patient", "the coordinators (write to the patient)"),
        ("coordinator", "limit reached: coordinator", "the coordinators (limit reached)"),
        ("team", "whole team", "the team"),
        ("governance", "governance lead", "the governance leads"),
    ],
)
def test_a_step_says_why_unless_that_only_names_them_again(
    audience: str, why: str, said: str
) -> None:
    assert step_words(audience, why) == said


# --- Its cost --------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_timeline(trust: Trust) -> None:
    finding = flagged(trust)
    client, address = signed_in(trust.referrer), reverse("finding", args=[finding.reference])
    few = queries_without_banner(client, address)
    for number in range(30):
        add_note(finding=finding, by=trust.colleague, text=f"Note {number}")
    flagged(trust, examination=reported(trust))
    assert queries_without_banner(client, address) == few
    assert few <= 25
