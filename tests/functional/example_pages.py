"""Pages that only the tests have: every field and every component, in each of its states."""

from datetime import date, timedelta
from types import SimpleNamespace

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from django.utils import timezone

from findings import form_fields as nhs
from findings.measures import funnel
from findings.measures.funnel import Place
from imaging_safety.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

HOSTILE = "<script>alert(1)</script><b>"

FORM_PAGE = """
{% extends "layout.jinja" %}
{% from "components/page.jinja" import page_title %}
{% from "components/forms.jinja" import form as show_form, error_summary with context %}
{% set title = "Example form" %}
{% set back = {"href": "/", "text": "the start page"} %}
{% block content %}
{{ error_summary(form) }}{{ page_title(title, caption="Everything a form may hold") }}
{{ show_form(form, "Send", cancel="/help/", summary=false) }}
{% endblock %}
"""

COMPONENTS_PAGE = """
{% extends "layout.jinja" %}
{% from "components/page.jinja" import page_title, empty_state %}
{% from "components/findings.jinja" import finding_card, state_tag, due_tag %}
{% from "components/findings.jinja" import limit_badge, timeline %}
{% from "components/tables.jinja" import responsive_table, scrolling_table, summary %}
{% from "components/forms.jinja" import button_form, filter_form with context %}
{% set title = "Every component" %}
{% block content %}
{{ page_title(title) }}
{{ filter_form(filter) }}
{% for finding in findings %}
  {% call finding_card(finding, now, "/help/") %}
    {{ button_form("/sign-out/", "Acknowledge", about=finding.reference, small=true) }}
  {% endcall %}
{% endfor %}
{{ empty_state("Nothing is waiting for you.") }}
{% set rows = [] %}
{% for finding in findings %}
  {% set due %}{{ due_tag(finding.due_at, now) }}{% endset %}
  {% set where %}{{ state_tag(finding.state) }}{% endset %}
  {% set reference = {"text": finding.reference, "href": "/help/"} %}
  {% set _ = rows.append([reference, finding.description, where, due]) %}
{% endfor %}
{{ responsive_table("Open findings", ["Reference", "What", "Where it stands", "Due"], rows) }}
{% set sites = ["Northgate", "Southgate", "Eastgate", "Castlegate", "Bishopsgate", "Priorygate"] %}
{{ scrolling_table("By category and site", ["Category"] + sites * 2,
                   [["Critical"] + [1] * 12, ["Cancer, suspected or unexpected"] + [22] * 12]) }}
{{ summary([
  ("Plan", hostile), ("Acknowledge", limit_badge("PT6H", national)),
  ("Act", limit_badge("P14D", local)), ("Follow up", limit_badge("", local)), ("Note", ""),
  ("Owner", "Dr Ada Example", {"href": "/help/", "text": "Change", "about": "owner"})]) }}
<h2>Timeline</h2>
{{ timeline(entries) }}
{% endblock %}
"""

CHARTS_PAGE = """
{% extends "layout.jinja" %}
{% from "components/page.jinja" import page_title %}
{% from "components/charts.jinja" import chart, chart_table, heat_table %}
{% from "components/charts.jinja" import chart_scripts with context %}
{% set title = "Every picture" %}
{% block head %}{{ super() }}{{ chart_scripts() }}{% endblock %}
{% block content %}
{{ page_title(title) }}
{{ chart("months", "months", "In time, by month: the last two are worse than chance explains.",
         unit=" %", most=100) }}
{{ chart_table("months", "By month", ["Month", {"text": "In time", "series": "value"},
   {"text": "Mean", "series": "mean"}, {"text": "Lower limit", "series": "lower"},
   {"text": "Upper limit", "series": "upper"}, {"text": "Target", "series": "target"}], months) }}
{{ chart("curve", "curve", "How many still wait, by how much of their time has gone.", unit=" %",
         least=0, most=100, x_name="Share of the limit (%)") }}
{{ chart_table("curve", "Still waiting", ["Of the limit", {"text": "Critical", "series": "a"},
   {"text": "Cancer", "series": "b"}], curve) }}
{{ chart("sizes", "sizes", "One team lies below the limits.", unit=" %", least=0, most=100,
         x_name="Findings", y_name="In time") }}
{{ chart_table("sizes", "By team", ["Team", {"text": "In time", "series": "value"},
   {"text": "99.8 % low", "series": "low"}, {"text": "95 % low", "series": "lower"},
   {"text": "95 % high", "series": "upper"}, {"text": "99.8 % high", "series": "high"}], sizes) }}
{{ chart("bars", "bars", "From flagged to outcome.") }}
{{ chart_table("bars", "Flow", ["Stage", {"text": "Went on", "series": "on"},
   {"text": "Waits", "series": "waits"}, {"text": "Ended", "series": "ended"}], flow) }}
{{ heat_table("heat", "By hour", ["Day", "0", "6", "12", "18"], heat) }}
{% endblock %}
"""


class EverythingForm(forms.Form):
    words = nhs.TextField(label="NHS number", help_text="10 figures", width=10, max_length=12)
    plan = nhs.TextareaField(label="Your plan", missing="Say what you will do", max_length=200)
    free = nhs.TextareaField(label="Anything else", required=False)
    site = nhs.SelectField(label="Site", choices=[("n", "Northgate"), ("s", "Southgate")])
    answer = nhs.RadiosField(
        label="Your answer",
        choices=[("mine", "It is mine"), ("not_mine", "It is not mine")],
        hints={"mine": "You hold it from now on", "not_mine": "It goes up the ladder at once"},
        reveals={"not_mine": ["because"]},
    )
    because = nhs.TextField(label="Why not", missing="Say why not", required=False)
    yes_no = nhs.RadiosField(label="Told?", choices=[("y", "Yes"), ("n", "No")], inline=True)
    told = nhs.CheckboxesField(
        label="Who was told",
        choices=[("p", "The patient"), ("g", "The GP")],
        hints={"g": "By letter"},
    )
    sure = nhs.CheckboxField(label="I have read the report", help_text="All of it")
    on = nhs.DateField(label="By when", validators=[nhs.not_in_the_past])
    at = nhs.DateTimeField(label="When the patient was told", validators=[nhs.not_in_the_future])
    email = nhs.EmailField(label="E-mail address")
    secret = nhs.PasswordField(label="Password")

    def clean(self) -> None:
        nhs.missing_if_chosen(self, "answer")


