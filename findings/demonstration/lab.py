"""Drafts of policy in each of their states, and where the trust stands with what national bodies
recommend. Made last: what the stories were promised keeps its version."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from findings.demonstration.people import Hospital
from findings.models import NationalRecommendation, Person, PolicyDraft
from findings.rule_content import RuleContent
from findings.services.drafts import in_force, make_draft, save_draft, sign_draft
from findings.services.lab_runs import replay_draft
from findings.services.national import keep_standing, make_report
from findings.services.policy import rule_in_force

APPROVER, SAFETY = "iain.sutherland", "angela.merriweather"
# By code: where the trust stands, what shows it or why it does not apply, and in how many days it
# is looked at again.
STANDINGS: dict[str, tuple[str, str, int]] = {
    "PHSO-1": ("not_applicable", "Asked of national bodies; this list is how we follow it.", 0),
    "PHSO-2": ("under_way", "Imaging Safety is in use at all three sites.", 60),
    "PHSO-4": ("under_way", "Two sessions a month in the job plans of Aldersgate.", -12),
    "PHSO-5": ("done", "Minutes of the quarterly meeting, in the governance folder.", 90),
    "CQC-1": ("under_way", "A backlog report goes to the board each month.", 30),
    "RCR-3": ("done", "Audit of fail-safe alerts, each year in March.", 120),
    "RCR-6": ("done", "The timeline of each finding says who read and who took it on.", 200),
    "REALM-1": ("under_way", "Four meetings so far this year.", -3),
    "TAT-1": ("under_way", "Measured here; magnetic resonance is behind.", 45),
}


def make_drafts(hospital: Hospital, now: datetime) -> None:
    """One that is thought of, one that is signed for later, and one in force."""
    lead = hospital.people[APPROVER]
    urgent = _draft(
        lead,
        "DEF-URG",
        "Wards answer after the second reminder: let the consultant hear sooner.",
        "PT8H",
    )
    replay_draft(version=urgent.versions.all()[0], by=lead)
    later = _draft(
        lead,
        "DEF-CANCER",
        "The cancer board asks for an answer within one working day.",
        "P1D",
        now + timedelta(days=21),
    )
    _sign(hospital, later)
    sooner = _draft(
        lead,
        "DEF-SIG",
        "Agreed at the radiology governance meeting.",
        "P4D",
    )
    _sign(hospital, sooner)


def _draft(
    by: Person, policy_id: str, because: str, within: str, holds_from: datetime | None = None
) -> PolicyDraft:
    draft = make_draft(policy_id=policy_id, by=by, because=because)
    content = _sooner(replace(in_force(policy_id), acknowledge_within=within))
    save_draft(draft=draft, content=content, holds_from=holds_from, because=because, by=by, seen=1)
    return draft


def _sooner(content: RuleContent) -> RuleContent:
    """The responsible consultant hears when the new limit is reached."""
    rungs = [
        replace(rung, offset=content.acknowledge_within)
        if (rung.clock, rung.audience) == ("acknowledge", "responsible")
        else rung
        for rung in content.rungs
    ]
    return replace(content, rungs=tuple(rungs), source="Agreed at Calderwick")


def _sign(hospital: Hospital, draft: PolicyDraft) -> None:
    for name, capacity, title in (
        (APPROVER, "approver", "Head of clinical governance"),
        (SAFETY, "safety", "Clinical safety officer"),
    ):
        sign_draft(
            version=draft.versions.all()[0],
            beside=rule_in_force(draft.policy_id),
            by=hospital.people[name],
            capacity=capacity,
            title=title,
        )


def make_standings(hospital: Hospital, now: datetime) -> None:
    """Some said and some not, two of them overdue, and one report."""
    lead = hospital.people[SAFETY]
    today = timezone.localdate(now)
    rows = NationalRecommendation.objects.in_bulk(list(STANDINGS))
    for code, (status, said, days) in STANDINGS.items():
        is_applicable = status != "not_applicable"
        keep_standing(
            recommendation=rows[code],
            by=lead,
            status=status,
            because="" if is_applicable else said,
            evidence=said if is_applicable else "",
            owner=lead if is_applicable else None,
            review_on=today + timedelta(days=days) if days else None,
            seen=0,
        )
    make_report(by=lead)
