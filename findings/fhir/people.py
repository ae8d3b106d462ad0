"""Who is named, and by which numbers: identifiers, names, and the people behind a reference."""

from collections.abc import Iterable

from findings.arrivals import ArrivingPerson, LanguageNeed
from findings.fhir import names
from findings.fhir.names import Json
from findings.fhir.references import Around, Found
from findings.postcodes import squeezed

_OTHER_NAMES = frozenset(["old", "maiden", "nickname", "anonymous", "temp"])
_OTHER_ADDRESSES = frozenset(["old", "temp", "work", "billing"])
_MRN = "https://fhir.nhs.uk/Id/MRN/"
# Where a person is named by number and display alone.
_PEOPLE = ("Practitioner", "PractitionerRole")


def type_of(identifier: Json) -> str:
    codings = identifier.get("type", {}).get("coding", [])
    return next((one["code"] for one in codings if "code" in one), "")


def authority_of(identifier: Json) -> str:
    """Whose number it is: by ODS code where that is said, so that it is the same as in HL7 v2."""
    assigner = identifier.get("assigner", {}).get("identifier", {})
    if is_ods(assigner) and assigner.get("value"):
        return assigner["value"].strip()
    system = identifier.get("system", "").strip()
    if system.startswith(_MRN):
        return system.removeprefix(_MRN).strip("/")
    return system


def is_ods(identifier: Json) -> bool:
    return identifier.get("system", "").rstrip("/") in (names.ODS, names.ODS_ALSO)


def nobody_because(hints: list[str], has_numbers: bool) -> str:
    if hints:
        return f"The NHS number is wrong and nothing else says who it is. {hints[0]}"
    if has_numbers:
        return "A hospital number needs its system or its assigner: it could be anybody's."
    return "Give the NHS number, or a hospital number with its system or assigner."


def name_of(given: list[Json]) -> tuple[str, str]:
    """Family and given name: the official one, else the usual, else the first that is in use."""
    used = [one for one in given if one.get("use") not in _OTHER_NAMES] or given
    order = {"official": 0, "usual": 1}
    best = min(used, key=lambda one: order.get(one.get("use", ""), 2), default={})
    if "family" in best or "given" in best:
        return best.get("family", "").strip(), " ".join(best.get("given", [])).strip()
    return split_name(best.get("text", ""))


def postcode_of(patient: Json) -> str:
    """Of the home, else of the first address that is in use and not another kind of place."""
    used = [
        one
        for one in patient.get("address", [])
        if one.get("use") not in _OTHER_ADDRESSES and one.get("type") != "postal"
    ]
    homes = sorted(used, key=lambda one: one.get("use") != "home")
    return next(filter(None, (squeezed(one.get("postalCode", "")) for one in homes)), "")


def language_need_of(patient: Json) -> LanguageNeed | None:
    """As FHIR says it (communication, and an extension of its own), or as UK Core does."""
    said = {_last(one): one for one in patient.get("extension", [])}
    inside = said.get("extension-ukcore-nhscommunication", {}).get("extension", [])
    of_uk = {_last(one): one for one in inside}
    needed = said.get("patient-interpreterrequired") or of_uk.get("interpreterrequired") or {}
    spoken = sorted(patient.get("communication", []), key=lambda one: not one.get("preferred"))
    languages = [one.get("language", {}) for one in spoken]
    languages.append(of_uk.get("language", {}).get("valueCodeableConcept", {}))
    return LanguageNeed.of(
        next(filter(None, map(_code_of, languages)), ""), needed.get("valueBoolean")
    )


def _last(extension: Json) -> str:
    return extension.get("url", "").rstrip("/").rpartition("/")[2].casefold()


def _code_of(concept: Json) -> str:
    codes = (one.get("code", "") for one in concept.get("coding", []))
    return next(filter(None, codes), "") or concept.get("text", "")


def split_name(text: str) -> tuple[str, str]:
    """ALDER, Ann (Ms) or Ann Alder."""
    plain = text.partition("(")[0].strip()
    if "," in plain:
        family, _, given = plain.partition(",")
        return family.strip(), given.strip()
    given, _, family = plain.rpartition(" ")
    return family.strip(), given.strip()


def kind_of(reference: Json) -> str:
    return reference.get("type") or reference.get("reference", "").partition("/")[0]


def identifiers_of(reference: Json, found: Found | None) -> list[Json]:
    own = [reference["identifier"]] if "identifier" in reference else []
    return own + (found.resource.get("identifier", []) if found else [])


def person_at(reference: Json, around: Around) -> ArrivingPerson:
    """The person whom a reference leads to; nobody where it leads to an organisation."""
    found = around.find(reference, *_PEOPLE)
    if found is not None:
        return person_of(found, around)
    if around.find(reference, "Organization") or kind_of(reference) not in ("", *_PEOPLE):
        return ArrivingPerson()
    return _named(identifiers_of(reference, None), *split_name(reference.get("display", "")))


def person_of(found: Found, around: Around) -> ArrivingPerson:
    resource = found.resource
    if resource["resourceType"] == "PractitionerRole":
        reference = resource.get("practitioner", {})
        behind = around.inside_of(found).find(reference, "Practitioner")
        return person_of(behind, around) if behind else person_at(reference, Around())
    return _named(resource.get("identifier", []), *name_of(resource.get("name", [])))


def _named(identifiers: Iterable[Json], family: str, given: str) -> ArrivingPerson:
    valued = [one for one in identifiers if one.get("value", "").strip()]
    # By the register first: it is the number that our directory knows.
    best = min(valued, key=lambda one: one.get("system") != names.GMC, default={})
    return ArrivingPerson(
        code=best.get("value", "").strip(),
        authority=best.get("system", ""),
        family_name=family,
        given_name=given,
    )


def place_of(role: Found, around: Around) -> str:
    """Of a PractitionerRole: its location, else its organisation."""
    inside = around.inside_of(role)
    for reference in role.resource.get("location", []):
        if named := where(reference, inside.find(reference, "Location")):
            return named
    reference = role.resource.get("organization", {})
    return where(reference, inside.find(reference, "Organization"))


def where(reference: Json, found: Found | None) -> str:
    """A code that teams are known by, else a name."""
    values = [one.get("value", "") for one in identifiers_of(reference, found)]
    name = found.resource.get("name", "") if found else reference.get("display", "")
    return next(filter(None, values), name).strip()
