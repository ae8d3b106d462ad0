"""A telephone call counts as telling, and as acknowledging only where it was taken on."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from findings import words
from findings.models import Event, Finding, Person, PhoneCall, Role
from findings.rules import NotAllowed
from findings.services.acknowledge import accept_offer
from findings.services.offer import offer_finding
from findings.services.phone import Call, record_call, record_owner_phoned
from findings.states import MoveRefused, State
from notifications.models import Notification
from notifications.rounds import deliver, fire
from tests.engine.mail import MailServer
from tests.factories import TeamFactory, Trust, acknowledged, flagged
from tests.pages import fill_in, signed_in, words_of

pytestmark = pytest.mark.django_db
PLAN = "I will see the patient today."


def call(**more: Any) -> Call:
    given = {
        "called_at": timezone.now() - timedelta(minutes=5),
        "said": "Large pneumothorax on the right.",
        "was_read_back": True,
    }
    return Call(**given | more)


def test_a_call_is_kept_with_who_when_what_and_read_back(trust: Trust) -> None:
    finding = flagged(trust)
    made = record_call(
        finding=finding, by=trust.radiologist, call=call(spoke_to_words="Nurse in charge, Ward 7")
    )
    event = finding.events.get(kind=Event.Kind.PHONED)
    assert event.by == trust.radiologist
    assert event.data["to"] == "Nurse in charge, Ward 7"
    assert event.data["read_back"] is True
    shown = words_of(signed_in(trust.radiologist).get(reverse("finding", args=[finding.reference])))
    assert (
        f"Telephoned Nurse in charge, Ward 7 on {words.when(made.called_at)}. Read back." in shown
    )
    assert f"First told {words.when(made.called_at)}, Nurse in charge, Ward 7 by telephone" in shown


def test_a_call_alone_acknowledges_nothing(trust: Trust) -> None:
    finding = flagged(trust)
    record_call(finding=finding, by=trust.radiologist, call=call(spoke_to=trust.referrer))
    finding.refresh_from_db()
    assert finding.state == State.AWAITING
    fire()
    assert Notification.objects.filter(recipient=trust.referrer, step__level=1).exists()


def test_whoever_takes_it_on_by_telephone_holds_it_and_is_told_in_writing(
    trust: Trust, mail: MailServer
) -> None:
    finding = flagged(trust)
    record_call(
        finding=finding, by=trust.radiologist, call=call(spoke_to=trust.colleague, plan=PLAN)
    )
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == (State.ACKNOWLEDGED, trust.colleague)
    assert (finding.acknowledged_by, finding.plan) == (trust.colleague, PLAN)
    event = finding.events.get(kind=Event.Kind.ACKNOWLEDGED)
    assert (event.by, event.data["on_behalf_of"]) == (trust.radiologist, str(trust.colleague))
    assert not finding.steps.filter(clock__kind="acknowledge").unfired().exists()
    fire()
    deliver()
    assert trust.colleague.email in [one.to for one in mail.arrived]


def test_somebody_of_another_team_who_takes_it_on_holds_it_through_theirs(trust: Trust) -> None:
    team = TeamFactory(organisation=trust.organisation)
    other = trust.add(Role.REFERRER, team=team)
    finding = flagged(trust)
    record_call(finding=finding, by=trust.radiologist, call=call(spoke_to=other, plan=PLAN))
    finding.refresh_from_db()
    assert (finding.owner, finding.team) == (other, team)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"said": " "}, "what was said"),
        ({}, "whom you spoke to"),
        ({"spoke_to_words": "A nurse", "plan": PLAN}, "in the directory"),
        ({"spoke_to": "referrer", "plan": PLAN, "was_read_back": False}, "did not read back"),
        (
            {"spoke_to": "referrer", "called_at": timezone.now() + timedelta(hours=1)},
            "in the future",
        ),
    ],
)
def test_a_call_that_cannot_be_is_refused(trust: Trust, wrong: dict[str, Any], says: str) -> None:
    wrong = dict(wrong)
    if "spoke_to" in wrong:
        wrong["spoke_to"] = trust.referrer
    with pytest.raises(ValueError, match=says):
        record_call(finding=flagged(trust), by=trust.radiologist, call=call(**wrong))
    assert not PhoneCall.objects.exists()


def test_nobody_who_cannot_hold_it_takes_it_on(trust: Trust) -> None:
    with pytest.raises(NotAllowed):
        record_call(
            finding=flagged(trust),
            by=trust.radiologist,
            call=call(spoke_to=trust.governance, plan=PLAN),
        )
    assert not PhoneCall.objects.exists()


def test_what_somebody_took_on_before_is_not_taken_on_again(trust: Trust) -> None:
    finding = acknowledged(trust)
    with pytest.raises(MoveRefused):
        record_call(
            finding=finding, by=trust.radiologist, call=call(spoke_to=trust.colleague, plan=PLAN)
        )
    assert not finding.events.filter(kind=Event.Kind.PHONED).exists()


@pytest.mark.parametrize("who", ["referrer", "colleague", "administrator"])
def test_only_whoever_flagged_or_oversees_it_records_a_call(trust: Trust, who: str) -> None:
    with pytest.raises(NotAllowed):
        record_call(
            finding=flagged(trust), by=getattr(trust, who), call=call(spoke_to=trust.referrer)
        )


def typed(**more: str) -> dict[str, str]:
    now = timezone.localtime() - timedelta(minutes=5)
    given = {
        "called_at-day": str(now.day),
        "called_at-month": str(now.month),
        "called_at-year": str(now.year),
        "called_at-time": f"{now:%H:%M}",
        "said": "Large pneumothorax.",
        "took_it_on": "no",
    }
    return given | more


def page_of(finding: Finding) -> str:
    return reverse("call", args=[finding.reference])


def test_from_the_page_to_an_acknowledgement(trust: Trust) -> None:
    finding, client = flagged(trust), signed_in(trust.radiologist)
    answer = typed(
        known="directory",
        name=trust.referrer.family_name,
        person=str(trust.referrer.pk),
        was_read_back="on",
        took_it_on="yes",
        plan=PLAN,
    )
    done = fill_in(client, page_of(finding), answer)
    assert done.status_code == 302
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == (State.ACKNOWLEDGED, trust.referrer)


def test_the_page_has_the_owner_and_the_moment_filled_in(trust: Trust) -> None:
    finding, client = flagged(trust), signed_in(trust.radiologist)
    page = client.get(page_of(finding)).content.decode()
    assert 'value="owner" checked' in page
    now = words.local(timezone.now())
    assert f'name="called_at-year" type="text" value="{now.year}"' in page
    given = {name: value for name, value in typed().items() if not name.startswith("called")}
    known = {"known": "owner", "was_read_back": "on", "took_it_on": "yes", "plan": PLAN}
    moment = {f"called_at-{part}": str(getattr(now, part)) for part in ("day", "month", "year")}
    answer = given | known | moment | {"called_at-time": f"{now:%H:%M}"}
    assert fill_in(client, page_of(finding), answer).status_code == 302
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == (State.ACKNOWLEDGED, trust.referrer)


@pytest.mark.parametrize("back", ["", "my-flags"])
def test_one_press_says_that_the_owner_was_phoned(trust: Trust, back: str) -> None:
    trust.referrer.phone = "020 7946 0123"
    trust.referrer.save()
    finding, client = flagged(trust), signed_in(trust.radiologist)
    address = reverse("my-flags") if back else reverse("finding", args=[finding.reference])
    page = client.get(address)
    assert f"I have phoned {trust.referrer}" in words_of(page)
    assert "020 7946 0123" in words_of(page)
    press = {"owner": str(trust.referrer.pk), "from": back}
    done = client.post(reverse("phoned", args=[finding.reference]), press)
    client.post(reverse("phoned", args=[finding.reference]), press)
    assert done.url == address
    made = PhoneCall.objects.get()
    assert (made.spoke_to, made.called_by) == (trust.referrer, trust.radiologist)
    assert (made.was_read_back, made.took_it_on) == (False, False)
    assert timezone.now() - made.called_at < timedelta(minutes=1)
    shown = words_of(client.get(address))
    assert f"Recorded: you phoned {trust.referrer} now. That is no acknowledgement" in shown
    finding.refresh_from_db()
    assert finding.state == State.AWAITING


def test_one_press_names_nobody_who_does_not_hold_it(trust: Trust) -> None:
    finding, client = flagged(trust), signed_in(trust.radiologist)
    press = reverse("phoned", args=[finding.reference])
    for owner in (str(trust.colleague.pk), "", "x"):
        assert client.post(press, {"owner": owner}).url == page_of(finding)
    with pytest.raises(ValueError, match="holds it now"):
        record_owner_phoned(finding=finding, by=trust.radiologist, owner=trust.colleague)
    for person, status in ((trust.referrer, 403), (trust.add(Role.REFERRER), 404)):
        answer = signed_in(person).post(press, {"owner": str(trust.referrer.pk)})
        assert answer.status_code == status
        page = signed_in(person).get(reverse("finding", args=[finding.reference]))
        assert "I have phoned" not in words_of(page)
    assert not PhoneCall.objects.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"known": "other"}, "Enter their name and job"),
        ({"known": "directory", "name": "nobodyatall"}, "Nobody who can hold this finding"),
        (
            {"known": "other", "spoke_to_words": "A nurse", "took_it_on": "yes", "plan": PLAN},
            "Only somebody in the directory",
        ),
        ({"known": "other", "spoke_to_words": "A nurse", "took_it_on": "yes"}, "what they will do"),
    ],
)
def test_the_page_says_what_is_missing(trust: Trust, change: dict[str, str], says: str) -> None:
    page = fill_in(signed_in(trust.radiologist), page_of(flagged(trust)), typed(**change))
    assert says in words_of(page)
    assert not PhoneCall.objects.exists()


# --- Offers ------------------------------------------------------------------------------------


def test_whoever_offered_hears_that_it_was_accepted(trust: Trust, mail: MailServer) -> None:
    team = TeamFactory(organisation=trust.organisation)
    other: Person = trust.add(Role.REFERRER, team=team)
    finding = acknowledged(trust)
    offer_finding(finding=finding, by=trust.referrer, to=other, because="Your clinic.")
    accept_offer(finding=finding, by=other, plan=PLAN)
    fire()
    deliver()
    own = [one for one in mail.arrived if one.to == trust.referrer.email]
    assert "your offer was accepted" in str(own[-1].message["Subject"])
    assert "You do not hold it any more" in own[-1].text
    assert not [one for one in mail.arrived if one.to == other.email and "accepted" in one.text]
