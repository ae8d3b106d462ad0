"""Learning points: what everybody with a role is to know, and saying that one has read it."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from findings import learning_rules as rules
from findings.forms.lists import Narrowing
from findings.forms.meetings import PointForm, WithdrawPointForm
from findings.measures.meetings import people_with
from findings.models import LearningPoint, Meeting, Person, ReadReceipt, Review, Role
from findings.presenters.columns import POINTS
from findings.services import meetings as services
from findings.views import gone
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.listing import OF_STAFF, Listing, Shown, answer

LIST = Listing("Learning points", "learning.jinja", POINTS, ("-shared_at", "-pk"), care=OF_STAFF)


def _shown_to(person: Person) -> Any:
    """Those of their roles; of who shares them, all of the trust that stand."""
    if rules.can_share_points(person):
        return LearningPoint.objects.standing().filter(organisation=person.organisation_id)
    return LearningPoint.objects.visible_to(person)


@require_safe
def learning(request: HttpRequest) -> HttpResponseBase:
    """The newest first. Opening this page is not reading: pressing is."""
    person = signed_in(request)
    read = ReadReceipt.objects.filter(point=OuterRef("pk"), person=person)
    rows = _shown_to(person).annotate(
        is_read=Exists(read), read_by=Count("receipts", distinct=True)
    )

    def context(page: Shown) -> dict[str, Any]:
        shares = rules.can_share_points(person)
        return {
            "mine": set(LearningPoint.objects.visible_to(person).values_list("pk", flat=True)),
            "unread": LearningPoint.objects.unread_by(person).count(),
            "shares": shares,
            "oversees": rules.can_oversee_reviews(person),
            "raises": rules.can_start_review(person),
            "attends": rules.can_see_meetings(person),
            "owns": rules.can_see_improvements(person),
            "readers": people_with(person.organisation_id, list(page)) if shares else {},
            "role_words": lambda one: ", ".join(Role(role).label for role in one.roles),
        }

    return answer(request, LIST, rows, Narrowing(), context)


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """I have read this."""
    by = signed_in(request)
    point = get_object_or_404(LearningPoint.objects.visible_to(by), pk=pk)
    first = services.say_read(point=point, by=by)
    messages.success(request, "Thank you: it is recorded." if first else "You had said so already.")
    return redirect("learning")


@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest) -> HttpResponse:
    """Share one: ?meeting=3 or ?review=R-… says where it was learned."""
    by = signed_in(request)
    rules.check_can_share_points(by)
    asked = request.GET.get("meeting", "")
    meetings = Meeting.objects.visible_to(by)
    meeting = meetings.filter(pk=asked if asked.isdecimal() else 0).first()
    reference = request.GET.get("review", "").upper()
    review = Review.objects.visible_to(by).filter(reference=reference).first()
    form = PointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        services.share_point(by=by, meeting=meeting, review=review, **form.cleaned_data)
        messages.success(request, "Shared. Everybody with these roles finds it under Learning.")
        return redirect("learning")
    context = {"form": form, "meeting": meeting, "review": review}
    return form_page(request, "share_point.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    by = signed_in(request)
    rules.check_can_share_points(by)
    points = LearningPoint.objects.filter(organisation=by.organisation_id)
    point = get_object_or_404(points.select_related("undone_by"), pk=pk)
    if point.undone_at and request.method != "POST":
        raise gone.Gone(gone.said(point.title, "was withdrawn", point.undone_by), "learning")
    form = WithdrawPointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.withdraw_point(point=point, by=by, **form.cleaned_data)
        except services.RecordClosed as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Withdrawn. Nobody is asked to read it any more.")
            return redirect("learning")
    return form_page(request, "withdraw_point.jinja", {"form": form, "point": point})
