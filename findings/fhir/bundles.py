"""POST to the base: a transaction, of which all is filed or nothing; or a batch, in which each
entry stands alone.

Reports are filed. What they refer to (the patient, the request, who asked) is read for them and
not kept as a resource of its own: the answer to such an entry says so.
"""

import json
from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of
from findings.api.reports import sending
from findings.fhir import arriving
from findings.fhir.access import FhirView, resource_of
from findings.fhir.names import Json
from findings.fhir.outcome import Issue, Refused, operation_outcome, refusal_of, wrong
from findings.fhir.references import Found, entries_of
from findings.fhir.shapes import faults
from findings.models import Person, Sender
from findings.services.filing import Outcome
from findings.services.identity import Held
from findings.services.submissions import Filed, Submission

REPORT = arriving.NAME
# Read for the reports that refer to them.
SUPPORTING = (
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "ServiceRequest",
    "ImagingStudy",
)
# Come with reports, and say nothing that is asked here. Not among them is what may be the report
# itself: Composition, DocumentReference, Binary.
BESIDE = (
    "CareTeam",
    "Condition",
    "Device",
    "Encounter",
    "Endpoint",
    "HealthcareService",
    "Media",
    "Observation",
    "Procedure",
    "Provenance",
    "Specimen",
)
MOST = 200


class Bundles(FhirView):
    """The base itself."""

    interactions = ("transaction", "batch")

    def post(self, request: Request) -> Response:
        sender, reporter = sending(person_of(request))
        body = request._request.body
        bundle = resource_of(request, "Bundle")
        if found := faults(bundle):
            raise Refused(422, *found)
        if len(bundle.get("entry", [])) > MOST:
            raise wrong("Bundle.entry", f"At most {MOST} entries at a time.", "too-long")
        if bundle["type"] == "transaction":
            return _respond("transaction-response", self._all(bundle, body, sender, reporter))
        if bundle["type"] == "batch":
            return _respond("batch-response", self._each(bundle, sender, reporter))
        raise wrong("Bundle.type", "A transaction or a batch.", "not-supported")

    def _all(
        self, bundle: Json, body: bytes, sender: Sender, reporter: Person | None
    ) -> list[Json]:
        entries = bundle.get("entry", [])
        for number, entry in enumerate(entries):
            _check_entry(entry, f"Bundle.entry[{number}]")
        wanted = [number for number, entry in enumerate(entries) if _type_of(entry) == REPORT]
        if not wanted:
            raise wrong("Bundle.entry", "There is no DiagnosticReport in it to file.", "required")
        around = entries_of(bundle)
        submissions = [
            _submission(entries[number], f"Bundle.entry[{number}]", sender, reporter, around)
            for number in wanted
        ]
        try:
            waits = reporter is None
            filed = arriving.file(
                self.request, sender, submissions, body, may_wait=waits, kind="Bundle"
            )
        except Held as held:
            refused = refusal_of(held)
            assert refused is not None, "every Held is one"
            place = f"Bundle.entry[{wanted[held.part - 1]}].resource"
            raise refused.inside(place) from None
        became = dict(zip(wanted, map(_filed, filed), strict=True))
        return [became.get(number) or _read_only() for number in range(len(entries))]

    def _each(self, bundle: Json, sender: Sender, reporter: Person | None) -> list[Json]:
        """What is refused leaves the others as they are."""
        answers = []
        for number, entry in enumerate(bundle.get("entry", [])):
            try:
                answers.append(self._one(entry, f"Bundle.entry[{number}]", sender, reporter))
            except Exception as error:
                refused = refusal_of(error)
                if refused is None or refused.status_code >= 500:
                    raise
                answers.append(_refused(refused))
        return answers

    def _one(self, entry: Json, path: str, sender: Sender, reporter: Person | None) -> Json:
        _check_entry(entry, path)
        if _type_of(entry) != REPORT:
            return _read_only()
        # No entry of a batch refers to another: each is as if it had come alone.
        submission = _submission(entry, path, sender, reporter, {})
        body = json.dumps(entry["resource"], ensure_ascii=False).encode()
        try:
            waits = reporter is None
            (filed,) = arriving.file(self.request, sender, [submission], body, may_wait=waits)
        except Held as held:
            refused = refusal_of(held)
            assert refused is not None, "every Held is one"
            raise refused.inside(f"{path}.resource") from None
        return _filed(filed)


def _type_of(entry: Json) -> str:
    return entry.get("resource", {}).get("resourceType", "")


def _check_entry(entry: Json, path: str) -> None:
    if "request" not in entry:
        raise wrong(f"{path}.request", "Say what is to be done with it.", "required")
    method, kind = entry["request"]["method"], _type_of(entry)
    if method not in ("POST", "PUT") or not kind:
        said = "Only POST and PUT of a resource: read and search at their own addresses."
        raise wrong(f"{path}.request.method", said, "not-supported")
    if kind not in (REPORT, *SUPPORTING, *BESIDE):
        said = f"Only a {REPORT}, and of what it refers to: {', '.join(SUPPORTING)}."
        raise wrong(f"{path}.resource", said, "not-supported")
    place, _, more = entry["request"]["url"].partition("?")[0].partition("/")
    if place != kind or bool(more) != (method == "PUT"):
        said = "POST goes to the type of the resource, PUT to Type/id."
        raise wrong(f"{path}.request.url", said, "value")


def _submission(
    entry: Json,
    path: str,
    sender: Sender,
    reporter: Person | None,
    around: dict[str, Found],
) -> Submission:
    asked, resource = entry["request"], entry["resource"]
    read = arriving.read_as(sender, resource, reporter, path=f"{path}.resource", entries=around)
    if asked["method"] == "POST":
        unless = arriving.condition_of(asked.get("ifNoneExist", ""), sender)
        return Submission(read, unless=unless)
    examination, version = arriving.replaced(
        sender, asked["url"].partition("/")[2], asked.get("ifMatch", ""), path
    )
    return Submission(read, replaces=examination, version=version)


def _filed(filed: Filed) -> Json:
    row = filed.report
    is_new = filed.outcome not in (None, Outcome.DUPLICATE)
    return {
        "status": "201 Created" if is_new else "200 OK",
        "location": arriving.location_of(row),
        "etag": f'W/"{row.version}"',
        "lastModified": row.received_at.isoformat(),
        "outcome": operation_outcome(arriving.issues_of(filed)),
    }


def _read_only() -> Json:
    said = "Read for the reports that refer to it, and not kept as a resource of its own."
    issue = Issue(said, code="informational", severity="information")
    return {"status": "200 OK", "outcome": operation_outcome([issue])}


def _refused(refused: Refused) -> Json:
    return {
        "status": str(refused.status_code),
        "outcome": operation_outcome(refused.issues),
    }


def _respond(kind: str, answers: list[Json]) -> Response:
    body: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
    if answers:
        body["entry"] = [{"response": one} for one in answers]
    return Response(body, status=status.HTTP_200_OK)
