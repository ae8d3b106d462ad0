"""The regulator's pack of one case: every version of the report, the whole timeline, every message
as it was sent, and the proof that none of it was changed."""

import json
from datetime import UTC, datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import rules, words
from findings.models import Event, Finding, Person
from findings.presenters.measures import Table
from findings.presenters.papers import Paper, Section, table
from findings.presenters.sentences import say
from findings.presenters.timeline import name_of
from findings.services.chain import check_chain, whole_words
from findings.views.access import signed_in, visible_finding
from findings.views.papers import shown
from notifications.models import DeliveryAttempt

CARE = (
    "Names a patient and those who treated them. For the person who asked for it, and nobody else."
)


@require_safe
def case_pack(request: HttpRequest, reference: str) -> HttpResponseBase:
    person = signed_in(request)
    rules.check_can_make_papers(person)
    finding = visible_finding(request, reference)
    return shown(
        request, pack_of(finding, person, timezone.now()), [finding.examination.patient_id]
    )


def pack_of(finding: Finding, by: Person, now: datetime) -> Paper:
    return Paper(
        f"Case {finding.reference}",
        by.organisation.name,
        f"Flagged {words.when(finding.flagged_at)}, {finding.state_words.lower()}",
        now,
        by.full_name,
        CARE,
        [
            _case(finding),
            _reports(finding),
            _timeline(finding),
            _messages(finding),
            _proof(finding),
        ],
    )


def _case(finding: Finding) -> Section:
    patient, examination = finding.examination.patient, finding.examination
    facts = [
        ("Patient", patient.display_name),
        ("Born", words.day(patient.birth_date)),
        ("NHS number", words.nhs_number(patient.nhs_number)),
        ("Examination", f"{examination.title}, {examination.accession}"),
        ("Images made", words.when(examination.performed_at)),
        ("Site", finding.site.name),
        ("Category", finding.category.name),
        ("Found", finding.description),
        ("Recommended", finding.recommended_action),
        ("Flagged", f"{words.when(finding.flagged_at)} by {finding.flagged_by}"),
        ("Held by", f"{finding.owner}, {finding.team}"),
        ("Stands at", finding.state_words),
        ("Outcome", finding.get_outcome_display() or "none yet"),
    ]
    return Section("The case", (), [table("case", "Facts", ["What", "Is"], facts)])


def _reports(finding: Finding) -> Section:
    versions = finding.examination.reports.select_related("reported_by").order_by("version")
    texts = [
        (
            f"Version {one.version}, {one.get_status_display().lower()}, verified"
            f" {_utc(one.reported_at)}, received {_utc(one.received_at)}, by"
            f" {one.reported_by or one.reporter_as_sent or 'somebody who is not known here'}",
            one.text,
        )
        for one in versions
    ]
    return Section("The report, in every version", (), (), texts)


def _timeline(finding: Finding) -> Section:
    events = finding.events.select_related("by").order_by("number")
    rows = [[one.number, _utc(one.at), name_of(one), say(one).whole] for one in events]
    said = ["Every line, in order. How each is kept, the proof says."]
    head = ["Line", "When (UTC)", "Who", "What"]
    return Section("The timeline", said, [table("lines", "Lines", head, rows)])


def _messages(finding: Finding) -> Section:
    attempts = (
        DeliveryAttempt.objects.filter(notification__finding=finding)
        .select_related("notification__recipient", "result")
        .order_by("started_at", "pk")
    )
    texts = [
        (
            f"{_utc(one.started_at)} to {one.notification.recipient},"
            f" {one.notification.get_channel_display()}: {_outcome(one)}",
            f"{one.subject}\n\n{one.body}",
        )
        for one in attempts
    ]
    said = [f"{words.plural(len(texts), 'try')} to send a message."]
    return Section("The messages", said, (), texts)


def _outcome(attempt: DeliveryAttempt) -> str:
    result = getattr(attempt, "result", None)
    if result is None:
        return "no result is known"
    detail = f" ({result.detail})" if result.detail else ""
    return f"{result.get_outcome_display().lower()}{detail}"


def _kept(finding: Finding) -> Table:
    rows = [
        [one.number, one.kind, _data(one), one.hash] for one in finding.events.order_by("number")
    ]
    return table("kept", "Lines as they are kept", ["Line", "Kind", "Data", "SHA-256"], rows)


def _data(event: Event) -> str:
    """As its hash covers it."""
    return json.dumps(event.data, ensure_ascii=False, cls=DjangoJSONEncoder) if event.data else ""


def _proof(finding: Finding) -> Section:
    chain = check_chain(finding)
    if chain.is_whole:
        found = [whole_words(finding)]
    else:
        found = [f"Line {one.number} is not as it was written: {one.why}." for one in chain.broken]
        found += ["The timeline has no lines."] if chain.empty else []
    return Section(
        "The proof",
        [
            *found,
            "Each line holds a SHA-256 hash over the hash of the line before it and over what it"
            " says: its finding, number, kind, moment, person and data. Whoever changes, removes or"
            " adds a line breaks the chain from there on. It was computed again for this paper; the"
            f" command is: manage.py verify_timeline {finding.reference}",
        ],
        [_kept(finding)],
    )


def _utc(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else "not known"
