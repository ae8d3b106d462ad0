"""What came by FHIR or the JSON API and is held, read again as its sender is set up today."""

import json
from collections.abc import Iterator

from findings.api.report_fields import ArrivingReportSerializer, arriving_from
from findings.arrivals import HeldReason, Part, Problem, SenderProfile
from findings.fhir.names import Json
from findings.fhir.outcome import Refused
from findings.fhir.reading import read_report
from findings.fhir.references import Found, entries_of
from findings.models import IncomingMessage

REPORT = "DiagnosticReport"


def read_again(message: IncomingMessage, profile: SenderProfile) -> tuple[Part, ...]:
    """A part for each report, in the order in which they were numbered when they came."""
    body = json.loads(bytes(message.body).decode("utf-8-sig"))
    if message.message_type == "JSON":
        return (_of_json(body),)
    if body["resourceType"] == REPORT:
        return (_of_fhir(body, profile, REPORT, {}),)
    return tuple(_of_bundle(body, profile))


def _of_json(body: Json) -> Part:
    given = ArrivingReportSerializer(data=body)
    if not given.is_valid():
        return _unreadable(", ".join(given.errors))
    return arriving_from(given.validated_data, None)


def _of_bundle(bundle: Json, profile: SenderProfile) -> Iterator[Part]:
    around = entries_of(bundle)
    for number, entry in enumerate(bundle["entry"]):
        if entry["resource"]["resourceType"] == REPORT:
            path = f"Bundle.entry[{number}].resource"
            yield _of_fhir(entry["resource"], profile, path, around)


def _of_fhir(report: Json, profile: SenderProfile, path: str, around: dict[str, Found]) -> Part:
    try:
        return read_report(report, profile, path=path, entries=around)
    except Refused as refused:
        return _unreadable(refused.issues[0].expression)


def _unreadable(where: str) -> Problem:
    """It was read when it came: how its sender is read was changed meanwhile."""
    return Problem(
        HeldReason.UNREADABLE,
        where[:40],
        "It cannot be read as its sender is set up today.",
        "Have an administrator look at how this sender is set up; then run it again.",
    )
