"""What a referrer promises on one page, and where it stands: the plan with its day, my week, who
told the patient, and for whom somebody acts."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings import words
from findings.models import Clock, Event, Finding, Role, Viewing
from findings.presenters import my_week
from findings.services.acknowledge import acknowledge_finding, hand_over_finding
from findings.services.act import record_action
from findings.states import BY_STATE
from notifications.rounds import deliver, fire
from tests.factories import TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.integration.test_leave import away
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

WEEK = reverse("my-week")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def of(name: str, finding: Finding) -> str:
    return reverse(name, args=[finding.reference])


def typed(name: str, day) -> dict[str, str]:
    parts = {"day": day.day, "month": day.month, "year": day.year}
    return {f"{name}-{part}": str(value) for part, value in parts.items()}


def limit(finding: Finding):
    return finding.clocks.running(*BY_STATE).get().due_at


def test_a_common_plan_is_sent_from_the_findings_own_page(trust: Trust) -> None:
    advised = timezone.localdate() + timedelta(days=3)
    finding = flagged(trust, category="cancer", recommended_on=advised)
    client = signed_in(trust.referrer)
    page = client.get(of("finding", finding))
    html = page.content.decode()
    assert f'action="{of("acknowledge", finding)}"' in html
    assert f'value="{advised.day}"' in html, "the day that was advised lies before the limit"
    finding.refresh_from_db()
    assert finding.state == "awaiting", "reading is not answering"

    sent = hidden_in(page) | {"choice": "see", "details": ""} | typed("plan_by", advised)
    assert client.post(of("acknowledge", finding), sent).headers["Location"] == of(
        "finding", finding
    )
    finding.refresh_from_db()
    assert (finding.plan, finding.plan_by) == ("See the patient", advised)
    said = words_of(client.get(of("finding", finding)))
    assert f"See the patient (by {words.day(advised)})" in said
    assert f"this is my plan, by {words.day(advised)}." in said

    hand_over_finding(finding=finding, by=trust.coordinator, because="x", to=trust.colleague)
    finding.refresh_from_db()
    assert finding.plan_by is None, "whoever holds it next has not promised it"
    radiologist = signed_in(trust.radiologist).get(of("finding", finding)).content.decode()
    assert 'name="choice"' not in radiologist


def test_a_plan_is_for_a_day_within_the_limit_and_moves_none(trust: Trust) -> None:
    finding, client = flagged(trust, category="urgent"), signed_in(trust.referrer)
    seeing = {"choice": "see", "details": ""}
    late = timezone.localdate() + timedelta(days=60)
    for day, said in ((late, "The limit to act is"), (late - timedelta(days=90), "in the past")):
        response = fill_in(client, of("acknowledge", finding), seeing | typed("plan_by", day))
        assert response.status_code == 422
        assert said in words_of(response)
    fill_in(client, of("acknowledge", finding), seeing | typed("plan_by", timezone.localdate()))
    other = acknowledged(trust, flagged(trust, category="urgent", at=finding.flagged_at))
    assert limit(finding) == limit(other)

    missed = flagged(trust, category="urgent", at=timezone.now() - timedelta(days=30))
    fill_in(client, of("acknowledge", missed), seeing | typed("plan_by", late))
    missed.refresh_from_db()
    assert missed.plan_by == late, "where the limit has passed, an honest day is taken"


def test_mine_but_somebody_else_will_act(trust: Trust) -> None:
    finding, client = flagged(trust), signed_in(trust.referrer)
    acts = {"whose": "acts", "because": "They ring on Monday."}
    response = fill_in(client, of("decline", finding), acts)
    assert response.status_code == 422
    assert "Say who will act" in words_of(response)
    assert fill_in(client, of("decline", finding), acts | {"who_acts": "Ward 7"}).status_code == 302
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == ("acknowledged", trust.referrer)
    assert finding.plan == "Ward 7 will act. They ring on Monday."
    assert not finding.events.filter(kind=Event.Kind.DECLINED).exists()
    said = words_of(client.get(of("finding", finding)))
    assert "Ward 7 is not told from here. Action due" in said


def test_my_week_has_what_is_late_first_and_then_day_by_day(trust: Trust) -> None:
    now, today = timezone.now(), timezone.localdate()
    late = acknowledged(trust, flagged(trust, category="critical", at=now - timedelta(hours=9)))
    planned = flagged(trust, category="cancer")
    plan = {"plan": "Clinic.", "plan_by": today + timedelta(days=1)}
    acknowledge_finding(finding=planned, by=trust.referrer, **plan)
    awaited = acknowledged(trust, flagged(trust, category="cancer"))
    record_action(
        finding=awaited,
        by=trust.referrer,
        kind="referral",
        text="Referred.",
        result_expected_on=today + timedelta(days=2),
    )
    far = acknowledged(trust, flagged(trust, category="cancer"))
    record_action(
        finding=far,
        by=trust.referrer,
        kind="imaging",
        text="Booked.",
        result_expected_on=today + timedelta(days=20),
    )
    theirs = acknowledged(trust, flagged(trust, category="cancer"), by=trust.colleague)

    said = words_of(signed_in(trust.referrer).get(WEEK))
    for one in (late, planned, awaited):
        assert one.reference in said
    assert theirs.reference not in said
    order = ["Late", late.reference, "Tomorrow, ", "Clinic.", "Record the result"]
    places = [said.find(each) for each in order]
    assert -1 not in places
    assert places == sorted(places)
    assert "due after that" in said
    assert Viewing.objects.filter(person=trust.referrer, page="my-week").count() == 1
    assert "Nothing is late" in words_of(signed_in(trust.add(Role.REFERRER)).get(WEEK))

    client = signed_in(trust.referrer)
    few = queries_without_banner(client, WEEK)
    for _ in range(5):
        acknowledged(trust, flagged(trust, category="critical"))
    assert queries_without_banner(client, WEEK) == few <= 15


def test_my_week_shows_what_is_nearest_and_counts_the_rest(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(my_week, "MOST", 2)
    late = [
        acknowledged(trust, flagged(trust, category="critical", at=now - timedelta(hours=hours)))
        for now in [timezone.now()]
        for hours in (9, 8, 7)
    ]
    said = words_of(signed_in(trust.referrer).get(WEEK))
    assert [one.reference in said for one in late] == [True, True, False]
    more = re.search(r"(\d+) more things? (?:is|are) late or falls? due this week", said)
    later = re.search(r"(\d+) more things? falls? due after that", said)
    counted = sum(int(found[1]) for found in (more, later) if found)
    assert more, said
    assert counted == Clock.objects.owed_by_holder().count() - 2
    seen = Viewing.objects.get(person=trust.referrer, page="my-week")
    assert len(seen.patients) == 2, "only whom the page named"


def test_who_told_the_patient_is_kept_beside_who_recorded_it(trust: Trust) -> None:
    finding, client = acknowledged(trust), signed_in(trust.referrer)
    told = {"how": "telephone", "who": "Sister Example, ward 7", "said": "Given the leaflet."}
    page = client.get(of("patient-told", finding))
    here = words.local(timezone.now())
    at = typed("told_at", here) | {"told_at-time": f"{here:%H:%M}"}
    client.post(of("patient-told", finding), hidden_in(page) | told | at)
    finding.refresh_from_db()
    assert finding.patient_told_who == "Sister Example, ward 7"
    said = words_of(signed_in(trust.radiologist).get(of("finding", finding)))
    assert f"by Sister Example, ward 7. Recorded by {trust.referrer}. Given the leaflet." in said
    assert said.count("by Sister Example, ward 7") == 2, "the timeline says it, too"


def test_whoever_stands_in_reads_for_whom_on_each_page_and_in_the_timeline(trust: Trust) -> None:
    elsewhere = TeamFactory(organisation=trust.organisation, site=trust.site)
    deputy = trust.add(Role.REFERRER, team=elsewhere)
    finding = flagged(trust, category="cancer")
    away(trust.referrer, deputy)
    behalf = f"You act on behalf of {trust.referrer}, who is on leave."
    client = signed_in(deputy)
    for name in ("finding", "acknowledge", "decline", "offer", "note", "snooze", "patient-told"):
        assert behalf in words_of(client.get(of(name, finding))), name
        own = words_of(signed_in(trust.colleague).get(of(name, finding)))
        assert "on behalf of" not in own, name
    assert f"held by {trust.referrer}, who is on leave" in words_of(client.get(WEEK))
    tomorrow = timezone.localdate() + timedelta(days=1)
    pause = typed("until_at", tomorrow) | {
        "until_at-time": "09:00",
        "because": "On the ward round.",
    }
    assert fill_in(client, of("snooze", finding), pause).status_code == 302
    event = finding.events.get(kind=Event.Kind.PAUSED)
    assert (event.by, event.data["on_behalf_of"]) == (deputy, str(trust.referrer))


def test_who_was_told_stands_near_the_top(trust: Trust) -> None:
    finding, client = flagged(trust, category="critical"), signed_in(trust.referrer)
    assert "Told so far:" not in words_of(client.get(of("finding", finding)))
    fire()
    deliver()
    said = words_of(client.get(of("finding", finding)))
    assert f"Told so far: {trust.referrer} (you)." in said
    assert said.index("Told so far") < said.index("What was found")
