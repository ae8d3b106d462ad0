"""The letter that asks a patient to contact their team: to print, and to record as sent."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from findings.presenters.letter import patient_letter as letter_of
from findings.rules import check_can_send_letter
from findings.services.tell_patient import record_letter_sent
from findings.views.access import saw, signed_in, visible_finding


@require_http_methods(["GET", "HEAD", "POST"])
def patient_letter(request: HttpRequest, reference: str) -> HttpResponse:
    """The letter on a page of its own. Opening or printing it records nothing but the viewing."""
    finding, by = visible_finding(request, reference), signed_in(request)
    check_can_send_letter(by, finding)
    if request.method == "POST":
        record_letter_sent(finding=finding, by=by)
        messages.success(
            request, "Recorded that the letter was sent. The clock to tell the patient runs on."
        )
        return redirect("finding", reference)
    if request.method == "GET":
        saw(request, finding.examination.patient)
    context = {"finding": finding, "letter": letter_of(finding, timezone.now())}
    return render(request, "patient_letter.jinja", context)
