"""Rows as resources: one function for each type, and nothing that is not listed here leaves.

People are named by identifier and display, without an address of their own; the patient and the
request stand inside the resource that is about them, and can be read by themselves.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from findings.fhir import names
from findings.fhir.names import Json
from findings.models import (
    Action,
    Examination,
    Finding,
    Patient,
    PatientIdentifier,
    Person,
    Question,
    Report,
    Viewing,
)
from findings.states import State

UKCORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
_GENDERS = {ours: theirs for theirs, ours in names.GENDERS.items()}


def _meta(version: int, changed_at: Any, profile: str = "") -> Json:
    meta = {"versionId": str(version), "lastUpdated": changed_at.isoformat()}
    return meta | ({"profile": [f"{UKCORE}{profile}"]} if profile else {})


def _filled(**elements: Any) -> Json:
    """Without what is empty: FHIR has no null."""
    return {name: value for name, value in elements.items() if value not in (None, "", [], {})}


def with_patient(rows: QuerySet, path: str) -> QuerySet:
    """With the numbers of the patients to whom this path leads, in one query more."""
    numbers = PatientIdentifier.objects.order_by("pk")
    return rows.select_related(path).prefetch_related(
        Prefetch(f"{path}__identifiers", numbers, to_attr="numbers")
    )


def patient(row: Patient) -> Json:
    """As it stands inside another resource; after `with_patient`."""
    numbers: list[PatientIdentifier] = row.numbers  # type: ignore[attr-defined]
    name = _filled(family=row.family_name, given=row.given_name.split())
    return _filled(
        resourceType="Patient",
        id="patient",
        meta={"profile": [f"{UKCORE}Patient"]},
        identifier=[*_nhs(row), *map(_number, numbers)],
        name=[{"use": "official", **name}] if name else [],
        gender=_GENDERS.get(row.sex, "unknown"),
        birthDate=row.birth_date.isoformat() if row.birth_date else "",
    )


def one_patient(row: Patient) -> Json:
    """As it stands by itself."""
    return patient(row) | {"id": str(row.public_id)}


def _nhs(row: Patient) -> list[Json]:
    return [{"system": names.NHS_NUMBER, "value": row.nhs_number}] if row.nhs_number else []


def _number(row: PatientIdentifier) -> Json:
    """With its authority where it came from: a system, or the code of whoever gave it."""
    if ":" in row.authority:
        return {"system": row.authority, "value": row.value}
    assigner = {"identifier": {"system": names.ODS, "value": row.authority}}
    return {"value": row.value, "assigner": assigner}


def subject(row: Patient, *, inside: bool = True) -> Json:
    """Who it is about; `inside`: the resource has the patient in it."""
    return _filled(
        reference="#patient" if inside else "",
        type="Patient",
        identifier=next(iter(_nhs(row)), {}),
        display=row.display_name,
    )


# --- DiagnosticReport ----------------------------------------------------------------------


def with_all_of_reports(reports: QuerySet) -> QuerySet:
    """Reports with everything that `report` shows."""
    return (
        with_patient(reports, "examination__patient")
        .select_related(
            "examination__site",
            "examination__sender",
            "examination__requested_by",
            "examination__requesting_team",
            "reported_by",
        )
        .prefetch_related("examination__report_identifiers")
    )


def report(row: Report) -> Json:
    """One version of a report as a DiagnosticReport."""
    examination = row.examination
    request = _request(examination)
    return _filled(
        resourceType="DiagnosticReport",
        id=str(examination.public_id),
        meta=_meta(row.version, row.received_at, "DiagnosticReport"),
        contained=[patient(examination.patient), request],
        identifier=[
            _filled(system=one.system, value=one.value)
            for one in examination.report_identifiers.all()
        ],
        basedOn=[
            {
                "reference": "#request",
                "type": "ServiceRequest",
                "identifier": request["identifier"][0],
            }
        ],
        status=names.REPORT_STATUS[row.status],  # type: ignore[index]
        category=_categories(examination),
        code=_code(examination),
        subject=subject(examination.patient),
        effectiveDateTime=_moment(examination.performed_at),
        issued=row.reported_at.isoformat(),
        performer=[organisation(examination.site.ods_code, examination.site.name)],
        resultsInterpreter=[_reporter(row)] if _reporter(row) else [],
        presentedForm=[_form(row)] if row.text else [],
    )


def _moment(at: Any) -> str:
    return at.isoformat() if at else ""


def organisation(ods_code: str, name: str) -> Json:
    identifier = {"system": names.ODS, "value": ods_code}
    return {"type": "Organization", "identifier": identifier, "display": name}


def _request(examination: Examination) -> Json:
    asked_by = (
        names.practitioner(examination.requested_by)
        if examination.requested_by
        else _filled(display=examination.requester_as_sent)
    )
    place = examination.requesting_team or examination.location_as_sent
    return _filled(
        resourceType="ServiceRequest",
        id="request",
        identifier=[names.accession_identifier(examination.sender, examination.accession)],
        status="unknown",
        intent="order",
        code=_code(examination),
        subject={"reference": "#patient"},
        requester=asked_by,
        locationCode=[{"text": str(place)}] if place else [],
    )


def one_request(examination: Examination) -> Json:
    """As it stands by itself, with the patient inside."""
    inside = {"resourceType": "ServiceRequest", "contained": [patient(examination.patient)]}
    alone = {"id": str(examination.public_id), "subject": subject(examination.patient)}
    return inside | _request(examination) | alone


def _code(examination: Examination) -> Json:
    """With its code, of which nobody said whose it is, as a coding without a system."""
    coding = _filled(code=examination.code, display=examination.description)
    return _filled(coding=[coding] if examination.code else [], text=examination.title)


def _categories(examination: Examination) -> list[Json]:
    section = names.concept(names.SECTIONS, "RAD", "Radiology")
    modality = examination.modality
    return [section, names.concept(names.DICOM, modality)] if modality else [section]


def _reporter(row: Report) -> Json:
    if row.reported_by is not None:
        return names.practitioner(row.reported_by)
    return _filled(display=row.reporter_as_sent)


def _form(row: Report) -> Json:
    return {
        "contentType": "text/plain; charset=utf-8",
        "language": "en-GB",
        "data": base64.b64encode(row.text.encode()).decode(),
    }


# --- Task ----------------------------------------------------------------------------------


def with_all_of_tasks(findings: QuerySet) -> QuerySet:
    """Findings with everything that `task` shows, beside what a list shows."""
    return (
        with_patient(findings, "examination__patient")
        .select_related("flagged_by", "acknowledged_by", "closed_by")
        .prefetch_related(
            Prefetch("actions", Action.objects.order_by("recorded_at", "pk")),
            Prefetch("questions", Question.objects.select_related("asked_by", "answered_by")),
        )
    )


def task(row: Finding, version: int, changed_at: Any) -> Json:
    """A finding as the Task of whoever holds it. `version`: its last decision, made then."""
    examination = row.examination
    state = State(row.state)
    due_at = getattr(row, "due_at", None)
    return _filled(
        resourceType="Task",
        id=row.reference,
        meta=_meta(version, changed_at, "Task"),
        contained=[patient(examination.patient)],
        identifier=[{"system": names.REFERENCE, "value": row.reference}],
        status=names.TASK_STATUS[state],
        statusReason=_filled(text=row.plan or row.withdrawn_because),
        businessStatus=names.concept(names.STATE, state.value, row.state_words),
        intent="order",
        priority=names.TASK_PRIORITY.get(row.category.priority, "routine"),
        code=names.concept(names.CATEGORY, row.category.code, row.category.name),
        description=f"{row.description}\n{row.recommended_action}",
        focus={
            "reference": f"DiagnosticReport/{examination.public_id}",
            "type": "DiagnosticReport",
        },
        **{"for": subject(examination.patient)},
        authoredOn=row.flagged_at.isoformat(),
        lastModified=changed_at.isoformat(),
        requester=names.practitioner(row.flagged_by),
        owner=names.owner(row),
        note=[note for question in row.questions.all() for note in _notes(question)],
        restriction={"period": {"end": due_at.isoformat()}} if due_at else {},
        output=_outputs(row),
    )


def _notes(question: Question) -> Iterator[Json]:
    """What was asked of the radiologist, and the answer."""
    yield _note(question.asked_by, question.asked_at, f"Question: {question.text}")
    if question.answered_by and question.answered_at:
        yield _note(question.answered_by, question.answered_at, f"Answer: {question.answer}")


def _note(by: Person, at: datetime, text: str) -> Json:
    return {"authorReference": names.practitioner(by), "time": at.isoformat(), "text": text}


def _outputs(row: Finding) -> list[Json]:
    found = [output("planned-by", valueDate=row.plan_by.isoformat())] if row.plan_by else []
    found += [
        output("action", valueCodeableConcept=_said(names.ACTION, one.kind, one.text))
        for one in row.actions.all()
    ]
    found += [
        output("result-expected-on", valueDate=one.result_expected_on.isoformat())
        for one in list(row.actions.all())[-1:]
    ]
    if row.patient_told_how:
        how = _said(names.TOLD, row.patient_told_how, row.patient_told_note)
        found.append(output("patient-told", valueCodeableConcept=how))
    if row.outcome:
        found.append(
            output(
                "outcome", valueCodeableConcept=_said(names.OUTCOME, row.outcome, row.outcome_note)
            )
        )
    return found


def output(code: str, **value: Any) -> Json:
    return {"type": names.concept(names.OUTPUT, code), **value}


def _said(system: str, code: str, text: str) -> Json:
    return names.concept(system, code) | ({"text": text} if text else {})


# --- AuditEvent ----------------------------------------------------------------------------


def audit_event(row: Viewing, patients: dict[int, Patient]) -> Json:
    """That somebody saw data of patients. `patients` by id; more may be among them."""
    shown = [patients[key] for key in row.patients if key in patients]
    return {
        "resourceType": "AuditEvent",
        "id": str(row.pk),
        "meta": _meta(1, row.at, "AuditEvent"),
        "type": names.concept(names.DICOM, "110110", "Patient Record")["coding"][0],
        "action": "R",
        "recorded": row.at.isoformat(),
        "outcome": "0",
        "agent": [{"who": names.practitioner(row.person), "requestor": True}],
        "source": {"observer": {"display": "Imaging Safety"}},
        "entity": [{"what": subject(one, inside=False), "description": row.page} for one in shown],
    }
