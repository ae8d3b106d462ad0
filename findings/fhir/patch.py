"""JSON Patch (RFC 6902) of one resource: add, replace, remove and test."""

from typing import Any

from findings.fhir.names import Json
from findings.fhir.outcome import Issue, Refused

MOST = 50


def patched(resource: Json, operations: Any) -> Json:
    """The resource with every operation done, or `Refused`. Changes what it was given."""
    if not isinstance(operations, list) or len(operations) > MOST:
        raise Refused(400, Issue(f"A patch is a list of at most {MOST} operations."))
    for number, one in enumerate(operations):
        try:
            _do(resource, one["op"], _parts(one["path"]), one)
        except (KeyError, IndexError, TypeError, ValueError):
            said = "It has no such place, or is no add, replace, remove or test."
            raise Refused(422, Issue(f"Operation {number + 1}: {said}", code="value")) from None
    return resource


def _parts(path: str) -> list[str]:
    begin, *parts = path.split("/")
    if begin or not parts:
        raise ValueError(path)
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _do(resource: Json, what: str, parts: list[str], operation: Json) -> None:
    *way, last = parts
    place: Any = resource
    for part in way:
        place = place[_key(place, part)]
    if what == "test":
        if place[_key(place, last)] != operation["value"]:
            raise Refused(412, Issue("It is not as the patch expects it.", code="conflict"))
    elif what == "remove":
        del place[_key(place, last)]
    elif what == "replace":
        key = _key(place, last)
        place[key]  # it has to be there
        place[key] = operation["value"]
    elif what == "add" and isinstance(place, list):
        place.insert(len(place) if last == "-" else _key(place, last), operation["value"])
    elif what == "add" and isinstance(place, dict):
        place[last] = operation["value"]
    else:
        raise ValueError(what)


def _key(place: Any, part: str) -> Any:
    if not isinstance(place, list):
        return part
    if not part.isascii() or not part.isdecimal() or int(part) > len(place):
        raise ValueError(part)
    return int(part)
