"""Undoing a flag: while its first message waits and nobody knows, and never where minutes count."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Event, Finding, Role, Step
from findings.rules import NotAllowed
from findings.services.acknowledge import hand_over_finding
from findings.services.close import UNDONE, undo_flag
from findings.services.phone import Call, record_call
from findings.services.policy import PolicyError, load_policy, sign_rule
from findings.services.timeline import record_reading
from findings.states import State
from notifications.models import Notification
from notifications.rounds import fire
from tests.factories import Trust, a_trust, acknowledged, flagged, reported
from tests.integration.policy_files import own_copy
from tests.integration.test_finding_page import corrected
from tests.integration.test_flag_page import FlagPage
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db


def waits(under: Path, policy: str, offset: str) -> Path:
    """The trust's own files, in which the first step of one ladder waits."""
    folder = own_copy(under)
    ladders = folder / "ladders.csv"
    first = f"{policy},acknowledge,1,PT0M,"
    text = ladders.read_text(encoding="utf-8")
    assert first in text
    ladders.write_text(text.replace(first, f"{policy},acknowledge,1,{offset},"), encoding="utf-8")
    return folder


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    made = a_trust()
    load_policy(waits(tmp_path, "DEF-SIG", "PT10M"))
    sign_rule(policy_id="DEF-SIG", name="Dr A Example", role="Medical director")
    return made


def waiting(trust: Trust, **more: Any) -> Finding:
    return flagged(trust, **{"category": "significant_unexpected", **more})


def press(finding: Finding, by: Any) -> Any:
    return signed_in(by).post(reverse("undo-flag", args=[finding.reference]))


def test_it_is_undone_with_one_press_and_nobody_hears_of_it(trust: Trust) -> None:
    client = signed_in(trust.radiologist)
    page = FlagPage(client, reverse("flag", args=[reported(trust).public_id]))
    assert "(in 10 minutes)" in page.ahead("Significant unexpected")
    shown = words_of(client.get(page.press(category="significant_unexpected").url))
    assert "until then you can undo it" in shown
    assert "Undo: nobody has been told yet" in shown
    assert fire().notifications == 0
    finding = Finding.objects.get()
    assert press(finding, trust.radiologist).url == reverse(
        "report", args=[finding.examination.public_id]
    )
    finding.refresh_from_db()
    assert (finding.state, finding.withdrawn_because) == (State.WITHDRAWN, UNDONE)
    assert not Step.objects.unfired().filter(finding=finding).exists()
    assert not Notification.objects.exists()
    assert finding.events.filter(kind=Event.Kind.WITHDRAWN, by=trust.radiologist).exists()


def test_in_the_list_of_flags_it_is_undone_while_nobody_knows(trust: Trust) -> None:
    client = signed_in(trust.radiologist)
    unknown, known = waiting(trust), waiting(trust)
    record_reading(finding=known, by=trust.referrer, page="finding")
    flagged(trust, category="critical")
    shown = words_of(client.get(reverse("my-flags")))
    assert shown.count("Undo: nobody has been told yet") == 1
    assert f"Undo: nobody has been told yet about {unknown.reference}" in shown
    from_list = {"from": "my-flags"}
    pressed = client.post(reverse("undo-flag", args=[unknown.reference]), from_list)
    assert pressed.url == reverse("my-flags")
    shown = words_of(client.get(pressed.url))
    assert "The flag is undone. Nobody was told of it." in shown
    assert "Undo:" not in shown


def told(finding: Finding, trust: Trust) -> None:
    fire()


def read(finding: Finding, trust: Trust) -> None:
    record_reading(finding=finding, by=trust.referrer, page="finding")


def phoned(finding: Finding, trust: Trust) -> None:
    call = Call(
        called_at=timezone.now() - timedelta(seconds=1),
        said="A nodule.",
        was_read_back=False,
        spoke_to_words="A nurse",
    )
    record_call(finding=finding, by=trust.radiologist, call=call)


@pytest.mark.parametrize("again", ["corrected", "handed over"])
def test_only_a_flag_waits_and_not_what_is_asked_again(trust: Trust, again: str) -> None:
    finding = acknowledged(trust, waiting(trust, at=timezone.now() - timedelta(days=2)))
    fire()
    before = set(finding.notifications.values_list("pk", flat=True))
    assert finding.clocks.get(kind="acknowledge").steps.get(level=1).words == "first notification"
    if again == "corrected":
        corrected(trust, finding, "No nodule.")
    else:
        hand_over_finding(
            finding=finding, by=trust.coordinator, to=trust.colleague, because="On leave."
        )
    fire()
    finding.refresh_from_db()
    told = finding.notifications.exclude(pk__in=before).filter(step__level=1)
    assert {one.recipient for one in told} == {finding.owner_person}
    assert finding.events.filter(kind=Event.Kind.STEP_BROUGHT_FORWARD).count() == 1


@pytest.mark.parametrize(("known", "ago"), [(told, 11), (read, 0), (phoned, 0)])
def test_what_anybody_knows_of_is_withdrawn_with_a_reason(
    trust: Trust, known: Any, ago: int
) -> None:
    finding = waiting(trust, at=timezone.now() - timedelta(minutes=ago))
    known(finding, trust)
    answer = press(finding, trust.radiologist)
    assert answer.url == reverse("withdraw", args=[finding.reference])
    page = words_of(signed_in(trust.radiologist).get(answer.url))
    assert "Withdraw the finding" in page
    shown = signed_in(trust.radiologist).get(reverse("finding", args=[finding.reference]))
    assert "Undo" not in words_of(shown)
    finding.refresh_from_db()
    assert finding.state == State.AWAITING


def test_only_whoever_flagged_it_undoes_it_and_never_what_is_urgent(trust: Trust) -> None:
    finding = waiting(trust)
    for person in (trust.coordinator, trust.referrer, trust.add(Role.RADIOLOGIST, site=trust.site)):
        with pytest.raises(NotAllowed):
            undo_flag(finding=finding, by=person)
    assert press(finding, trust.referrer).status_code == 403
    for category in ("critical", "urgent"):
        at_once = flagged(trust, category=category)
        with pytest.raises(NotAllowed, match="Somebody knows"):
            undo_flag(finding=at_once, by=trust.radiologist)


@pytest.mark.parametrize(
    ("policy", "offset", "says"),
    [
        ("DEF-URG", "PT1M", "DEF-URG: the first step of acknowledge must be at once"),
        ("DEF-CRIT", "PT1M", "DEF-CRIT: the first step of acknowledge must be at once"),
        ("DEF-CANCER", "PT31M", "within 30 minutes"),
        ("DEF-SIG", "P1D", "within 30 minutes"),
    ],
)
def test_a_file_that_lets_it_wait_too_long_is_not_loaded(
    trust: Trust, tmp_path: Path, policy: str, offset: str, says: str
) -> None:
    (tmp_path / "own").mkdir()
    with pytest.raises(PolicyError, match=says):
        load_policy(waits(tmp_path / "own", policy, offset))
