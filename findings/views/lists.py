"""Lists of findings: a referrer's own and their teams', and an organisation's open ones."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Case, Exists, IntegerField, OuterRef, Prefetch, Value, When
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import words
from findings.forms.lists import MARKS, MineFilter, OpenFilter
from findings.models import Finding, HandOver, Person, Rating, Receipt, Role
from findings.models.cover import covered_by
from findings.models.examination import held_by
from findings.models.finding import FindingQuerySet
from findings.presenters.answering import with_seen
from findings.presenters.columns import FINDINGS
from findings.presenters.downtime import document, open_findings_of, waits_of
from findings.presenters.held import waiting_words
from findings.views.access import saw, signed_in
from findings.views.listing import ROWS_ON_A_PAGE, Listing, Shown, answer


def patients_of(finding: Finding) -> tuple[int]:
    return (finding.examination.patient_id,)


# Ended ones have no limit: the newest of them first.
TIME_LEFT = ("due_or_never", "-counts_from", "pk")
MINE = Listing("My findings", "my_findings.jinja", FINDINGS, ("whose", *TIME_LEFT), patients_of)
OPEN = Listing("Open findings", "open_findings.jinja", FINDINGS, TIME_LEFT, patients_of)


@require_safe
def my_findings(request: HttpRequest) -> HttpResponseBase:
    """The person's own first, then those of whomever they stand in for, then their teams'; in
    each the least time left first."""
    person = _with_role(request, Role.REFERRER)
    form = MineFilter(request.GET)
    now = timezone.now()
    # A coordinator who is a referrer too sees the whole trust, but not here.
    mine = Finding.objects.visible_to(person).filter(held_by(person))
    chosen = form.apply(mine) if form.is_valid() else mine.none()
    rows = _by_whose(chosen, person, covered_by(person, timezone.localdate()))

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "offered": _offered(request, person),
            "own": [finding for finding in page if finding.whose == OWN],
            "of_absent": [finding for finding in page if finding.whose == OF_ABSENT],
            "of_teams": [finding for finding in page if finding.whose == OF_TEAMS],
            "open_count": mine.open().count(),
            "own_count": mine.open().filter(owner_person=person).count(),
            "late_count": mine.overdue(now).count(),
            "now": now,
        }

    return answer(request, MINE, rows, form.narrowing, context)


@require_safe
def open_findings(request: HttpRequest) -> HttpResponseBase:
    """Everything open in the organisation, and where the numbers of governance lead to."""
    person = _with_role(request, Role.COORDINATOR, Role.GOVERNANCE)
    form = OpenFilter(request.GET, person=person)
    now = timezone.now()
    all_here = Finding.objects.visible_to(person).filter(organisation=person.organisation_id)
    chosen = form.apply(all_here, now) if form.is_valid() else all_here.none()

    def context(page: Shown) -> dict[str, Any]:
        return {
            "form": form,
            "counts": _counts(all_here, now),
            "held": _held(person, now),
            "organisation": person.organisation,
            "now": now,
        }

    return answer(request, OPEN, chosen.for_list(), form.narrowing, context)


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
    offers = HandOver.objects.open().select_related("offered_by", "to_person", "to_team")
    rows = with_seen(asked.for_list()).prefetch_related(Prefetch("offers", offers))
    shown = list(rows.order_by(*TIME_LEFT)[:ROWS_ON_A_PAGE])
    if request.method == "GET":
        saw(request, *(finding.examination.patient for finding in shown))
    return shown


def _with_role(request: HttpRequest, *roles: Role) -> Person:
    person = signed_in(request)
    if not person.has_role(*roles):
        raise PermissionDenied("This list is for people with another role.")
    return person


OWN, OF_ABSENT, OF_TEAMS = 1, 2, 3


def _by_whose(findings: FindingQuerySet, person: Person, absent: list[int]) -> FindingQuerySet:
    whose = Case(
        When(owner_person=person, then=Value(OWN)),
        When(owner_person__in=absent, then=Value(OF_ABSENT)),
        default=Value(OF_TEAMS),
        output_field=IntegerField(),
    )
    rated = Exists(Rating.objects.filter(finding=OuterRef("pk"), rated_by=person))
    return with_seen(findings.for_list()).annotate(whose=whose, rated=rated)


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
