"""Lists of findings: a referrer's own and their teams', and an organisation's open ones."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, F, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import words
from findings.forms.lists import MARKS, MineFilter, OpenFilter
from findings.models import Finding, HandOver, Person, Receipt, Role
from findings.models.cover import covered_by
from findings.models.examination import held_by
from findings.models.finding import FindingQuerySet
from findings.presenters.downtime import document, open_findings_of, waits_of
from findings.presenters.held import waiting_words
from findings.views.access import saw, signed_in

ROWS_ON_A_PAGE = 25


@require_safe
def my_findings(request: HttpRequest) -> HttpResponse:
    """The person's own first, then those of whomever they stand in for, then their teams'; in
    each the least time left first."""
    person = _with_role(request, Role.REFERRER)
    form = MineFilter(request.GET)
    now = timezone.now()
    # A coordinator who is a referrer too sees the whole trust, but not here.
    mine = Finding.objects.visible_to(person).filter(held_by(person))
    chosen = form.apply(mine) if form.is_valid() else mine.none()
    page = _page(request, _own_first(chosen, person, covered_by(person, timezone.localdate())))
    context = {
        "form": form,
        "page": page,
        "offered": _offered(request, person),
        "own": [finding for finding in page if finding.whose == OWN],
        "of_absent": [finding for finding in page if finding.whose == OF_ABSENT],
        "of_teams": [finding for finding in page if finding.whose == OF_TEAMS],
        "open_count": mine.open().count(),
        "own_count": mine.open().filter(owner_person=person).count(),
        "late_count": mine.overdue(now).count(),
        "now": now,
    }
    return render(request, "my_findings.jinja", context)


@require_safe
def open_findings(request: HttpRequest) -> HttpResponse:
    """Everything open in the organisation, and where the numbers of governance lead to."""
    person = _with_role(request, Role.COORDINATOR, Role.GOVERNANCE)
    form = OpenFilter(request.GET, person=person)
    now = timezone.now()
    all_here = Finding.objects.visible_to(person).filter(organisation=person.organisation_id)
    chosen = form.apply(all_here, now) if form.is_valid() else all_here.none()
    context = {
        "form": form,
        "page": _page(request, _least_time_first(chosen)),
        "counts": _counts(all_here, now),
        "held": _held(person, now),
        "organisation": person.organisation,
        "now": now,
    }
    return render(request, "open_findings.jinja", context)


@require_safe
def downtime_list(request: HttpRequest) -> HttpResponse:
    """Everything open as a file to print or to keep for when this system is down."""
    person = _with_role(request, Role.COORDINATOR, Role.GOVERNANCE)
    now = timezone.now()
    findings, waits = open_findings_of(person.organisation), waits_of(person.organisation)
    if request.method == "GET":
        examinations = [
            *(finding.examination for finding in findings),
            *(clock.examination for clock in waits if clock.examination),
        ]
        saw(request, *{examination.patient_id for examination in examinations})
    name = f"open-findings-{words.local(now):%Y-%m-%d-%H%M}.html"
    return HttpResponse(
        document(person.organisation, findings, waits, now),
        # Not shown inside the application: its style stands in the file.
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _offered(request: HttpRequest, person: Person) -> list[Finding]:
    """What others ask this person, or a team of theirs, to take over: not theirs until then."""
    asked = Finding.objects.visible_to(person).filter(
        pk__in=HandOver.objects.open_to(person).values("finding")
    )
    shown = list(_least_time_first(asked)[:ROWS_ON_A_PAGE])
    if request.method == "GET":
        saw(request, *(finding.examination.patient for finding in shown))
    return shown


def _with_role(request: HttpRequest, *roles: Role) -> Person:
    person = signed_in(request)
    if not person.has_role(*roles):
        raise PermissionDenied("This list is for people with another role.")
    return person


OWN, OF_ABSENT, OF_TEAMS = 1, 2, 3


def _own_first(findings: FindingQuerySet, person: Person, absent: list[int]) -> FindingQuerySet:
    whose = Case(
        When(owner_person=person, then=Value(OWN)),
        When(owner_person__in=absent, then=Value(OF_ABSENT)),
        default=Value(OF_TEAMS),
        output_field=IntegerField(),
    )
    return findings.for_list().annotate(whose=whose).order_by("whose", *_TIME_LEFT)


def _least_time_first(findings: FindingQuerySet) -> FindingQuerySet:
    return findings.for_list().order_by(*_TIME_LEFT)


# Ended ones have no limit: the newest of them first. The key makes the pages stable.
_TIME_LEFT: tuple[Any, ...] = (F("due_at").asc(nulls_last=True), "-counts_from", "pk")


def _page(request: HttpRequest, findings: FindingQuerySet) -> Page:
    page = Paginator(findings, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    if request.method == "GET":
        saw(request, *(finding.examination.patient for finding in page))
    return page


def _held(person: Person, now: datetime) -> str:
    """A report that is held is in no other list; empty for whoever deals with none."""
    if not person.has_role(Role.COORDINATOR):
        return ""
    return waiting_words(Receipt.objects.visible_to(person).waiting(), now)


def _counts(findings: FindingQuerySet, now: datetime) -> list[tuple[str, str, int]]:
    """What stands above the list: words, the filter that leads to its rows, the number."""
    said = {
        "late": "late",
        "forgotten": "acknowledged, time to act has passed",
        "reopened": "opened again by a changed report",
        "owner_left": "held by somebody who has left",
        "unroutable": "of which nobody can be told",
    }
    everything = [("open", "", findings.open().count())]
    return everything + [
        (said[name], f"{name}=yes", narrow(findings, now).count()) for name, narrow in MARKS.items()
    ]