class FilterForm(forms.Form):
    q = nhs.SearchField(label="Find", width=20)
    state = nhs.SelectField(
        label="Where it stands", choices=[("o", "Open")], required=False, empty="Any"
    )


def draw(request: HttpRequest, source: str, **context: object) -> HttpResponse:
    return HttpResponse(engines["jinja2"].from_string(source).render(context, request))


@login_not_required
def example_form(request: HttpRequest) -> HttpResponse:
    form = EverythingForm(request.POST or None)
    if form.is_bound and form.is_valid():
        messages.success(request, "Sent.")
        messages.error(request, "But nothing was kept.")
    return draw(request, FORM_PAGE, form=form)


def _finding(state: str, hours: float | None, category: str) -> SimpleNamespace:
    now = timezone.now()
    patient = SimpleNamespace(
        display_name=f"TESTPATIENT, {HOSTILE}", birth_date=date(1950, 2, 3), nhs_number="9990000018"
    )
    examination = SimpleNamespace(patient=patient, title="CT thorax", performed_at=now)
    return SimpleNamespace(
        state=state, category=SimpleNamespace(name=category), description=f"Nodule {HOSTILE}",
        due_at=None if hours is None else now + timedelta(hours=hours),
        due_kind=None if hours is None else "acknowledge", examination=examination,
        site=SimpleNamespace(name="Northgate"), owner="Dr Ada Example",
        reference=f"F-{state.upper()}",
    )  # fmt: skip


def _rule(national: bool, words: str) -> SimpleNamespace:
    return SimpleNamespace(
        is_national=national, get_basis_display=lambda: words, source="RCR 2012", calendar="working"
    )


@login_not_required
def components(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    entries = [
        {"title": "Acknowledged", "at": now, "by": "Dr Ada Example", "text": f"Line 1\n{HOSTILE}"},
        {
            "title": "Escalated",
            "at": now,
            "lines": ["E-mail to Dr B", "E-mail to Dr C"],
            "emphasis": "late",
        },
        {"title": "Flagged", "at": now},
    ]
    return draw(
        request, COMPONENTS_PAGE, now=now, entries=entries, hostile=HOSTILE, filter=FilterForm(),
        findings=[
            _finding("awaiting", -2, "Critical"), _finding("acknowledged", 1, "Cancer"),
            _finding("acted_on", 200, "Urgent"), _finding("closed", None, "Incidental"),
        ],
        national=_rule(True, "National standard"), local=_rule(False, "Local default"),
    )  # fmt: skip


def _cell(number: float, mark: str = "", href: str = "/help/") -> dict[str, object]:
    return {"text": f"{number} %", "value": number, "mark": mark, "href": href}


def _funnel(name: str, size: int, met: int) -> list[object]:
    bounds = funnel.limits([size], 0.8)[0]
    marks = {Place.INSIDE: "inside", Place.BELOW: "worse"}
    own = _cell(round(100 * met / size), marks.get(bounds.place(met, size), "neither"))
    limits = (bounds.low, bounds.lower, bounds.upper, bounds.high)
    return [
        {"text": f"{name} ({size})", "value": size},
        own,
        *(_cell(round(100 * one)) for one in limits),
    ]


@login_not_required
def charts(request: HttpRequest) -> HttpResponse:
    values = [88, 91, 90, 89, 92, 90, 91, None, 89, 91, 70, 68]
    lines = [_cell(number) for number in (86, 80, 93, 95)]
    months: list[list[object]] = [
        [f"2026-{at:02}", "none due" if one is None else _cell(one, "inside"), *lines]
        for at, one in enumerate(values, 1)
    ]
    months[10][1], months[11][1] = _cell(70, "worse"), _cell(68, "worse")
    curve = [
        [{"text": f"{at} %", "value": at}, _cell(max(0, 100 - at)), _cell(max(10, 100 - at / 2))]
        for at in (0, 25, 50, 75, 100, 150, 200)
    ]
    shades = [{"text": n * 3, "shade": n, "href": "/help/"} for n in range(4)]
    return draw(
        request, CHARTS_PAGE, months=months, curve=curve,
        sizes=[
            _funnel("Stroke", 12, 10), _funnel("Renal", 25, 21),
            _funnel("Lung", 40, 17), _funnel(HOSTILE, 90, 75),
        ],
        flow=[
            ["Flagged", _cell(90), _cell(6), _cell(4)],
            ["Acknowledged", _cell(80), _cell(9), _cell(1)],
        ],
        heat=[{"name": day, "cells": [*shades]} for day in ("Monday", "Tuesday")],
    )  # fmt: skip


@login_not_required
def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


@login_not_required
def refused(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


@login_not_required
def unreadable(request: HttpRequest) -> HttpResponse:
    raise BadRequest


urlpatterns = [
    path("example/form/", example_form),
    path("example/components/", components),
    path("example/charts/", charts),
    path("example/broken/", broken),
    path("example/refused/", refused),
    path("example/unreadable/", unreadable),
    *urlpatterns,
]
