"""Every refusal as an OperationOutcome: which element, what is wrong with it, what to do.

As in the JSON API no body ever repeats what was sent: it may be a patient's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from findings.arrivals import HeldReason
from findings.rules import NotAllowed
from findings.services.identity import Held
from findings.services.policy import PolicyError
from findings.services.submissions import WRONG, sentence_of_kept

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
NOT_FOUND = "There is no such thing here, or it is not yours to see."

# Where a reason to hold a report stands in a DiagnosticReport.
ELEMENTS = {
    HeldReason.MISSING_PATIENT: "DiagnosticReport.subject",
    HeldReason.IDENTITY_CONFLICT: "DiagnosticReport.subject",
    HeldReason.BAD_NHS_NUMBER: "DiagnosticReport.subject",
    HeldReason.MISSING_ACCESSION: "DiagnosticReport.basedOn",
    HeldReason.ACCESSION_CONFLICT: "DiagnosticReport.basedOn",
    HeldReason.BAD_TIME: "DiagnosticReport.issued",
}

# By the status of the answer: the type of the issue (http://hl7.org/fhir/issue-type).
TYPES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "business-rule",
    429: "throttled",
    500: "exception",
    503: "transient",
}


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong, or that somebody should know."""

    text: str
    # A FHIRPath from the outside in: "DiagnosticReport.category".
    expression: str = ""
    code: str = "invalid"
    severity: str = "error"

    def as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {
            "severity": self.severity,
            "code": self.code,
            "diagnostics": self.text,
        }
        return said | ({"expression": [self.expression]} if self.expression else {})


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """The resource; an outcome without an issue is none, so "all is well" is one."""
    said = [issue.as_json() for issue in issues]
    fine = Issue("All is well.", code="informational", severity="information")
    return {"resourceType": "OperationOutcome", "issue": said or [fine.as_json()]}


class Refused(Exception):
    """It cannot be done; the issues say why, and the status of the answer."""

    def __init__(
        self, status_code: int, *issues: Issue, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{status_code}, {len(issues)} issues")
        self.status_code, self.issues, self.headers = status_code, issues, headers or {}

    def inside(self, path: str) -> "Refused":
        """The same, said of a resource that stands inside another one."""
        moved = (
            Issue(one.text, _within(path, one.expression), one.code, one.severity)
            for one in self.issues
        )
        return Refused(self.status_code, *moved, headers=self.headers)


def _within(path: str, expression: str) -> str:
    _, dot, rest = expression.partition(".")
    return f"{path}{dot}{rest}"


def wrong(expression: str, text: str, code: str = "invalid") -> Refused:
    """What was sent cannot be used, because of this element."""
    return Refused(422, Issue(text, expression, code))


def of_held(held: Held) -> Refused:
    """A report that a person has to look at first: its sender is told, too."""
    issue = Issue(
        f"{held.detail} {held.suggestion}",
        ELEMENTS.get(held.reason, "DiagnosticReport"),
        "conflict",
    )
    if held.kept is None:
        return Refused(422 if held.reason in WRONG else 409, issue)
    kept = Issue(sentence_of_kept(held.kept), code="informational", severity="information")
    return Refused(409, issue, kept)


def handler(error: Exception, context: dict[str, Any]) -> Response:
    """Of every view here. What nobody expected is logged, and answered in the same shape."""
    refused = refusal_of(error)
    if refused is None:
        log.error("fhir request failed", exc_info=error)
        refused = Refused(
            500, Issue("An error of this application; it is in its log.", code="exception")
        )
    set_rollback()
    response = Response(
        operation_outcome(refused.issues), status=refused.status_code, headers=refused.headers
    )
    response.exception = True
    return response


def refusal_of(error: Exception) -> Refused | None:
    """None: not something that a caller could mend."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Held):
        return of_held(error)
    if isinstance(error, PolicyError):
        return Refused(
            409, Issue(f"{error} Have the limits signed; then try again.", code="conflict")
        )
    if isinstance(error, NotAllowed):
        return Refused(403, Issue(str(error), code="forbidden"))
    if isinstance(error, RequestDataTooBig):
        return Refused(413, Issue("It is larger than this server takes.", code="too-long"))
    if isinstance(error, OperationalError | InterfaceError):
        wait = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        said = Issue("The database does not answer; send it again soon.", code="transient")
        return Refused(503, said, headers=wait)
    return _of_framework(error)


def _of_framework(error: Exception) -> Refused | None:
    if isinstance(error, Http404):
        return Refused(404, Issue(NOT_FOUND, code="not-found"))
    if isinstance(error, PermissionDenied):
        return Refused(403, Issue("This is not for you.", code="forbidden"))
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    code = TYPES.get(error.status_code, "processing")
    if isinstance(error, exceptions.ParseError):
        code = "structure"
    words = [_ADVICE.get(error.status_code, "")]
    issues = [Issue(f"{one} {words[0]}".strip(), code=code) for one in _sentences(error.detail)]
    return Refused(error.status_code, *issues, headers=headers)


_ADVICE = {
    status.HTTP_401_UNAUTHORIZED: "Send your token as: Authorization: Bearer …",
    status.HTTP_406_NOT_ACCEPTABLE: "Answers are application/fhir+json.",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "Send application/fhir+json.",
    status.HTTP_405_METHOD_NOT_ALLOWED: "GET metadata says what can be done.",
}


def _sentences(detail: Any) -> Iterator[str]:
    if isinstance(detail, dict):
        detail = list(detail.values())
    if isinstance(detail, list):
        for one in detail:
            yield from _sentences(one)
    else:
        yield str(detail)
