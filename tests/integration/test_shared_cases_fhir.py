"""Real FHIR examples, where IMAGING_SAFETY_CASES names a folder of them: what becomes of each."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rest_framework.test import APIClient

from findings.fhir.shapes import SHAPES, faults
from findings.models import IncomingMessage, Report
from findings.services.senders import account_of
from tests import fhir
from tests.calling import calling
from tests.factories import Trust
from tests.fhir import BASE, REPORTS, TASKS, send

XHTML = "{http://www.w3.org/1999/xhtml}"
# Reviewed by hand: the status of the answer, and the element that it names. By the end of the
# file's name; the address is that of its type, or of reports.
BECAME = {
    # Its category is an object and no list: the shape of an earlier ballot.
    "ultrasound_r4ballot.json": (422, "DiagnosticReport.category"),
    # No words: it refers to images alone.
    "DiagnosticReport-CTChestScan-Example.xml": (422, "DiagnosticReport.presentedForm"),
    # An admission note, an electrocardiogram, a blood count.
    "DiagnosticReport-DiagnosticStudiesReport-Example.xml": (422, "DiagnosticReport.category[0]"),
    "DiagnosticReport-ECG-Example.xml": (422, "DiagnosticReport.category[0]"),
    "DiagnosticReport-Lab-DiagnosticStudiesReport-Example.xml": (
        422,
        "DiagnosticReport.category[0]",
    ),
    # A request for a genomic test.
    "MichaelJonesRequest-Example_v3_message.json": (422, "Bundle.entry[10].resource"),
    # Reads of another server.
    "Bundle-Batch-Example.xml": (200, "Bundle.entry[0].request.method"),
    "Task-Colonoscopy-Example.xml": (422, "Task.status"),
    "Task-formComplete.json": (422, "Task.status"),
    # Not FHIR at all.
    "dicom-series-example.json": (400, "Resource"),
    "dicom-study-example.json": (400, "Resource"),
}
# Whatever is not listed is a resource that is not taken.
NOT_TAKEN = (400, "Resource.resourceType")


@pytest.fixture
def examples(cases: Path) -> dict[str, Any]:
    files = [file for file in sorted(cases.rglob("*")) if file.parent.name.startswith("fhir-")]
    if not files:
        pytest.skip("IMAGING_SAFETY_CASES has no folders of FHIR")
    return {file.name: read(file) for file in files if file.suffix in (".json", ".xml")}


def read(file: Path) -> Any:
    if file.suffix == ".json":
        return json.loads(file.read_text())
    root = ElementTree.parse(file).getroot()
    name = _bare(root.tag)
    return {"resourceType": name, **_object(root, SHAPES.get(name, {}))}


def _bare(tag: str) -> str:
    return tag.partition("}")[2]


def _object(element: Any, shape: dict[str, Any]) -> dict[str, Any]:
    """XML as JSON: which elements repeat, and which are numbers, our own table says."""
    found: dict[str, Any] = {}
    for child in element:
        name = _bare(child.tag)
        known = shape.get(name)
        value = _value(child, known.type if known else "Any")
        if known.is_list if known else name in found:
            found.setdefault(name, [])
            found[name] = found[name] if isinstance(found[name], list) else [found[name]]
            found[name].append(value)
        else:
            found[name] = value
    return found


def _value(element: Any, kind: str) -> Any:
    if element.tag.startswith(XHTML):
        return ElementTree.tostring(element, encoding="unicode")
    if kind == "Resource":
        (inside,) = element
        name = _bare(inside.tag)
        return {"resourceType": name, **_object(inside, SHAPES.get(name, {}))}
    if len(element):
        return _object(element, SHAPES.get(kind, {}))
    written = element.get("value")
    if kind == "boolean":
        return written == "true"
    return int(written) if kind in ("integer", "unsignedInt", "positiveInt") else written


def named(answer: Any) -> str:
    said = answer.json()
    if said["resourceType"] == "Bundle":
        said = said["entry"][0]["response"]["outcome"]
    return said["issue"][0].get("expression", [""])[0]


def test_what_becomes_of_each(db: None, trust: Trust, examples: dict[str, Any]) -> None:
    ris = calling(account_of(trust.sender))
    wrong = {}
    for name, sent in examples.items():
        kind = sent.get("resourceType") if isinstance(sent, dict) else ""
        address = {"Bundle": BASE, "Task": TASKS}.get(kind, REPORTS)
        answer = send(ris, sent, address)
        wanted = next((one for end, one in BECAME.items() if name.endswith(end)), NOT_TAKEN)
        if (answer.status_code, named(answer)) != wanted:
            wrong[name] = (answer.status_code, named(answer))
    assert not wrong
    assert not IncomingMessage.objects.exists()


def test_the_structure_of_each_is_as_we_have_it(examples: dict[str, Any]) -> None:
    """But for the one that is not R4."""
    ours = {
        name: sent
        for name, sent in examples.items()
        if isinstance(sent, dict) and sent.get("resourceType") in SHAPES
    }
    assert len(ours) > 10
    broken = {name: found for name, sent in ours.items() if (found := faults(sent))}
    assert [name for name in broken if "r4ballot" not in name] == []


def test_the_chest_scan_is_filed_with_everything_around_it(
    db: None, trust: Trust, examples: dict[str, Any]
) -> None:
    """Its words are ours; patient, request, people and study are the examples' own."""
    wanted = (
        "Patient-RichardSmith",
        "Practitioner-DoctorPaulRastall",
        "ServiceRequest-CTChestScan",
        "ImagingStudy-CTChestScan",
        "DiagnosticReport-CTChestScan",
    )
    resources = [
        next(sent for name, sent in examples.items() if f"UKCore-{one}-Example" in name)
        for one in wanted
    ]
    resources[-1]["presentedForm"] = [fhir.form("No embolus.")]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
            for one in resources
        ],
    }
    ris: APIClient = calling(account_of(trust.sender))
    answer = send(ris, bundle, BASE)
    assert answer.status_code == 200, answer.json()
    filed = Report.objects.get()
    examination = filed.examination
    assert examination.patient.family_name == "SMITH"
    assert examination.modality == "CT"
    assert examination.description == "Computed tomography of chest"
    assert examination.requester_as_sent.startswith("Paul")
    assert examination.performed_at is not None
