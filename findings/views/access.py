"""What every page with patient data does first: find the row if it may be seen, and say so."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from findings.models import Examination, Finding, Patient, Person, Role
from findings.services.timeline import record_viewing


def signed_in(request: HttpRequest) -> Person:
    """The person of this request; LoginRequiredMiddleware let nobody else through."""
    person = request.user
    assert isinstance(person, Person)
    if request.method in ("GET", "HEAD") and person.covers is None:
        person.covers = {}
    return person


def visible_finding(request: HttpRequest, reference: str) -> Finding:
    """The finding, or 404 when it does not exist or is not this person's to see."""
    return get_object_or_404(
        Finding.objects.visible_to(signed_in(request), or_told=True)
        .for_list()
        .select_related(
            "report__reported_by",
            "organisation",
            "site__organisation",
            "flagged_by",
            "acknowledged_by",
            "closed_by",
            "examination__sender",
        ),
        reference=reference,
    )


def visible_examination(request: HttpRequest, public_id: str) -> Examination:
    """The examination, or 404 when it does not exist or is not this person's to read."""
    return get_object_or_404(
        Examination.objects.visible_to(signed_in(request)).select_related(
            "patient",
            "site__organisation",
            "current_report__reported_by",
            "requested_by",
            "requesting_team",
            "sender",
        ),
        public_id=public_id,
    )


def is_from_my_flags(request: HttpRequest) -> bool:
    """Whether it was pressed in the list of flags, and leads back there."""
    return request.POST.get("from") == "my-flags"


def is_from_desk(request: HttpRequest) -> bool:
    """Whether a row of the desk led here, to which its answer leads back."""
    return request.GET.get("from") == "desk" and signed_in(request).has_role(Role.COORDINATOR)


def saw(request: HttpRequest, *patients: Patient | int, in_file: str = "") -> None:
    """Record that this person saw these patients' data on this page, or took it away in a file of
    this kind."""
    page = request.resolver_match.view_name if request.resolver_match else ""
    page += f".{in_file}" if in_file else ""
    ids = [patient if isinstance(patient, int) else patient.pk for patient in patients]
    record_viewing(by=signed_in(request), page=page, patients=ids)
