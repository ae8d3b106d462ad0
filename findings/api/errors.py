"""Every refusal in one shape: code, field, detail, suggestion; and each wrong field by name.

No body ever repeats what was sent: it may be a patient's.
"""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import serializers, status
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotFound,
    ValidationError,
)
from rest_framework.exceptions import (
    PermissionDenied as NotPermitted,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler

from findings.arrivals import HeldReason
from findings.rules import NotAllowed
from findings.services.identity import Held
from findings.services.policy import PolicyError
from findings.services.submissions import sentence_of_kept

FIELDS = {
    HeldReason.MISSING_PATIENT: "patient",
    HeldReason.IDENTITY_CONFLICT: "patient",
    HeldReason.MISSING_ACCESSION: "accession",
    HeldReason.ACCESSION_CONFLICT: "accession",
    HeldReason.BAD_TIME: "reported_at",
}


class FieldErrorSerializer(serializers.Serializer):
    """What is wrong with one field, named from the outside in: "patient.nhs_number"."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ErrorSerializer(serializers.Serializer):
    """The body of every answer from 400 upwards."""

    code = serializers.CharField()
    field = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()
    suggestion = serializers.CharField(allow_blank=True)
    held_item = serializers.IntegerField(
        allow_null=True, help_text="A report that waits for a person here: its number"
    )
    problems = FieldErrorSerializer(many=True)


class Conflict(APIException):
    """It can be read, and may not be done as things stand."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(
        self,
        code: str,
        detail: str,
        suggestion: str = "",
        field: str = "",
        held_item: int | None = None,
    ) -> None:
        super().__init__(detail, code)
        self.suggestion, self.field, self.held_item = suggestion, field, held_item

    @classmethod
    def of(cls, held: Held) -> "Conflict":
        field = FIELDS.get(held.reason, "")
        if held.kept is None:
            return cls(str(held.reason), held.detail, held.suggestion, field)
        suggestion = f"{held.suggestion} {sentence_of_kept(held.kept)}"
        return cls(str(held.reason), held.detail, suggestion, field, held.kept.pk)


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER. None: not ours to answer, a real error."""
    error = _as_api_error(error)
    response = exception_handler(error, context)
    if response is None or not isinstance(error, APIException):
        return response
    response.data = _body(error)
    return response


def _as_api_error(error: Exception) -> Exception:
    if isinstance(error, Held):
        return Conflict.of(error)
    if isinstance(error, PolicyError):
        return Conflict("limits_not_signed", str(error), "Have the limits signed; then try again.")
    if isinstance(error, NotAllowed):
        return NotPermitted(str(error), "not_allowed")
    if isinstance(error, Http404):
        return NotFound("There is no such thing, or it is not yours to see.")
    if isinstance(error, PermissionDenied):
        return NotPermitted()
    return error


def _body(error: APIException) -> dict[str, Any]:
    errors = list(_by_field(error.detail)) if isinstance(error, ValidationError) else []
    first = errors[0] if errors else {"field": "", "code": str(error.default_code)}
    single = error.detail if isinstance(error.detail, ErrorDetail) else None
    return {
        "code": str(single.code) if single is not None else "invalid",
        "field": getattr(error, "field", first["field"]),
        "detail": str(single) if single is not None else str(first.get("detail", "")),
        "suggestion": getattr(error, "suggestion", ""),
        "held_item": getattr(error, "held_item", None),
        "problems": errors,
    }


def _by_field(detail: Any, name: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, ErrorDetail):
        yield {"field": name, "code": str(detail.code), "detail": str(detail)}
        return
    inside = detail.items() if isinstance(detail, dict) else enumerate(detail)
    for key, value in inside:
        # A list of sentences has no names of its own; a list of objects has numbers.
        deeper = str(key) if isinstance(detail, dict) or not isinstance(value, ErrorDetail) else ""
        if deeper == "non_field_errors":
            deeper = ""
        yield from _by_field(value, ".".join(filter(None, (name, deeper))))
