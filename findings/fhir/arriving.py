"""A report on its way in: read as its sender writes, handed to the service, and the answer."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.report_fields import arriving_person
from findings.api.reports import LONGEST_KEY
from findings.arrivals import ArrivingReport
from findings.fhir import names
from findings.fhir.access import version_in, versioned
from findings.fhir.names import Json, address
from findings.fhir.outcome import Issue, Refused, operation_outcome
from findings.fhir.reading import read_report
from findings.fhir.search import bad, system_and_value
from findings.intake.importing import profile_of
from findings.models import Examination, Person, Report, Sender
from findings.services.filing import Outcome
from findings.services.submissions import (
    Filed,
    KeyReused,
    Known,
    NotOne,
    Overtaken,
    Submission,
    receive_submissions,
)

NAME = "DiagnosticReport"


def sender_of(system: str) -> int:
    """The key of the sender whose accessions this system names; 0: it names something else."""
    number = system.removeprefix(names.ACCESSION)
    return int(number) if number != system and number.isascii() and number.isdecimal() else 0


def by_public_id(said: str, column: str = "public_id") -> Q:
    try:
        return Q(**{column: UUID(said)})
    except ValueError:
        return Q(pk__in=[])


def replaced(
    sender: Sender, public_id: str, matching: str, entry: str = ""
) -> tuple[Examination, int]:
    """Which examination's report is replaced, if it stands at the version that is named: of this
    sender's own. `entry`: its place in a Bundle."""
    version = version_in(matching, f"{entry}.request.ifMatch" if entry else "http.If-Match")
    examination = sender.keeper.examinations.filter(by_public_id(str(public_id)))
    found = examination.exclude(current_report=None).first()
    if found is None:
        said = "This sender has no report with this id: POST it, and it gets one."
        raise Refused(404, Issue(said, entry and f"{entry}.request.url", "not-found"))
    return found, version


def read_as(sender: Sender, sent: Json, reporter: Person | None, **more: Any) -> ArrivingReport:
    """As this sender writes. `reporter` writes it now, whatever was sent."""
    read = read_report(sent, profile_of(sender), **more)
    if reporter is None:
        return read
    return replace(read, reporter=arriving_person(reporter))


def unless_of(request: Request, sender: Sender) -> Known | None:
    """If-None-Exist: the search that must find nothing, or it is not created."""
    return condition_of(request.headers.get("If-None-Exist", ""), sender)


def condition_of(said: str, sender: Sender) -> Known | None:
    if not said:
        return None
    pairs = list(QueryDict(said.removeprefix(f"{NAME}?").lstrip("?")).lists())
    if len(pairs) != 1 or pairs[0][0] != "identifier" or len(pairs[0][1]) != 1:
        raise bad("If-None-Exist", "Only identifier=value or identifier=system|value.")
    (value,) = pairs[0][1]
    if not value:
        raise bad("If-None-Exist", "The identifier is empty.")
    system, value = system_and_value(value)
    return Known(value, None if system and sender_of(system) == sender.keeper.pk else system)


def file(
    request: Request,
    sender: Sender,
    submissions: list[Submission],
    body: bytes,
    *,
    may_wait: bool,
    kind: str = NAME,
) -> list[Filed]:
    """Hand them to the service; what it refuses says which header or element it is about."""
    key = request.headers.get("Idempotency-Key", "")[:LONGEST_KEY]
    try:
        return receive_submissions(
            sender=sender,
            submissions=submissions,
            body=body,
            key=key,
            origin=request.path,
            may_wait=may_wait,
            kind=f"FHIR {kind}",
        )
    except KeyReused:
        said = "This Idempotency-Key was used for other content. Send it under another key."
        raise Refused(409, Issue(said, "http.Idempotency-Key", "duplicate")) from None
    except NotOne:
        said = "More than one report has this identifier: use one that names a single report."
        raise Refused(412, Issue(said, "http.If-None-Exist", "multiple-matches")) from None
    except Overtaken as overtaken:
        said = f"The report stands at version {overtaken.report.version}: read it, then send again."
        raise Refused(412, Issue(said, "http.If-Match", "conflict")) from None


def answer(filed: Filed, created: int = status.HTTP_201_CREATED) -> Response:
    """Where it is now and what to know about it; nothing of it is repeated."""
    is_new = filed.outcome not in (None, Outcome.DUPLICATE)
    row = filed.report
    return versioned(
        operation_outcome(issues_of(filed)),
        row.version,
        row.received_at,
        status=created if is_new else status.HTTP_200_OK,
        headers={"Location": location_of(row)},
    )


def location_of(row: Report) -> str:
    return address(f"{NAME}/{row.examination.public_id}/_history/{row.version}")


def issues_of(filed: Filed) -> list[Issue]:
    became = Outcome(filed.outcome).label if filed.outcome else "There was one already"
    said = [Issue(f"{became}.", code="informational", severity="information")]
    if filed.outcome:
        said += [
            Issue(notice, code="informational", severity="warning")
            for notice in filed.report.notices
        ]
    return said
