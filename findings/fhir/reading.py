"""One DiagnosticReport, with what it refers to, as a report at the door. Pure.

Where a value is looked for, first to last:

- accession: basedOn (its own identifier, else the ServiceRequest's), imagingStudy, identifier; of
  several the one of type ACSN, then of type FILL
- patient: subject, contained or in the Bundle or by identifier alone
- when it was done: effectiveDateTime, effectivePeriod, the ImagingStudy's start
- who asked: the ServiceRequest's requester; who reported: resultsInterpreter, performer
- site: the performer that is an organisation, by its ODS code
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
    SenderProfile,
)
from findings.fhir import names
from findings.fhir.forms import words_of
from findings.fhir.names import Json
from findings.fhir.outcome import Refused, wrong
from findings.fhir.people import (
    authority_of,
    identifiers_of,
    is_ods,
    kind_of,
    language_need_of,
    name_of,
    nobody_because,
    person_at,
    person_of,
    place_of,
    postcode_of,
    split_name,
    type_of,
    where,
)
from findings.fhir.references import Around, Found
from findings.fhir.shapes import faults
from findings.intake.identities import is_placeholder
from findings.intake.statuses import read_status
from findings.nhs_numbers import NhsFault, read_nhs_number

# Sections of v2-0074 that image nothing.
NOT_IMAGING = frozenset(
    (
        "AU", "AP", "BG", "BLB", "CG", "CH", "CP", "EC", "EN", "GE", "HM", "IMM", "LAB", "MB",
        "MCB", "MYC", "OSL", "PAR", "PAT", "PF", "PHR", "PHY", "PT", "RC", "RT", "SP", "SR", "TX",
        "UR", "URN", "VR",
    )
)  # fmt: skip
RESULTS_NOTICE = (
    "Single results (Observation) belong to this report and are not shown here; open them at the"
    " sender's."
)
# Sections that are a modality.
_MODALITIES = {
    "CT": "CT",
    "CUS": "US",
    "NMR": "MR",
    "NMS": "NM",
    "OUS": "US",
    "RUS": "US",
    "RX": "DX",
}


def read_report(
    resource: Json,
    profile: SenderProfile,
    *,
    path: str = "DiagnosticReport",
    entries: dict[str, Found] | None = None,
) -> ArrivingReport:
    """Raises `Refused`, naming the element. Every fault of how it is built is named at once."""
    if found := faults(resource, path):
        raise Refused(422, *found)
    return _Reader(resource, profile, path, Around.of(resource, path, entries)).read()


@dataclass
class _Reader:
    report: Json
    profile: SenderProfile
    path: str
    around: Around
    notices: list[str] = field(default_factory=list)

    def read(self) -> ArrivingReport:
        self._check_is_imaging()
        status = self._status()
        words = words_of(self.report, self.path)
        if not (words.text.strip() or words.documents) and status is not ArrivingStatus.WITHDRAWN:
            said = "A report needs words: in presentedForm, or in conclusion."
            raise wrong(f"{self.path}.presentedForm", said, "required")
        if "result" in self.report:
            self.notices.append(RESULTS_NOTICE)
        request, study = self._request(), self._study()
        code, description = self._examination(request)
        requester, location = self._requester(request)
        patient = self._patient()
        return ArrivingReport(
            accession=self._accession(request, study),
            patient=patient,
            status=status,
            reported_at=self._issued(),
            text=words.text,
            modality=self._modality(study),
            examination_code=code,
            examination_description=description,
            performed_at=self._performed_at(study),
            requester=requester,
            reporter=self._reporter(),
            requesting_location=location,
            site_code=self._site(),
            notices=(*words.notices, *self.notices),
            documents=words.documents,
            codes=tuple(_codes(self.report.get("conclusionCode", []))),
            identifiers=tuple(self._identifiers()),
        )

    # --- What it is ------------------------------------------------------------------------

    def _check_is_imaging(self) -> None:
        for number, category in enumerate(self.report.get("category", [])):
            for coding in category.get("coding", []):
                if coding.get("system") == names.SECTIONS and coding.get("code") in NOT_IMAGING:
                    said = "It names a service that is not imaging: leave it out of this feed."
                    raise wrong(f"{self.path}.category[{number}]", said, "not-supported")

    def _status(self) -> ArrivingStatus:
        sent = self.report["status"]
        own = dict(self.profile.status_words)
        status = names.STATUSES.get(sent) or (read_status(sent, own) if own else None)
        if status is not None:
            return status
        known = ", ".join(names.STATUSES)
        said = f"A report that is filed has one of: {known}."
        raise wrong(f"{self.path}.status", said, "code-invalid")

    def _issued(self) -> datetime:
        if "issued" not in self.report:
            said = "Say when it was verified: that decides which version is the one to read."
            raise wrong(f"{self.path}.issued", said, "required")
        return _instant(self.report["issued"])

    def _performed_at(self, study: Found | None) -> datetime | None:
        period = self.report.get("effectivePeriod", {})
        said = (
            self.report.get("effectiveDateTime")
            or period.get("start")
            or period.get("end")
            or (study.resource.get("started") if study else None)
        )
        if not said or "T" in said:
            return _instant(said) if said else None
        if len(said) < len("2026-06-30"):
            self.notices.append("The day on which the images were made was not sent.")
            return None
        # The earliest that it can have been: no limit that counts from it becomes later.
        self.notices.append("The time of day at which the images were made was not sent.")
        midnight = datetime.combine(date.fromisoformat(said), time(), ZoneInfo(self.profile.zone))
        return midnight.astimezone(UTC)

    def _examination(self, request: Found | None) -> tuple[str, str]:
        concepts = [self.report["code"]]
        if request and "code" in request.resource:
            # What was asked for says more than "radiology report".
            concepts.insert(0, request.resource["code"])
        for concept in concepts:
            coding: Json = next(iter(concept.get("coding", [])), {})
            words = concept.get("text") or coding.get("display", "")
            if words or coding.get("code"):
                return coding.get("code", ""), words
        return "", ""

    def _modality(self, study: Found | None) -> str:
        for category in self.report.get("category", []):
            for coding in category.get("coding", []):
                code, system = coding.get("code", ""), coding.get("system", "")
                if system == names.DICOM:
                    return code
                if system == names.SECTIONS and code in _MODALITIES:
                    return _MODALITIES[code]
        resource = study.resource if study else {}
        series = [one["modality"] for one in resource.get("series", [])]
        codes = (one.get("code", "") for one in (*resource.get("modality", []), *series))
        return next(filter(None, codes), "")

    # --- By which number -------------------------------------------------------------------

    def _request(self) -> Found | None:
        based_on = self.report.get("basedOn", [])
        if len(based_on) > 1:
            said = "Send one report for each request: each has an accession of its own."
            raise wrong(f"{self.path}.basedOn", said, "not-supported")
        return self.around.find(based_on[0], "ServiceRequest") if based_on else None

    def _study(self) -> Found | None:
        found = (
            self.around.find(one, "ImagingStudy") for one in self.report.get("imagingStudy", [])
        )
        return next(filter(None, found), None)

    def _accession(self, request: Found | None, study: Found | None) -> str:
        based_on = self.report.get("basedOn", [{}])[0]
        own = [based_on["identifier"]] if "identifier" in based_on else []
        asked = request.resource.get("identifier", []) if request else []
        imaged = study.resource.get("identifier", []) if study else []
        studies = [
            one["identifier"] for one in self.report.get("imagingStudy", []) if "identifier" in one
        ]
        for candidates in (own, asked, imaged, studies, self.report.get("identifier", [])):
            value = _best(candidates, only_typed=candidates in (imaged, studies))
            if value:
                return value
        said = "Name the examination by its accession: basedOn.identifier, of type ACSN."
        raise wrong(f"{self.path}.basedOn", said, "required")

    def _identifiers(self) -> Iterator[tuple[str, str]]:
        for one in self.report.get("identifier", []):
            if one.get("value"):
                yield one.get("system", ""), one["value"].strip()

    # --- Whom it is about ------------------------------------------------------------------

    def _patient(self) -> ArrivingPatient:
        subject, path = self.report.get("subject"), f"{self.path}.subject"
        if subject is None:
            raise wrong(path, "Say whom the report is about.", "required")
        found = self.around.find(subject, "Patient")
        if found is not None:
            return self._person_of(found.resource, found.path)
        if "identifier" not in subject:
            said = "Send the Patient contained, or in the Bundle, or name them by identifier."
            raise wrong(path, said, "not-found" if "reference" in subject else "required")
        family, given = split_name(subject.get("display", ""))
        number, others = self._numbers([subject["identifier"]], f"{path}.identifier")
        return ArrivingPatient(
            family_name=family, given_name=given, nhs_number=number, identifiers=others
        )

    def _person_of(self, patient: Json, path: str) -> ArrivingPatient:
        number, others = self._numbers(patient.get("identifier", []), f"{path}.identifier")
        family, given = name_of(patient.get("name", []))
        return ArrivingPatient(
            family_name=family,
            given_name=given,
            birth_date=self._birth_date(patient.get("birthDate", "")),
            sex=names.GENDERS.get(patient.get("gender", ""), ""),
            nhs_number=number,
            identifiers=others,
            postcode=postcode_of(patient),
            language_need=language_need_of(patient),
        )

    def _birth_date(self, said: str) -> date | None:
        if said and len(said) < len("1950-02-12"):
            self.notices.append("The day of birth was not sent.")
            return None
        return date.fromisoformat(said) if said else None

    def _numbers(
        self, identifiers: list[Json], path: str
    ) -> tuple[str, tuple[ArrivingIdentifier, ...]]:
        """The NHS number, and the others with whose they are."""
        nhs: set[str] = set()
        others: dict[tuple[str, str], ArrivingIdentifier] = {}
        hints = []
        for one in identifiers:
            value = one.get("value", "").strip()
            if not value or one.get("use") == "old":
                continue
            if one.get("system", "").rstrip("/").casefold() == names.NHS_NUMBER.casefold():
                read = read_nhs_number(value)
                nhs |= {read.number} - {""}
                if read.fault not in (None, NhsFault.EMPTY, NhsFault.PLACEHOLDER):
                    hints.append(read.hint)
            elif not is_placeholder(value):
                authority = authority_of(one) or self.profile.default_authority
                others[authority, value] = ArrivingIdentifier(value, authority, type_of(one))
        kept = tuple(one for (authority, _), one in others.items() if authority)
        if len(nhs) > 1:
            raise wrong(path, "There are two different NHS numbers.", "conflict")
        if not nhs and not kept:
            raise wrong(path, nobody_because(hints, bool(others)), "required")
        self.notices += [f"An NHS number was sent that is not used: {hint}" for hint in hints]
        return next(iter(nhs), ""), kept

    # --- Who asked, who reported, where ----------------------------------------------------

    def _requester(self, request: Found | None) -> tuple[ArrivingPerson, str]:
        """Who asked, and from where: the ward, clinic or practice."""
        if request is None or "requester" not in request.resource:
            return ArrivingPerson(), ""
        around, reference = self.around.inside_of(request), request.resource["requester"]
        role = around.find(reference, "PractitionerRole")
        place = around.find(reference, "Organization")
        if role is not None:
            return person_of(role, around), place_of(role, around)
        if place is not None or reference.get("type") == "Organization":
            return ArrivingPerson(), where(reference, place)
        return person_at(reference, around), ""

    def _reporter(self) -> ArrivingPerson:
        for name in ("resultsInterpreter", "performer"):
            for reference in self.report.get(name, []):
                person = person_at(reference, self.around)
                if person.code or person.family_name:
                    return person
        return ArrivingPerson()

    def _site(self) -> str:
        for reference in self.report.get("performer", []):
            found = self.around.find(reference, "Organization")
            if found is not None or kind_of(reference) == "Organization":
                identifiers = identifiers_of(reference, found)
                code = next(
                    (one["value"] for one in identifiers if is_ods(one) and "value" in one), ""
                )
                name = found.resource.get("name", "") if found else reference.get("display", "")
                return (code or name).strip()
        return ""


def _instant(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)


def _codes(concepts: list[Json]) -> Iterator[str]:
    """What was concluded, in codes: RadLex has some that say that somebody must act."""
    for concept in concepts:
        yield from (one["code"] for one in concept.get("coding", []) if "code" in one)


def _best(identifiers: list[Json], *, only_typed: bool = False) -> str:
    """An accession before a filler's number before anything else."""
    valued = [one for one in identifiers if one.get("value", "").strip()]
    for kind in ("ACSN", "FILL"):
        for one in valued:
            if type_of(one) == kind:
                return one["value"].strip()
    untyped = [] if only_typed else [one for one in valued if type_of(one) != "PLAC"]
    return untyped[0]["value"].strip() if untyped else ""
