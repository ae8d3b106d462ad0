"""Papers, one press each: a page that prints, and the same as a workbook."""

from collections.abc import Iterable, Mapping
from tempfile import TemporaryFile

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from findings import rules, words
from findings.forms.lists import ListFilter
from findings.forms.papers import AuditForm, BoardForm, WantPaperForm, WeeklyForm
from findings.measures.period import Period
from findings.models import Finding, PaperReady, PaperSchedule, Person, Team
from findings.presenters.measures import period_words
from findings.presenters.paper_audit import audit_paper
from findings.presenters.paper_board import board_paper
from findings.presenters.paper_file import write_paper
from findings.presenters.paper_weekly import weekly_list, weekly_lists
from findings.presenters.papers import Paper
from findings.services.paper_schedules import stop_paper, want_paper
from findings.views.access import saw, signed_in
from findings.views.listing import AS, MEDIA_TYPES, XLSX
from findings.views.lists import TIME_LEFT

READY_SHOWN = 12


@require_http_methods(["GET", "HEAD", "POST"])
def papers(request: HttpRequest) -> HttpResponse:
    """Which there are; each form leads to its paper. What is sent asks to be told of one."""
    person = signed_in(request)
    rules.check_can_make_weekly_list(person)
    form = WantPaperForm(by=person, data=request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        teams = person.organisation.teams.filter(pk=given["team"]) if given["team"] else None
        team = teams.first() if teams else None
        paper, every = PaperSchedule.Paper(given["paper"]), PaperSchedule.Every(given["every"])
        want_paper(by=person, paper=paper, every=every, team=team)
        messages.success(request, "You will be told by e-mail when it is ready.")
        return redirect("papers")
    return _page(request, person, _forms(person), form)


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """No more of it."""
    own = PaperSchedule.objects.filter(person=signed_in(request))
    if stop_paper(get_object_or_404(own, pk=pk)):
        messages.success(request, "You will not be told of it any more.")
    return redirect("papers")


def _forms(person: Person) -> dict[str, ListFilter]:
    trust, today = person.organisation, timezone.localdate()
    forms: dict[str, ListFilter] = {"weekly": WeeklyForm(None, trust=trust)}
    if rules.can_make_papers(person):
        forms["board"] = BoardForm(None, trust=trust, today=today)
        forms["audit"] = AuditForm(None, trust=trust, today=today)
    return forms


def _page(
    request: HttpRequest, person: Person, forms: Mapping[str, ListFilter], want: WantPaperForm
) -> HttpResponse:
    wanted = PaperSchedule.objects.standing().filter(person=person).select_related("team")
    ready = PaperReady.objects.filter(schedule__person=person).select_related("schedule__team")
    context = {
        "forms": forms,
        "want": want,
        "wanted": wanted,
        "ready": [(one, period_words(Period(one.first, one.last))) for one in ready[:READY_SHOWN]],
    }
    return render(request, "papers.jinja", context, status=422 if want.errors else 200)


@require_safe
def board(request: HttpRequest) -> HttpResponseBase:
    person = _governance(request)
    form = BoardForm(request.GET, trust=person.organisation, today=timezone.localdate())
    if not form.is_valid():
        return _asked_again(request, "board", form)
    return shown(request, board_paper(person, form.chosen, timezone.now()))


@require_safe
def audit(request: HttpRequest) -> HttpResponseBase:
    person = _governance(request)
    form = AuditForm(request.GET, trust=person.organisation, today=timezone.localdate())
    if not form.is_valid():
        return _asked_again(request, "audit", form)
    return shown(request, audit_paper(person, form.chosen, form.word, timezone.now()))


@require_safe
def weekly(request: HttpRequest) -> HttpResponseBase:
    """It names patients: who made it, and whose data is in it, is recorded."""
    person = signed_in(request)
    rules.check_can_make_weekly_list(person)
    form = WeeklyForm(request.GET, trust=person.organisation)
    if not form.is_valid():
        return _asked_again(request, "weekly", form)
    visible = Finding.objects.visible_to(person).open()
    teams = Team.objects.filter(organisation=person.organisation, kind__in=Team.HOLDERS)
    chosen = form.cleaned_data["team"]
    if chosen != WeeklyForm.ALL:
        teams = teams.filter(pk=chosen)
    found = list(visible.filter(team__in=teams).for_list().order_by(*TIME_LEFT))
    patients = {one.examination.patient_id for one in found}
    now = timezone.now()
    if chosen == WeeklyForm.ALL:
        lists = [(team, [one for one in found if one.team_id == team.pk]) for team in teams]
        return shown(request, weekly_lists(person, lists, now), patients)
    return shown(request, weekly_list(person, get_object_or_404(teams), found, now), patients)


def _governance(request: HttpRequest) -> Person:
    person = signed_in(request)
    rules.check_can_make_papers(person)
    return person


def _asked_again(request: HttpRequest, name: str, form: ListFilter) -> HttpResponse:
    """The page of papers, with what is wrong beside the field."""
    person = signed_in(request)
    return _page(request, person, {**_forms(person), name: form}, WantPaperForm(by=person))


def shown(
    request: HttpRequest,
    paper: Paper,
    patients: Iterable[int] = (),
    back: tuple[str, str] | None = None,
) -> HttpResponseBase:
    """As a page, or as a file with ?as=xlsx. `back`: where the page leads back to, and its name."""
    wanted = request.GET.get(AS)
    seen = list(patients)
    if wanted != XLSX:
        if seen and request.method != "HEAD":
            saw(request, *seen)
        query = request.GET.copy()
        query[AS] = XLSX
        href, text = back or (reverse("papers"), "Papers")
        context = {"paper": paper, "file": f"?{query.urlencode()}", "leads_back": (href, text)}
        return render(request, "paper.jinja", context)
    file = TemporaryFile()  # noqa: SIM115  the response closes it
    write_paper(file, paper)
    file.seek(0)
    saw(request, *seen, in_file=XLSX)
    name = f"{slugify(paper.title)}-{words.local(paper.made_at):%Y-%m-%d-%H%M}.xlsx"
    return FileResponse(file, as_attachment=True, filename=name, content_type=MEDIA_TYPES[XLSX])
