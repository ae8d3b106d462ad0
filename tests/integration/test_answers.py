"""The answers to a finding, given on their pages: what each asks, refuses, keeps and promises."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from findings import words
from findings.forms.people import folded
from findings.models import Action, Event, Finding, Person, Role, Team, Viewing
from findings.services.acknowledge import NAMED, acknowledge_finding, decline_finding
from findings.services.act import record_action, record_patient_told
from findings.states import BY_STATE
from tests.factories import TEXT, TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.integration.test_finding_page import corrected
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = [pytest.mark.django_db, pytest.mark.long]

ANSWERS = ["acknowledge", "decline", "act", "patient-told", "close", "withdraw", "hand-over"]
SEEING = {"choice": "see", "details": ""}


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def address(name: str, finding: Finding) -> str:
    return reverse(name, args=[finding.reference])


def answer(page: str, finding: Finding, by: Person, /, **typed: str) -> Any:
    """The answer as somebody gives it who opened the page a moment ago."""
    response = fill_in(signed_in(by), address(page, finding), typed)
    finding.refresh_from_db()
    return response


def acted_on(trust: Trust) -> Finding:
    finding = acknowledged(trust)
    record_action(
        finding=finding,
        by=trust.referrer,
        kind=Action.Kind.IMAGING,
        text="CT booked.",
        result_expected_on=timezone.localdate() + timedelta(days=7),
    )
    finding.refresh_from_db()
    return finding


def on(day: Any) -> dict[str, str]:
    """A date as typed into the field `result_expected_on`."""
    parts = {"day": day.day, "month": day.month, "year": day.year}
    return {f"result_expected_on-{part}": str(value) for part, value in parts.items()}


def at(moment: Any) -> dict[str, str]:
    """A moment as typed into the field `told_at`."""
    here = words.local(moment)
    return {
        "told_at-day": str(here.day),
        "told_at-month": str(here.month),
        "told_at-year": str(here.year),
        "told_at-time": f"{here:%H:%M}",
    }


# --- What all of them do ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_opening_an_answer_changes_nothing(trust: Trust, name: str) -> None:
    finding = acted_on(trust) if name in ("act", "close") else flagged(trust)
    by = trust.coordinator if name in ("withdraw", "hand-over") else trust.referrer
    before = list(finding.events.values_list("number", "kind"))
    response = signed_in(by).get(address(name, finding))
    assert response.status_code == 200
    assert finding.description in words_of(response)
    assert list(finding.events.values_list("number", "kind")) == before
    assert Finding.objects.get(pk=finding.pk).state == finding.state
    assert Viewing.objects.filter(person=by, page=name).count() == 1


@pytest.mark.parametrize("name", ANSWERS)
def test_somebody_elses_finding_cannot_be_answered_or_found(trust: Trust, name: str) -> None:
    finding = flagged(trust)
    client = signed_in(a_trust().referrer)
    assert client.get(address(name, finding)).status_code == 404
    assert client.post(address(name, finding), {"because": "x"}).status_code == 404


@pytest.mark.parametrize("name", ["acknowledge", "decline", "act", "close", "hand-over"])
def test_whoever_may_see_but_not_answer_is_told_so(trust: Trust, name: str) -> None:
    finding = flagged(trust)
    response = signed_in(trust.radiologist).get(address(name, finding))
    assert response.status_code == 403
    assert "Only " in words_of(response)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_empty_answer_is_refused_with_a_summary_and_changes_nothing(
    trust: Trust, name: str
) -> None:
    finding = acted_on(trust) if name in ("act", "close") else flagged(trust)
    by = trust.coordinator if name in ("withdraw", "hand-over") else trust.referrer
    state = finding.state
    response = answer(name, finding, by)
    assert response.status_code == 422
    assert "There is a problem" in words_of(response)
    assert finding.state == state


def test_no_answer_is_taken_without_its_forms_token(trust: Trust) -> None:
    from django.test import Client

    finding = flagged(trust)
    client = Client(enforce_csrf_checks=True)
    client.force_login(trust.referrer)
    assert client.post(address("acknowledge", finding), SEEING).status_code == 403
    finding.refresh_from_db()
    assert finding.state == "awaiting"


# --- Mine ------------------------------------------------------------------------------------


def test_acknowledging_stops_the_first_clock_and_says_what_is_promised_next(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    response = fill_in(client, address("acknowledge", finding), SEEING)
    assert response.headers["Location"] == address("finding", finding)
    finding.refresh_from_db()
    assert (finding.state, finding.plan) == ("acknowledged", "See the patient")
    due_at = finding.clocks.get(stopped_at__isnull=True, kind__in=BY_STATE).due_at
    page = words_of(client.get(address("finding", finding)))
    assert f"The first clock has stopped. Action due {words.near(due_at, timezone.now())}" in page


@pytest.mark.parametrize(
    ("choice", "details", "plan"),
    [
        ("see", "", "See the patient"),
        ("see", "In clinic on Friday.", "See the patient. In clinic on Friday."),
        ("as_recommended", "", "As recommended: CT chest within two weeks."),
        ("as_recommended", "Booked.", "As recommended: CT chest within two weeks. Booked."),
        ("other", "Ask the family first.", "Ask the family first."),
    ],
)
def test_the_plan_is_one_text_of_choice_and_words(
    trust: Trust, choice: str, details: str, plan: str
) -> None:
    finding = flagged(trust)
    answer("acknowledge", finding, trust.referrer, choice=choice, details=details)
    assert finding.plan == plan


def test_something_else_needs_words_and_what_was_typed_is_kept(trust: Trust) -> None:
    finding = flagged(trust)
    response = answer("acknowledge", finding, trust.referrer, choice="other", details="  ")
    assert "Say what you will do" in words_of(response)
    assert 'value="other" checked' in " ".join(response.content.decode().split())
    assert finding.state == "awaiting"


def test_a_colleague_of_the_team_who_acknowledges_holds_it(trust: Trust) -> None:
    finding = flagged(trust)
    answer("acknowledge", finding, trust.colleague, **SEEING)
    assert finding.owner == trust.colleague


# --- Two at once -----------------------------------------------------------------------------


def test_the_second_is_told_who_was_first_and_what_they_wrote(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.colleague)
    page = client.get(address("acknowledge", finding))
    acknowledge_finding(finding=finding, by=trust.referrer, plan="CT on Monday.")
    mine = hidden_in(page) | {"choice": "other", "details": "I will telephone the patient."}
    response = client.post(address("acknowledge", finding), mine)
    assert response.status_code == 409
    said = words_of(response)
    assert f"{trust.referrer} was first" in said
    assert "CT on Monday." in said
    assert "I will telephone the patient." in said
    finding.refresh_from_db()
    assert (finding.acknowledged_by, finding.plan) == (trust.referrer, "CT on Monday.")


def test_opening_an_answer_too_late_says_who_was_first(trust: Trust) -> None:
    finding = acknowledged(trust)
    response = signed_in(trust.colleague).get(address("acknowledge", finding))
    assert response.status_code == 409
    assert f"{trust.referrer} was first" in words_of(response)


def test_an_answer_to_one_version_of_the_report_is_not_taken_for_the_next(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    page = client.get(address("acknowledge", finding))
    corrected(trust, finding, TEXT.replace("14 mm", "41 mm"))
    mine = hidden_in(page) | {"choice": "see", "details": "Next month will do."}
    response = client.post(address("acknowledge", finding), mine)
    assert response.status_code == 409
    assert "The report changed since you opened this page" in words_of(response)
    finding.refresh_from_db()
    assert finding.state == "awaiting"
    # What was typed is in the form again, which knows the new version now.
    again = hidden_in(response) | {"choice": "see", "details": "Next month will do."}
    assert "Next month will do." in response.content.decode()
    assert client.post(address("acknowledge", finding), again).status_code == 302
    finding.refresh_from_db()
    assert finding.state == "acknowledged"


def test_leaving_out_what_the_page_had_seen_passes_nothing(trust: Trust) -> None:
    finding = flagged(trust)
    response = signed_in(trust.referrer).post(address("acknowledge", finding), SEEING)
    assert response.status_code == 409
    finding.refresh_from_db()
    assert finding.state == "awaiting"


@pytest.mark.parametrize("seen", ["", "abc", "-1", "99999999999999999999", "²"])
def test_a_nonsense_in_the_hidden_field_is_no_error_of_ours(trust: Trust, seen: str) -> None:
    finding = flagged(trust)
    typed = SEEING | {"seen": seen}
    response = signed_in(trust.referrer).post(address("acknowledge", finding), typed)
    assert response.status_code in (409, 422)
    finding.refresh_from_db()
    assert finding.state == "awaiting"


def test_readings_messages_and_notes_in_the_meantime_do_not_stop_an_answer(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    page = client.get(address("acknowledge", finding))
    signed_in(trust.colleague).get(address("finding", finding))
    answer("note", finding, trust.coordinator, text="Telephoned.")
    response = client.post(address("acknowledge", finding), hidden_in(page) | SEEING)
    assert response.status_code == 302


# --- Not mine --------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(trust: Trust) -> Team:
    return TeamFactory(organisation=trust.organisation, site=trust.site)


def due_at(finding: Finding) -> Any:
    return finding.clocks.get(stopped_at__isnull=True, kind__in=BY_STATE).due_at


def test_declining_without_naming_anybody_climbs_at_once_and_resets_no_clock(trust: Trust) -> None:
    finding = flagged(trust, category="cancer")
    before = due_at(finding)
    response = answer("decline", finding, trust.referrer, because="On leave.", whose="unknown")
    assert response.status_code == 302
    assert finding.owner == trust.team
    assert due_at(finding) == before
    assert finding.steps.filter(brought_forward_to__isnull=False).exists()
    page = words_of(signed_in(trust.referrer).get(address("finding", finding)))
    assert "Declined: not mine, and I do not know whose." in page


def test_whoever_is_named_by_two_at_the_same_moment_is_told_once(trust: Trust) -> None:
    finding, right = flagged(trust), trust.responsible
    for by in (trust.referrer, trust.colleague):
        decline_finding(finding=finding, by=by, because="Not mine.", to=right)
    named = finding.steps.filter(words=NAMED)
    assert named.count() == 1
    assert finding.events.filter(kind=Event.Kind.DECLINED).count() == 2
    decline_finding(finding=finding, by=right, because="Nor mine.", to=trust.colleague)
    decline_finding(finding=finding, by=trust.colleague, because="Yours.", to=right)
    assert named.count() == 3, "it came back to them"


def test_a_name_is_looked_up_and_confirmed_before_anybody_is_told(
    trust: Trust, elsewhere: Team
) -> None:
    right = trust.add(Role.REFERRER, team=elsewhere, given_name="Siân", family_name="O\u2019Brien")
    trust.add(Role.REFERRER, team=elsewhere, given_name="Sian", family_name="Obrienson")
    finding = flagged(trust)
    before = due_at(finding)
    typed = {"because": "Not my patient.", "whose": "named", "name": "sian o'brien"}
    listed = answer("decline", finding, trust.referrer, **typed)
    said = words_of(listed)
    assert "2 people are found for “sian o'brien”. Select who it is" in said
    assert f"{right}, " in said
    assert finding.owner == trust.referrer
    response = answer("decline", finding, trust.referrer, **typed, person=str(right.pk))
    assert response.status_code == 302
    assert finding.owner == right
    assert due_at(finding) == before


def test_a_professional_code_finds_its_one_bearer(trust: Trust, elsewhere: Team) -> None:
    right = trust.add(Role.REFERRER, team=elsewhere)
    finding = flagged(trust)
    typed = {"because": "No.", "whose": "named", "name": right.professional_code.lower()}
    said = words_of(answer("decline", finding, trust.referrer, **typed))
    assert "One person is found" in said
    assert str(right) in said


def test_whoever_gave_it_away_goes_home_and_not_to_a_page_that_is_not_theirs(
    trust: Trust, elsewhere: Team
) -> None:
    right = trust.add(Role.REFERRER, team=elsewhere)
    finding = flagged(trust)
    response = answer(
        "decline",
        finding,
        trust.referrer,
        because="Not mine.",
        whose="named",
        name=right.family_name,
        person=str(right.pk),
    )
    assert response.headers["Location"] == reverse("home")


def test_a_name_that_nobody_bears_is_said_beside_the_field(trust: Trust) -> None:
    finding = flagged(trust)
    typed = {"because": "Not my patient.", "whose": "named", "name": "Zzyzx"}
    response = answer("decline", finding, trust.referrer, **typed)
    assert "Nobody who can hold this finding is called “Zzyzx”" in words_of(response)
    assert "Not my patient." in response.content.decode()
    assert finding.owner == trust.referrer


@pytest.mark.parametrize("who", ["referrer", "radiologist", "coordinator"])
def test_only_somebody_who_can_hold_it_can_be_named(trust: Trust, who: str) -> None:
    named = getattr(trust, who)
    finding = flagged(trust)
    typed = {"because": "No.", "whose": "named", "name": named.family_name}
    response = answer("decline", finding, trust.referrer, **typed, person=str(named.pk))
    assert response.status_code == 422
    assert finding.owner == trust.referrer


def test_somebody_who_has_left_cannot_be_named(trust: Trust, elsewhere: Team) -> None:
    gone = trust.add(Role.REFERRER, team=elsewhere, is_active=False)
    finding = flagged(trust)
    typed = {"because": "No.", "whose": "named", "name": gone.family_name}
    response = answer("decline", finding, trust.referrer, **typed, person=str(gone.pk))
    assert response.status_code == 422
    assert finding.owner == trust.referrer


def test_names_are_found_without_accents_apostrophes_and_capitals() -> None:
    assert folded("Né-O\u2019Brien") == folded("NE O'BRIEN") == "ne obrien"


# --- Done ------------------------------------------------------------------------------------


def test_an_action_is_recorded_with_the_day_of_its_result(trust: Trust) -> None:
    finding = acknowledged(trust)
    day = timezone.localdate() + timedelta(days=10)
    answer("act", finding, trust.referrer, kind="referral", text="2WW sent.", **on(day))
    assert finding.state == "acted_on"
    assert finding.actions.get().result_expected_on == day
    page = words_of(signed_in(trust.referrer).get(address("finding", finding)))
    assert f"Result due by the end of {words.near_day(day, timezone.now())}" in page


def test_without_a_day_the_suggested_one_is_used_which_the_page_showed(trust: Trust) -> None:
    finding = acknowledged(trust)
    shown = words_of(signed_in(trust.referrer).get(address("act", finding)))
    answer("act", finding, trust.referrer, kind="referral", text="2WW sent.")
    day = finding.actions.get().result_expected_on
    assert f"Result expected on {words.day(day)} unless you say another day" in shown


def test_the_suggestion_for_imaging_is_the_day_that_the_radiologist_advised(trust: Trust) -> None:
    advised = timezone.localdate() + timedelta(days=60)
    finding = acknowledged(trust, flagged(trust, recommended_on=advised))
    answer("act", finding, trust.referrer, kind="imaging", text="Booked.")
    assert finding.actions.get().result_expected_on == advised


def test_a_result_cannot_be_expected_in_the_past(trust: Trust) -> None:
    finding = acknowledged(trust)
    yesterday = timezone.localdate() - timedelta(days=1)
    response = answer("act", finding, trust.referrer, kind="imaging", text="Done", **on(yesterday))
    assert "is in the past" in words_of(response)
    assert finding.state == "acknowledged"


def test_no_action_needed_asks_for_the_reason_and_not_for_a_day(trust: Trust) -> None:
    finding = acknowledged(trust)
    refused = answer("act", finding, trust.referrer, kind="none", text="")
    assert "Say why no action is needed" in words_of(refused)
    answer("act", finding, trust.referrer, kind="none", text="Known since 2019.")
    assert finding.actions.get().result_expected_on == timezone.localdate()


def test_a_day_that_does_not_exist_is_said_and_kept(trust: Trust) -> None:
    finding = acknowledged(trust)
    typed = {
        "kind": "imaging",
        "text": "Booked.",
        "result_expected_on-day": "31",
        "result_expected_on-month": "11",
        "result_expected_on-year": "2099",
    }
    response = answer("act", finding, trust.referrer, **typed)
    assert "November 2099 has 30 days" in words_of(response)
    assert 'value="31"' in response.content.decode()


# --- The patient -----------------------------------------------------------------------------


def test_telling_the_patient_is_recorded_with_when_and_how(trust: Trust) -> None:
    finding = acknowledged(trust)
    told = timezone.now() - timedelta(minutes=30)
    answer("patient-told", finding, trust.referrer, how="telephone", said="Anxious.", **at(told))
    assert finding.patient_told_how == "telephone"
    assert abs(finding.patient_told_at - told) < timedelta(minutes=1)
    assert finding.patient_told_note == "Anxious."


def test_the_patient_was_not_told_in_the_future_nor_before_the_images(trust: Trust) -> None:
    finding = acknowledged(trust)
    future = timezone.now() + timedelta(hours=2)
    response = answer("patient-told", finding, trust.referrer, how="letter", **at(future))
    assert "is in the future" in words_of(response)
    before = finding.examination.performed_at - timedelta(days=1)
    response = answer("patient-told", finding, trust.referrer, how="letter", **at(before))
    assert "The images were made on" in words_of(response)
    assert finding.patient_told_at is None


def test_not_telling_needs_a_reason_and_no_time(trust: Trust) -> None:
    finding = acknowledged(trust)
    refused = answer("patient-told", finding, trust.referrer, how="not_told")
    assert "Say why the patient was not told" in words_of(refused)
    assert finding.patient_told_how == ""
    answer("patient-told", finding, trust.referrer, how="not_told", said="Lacks capacity.")
    assert finding.patient_told_how == "not_told"


# --- The end ---------------------------------------------------------------------------------


def test_closing_and_telling_the_patient_are_one_page_and_happen_together(trust: Trust) -> None:
    finding = acted_on(trust)
    told = at(timezone.now() - timedelta(minutes=5))
    answer("close", finding, trust.referrer, outcome="nothing", how="in_person", **told)
    assert (finding.state, finding.outcome) == ("closed", "nothing")
    assert finding.patient_told_how == "in_person"
    assert not finding.clocks.filter(stopped_at__isnull=True).exists()


def test_a_close_that_is_refused_records_nothing_of_the_patient_either(trust: Trust) -> None:
    finding = acted_on(trust)
    client = signed_in(trust.referrer)
    page = client.get(address("close", finding))
    answer("withdraw", finding, trust.coordinator, because="Wrong patient.")
    typed = {"outcome": "nothing", "how": "in_person", **at(timezone.now())}
    response = client.post(address("close", finding), hidden_in(page) | typed)
    assert response.status_code == 409
    assert f"{trust.coordinator} was first" in words_of(response)
    finding.refresh_from_db()
    assert finding.patient_told_at is None


def test_a_patient_who_was_told_is_not_asked_about_again(trust: Trust) -> None:
    finding = acted_on(trust)
    record_patient_told(finding=finding, by=trust.referrer, how=Finding.ToldHow.LETTER)
    page = words_of(signed_in(trust.referrer).get(address("close", finding)))
    assert "How was the patient told?" not in page
    answer("close", finding, trust.referrer, outcome="cancer")
    assert finding.state == "closed"


def test_another_outcome_needs_words(trust: Trust) -> None:
    finding = acted_on(trust)
    typed = {"how": "letter", **at(timezone.now() - timedelta(minutes=1))}
    response = answer("close", finding, trust.referrer, outcome="other", **typed)
    assert "Say what the outcome is" in words_of(response)
    assert finding.state == "acted_on"


def test_a_radiologist_withdraws_an_own_flag_with_a_reason(trust: Trust) -> None:
    finding = flagged(trust)
    answer("withdraw", finding, trust.radiologist, because="Old film, wrong patient.")
    assert (finding.state, finding.withdrawn_because) == ("withdrawn", "Old film, wrong patient.")
    page = words_of(signed_in(trust.referrer).get(address("finding", finding)))
    assert "Old film, wrong patient." in page
    assert "No clock runs" in page


def test_an_ended_finding_says_so_to_whoever_still_has_its_page_open(trust: Trust) -> None:
    finding = flagged(trust)
    client = signed_in(trust.referrer)
    page = client.get(address("patient-told", finding))
    answer("withdraw", finding, trust.radiologist, because="In error.")
    typed = {"how": "letter", **at(timezone.now())}
    response = client.post(address("patient-told", finding), hidden_in(page) | typed)
    assert response.status_code == 409
    assert "In error." in words_of(response)


# --- To somebody else ------------------------------------------------------------------------


def test_a_coordinator_hands_over_to_a_team(trust: Trust, elsewhere: Team) -> None:
    trust.add(Role.REFERRER, team=elsewhere)
    finding = flagged(trust)
    typed = {"because": "Ward changed.", "receiver": "team", "team": str(elsewhere.pk)}
    answer("hand-over", finding, trust.coordinator, **typed)
    assert finding.owner == elsewhere
    assert finding.events.filter(kind=Event.Kind.HANDED_OVER, by=trust.coordinator).exists()


def test_a_coordinator_who_finds_nobody_is_told_what_else_there_is(trust: Trust) -> None:
    typed = {"receiver": "person", "name": "Nobody Atall", "because": "Not theirs."}
    said = words_of(answer("hand-over", flagged(trust), trust.coordinator, **typed))
    assert "or choose a team" in said
    assert "you do not know whose it is" not in said


def test_a_coordinator_hands_over_to_a_person_who_must_answer_anew(
    trust: Trust, elsewhere: Team
) -> None:
    right = trust.add(Role.REFERRER, team=elsewhere)
    finding = acknowledged(trust)
    typed = {
        "because": "Moved ward.",
        "receiver": "person",
        "name": right.family_name,
        "person": str(right.pk),
    }
    answer("hand-over", finding, trust.governance, **typed)
    assert (finding.state, finding.owner) == ("awaiting", right)


@pytest.mark.parametrize("whose", ["empty", "foreign"])
def test_a_team_that_cannot_hold_it_is_not_offered(trust: Trust, whose: str) -> None:
    foreign = a_trust().team
    team = TeamFactory(organisation=trust.organisation) if whose == "empty" else foreign
    finding = flagged(trust)
    typed = {"because": "x", "receiver": "team", "team": str(team.pk)}
    response = answer("hand-over", finding, trust.coordinator, **typed)
    assert response.status_code == 422
    assert finding.owner == trust.referrer


# --- Their cost ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acknowledge", "decline", "hand-over"])
def test_the_number_of_queries_of_an_answers_page_is_flat(
    trust: Trust, elsewhere: Team, name: str
) -> None:
    finding = flagged(trust)
    for _ in range(15):
        trust.add(Role.REFERRER, team=elsewhere, reachable=False)
    client = signed_in(trust.coordinator if name == "hand-over" else trust.referrer)
    assert queries_without_banner(client, address(name, finding)) <= 20
