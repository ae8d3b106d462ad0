"""GET metadata: what can be done here, gathered from the views themselves."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.request import Request
from rest_framework.response import Response

from findings.fhir.access import FhirView, Open
from findings.fhir.names import BASE_PATH, VERSION, Json, address
from findings.fhir.search import SearchView

# The day on which what is said here last changed.
SAID_ON = "2026-11-26"
UKCORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
WHAT = {
    "DiagnosticReport": "Create files a report by its accession: of a known examination it is the"
    " next version, and the same content again is the same report (200). If-None-Exist takes an"
    " identifier. Update needs If-Match. Versions are counted as they arrive; the one that is read"
    " is the one that was verified last.",
    "Task": "A finding that somebody has to act on. Its status moves by update or JSON Patch, by"
    " the rules of the pages; docs/fhir.md says which.",
    "Communication": "Who was told of a finding, when and how. Never what the message said.",
    "Patient": "Whoever has an examination that its reader may see, as reports name them.",
    "ServiceRequest": "An examination that its reader may see: its accession, and who asked.",
    "AuditEvent": "Who saw whose data; for governance leads.",
}


class Metadata(Open):
    """For everybody, as FHIR wants it."""

    def get(self, request: Request) -> Response:
        return Response(statement())


def views() -> Iterator[type[FhirView]]:
    """Every view that has an address under the base, in the order of the addresses."""

    def walk(patterns: Any, before: str) -> Iterator[type[FhirView]]:
        for pattern in patterns:
            place = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, place)
            elif isinstance(pattern, URLPattern) and f"/{place}".startswith(BASE_PATH):
                yield pattern.callback.cls  # type: ignore[attr-defined]

    yield from walk(get_resolver().url_patterns, "")


def statement() -> Json:
    """The CapabilityStatement."""
    found: dict[str, Json] = {}
    system: list[str] = []
    for view in views():
        if not view.resource:
            system += [code for code in view.interactions if code not in system]
        else:
            _add(found.setdefault(view.resource, _new(view.resource)), view)
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": SAID_ON,
        "kind": "instance",
        "software": {"name": "Imaging Safety", "version": settings.RELEASE},
        "implementation": {"description": "Imaging Safety", "url": address()},
        "fhirVersion": VERSION,
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Parameters that are not known are passed over, and the answer"
                " says so; with Prefer: handling=strict they are refused. The total, and what the"
                " pages of one search hold, is of the moment of its first page.",
                "security": {
                    "cors": False,
                    "description": "A bearer token that was made here: a sender's account sends"
                    " reports and reads nothing; a person reads what the pages show them.",
                },
                "resource": [_sorted(one) for one in found.values()],
                "interaction": [{"code": code} for code in system],
            }
        ],
    }


def _new(resource: str) -> Json:
    kind: Json = {"type": resource, "documentation": WHAT[resource], "interaction": []}
    kind["supportedProfile"] = [f"{UKCORE}{resource}"]
    if resource == "DiagnosticReport":
        kind |= {
            "versioning": "versioned-update",
            "readHistory": True,
            "updateCreate": False,
            "conditionalCreate": True,
            "conditionalUpdate": False,
        }
    elif resource == "Task":
        kind |= {"versioning": "versioned", "readHistory": False, "updateCreate": False}
    return kind


def _add(kind: Json, view: type[FhirView]) -> None:
    kind["interaction"] += [{"code": code} for code in view.interactions]
    if issubclass(view, SearchView) and view.interactions:
        kind["searchParam"] = [
            {"name": one.name, "type": one.type, "documentation": one.says} for one in view.params
        ]


def _sorted(kind: Json) -> Json:
    kind["interaction"] = sorted(kind["interaction"], key=lambda one: one["code"])
    return kind
