"""What every address under /fhir/R4/ has in common: who asks, how it is written and refused."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils.http import http_date
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from findings.api.tokens import BearerTokens, Tokens
from findings.fhir.names import Json
from findings.fhir.outcome import Issue, Refused, handler
from findings.fhir.shapes import faults

FORMATS = ("json", "application/json", "application/fhir+json", "application/fhir json")


class FhirJson(BaseParser):
    """JSON as FHIR has it: no name twice in one object, no NaN, brackets that end."""

    media_type = "application/fhir+json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(
                stream.read().decode("utf-8-sig"),
                object_pairs_hook=_named_once,
                parse_constant=_no_number,
            )
        except json.JSONDecodeError as error:
            said = f"This is not JSON: look at line {error.lineno}, column {error.colno}."
        except UnicodeDecodeError:
            said = "This is not UTF-8."
        except RecursionError:
            said = "The JSON is nested too deeply."
        except ValueError as error:
            said = str(error) if isinstance(error, _NotFhir) else "This is not JSON."
        raise ParseError(said)


class PlainJson(FhirJson):
    media_type = "application/json"


class JsonPatch(FhirJson):
    media_type = "application/json-patch+json"


class _NotFhir(ValueError):
    pass


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotFhir("An object has the same name twice: nobody can tell which one counts.")
    return found


def _no_number(word: str) -> None:
    raise _NotFhir(f"{word} is not a number in JSON.")


class FhirRenderer(JSONRenderer):
    media_type = "application/fhir+json"
    format = "fhir"


class PlainRenderer(JSONRenderer):
    pass


class Negotiation(DefaultContentNegotiation):
    """By the Accept header, or by _format, which counts more."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        wanted = request.query_params.get("_format", "").partition(";")[0]
        if wanted and wanted not in FORMATS:
            raise NotAcceptable
        if wanted:
            return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)


class FhirView(APIView):
    """Tokens of senders and people, or a session; only JSON; every refusal an OperationOutcome."""

    authentication_classes = [BearerTokens, Tokens, SessionAuthentication]
    parser_classes = [FhirJson, PlainJson]
    renderer_classes = [FhirRenderer, PlainRenderer]
    content_negotiation_class = Negotiation
    # It describes itself: the CapabilityStatement, not OpenAPI.
    schema = None
    # What GET metadata says of it. Several views may be of one resource.
    resource = ""
    interactions: tuple[str, ...] = ()

    def get_exception_handler(self) -> Any:
        return handler


class Unknown(FhirView):
    """Whatever else is asked for under the base."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        raise Http404

    post = put = patch = delete = get


class Open(FhirView):
    """For everybody: nothing about anybody is said here."""

    permission_classes = [AllowAny]


def resource_of(request: Request, *types: str) -> Json:
    """The body, which has to be one of these resources; how it is built is looked at later."""
    sent = request.data
    name = sent.get("resourceType") if isinstance(sent, dict) else None
    if isinstance(sent, dict) and name in types:
        return sent
    wanted = " or ".join(types)
    if name is None and (found := faults(sent)):
        raise Refused(400, *found)
    said = f"This address takes a resource of the type {wanted}."
    raise Refused(400, Issue(said, "Resource.resourceType", "structure"))


def versioned(body: Json, version: int, changed_at: datetime, **more: Any) -> Response:
    """A resource with its version in the header, as If-Match will want it."""
    headers = {"ETag": etag(version), "Last-Modified": http_date(changed_at.timestamp())}
    return Response(body, headers=headers | more.pop("headers", {}), **more)


def etag(version: int) -> str:
    return f'W/"{version}"'


def version_in(said: str, expression: str = "http.If-Match") -> int:
    """The version that an If-Match names."""
    if not said.strip():
        text = "Say which version you have seen: If-Match with the ETag that came with it."
        raise Refused(400, Issue(text, expression, "required"))
    number = said.strip().removeprefix("W/").strip('"')
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise Refused(400, Issue('It holds one version, as in W/"2".', expression, "value"))
    return int(number)
