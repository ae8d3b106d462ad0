"""A trust in which something stands on the desk for every reason, for the tests of the desk."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from findings.intake.importing import take_in
from findings.models import Event, Examination, Finding, Role, Step, Team, Unroutable
from findings.services.acknowledge import decline_finding
from findings.services.act import record_action, record_patient_told
from findings.services.ask import ask_radiologist
from findings.services.offer import offer_finding
from findings.services.phone import Call, record_call
from findings.services.senders import make_sender
from findings.services.timeline import record, record_reading
from notifications.firing import fire_due_steps
from tests.factories import (
    SiteFactory,
    TeamFactory,
    Trust,
    acknowledged,
    flagged,
    leaves_unseen,
    report,
    waiting_examination,
)
from tests.integration.test_integration_page import every_half_hour
from tests.messages import oru

CATEGORY = "significant_unexpected"


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def everything(trust: Trust) -> dict[str, Any]:
    """By the code of each reason: what stands there for it. One more finding needs nobody."""
    other = trust.add(Role.REFERRER, team=TeamFactory(organisation=trust.organisation))
    made: dict[str, Any] = {
        "ladder_end": _up_the_ladder(trust),
        "unroutable": _unroutable(flagged(trust, category=CATEGORY)),
        "owner_left": _left(trust),
        "bounced": _bounced(trust),
        "declined_twice": _declined(trust, other),
        "late_unread": flagged(trust, at=ago(minutes=70)),
        "late_read": _read_late(trust),
        "forgotten": acknowledged(trust, flagged(trust, at=ago(days=2)), at=ago(days=2)),
        "result_late": _told(_acted(trust, expected_on=ago(days=10).date()), trust),
        "patient_not_told": _acted(trust, expected_on=timezone.localdate()),
        "question": _asked(trust),
        "offer": _offered(trust, other),
        "rung": _rung(trust),
        "to_confirm": report(trust, text="Free gas.\nCRITICAL ALERT").proposals.get(),
        "held": held("Nodule."),
        "held_alert": held("Free gas. CRITICAL ALERT"),
        "wait_end": _waited(trust),
        "wait_no_team": _without_team(trust),
        "unroutable_wait": _unroutable_wait(trust),
        "silent": make_sender(code="CRIS|RXX02", site=trust.site),
    }
    every_half_hour(made["silent"], until=ago(hours=5))
    flagged(trust, category=CATEGORY)
    return made


def _up_the_ladder(trust: Trust) -> Finding:
    """In time still, so that nothing else is said of it but that nobody is left to be told."""
    finding = flagged(trust, category=CATEGORY)
    Step.objects.filter(finding=finding).update(brought_forward_to=ago(minutes=1))
    fire_due_steps()
    return finding


def _unroutable(finding: Finding) -> Finding:
    Unroutable.objects.create(
        finding=finding, since_at=ago(hours=2), because="Dr Nobody has no address that works."
    )
    return finding


def _left(trust: Trust) -> Finding:
    leaver = trust.add(Role.REFERRER, team=trust.team)
    finding = flagged(trust, category=CATEGORY, owner=leaver)
    leaves_unseen(leaver)
    return finding


def failed(finding: Finding, **more: Any) -> Event:
    """A message to whoever holds it that was refused for good."""
    said = {"to": str(finding.owner), "channel": "email", "because": "No such mailbox."}
    kind = Event.Kind.SEND_FAILED
    return record(finding=finding, kind=kind, by=None, at=timezone.now(), **said | more)


def _bounced(trust: Trust) -> Finding:
    finding = flagged(trust, category=CATEGORY)
    failed(finding)
    failed(flagged(trust, category=CATEGORY), again=True)
    return finding


def _declined(trust: Trust, other: Any) -> Finding:
    finding = flagged(trust, category=CATEGORY)
    finding = decline_finding(finding=finding, by=trust.referrer, because="His.", to=other)
    return decline_finding(finding=finding, by=other, because="Not mine.")


def _read_late(trust: Trust) -> Finding:
    finding = flagged(trust, at=ago(minutes=80))
    record_reading(finding=finding, by=trust.colleague, page="finding")
    return finding


def _acted(trust: Trust, *, expected_on: date) -> Finding:
    """The result of a treatment, and nobody has told the patient."""
    finding = acknowledged(trust, flagged(trust, at=ago(days=60)), at=ago(days=60))
    record_action(
        finding=finding,
        by=trust.referrer,
        kind="treatment",
        text="Treated.",
        result_expected_on=expected_on,
        at=ago(days=59),
    )
    return finding


def _told(finding: Finding, trust: Trust) -> Finding:
    record_patient_told(finding=finding, by=trust.referrer, how=Finding.ToldHow.IN_PERSON)
    return finding


def _asked(trust: Trust) -> Finding:
    finding = flagged(trust, category=CATEGORY, at=ago(days=2))
    ask_radiologist(finding=finding, by=trust.referrer, text="Left or right?", at=ago(days=2))
    return finding


def _offered(trust: Trust, other: Any) -> Finding:
    finding = flagged(trust, category=CATEGORY, at=ago(days=2))
    at = ago(days=2)
    offer_finding(finding=finding, by=trust.referrer, because="Hers.", to=other, at=at)
    return finding


def call(**more: Any) -> Call:
    return Call(called_at=timezone.now(), said="Told.", was_read_back=True, **more)


def _rung(trust: Trust) -> Finding:
    finding = flagged(trust, at=ago(minutes=90))
    record_call(finding=finding, by=trust.coordinator, call=call(spoke_to=trust.referrer))
    return finding


def held(text: str) -> Any:
    number = Examination.objects.count() + len(text)
    raw = oru(text=text, control_id=f"{number}", accession=f"H{number}", application="NONE")
    return take_in(raw, "drop:1").receipts[0]


def _waited(trust: Trust) -> Examination:
    """At a site that has a reporting team."""
    kind = Team.Kind.REPORTING
    team = TeamFactory(organisation=trust.organisation, site=trust.site, kind=kind)
    trust.add(Role.RADIOLOGIST, team=team)
    examination = waiting_examination(trust, performed_at=ago(days=60))
    examination.clocks.get().steps.update(fired_at=timezone.now())
    return examination


def _without_team(trust: Trust) -> Examination:
    """Late, and with somebody still to be told."""
    elsewhere = SiteFactory(organisation=trust.organisation)
    return waiting_examination(trust, performed_at=ago(days=60), site=elsewhere)


def _unroutable_wait(trust: Trust) -> Examination:
    examination = waiting_examination(trust)
    because = "No team hears of it."
    Unroutable.objects.create(examination=examination, since_at=ago(hours=3), because=because)
    return examination
