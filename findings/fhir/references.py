"""What a reference leads to: something contained, another entry of the Bundle, or an identifier
alone. Nothing is ever fetched from an address that somebody sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from findings.fhir.names import Json


class Found(NamedTuple):
    """A resource and where it stands: the path that a refusal names."""

    resource: Json
    path: str


@dataclass
class Around:
    """The resources that one resource may refer to."""

    # By "#id": those that it contains.
    contained: dict[str, Found] = field(default_factory=dict)
    # By fullUrl, and by "Type/id": those that came in the same Bundle.
    entries: dict[str, Found] = field(default_factory=dict)

    @classmethod
    def of(cls, resource: Json, path: str, entries: dict[str, Found] | None = None) -> "Around":
        inside = {
            f"#{one['id']}": Found(one, f"{path}.contained[{number}]")
            for number, one in enumerate(resource.get("contained", []))
            if "id" in one
        }
        return cls(inside, entries or {})

    def find(self, reference: Json, *types: str) -> Found | None:
        """What it leads to, if that is one of these types."""
        named = reference.get("reference", "")
        found = self.contained.get(named) or self.entries.get(_bare(named))
        return found if found and found.resource["resourceType"] in types else None

    def inside_of(self, found: Found) -> "Around":
        """For the references of a resource that was found: it may contain others itself."""
        own = Around.of(found.resource, found.path).contained
        return Around({**self.contained, **own}, self.entries)


def entries_of(bundle: Json) -> dict[str, Found]:
    """Every resource of a Bundle under each name by which another entry may refer to it."""
    return dict(_named(bundle))


def _named(bundle: Json) -> Iterator[tuple[str, Found]]:
    for number, entry in enumerate(bundle.get("entry", [])):
        resource = entry.get("resource")
        if not resource:
            continue
        found = Found(resource, f"Bundle.entry[{number}].resource")
        if "fullUrl" in entry:
            yield entry["fullUrl"], found
        if "id" in resource:
            yield f"{resource['resourceType']}/{resource['id']}", found


def _bare(reference: str) -> str:
    """Without the version: Patient/1/_history/2 is Patient/1."""
    return reference.partition("/_history/")[0]
