"""Putting one's own reminders off, or the letter to the patient: with a reason and an end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.models import Clock, Event, Finding, Pause, Rule, Step
from findings.rules import NotAllowed
from findings.services.acknowledge import decline_finding, hand_over_finding
from findings.services.clocks import clock_of_state
from findings.services.pause import (
    end_hold,
    end_snooze,
    hold_letter,
    snooze,
    snooze_at_most_until,
)
from findings.services.policy import load_policy
from findings.states import ClockKind
from notifications.escalation import fire_finding
from tests.factories import TEXT, Trust, a_trust, acknowledged, flagged
from tests.integration.policy_files import own_copy
from tests.integration.test_finding_page import corrected
from tests.pages import fill_in, signed_in, words_of

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHY = "The scan is booked for tomorrow."


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def urgent(trust: Trust, **more: Any) -> Finding:
    """Acknowledge within 12 hours: the owner is reminded at 4, the consultant told at 12. It may
    be snoozed for 4 hours."""
    return flagged(trust, category="urgent", **more)


def reminder(finding: Finding) -> Step:
    return finding.steps.get(clock__kind="acknowledge", level=2)


def fired(finding: Finding, at: datetime) -> list[int]:
    """The levels of the acknowledge clock that have fired by this moment."""
    fire_finding(finding, at=at)
    steps = finding.steps.filter(clock__kind="acknowledge", fired_at__isnull=False, level__gt=0)
    return sorted(steps.values_list("level", flat=True))


def test_the_owners_reminder_waits_for_the_end_of_the_snooze_and_fires_then(trust: Trust) -> None:
    at = timezone.now()
    finding = urgent(trust, at=at)
    until_at = at + 2 * HOUR + 4 * HOUR
    snooze(finding=finding, by=trust.referrer, because=WHY, until_at=until_at, at=at + 2 * HOUR)
    assert fired(finding, at + 5 * HOUR) == [1]
    assert fired(finding, until_at - timedelta(seconds=1)) == [1]
    assert fired(finding, until_at) == [1, 2]


def test_the_steps_to_others_and_the_limit_do_not_move(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, category="significant_unexpected"))
    clock = clock_of_state(finding)
    others = list(clock.steps.exclude(audience="owner").values_list("level", "falls_at"))
    at = clock.due_at - 2 * DAY
    snooze(finding=finding, by=trust.referrer, because=WHY, until_at=clock.due_at, at=at)
    assert list(clock.steps.exclude(audience="owner").values_list("level", "falls_at")) == others
    assert Clock.objects.get(pk=clock.pk).due_at == clock.due_at


def test_no_snooze_passes_the_limit_of_the_clock(trust: Trust) -> None:
    at = timezone.now()
    finding = urgent(trust, at=at)
    due_at = clock_of_state(finding).due_at
    for ends_at in (due_at + timedelta(seconds=1), due_at + DAY):
        with pytest.raises(ValueError, match="at the latest"):
            snooze(
                finding=finding, by=trust.referrer, because=WHY, until_at=ends_at, at=at + 10 * HOUR
            )
    snooze(finding=finding, by=trust.referrer, because=WHY, until_at=due_at, at=at + 10 * HOUR)


def test_the_category_says_for_how_long_and_counts_from_the_first_snooze(trust: Trust) -> None:
    at = timezone.now()
    finding = urgent(trust, at=at)
    assert snooze_at_most_until(clock_of_state(finding), at) == at + 4 * HOUR
    snooze(finding=finding, by=trust.referrer, because=WHY, until_at=at + 2 * HOUR, at=at)
    with pytest.raises(ValueError, match="at the latest"):
        snooze(
            finding=finding,
            by=trust.referrer,
            because=WHY,
            until_at=at + 5 * HOUR,
            at=at + 2 * HOUR,
        )


def test_a_critical_finding_cannot_be_snoozed(trust: Trust) -> None:
    with pytest.raises(NotAllowed, match="cannot be snoozed"):
        snooze(
            finding=flagged(trust, category="critical"),
            by=trust.referrer,
            because=WHY,
            until_at=timezone.now() + HOUR,
        )


def test_a_snooze_needs_a_reason_and_an_end_in_the_future(trust: Trust) -> None:
    finding = urgent(trust)
    later = timezone.now() + HOUR
    with pytest.raises(ValueError, match="reason"):
        snooze(finding=finding, by=trust.referrer, because=" ", until_at=later)
    with pytest.raises(ValueError, match="future"):
        snooze(finding=finding, by=trust.referrer, because=WHY, until_at=later - DAY)


def test_the_database_refuses_a_snooze_beyond_its_limit(trust: Trust) -> None:
    finding = urgent(trust)
    clock, now = clock_of_state(finding), timezone.now()
    with transaction.atomic(), pytest.raises(IntegrityError, match="snooze_never_passes"):
        Pause.objects.create(
            finding=finding,
            clock=clock,
            kind="snooze",
            because=WHY,
            started_at=now,
            until_at=clock.due_at + DAY,
            at_most_until=clock.due_at,
            entered_by=trust.referrer,
        )


def test_only_whoever_holds_it_can_snooze_it(trust: Trust) -> None:
    with pytest.raises(NotAllowed):
        snooze(
            finding=urgent(trust),
            by=trust.coordinator,
            because=WHY,
            until_at=timezone.now() + HOUR,
        )


def test_undoing_it_fires_at_once_what_its_time_has_passed_for(trust: Trust) -> None:
    at = timezone.now()
    finding = urgent(trust, at=at)
    snooze(
        finding=finding,
        by=trust.referrer,
        because=WHY,
        until_at=at + 6 * HOUR,
        at=at + 3 * HOUR,
    )
    assert fired(finding, at + 5 * HOUR) == [1]
    end_snooze(finding=finding, by=trust.referrer, at=at + 5 * HOUR)
    assert fired(finding, at + 5 * HOUR) == [1, 2]
    ended = finding.events.get(kind=Event.Kind.PAUSE_ENDED)
    assert ended.by == trust.referrer


@pytest.mark.parametrize(
    ("end", "address", "ended"),
    [
        (end_snooze, "end-snooze", Pause.Kind.SNOOZE),
        (end_hold, "end-hold", Pause.Kind.HOLD),
    ],
)
def test_a_snooze_and_a_hold_end_each_on_its_own(
    trust: Trust, end: Callable[..., Finding], address: str, ended: Pause.Kind
) -> None:
    finding, by = urgent(trust), trust.referrer
    soon, later = timezone.now() + HOUR, timezone.now() + 10 * DAY
    snooze(finding=finding, by=by, because=WHY, until_at=soon)
    hold_letter(finding=finding, by=by, because=WHY, until_at=later)
    end(finding=finding, by=by)
    assert [pause.kind for pause in finding.pauses.open()] == [
        kind for kind in (Pause.Kind.SNOOZE, Pause.Kind.HOLD) if kind != ended
    ]
    of_the_ended = finding.pauses.get(kind=ended).clock
    assert not of_the_ended.steps.exclude(waits_until=None).exists()
    with pytest.raises(NotAllowed):
        end(finding=finding, by=by)
    client = signed_in(by)
    shown = client.get(reverse("finding", args=[finding.reference])).content.decode()
    offered = {name for name in ("end-snooze", "end-hold") if f"/{name}/" in shown}
    assert offered == {"end-snooze", "end-hold"} - {address}


@pytest.mark.parametrize("way", ["declined", "handed over", "corrected"])
def test_nobody_is_bound_by_the_snooze_of_whoever_held_it_before(trust: Trust, way: str) -> None:
    finding = urgent(trust)
    snooze(
        finding=finding,
        by=trust.referrer,
        because=WHY,
        until_at=timezone.now() + 4 * HOUR - timedelta(minutes=1),
    )
    if way == "declined":
        decline_finding(finding=finding, by=trust.referrer, because="No.", to=trust.colleague)
    elif way == "handed over":
        hand_over_finding(
            finding=finding, by=trust.coordinator, because="Away.", to=trust.colleague
        )
    else:
        corrected(trust, finding, TEXT.replace("14 mm", "19 mm"))
    assert not finding.pauses.open().exists()
    assert not finding.steps.filter(waits_until__isnull=False).exists()


def test_acknowledging_ends_the_snooze_with_its_clock(trust: Trust) -> None:
    finding = urgent(trust)
    snooze(finding=finding, by=trust.referrer, because=WHY, until_at=timezone.now() + HOUR)
    acknowledged(trust, finding)
    assert not finding.pauses.open().exists()


def test_the_letter_is_held_and_governance_hears_of_the_limit_all_the_same(trust: Trust) -> None:
    finding = acknowledged(trust)
    clock = finding.clocks.get(kind=ClockKind.TELL_PATIENT)
    hold_letter(
        finding=finding,
        by=trust.referrer,
        because="They are seen in clinic then.",
        until_at=clock.due_at + 5 * DAY,
    )
    fire_finding(finding, at=clock.due_at)
    told = clock.steps.filter(fired_at__isnull=False).values_list("audience", flat=True)
    assert list(told) == ["governance"]
    fire_finding(finding, at=clock.due_at + 5 * DAY)
    assert clock.steps.get(audience="coordinator").fired_at is not None


def test_the_policy_says_it_per_category_and_old_rules_stay_the_version_they_were(
    tmp_path, db: None
) -> None:
    """A file without the column loads as before: no rule becomes a new version that needs a new
    signature."""
    load_policy()
    folder = own_copy(tmp_path)
    lines = (folder / "policy.csv").read_text().splitlines()
    assert lines[0].endswith(",snooze_within")
    (folder / "policy.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    before = {rule.policy_id: rule.version for rule in Rule.objects.in_force()}
    load_policy(folder)
    after = {rule.policy_id: rule.version for rule in Rule.objects.in_force()}
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"DEF-URG", "DEF-SIG", "DEF-CANCER", "DEF-FOLLOWUP"}
    assert {rule.snooze_within for rule in Rule.objects.in_force()} == {""}


def test_the_pages_snooze_show_and_undo(trust: Trust) -> None:
    finding = urgent(trust)
    client, reference = signed_in(trust.referrer), finding.reference
    at = timezone.localtime() + 2 * HOUR
    typed = {
        "until_at-day": str(at.day),
        "until_at-month": str(at.month),
        "until_at-year": str(at.year),
        "until_at-time": f"{at:%H:%M}",
        "because": WHY,
    }
    answered = fill_in(client, reverse("snooze", args=[reference]), typed)
    assert answered.status_code == 302, words_of(answered)
    page = words_of(client.get(answered.url))
    assert "No limit has moved" in page
    assert WHY in page
    assert "Snoozed until" in page
    undone = fill_in(client, reverse("end-snooze", args=[reference]), {})
    page = words_of(client.get(undone.url))
    assert "It is not snoozed any more" in page
    assert "No longer snoozed" in page


def test_the_page_holds_the_letter(trust: Trust) -> None:
    finding = acknowledged(trust)
    on = timezone.localdate() + 30 * DAY
    typed = {
        "until_on-day": str(on.day),
        "until_on-month": str(on.month),
        "until_on-year": str(on.year),
        "because": "Seen in clinic then.",
    }
    client = signed_in(trust.referrer)
    answered = fill_in(client, reverse("hold-letter", args=[finding.reference]), typed)
    assert "Letter to the patient held until" in words_of(client.get(answered.url))
