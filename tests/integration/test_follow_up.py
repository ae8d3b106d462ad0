"""A further examination is advised: it has a clock; later ones are proposed, a person confirms."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingIdentifier, ArrivingPatient
from findings.models import Clock, Event, Examination, Finding, Recommendation
from findings.rules import NotAllowed
from findings.services.acknowledge import hand_over_finding
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding, withdraw_finding
from findings.services.follow_up import Advised, confirm_match, end_follow_up, refuse_matches
from findings.states import ClockKind
from findings.timetable import end_of_day
from tests.factories import TEXT, Trust, a_trust, acknowledged, flagged, nhs_number, reported
from tests.integration.test_finding_page import corrected
from tests.pages import fill_in, signed_in, words_of

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
NUMBER = nhs_number(4321)
ANN = ArrivingPatient(
    family_name="Alder",
    given_name="Ann",
    birth_date=date(1950, 1, 1),
    sex="F",
    nhs_number=NUMBER,
    identifiers=(ArrivingIdentifier("H4321", "RXX", "MR"),),
)
Kind, Outcome = Event.Kind, Recommendation.Outcome
DUE_ON = timezone.localdate() + timedelta(days=90)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def advised(trust: Trust, region: str = "chest", due_on: date = DUE_ON) -> Finding:
    first = reported(trust, patient=ANN)
    return flagged(trust, examination=first, advised=Advised("CT", region, due_on))


def later(trust: Trust, on: date, **fields: object) -> Examination:
    """An examination of the same patient on this day, at noon."""
    made_at = datetime.combine(on, time(12), LONDON)
    given = {"modality": "CT", "examination_description": "CT Chest", "performed_at": made_at}
    return reported(trust, **{"patient": ANN, **given, **fields})


def waits(finding: Finding) -> Clock | None:
    return finding.clocks.filter(kind=ClockKind.FOLLOW_UP, stopped_at__isnull=True).first()


def proposed(finding: Finding) -> list[Examination]:
    matches = finding.recommendations.get().matches.filter(refused_at__isnull=True)
    return [match.examination for match in matches]


def act(trust: Trust, finding: Finding, result_on: date, **more: object) -> None:
    record_action(
        finding=finding,
        by=trust.referrer,
        kind="imaging",
        text="CT requested.",
        result_expected_on=result_on,
        **more,
    )


def test_a_recommended_examination_has_a_clock_of_its_own_from_the_flag(trust: Trust) -> None:
    finding = advised(trust)
    clock = waits(finding)
    assert clock is not None
    assert clock.due_at == end_of_day(DUE_ON, LONDON)
    assert [step.audience for step in clock.steps.order_by("level")] == [
        "owner",
        "owner",
        "owner",
        "responsible",
        "coordinator",
        "governance",
    ]
    assert finding.clocks.get(kind="acknowledge").is_running


@pytest.mark.parametrize(
    ("days", "is_proposed"), [(-31, False), (-30, True), (0, True), (60, True), (61, False)]
)
def test_an_examination_is_proposed_from_30_days_before_until_60_days_after(
    trust: Trust, days: int, is_proposed: bool
) -> None:
    finding = advised(trust)
    examination = later(trust, DUE_ON + timedelta(days=days))
    assert (examination in proposed(finding)) is is_proposed


def test_another_modality_region_or_patient_is_not_proposed(trust: Trust) -> None:
    finding = advised(trust)
    later(trust, DUE_ON, modality="MR", examination_description="MRI Chest")
    later(trust, DUE_ON, examination_description="CT Head", examination_code="CHEAD")
    later(trust, DUE_ON, patient=_somebody_else())
    assert proposed(finding) == []


def _somebody_else() -> ArrivingPatient:
    from dataclasses import replace

    return replace(ANN, family_name="Birch", nhs_number=nhs_number(4322), identifiers=())


def test_plain_films_match_under_each_of_their_names(trust: Trust) -> None:
    first = reported(trust, patient=ANN)
    finding = flagged(trust, examination=first, advised=Advised("DX", "", DUE_ON))
    examination = later(trust, DUE_ON, modality="CR", examination_description="XR Chest")
    assert proposed(finding) == [examination]


def test_a_proposal_stops_nothing_and_tells_the_owner(trust: Trust) -> None:
    finding = advised(trust)
    later(trust, DUE_ON)
    assert waits(finding) is not None
    assert finding.events.filter(kind=Kind.MATCH_PROPOSED, by=None).count() == 1
    words = "a later examination may be the one advised"
    assert finding.steps.get(words=words).audience == "owner"


def test_a_new_version_of_the_same_report_proposes_nothing_twice(trust: Trust) -> None:
    finding = advised(trust)
    first = later(trust, DUE_ON)
    later(trust, DUE_ON, accession=first.accession, text="Other words.")
    assert finding.events.filter(kind=Kind.MATCH_PROPOSED).count() == 1


def test_a_confirmed_examination_stops_the_clock(trust: Trust) -> None:
    finding = advised(trust)
    examination = later(trust, DUE_ON)
    match = finding.recommendations.get().matches.get()
    confirm_match(finding=finding, match=match, by=trust.referrer)
    recommendation = finding.recommendations.get()
    assert (recommendation.outcome, recommendation.examination) == (Outcome.DONE, examination)
    assert waits(finding) is None


def test_a_refused_proposal_leaves_the_examination_awaited(trust: Trust) -> None:
    finding = advised(trust)
    later(trust, DUE_ON)
    before = waits(finding)
    refuse_matches(finding=finding, by=trust.referrer)
    assert proposed(finding) == []
    assert waits(finding) == before


def test_done_elsewhere_needs_words(trust: Trust) -> None:
    finding = advised(trust)
    with pytest.raises(ValueError, match="where and when"):
        end_follow_up(finding=finding, outcome=Outcome.ELSEWHERE, because=" ", by=trust.referrer)
    end_follow_up(
        finding=finding,
        outcome=Outcome.ELSEWHERE,
        because="At St Elsewhere on 3 March; report in the notes.",
        by=trust.referrer,
    )
    assert waits(finding) is None


def test_only_the_owner_or_their_team_says_what_became_of_it(trust: Trust) -> None:
    finding = advised(trust)
    with pytest.raises(NotAllowed):
        end_follow_up(
            finding=finding, outcome=Outcome.NOT_NEEDED, because="Known.", by=trust.coordinator
        )


def test_acknowledging_handing_over_and_a_correction_leave_its_limit_alone(trust: Trust) -> None:
    finding = acknowledged(trust, advised(trust))
    before = waits(finding)
    hand_over_finding(
        finding=finding, by=trust.coordinator, because="On leave.", to=trust.colleague
    )
    corrected(trust, finding, TEXT.replace("14 mm", "19 mm"))
    assert waits(finding) == before


def test_recording_an_action_gives_nobody_more_time_for_it(trust: Trust) -> None:
    finding = acknowledged(trust, advised(trust))
    act(trust, finding, DUE_ON + timedelta(days=200))
    assert waits(finding).due_at == end_of_day(DUE_ON, LONDON)


def test_an_action_whose_result_comes_earlier_asks_earlier(trust: Trust) -> None:
    finding = acknowledged(trust, advised(trust))
    act(trust, finding, DUE_ON - timedelta(days=20))
    assert waits(finding).due_at == end_of_day(DUE_ON - timedelta(days=20), LONDON)


def test_the_owner_can_record_the_examination_they_arranged(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, examination=reported(trust, patient=ANN)))
    act(trust, finding, DUE_ON, advised=Advised("CT", "chest", DUE_ON))
    examination = later(trust, DUE_ON)
    assert proposed(finding) == [examination]


def test_an_examination_that_was_there_before_the_flag_is_proposed_at_once(trust: Trust) -> None:
    first = reported(trust, patient=ANN, performed_at=timezone.now() - timedelta(days=40))
    soon = timezone.localdate() + timedelta(days=5)
    made = later(trust, timezone.localdate() - timedelta(days=2))
    finding = flagged(trust, examination=first, advised=Advised("CT", "chest", soon))
    assert proposed(finding) == [made]


def test_while_the_result_of_an_action_is_awaited_somebody_still_has_to_close(
    trust: Trust,
) -> None:
    finding = acknowledged(trust, advised(trust))
    act(trust, finding, DUE_ON)
    later(trust, DUE_ON)
    match = finding.recommendations.get().matches.get()
    confirm_match(finding=finding, match=match, by=trust.referrer)
    assert waits(finding) is not None


def test_a_finding_is_not_closed_while_its_examination_is_awaited(trust: Trust) -> None:
    finding = acknowledged(trust, advised(trust))
    act(trust, finding, DUE_ON)
    record_patient_told(finding=finding, by=trust.referrer, how="telephone")
    with pytest.raises(NotAllowed, match="what became of the recommended examination"):
        close_finding(finding=finding, by=trust.referrer, outcome="nothing")
    end_follow_up(
        finding=finding, outcome=Outcome.NOT_NEEDED, because="Too frail.", by=trust.referrer
    )
    finding.refresh_from_db()
    close_finding(finding=finding, by=trust.referrer, outcome="nothing")
    assert not finding.clocks.filter(stopped_at__isnull=True).exists()


def test_a_withdrawn_finding_awaits_no_examination(trust: Trust) -> None:
    finding = advised(trust)
    withdraw_finding(finding=finding, by=trust.radiologist, because="Flagged in error.")
    assert finding.recommendations.get().outcome == Outcome.ENDED
    assert waits(finding) is None


def test_the_pages_from_the_proposal_to_the_confirmation(trust: Trust) -> None:
    finding = advised(trust)
    examination = later(trust, DUE_ON)
    client = signed_in(trust.referrer)
    page = words_of(client.get(reverse("finding", args=[finding.reference])))
    assert "CT chest , due by" in page
    assert "may be it: somebody has to confirm" in page
    address = reverse("follow-up", args=[finding.reference])
    refused = fill_in(client, address, {"choice": "elsewhere"})
    assert "Say where and when it was done" in words_of(refused)
    match = finding.recommendations.get().matches.get()
    answered = fill_in(client, address, {"choice": f"match-{match.pk}"})
    assert answered.status_code == 302
    page = words_of(client.get(answered.url))
    assert "that was the recommended examination" in page
    assert "Recommended examination: done here." in page
    assert f"{examination.title}, {examination.accession}" in page


def test_why_it_is_none_of_these_stands_in_the_timeline(trust: Trust) -> None:
    finding = advised(trust)
    later(trust, DUE_ON)
    client = signed_in(trust.referrer)
    address = reverse("follow-up", args=[finding.reference])
    typed = {"choice": "none", "because": "That was the wrong leg."}
    after = fill_in(client, address, typed)
    assert "That was the wrong leg." in words_of(client.get(after.url))
    line = finding.events.get(kind=Kind.MATCH_REFUSED)
    assert (line.by, line.data["because"]) == (trust.referrer, "That was the wrong leg.")


def test_a_part_of_the_body_without_an_examination_is_not_dropped(trust: Trust) -> None:
    finding = acknowledged(trust)
    typed = {"kind": "imaging", "text": "Asked for.", "region": "chest"}
    page = fill_in(signed_in(trust.referrer), reverse("act", args=[finding.reference]), typed)
    assert "Select which examination" in words_of(page)
    assert not finding.actions.exists()


def test_the_owner_records_the_arranged_examination_on_the_page(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, examination=reported(trust, patient=ANN)))
    typed = {"kind": "imaging", "text": "CT requested.", "modality": "CT", "region": "chest"}
    fill_in(signed_in(trust.referrer), reverse("act", args=[finding.reference]), typed)
    assert finding.recommendations.get().title == "CT chest"
