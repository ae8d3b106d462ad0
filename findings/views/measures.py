"""Measures: the list of them, one with its pictures and parts, and the rows behind each number."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import measures, rules
from findings.forms.lists import Narrowing
from findings.forms.measures import PeriodForm
from findings.measures.period import Period, last_months
from findings.measures.spc import ENOUGH
from findings.models import Person
from findings.presenters import measure_pictures as pictures
from findings.presenters.columns import CASES_OF_EXAMINATIONS, CASES_OF_FINDINGS, examination_of
from findings.presenters.measures import Addresses, measure_lines, period_words
from findings.presenters.paper_measures import measures_paper
from findings.views.access import signed_in
from findings.views.listing import AS, XLSX, Listing, Shown, answer
from findings.views.papers import shown

MONTHS, WEEKS = 24, 26
# Those that have a table of their own on the page.
DRAWN = ("hour", "weekday")


def _overseer(request: HttpRequest) -> Person:
    person = signed_in(request)
    rules.check_can_see_measures(person)
    return person


def _form(request: HttpRequest, person: Person) -> PeriodForm:
    return PeriodForm(request.GET, trust=person.organisation, today=timezone.localdate())


def _narrow(request: HttpRequest, measure: measures.Measure) -> dict[str, str]:
    """What the address narrows the measure to. Raises Http404 for what it cannot be narrowed by."""
    try:
        return measures.narrowing(measure, request.GET.dict())
    except KeyError:
        raise Http404 from None


@require_safe
def list_of_measures(request: HttpRequest) -> HttpResponseBase:
    """Every measure in one time and the time before, and the way from flagged to outcome; its
    numbers as a workbook with ?as=xlsx."""
    person = _overseer(request)
    form, now = _form(request, person), timezone.now()
    period, trust = form.chosen, person.organisation
    site = form.cleaned_data.get("site", "") if form.is_valid() else ""
    narrow = {"site": site} if site else {}
    addresses = Addresses(form.time_query, narrow)
    changes = measures.Changes(measures.MEASURES, trust, now)
    readings = measures.read_many(
        measures.MEASURES, trust, [period, period.before], now, changes, **narrow
    )
    if request.GET.get(AS) == XLSX:
        said = "; ".join(form.narrowing.said)
        return shown(request, measures_paper(person, readings, said, now))
    states = measures.by("closed", trust, period, "state", now, changes, **narrow)
    context = {
        "form": form,
        "period": period_words(period),
        "before": period_words(period.before),
        "lines": measure_lines(readings, addresses),
        "file": f"?{urlencode({**request.GET.dict(), AS: XLSX})}",
        "flow": pictures.flow_of(states, addresses),
        "can_load_deprivation": rules.can_load_deprivation(person),
    }
    return render(request, "measures.jinja", context)


@require_safe
def measure(request: HttpRequest, code: str) -> HttpResponse:
    """What it asks, its number, and every way to break it down."""
    person, chosen = _overseer(request), _measure(code)
    form, now, narrow = _form(request, person), timezone.now(), _narrow(request, chosen)
    period, trust = form.chosen, person.organisation
    addresses = Addresses(form.time_query, narrow)
    changes = measures.Changes([code], trust, now)
    try:
        look = measures.look(code, trust, period, now, changes, **narrow)
    except (ValueError, ValidationError, DataError):
        raise Http404 from None
    waited = measures.how_long(code, trust, period, now, **narrow)
    context = {
        "form": form,
        "measure": chosen,
        "reading": look.whole,
        "period": period_words(period),
        "narrowed": _narrowed(narrow, chosen, addresses),
        "rows": addresses.rows(code),
        "missed": addresses.rows(code, met="no"),
        "months": _months(chosen, changes, narrow, addresses),
        "funnel": pictures.funnel_of(look.parts.get("team", ()), chosen, addresses),
        "curves": pictures.curves_of(waited.of_limit if waited else {}),
        "took": pictures.took_words(waited.took if waited else None),
        "heat": pictures.heat_of(look.hours, chosen, addresses),
        "tables": [
            pictures.parts_of(one.title, one.code, look.parts[one.code], chosen, addresses)
            for one in measures.dimensions_of(chosen)
            if one.code not in DRAWN and look.parts.get(one.code)
        ],
    }
    return render(request, "measure.jinja", context)


def _measure(code: str) -> measures.Measure:
    if code not in measures.MEASURES:
        raise Http404
    return measures.MEASURES[code]


def _months(
    chosen: measures.Measure,
    changes: measures.Changes,
    narrow: dict[str, str],
    addresses: Addresses,
) -> pictures.Months:
    """Months that are over; weeks, where there are too few months for limits."""
    now, trust = changes.now, changes.trust
    today = timezone.localdate(now)
    months = measures.series(
        chosen.code, trust, last_months(MONTHS, today), "month", now, changes, **narrow
    )
    if sum(1 for one in months if one.denominator) >= ENOUGH:
        return pictures.months_of(months, chosen, addresses)
    monday = today - timedelta(days=today.weekday())
    weeks = Period(monday - timedelta(weeks=WEEKS), monday - timedelta(days=1))
    found = measures.series(chosen.code, trust, weeks, "week", now, changes, **narrow)
    return pictures.months_of(found, chosen, addresses, "week")


def _narrowed(
    narrow: dict[str, str], chosen: measures.Measure, addresses: Addresses
) -> list[dict[str, str]]:
    """What the page is narrowed to, each with the address without it."""
    found = []
    for name, key in narrow.items():
        dimension = measures.DIMENSIONS[name]
        label = dimension.labels([key]).get(key, measures.NOT_KNOWN_WORDS)
        rest = {other: value for other, value in narrow.items() if other != name}
        without = Addresses(addresses.time, rest).measure(chosen.code)
        found.append({"by": dimension.name, "label": label, "without": without})
    return found


MET = {"yes": True, "no": False}


@require_safe
def rows(request: HttpRequest, code: str) -> HttpResponseBase:
    """The cases behind one number: ?met=no those that were missed."""
    person, chosen = _overseer(request), _measure(code)
    form, narrow = _form(request, person), _narrow(request, chosen)
    met = MET.get(request.GET.get("met", ""))
    try:
        found = measures.rows(code, person.organisation, form.chosen, met, timezone.now(), **narrow)
        found = found.select_related(*chosen.cases.shown)
        addresses = Addresses(form.time_query, narrow)
        said = [f"{one['by']}: {one['label']}" for one in _narrowed(narrow, chosen, addresses)]
        said.append(period_words(form.chosen))
        if met is not None:
            said.append("met" if met else "not met")
        query = addresses.query(**({"met": request.GET["met"]} if met is not None else {}))

        def context(page: Shown) -> dict[str, Any]:
            return {"measure": chosen, "said": said, "back_to": addresses.measure(code)}

        return answer(request, _listing(chosen), found, Narrowing(query, said), context)
    except (ValueError, ValidationError, DataError):
        raise Http404 from None


def _listing(chosen: measures.Measure) -> Listing:
    of_findings = chosen.cases.finding is not None
    return Listing(
        chosen.name,
        "measure_rows.jinja",
        CASES_OF_FINDINGS if of_findings else CASES_OF_EXAMINATIONS,
        ("counts_at", "pk"),
        lambda row: (examination_of(row).patient_id,),
    )
