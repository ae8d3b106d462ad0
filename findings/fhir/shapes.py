"""Which elements a resource of R4 has, how many of each and of which type; and whether what was
sent is built like that.

One line an element group: `name:type`, `*` for a list, `!` for one that has to be there. "Any" is
not looked into: nothing is read from it. What is not listed is not R4, and refused: an element
that is misspelt must not be passed over.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from findings.fhir.outcome import Issue


class Element(NamedTuple):
    type: str
    is_list: bool
    is_required: bool


Shape = dict[str, Element]


def _shape(words: str) -> Shape:
    found = {}
    for word in words.split():
        name, _, kind = word.partition(":")
        bare = name.rstrip("*!")
        found[bare] = Element(kind or "string", "*" in name, "!" in name)
    return found


_ELEMENT = "id extension*:Any "
_BACKBONE = _ELEMENT + "modifierExtension*:Any "
_RESOURCE = (
    "resourceType!:code id:id meta:Meta implicitRules:uri language:code text:Narrative"
    " contained*:Resource extension*:Any modifierExtension*:Any "
)
_TYPES = {
    "Meta": _ELEMENT + "versionId:id lastUpdated:instant source:uri profile*:canonical"
    " security*:Coding tag*:Coding",
    "Narrative": _ELEMENT + "status!:code div!:string",
    "Identifier": _ELEMENT + "use:code type:CodeableConcept system:uri value period:Period"
    " assigner:Reference",
    "Coding": _ELEMENT + "system:uri version code:code display userSelected:boolean",
    "CodeableConcept": _ELEMENT + "coding*:Coding text",
    "Reference": _ELEMENT + "reference type:uri identifier:Identifier display",
    "Period": _ELEMENT + "start:dateTime end:dateTime",
    "HumanName": _ELEMENT + "use:code text family given* prefix* suffix* period:Period",
    "Attachment": _ELEMENT + "contentType:code language:code data:base64Binary url:url"
    " size:unsignedInt hash:base64Binary title creation:dateTime",
    "Annotation": _ELEMENT + "authorReference:Reference authorString time:dateTime text!:markdown",
    "BundleEntry": _BACKBONE + "link*:Any fullUrl:uri resource:Resource search:Any"
    " request:BundleRequest response:Any",
    "BundleRequest": _BACKBONE + "method!:code url!:uri ifNoneMatch ifModifiedSince:instant"
    " ifMatch ifNoneExist",
    "ImagingSeries": _BACKBONE + "uid!:id number:unsignedInt modality!:Coding description"
    " numberOfInstances:unsignedInt endpoint*:Reference bodySite:Coding laterality:Coding"
    " specimen*:Reference started:dateTime performer*:Any instance*:Any",
    "TaskOutput": _BACKBONE + "type!:CodeableConcept valueCodeableConcept:CodeableConcept"
    " valueDate:date valueDateTime:dateTime valueString valueBoolean:boolean"
    " valueReference:Reference valueMarkdown:markdown",
    "TaskRestriction": _BACKBONE + "repetitions:positiveInt period:Period recipient*:Reference",
}
_RESOURCES = {
    "Bundle": "identifier:Identifier type!:code timestamp:instant total:unsignedInt link*:Any"
    " entry*:BundleEntry signature:Any",
    "DiagnosticReport": "identifier*:Identifier basedOn*:Reference status!:code"
    " category*:CodeableConcept code!:CodeableConcept subject:Reference encounter:Reference"
    " effectiveDateTime:dateTime effectivePeriod:Period issued:instant performer*:Reference"
    " resultsInterpreter*:Reference specimen*:Reference result*:Reference"
    " imagingStudy*:Reference media*:Any conclusion conclusionCode*:CodeableConcept"
    " presentedForm*:Attachment",
    "ServiceRequest": "identifier*:Identifier instantiatesCanonical*:canonical"
    " instantiatesUri*:uri basedOn*:Reference replaces*:Reference requisition:Identifier"
    " status!:code intent!:code category*:CodeableConcept priority:code doNotPerform:boolean"
    " code:CodeableConcept orderDetail*:CodeableConcept quantityQuantity:Any quantityRatio:Any"
    " quantityRange:Any subject!:Reference encounter:Reference occurrenceDateTime:dateTime"
    " occurrencePeriod:Period occurrenceTiming:Any asNeededBoolean:boolean"
    " asNeededCodeableConcept:CodeableConcept authoredOn:dateTime requester:Reference"
    " performerType:CodeableConcept performer*:Reference locationCode*:CodeableConcept"
    " locationReference*:Reference reasonCode*:CodeableConcept reasonReference*:Reference"
    " insurance*:Reference supportingInfo*:Reference specimen*:Reference"
    " bodySite*:CodeableConcept note*:Annotation patientInstruction relevantHistory*:Reference",
    "Patient": "identifier*:Identifier active:boolean name*:HumanName telecom*:Any gender:code"
    " birthDate:date deceasedBoolean:boolean deceasedDateTime:dateTime address*:Any"
    " maritalStatus:CodeableConcept multipleBirthBoolean:boolean multipleBirthInteger:integer"
    " photo*:Any contact*:Any communication*:Any generalPractitioner*:Reference"
    " managingOrganization:Reference link*:Any",
    "Practitioner": "identifier*:Identifier active:boolean name*:HumanName telecom*:Any"
    " address*:Any gender:code birthDate:date photo*:Any qualification*:Any"
    " communication*:CodeableConcept",
    "PractitionerRole": "identifier*:Identifier active:boolean period:Period"
    " practitioner:Reference organization:Reference code*:CodeableConcept"
    " specialty*:CodeableConcept location*:Reference healthcareService*:Reference telecom*:Any"
    " availableTime*:Any notAvailable*:Any availabilityExceptions endpoint*:Reference",
    "Organization": "identifier*:Identifier active:boolean type*:CodeableConcept name alias*"
    " telecom*:Any address*:Any partOf:Reference contact*:Any endpoint*:Reference",
    "Location": "identifier*:Identifier status:code operationalStatus:Coding name alias*"
    " description mode:code type*:CodeableConcept telecom*:Any address:Any"
    " physicalType:CodeableConcept position:Any managingOrganization:Reference partOf:Reference"
    " hoursOfOperation*:Any availabilityExceptions endpoint*:Reference",
    "ImagingStudy": "identifier*:Identifier status!:code modality*:Coding subject!:Reference"
    " encounter:Reference started:dateTime basedOn*:Reference referrer:Reference"
    " interpreter*:Reference endpoint*:Reference numberOfSeries:unsignedInt"
    " numberOfInstances:unsignedInt procedureReference:Reference procedureCode*:CodeableConcept"
    " location:Reference reasonCode*:CodeableConcept reasonReference*:Reference"
    " note*:Annotation description series*:ImagingSeries",
    "Task": "identifier*:Identifier instantiatesCanonical:canonical instantiatesUri:uri"
    " basedOn*:Reference groupIdentifier:Identifier partOf*:Reference status!:code"
    " statusReason:CodeableConcept businessStatus:CodeableConcept intent!:code priority:code"
    " code:CodeableConcept description focus:Reference for:Reference encounter:Reference"
    " executionPeriod:Period authoredOn:dateTime lastModified:dateTime requester:Reference"
    " performerType*:CodeableConcept owner:Reference location:Reference"
    " reasonCode:CodeableConcept reasonReference:Reference insurance*:Reference"
    " note*:Annotation relevantHistory*:Reference restriction:TaskRestriction input*:Any"
    " output*:TaskOutput",
}
SHAPES: dict[str, Shape] = {
    **{name: _shape(words) for name, words in _TYPES.items()},
    **{name: _shape(_RESOURCE + words) for name, words in _RESOURCES.items()},
}

_OFFSET = r"(Z|[+-]\d\d:\d\d)"
_CLOCK = r"\d\d:\d\d:\d\d(\.\d+)?"
_DAY = r"\d{4}-\d\d-\d\d"
_PATTERNS = {
    "instant": re.compile(f"{_DAY}T{_CLOCK}{_OFFSET}"),
    "dateTime": re.compile(rf"\d{{4}}(-\d\d)?|{_DAY}(T{_CLOCK}{_OFFSET})?"),
    "date": re.compile(rf"\d{{4}}(-\d\d)?|{_DAY}"),
    "code": re.compile(r"[^\s]+( [^\s]+)*"),
    "id": re.compile(r"[A-Za-z0-9\-.]{1,64}"),
    "base64Binary": re.compile(r"[0-9A-Za-z+/=\s]*"),
}
_NUMBERS = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_WHAT = {
    "instant": "a moment with its offset, such as 2026-06-30T14:30:00+01:00",
    "dateTime": "a date, or a moment with its offset, such as 2026-06-30T14:30:00+01:00",
    "date": "a date, such as 2026-06-30",
    "code": "a code, without spaces at its ends",
    "id": "up to 64 letters, digits, dots and hyphens",
    "base64Binary": "base64",
    "boolean": "true or false",
}
# What may be repeated to a sender; any other key could be anything, a name too.
_ELEMENT_NAME = re.compile(r"_?[a-z][A-Za-z]{1,39}")
_UNREAD = "Any"


def faults(resource: Any, path: str = "") -> list[Issue]:
    """What is wrong with how a resource is built; empty when nothing is."""
    if not isinstance(resource, dict):
        return [Issue("This has to be an object.", path or "Resource", "structure")]
    name = resource.get("resourceType")
    path = path or (name if isinstance(name, str) and name in SHAPES else "Resource")
    if not isinstance(name, str):
        said = "A resource says what it is by its resourceType."
        return [Issue(said, f"{path}.resourceType", "required")]
    shape = SHAPES.get(name)
    return list(_emptiness(resource, path) if shape is None else _object(resource, shape, path))


def _object(given: dict[str, Any], shape: Shape, path: str) -> Iterator[Issue]:
    for name, element in shape.items():
        if element.is_required and name not in given and f"_{name}" not in given:
            yield Issue("This element has to be there.", f"{path}.{name}", "required")
    for name, value in given.items():
        inside = f"{path}.{name}"
        if name.startswith("_") and name[1:] in shape:
            continue  # extensions of a primitive: nothing is read from them
        if name not in shape:
            named = inside if _ELEMENT_NAME.fullmatch(name) else path
            yield Issue("R4 has no element of this name here.", named, "structure")
        elif name in ("modifierExtension", "implicitRules"):
            said = "It changes what the resource means in a way that is not understood here."
            yield Issue(said, inside, "extension")
        else:
            yield from _element(value, shape[name], inside)


def _element(value: Any, element: Element, path: str) -> Iterator[Issue]:
    if element.is_list != isinstance(value, list):
        what = "a list, even for one" if element.is_list else "one, not a list"
        yield Issue(f"This has to be {what}.", path, "structure")
    elif not element.is_list:
        yield from _value(value, element.type, path)
    elif not value:
        yield Issue("A list that is empty is left out.", path, "structure")
    else:
        for number, one in enumerate(value):
            yield from _value(one, element.type, f"{path}[{number}]")


def _value(value: Any, kind: str, path: str) -> Iterator[Issue]:
    if kind == "Resource":
        yield from faults(value, path)
    elif kind == _UNREAD:
        yield from _emptiness(value, path)
    elif kind in SHAPES:
        if not isinstance(value, dict) or not value:
            yield Issue("This has to be an object with something in it.", path, "structure")
        else:
            yield from _object(value, SHAPES[kind], path)
    elif not _is_primitive(value, kind):
        what = _WHAT.get(kind, "a whole number" if kind in _NUMBERS else "text that is not empty")
        yield Issue(f"This has to be {what}.", path, "value")


def _emptiness(value: Any, path: str) -> Iterator[Issue]:
    """Of what is not read: nothing may be null or empty, at any depth."""
    if value is None or value in ("", [], {}):
        yield Issue("Nothing in FHIR is null or empty: leave it out.", path, "structure")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _emptiness(one, f"{path}.{name}" if _ELEMENT_NAME.fullmatch(name) else path)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _emptiness(one, f"{path}[{number}]")


def _is_primitive(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in _NUMBERS:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and _NUMBERS[kind] <= value < 2**31
    if not isinstance(value, str) or not value.strip() or not _is_storable(value):
        return False
    pattern = _PATTERNS.get(kind)
    if pattern is not None and not pattern.fullmatch(value):
        return False
    return kind not in ("instant", "dateTime", "date") or _is_in_the_calendar(value)


def _is_storable(text: str) -> bool:
    """PostgreSQL keeps no NUL in text, and UTF-8 knows no half characters."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _is_in_the_calendar(value: str) -> bool:
    try:
        if "T" in value:
            datetime.fromisoformat(value).utctimetuple()
        elif len(value) == len("2026-06-30"):
            date.fromisoformat(value)
        else:
            year, _, month = value.partition("-")
            date(int(year), int(month or 1), 1)
    except (ValueError, OverflowError):
        return False
    return True
