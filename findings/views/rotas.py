"""Posts of the trust's teams and their rotas, kept by coordinators and administrators."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_safe

from findings import words
from findings.forms.rotas import AddShiftForm, PostForm, ShiftForm
from findings.models import Person, Post, RotaEntry
from findings.presenters.rotas import WINDOW, post_line, rota_lines
from findings.presenters.trail import of_rota
from findings.rules import check_can_keep_rota, check_can_keep_rotas
from findings.services.concerns import by_post
from findings.services.rota import add_entries, change_entry, end_post, make_post, remove_entry
from findings.shifts import Shift, moment
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.gone import Gone, said
from findings.views.look_first import NOT_ASKED, Looked, look_first

CHANGES_SHOWN = 50


def keeper(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_keep_rotas(person)
    return person


def _post(request: HttpRequest, pk: int) -> Post:
    posts = Post.objects.visible_to(keeper(request)).select_related("team__organisation")
    return get_object_or_404(posts, pk=pk)


def _entry(request: HttpRequest, pk: int) -> RotaEntry:
    posts = Post.objects.visible_to(keeper(request)).standing()
    entries = RotaEntry.objects.filter(post__in=posts)
    entry: RotaEntry = get_object_or_404(
        entries.select_related("post__team__organisation", "person"), pk=pk
    )
    if entry.removed_at:
        last = entry.changes.select_related("by").latest("at", "pk")
        raise Gone(said(f"{entry}:", "taken off the rota", last.by), "post", entry.post_id)
    return entry


@require_safe
def rotas(request: HttpRequest) -> HttpResponse:
    """Every post: who is on now, and the gaps of the next four weeks."""
    now = timezone.now()
    posts = list(Post.objects.visible_to(keeper(request)).standing().select_related("team"))
    entries = list(
        RotaEntry.objects.between(now, now + WINDOW).filter(post__in=posts).select_related("person")
    )
    lines = [post_line(post, entries, now) for post in posts]
    return render(request, "rotas.jinja", {"lines": lines})


@require_safe
def post(request: HttpRequest, pk: int) -> HttpResponse:
    """Four weeks of one rota with its gaps, and who changed what."""
    shown = _post(request, pk)
    start = _start(request, shown)
    lines, gaps = rota_lines(shown, start)
    context = {
        "post": shown,
        "lines": lines,
        "gaps": gaps,
        "start": start,
        "end": start + WINDOW,
        "before": words.local(start - WINDOW).date().isoformat(),
        "after": words.local(start + WINDOW).date().isoformat(),
        "changes": of_rota(shown.changes.select_related("by")[:CHANGES_SHOWN]),
    }
    return render(request, "post.jinja", context)


def _start(request: HttpRequest, shown: Post) -> datetime:
    """Now, or the beginning of the day that was asked for."""
    try:
        on = parse_date(request.GET.get("from", ""))
    except ValueError:  # it looks like a date and is none
        on = None
    return moment(on, datetime.min.time(), shown.zone) if on else timezone.now()


@require_http_methods(["GET", "HEAD", "POST"])
def add_post(request: HttpRequest) -> HttpResponse:
    by = keeper(request)
    form = PostForm(request.POST if request.method == "POST" else None, by=by)
    if form.is_valid():
        try:
            made = make_post(by=by, **form.cleaned_data)
        except ValueError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"Made. Nobody is on the rota of {made} yet.")
            return redirect("post", made.pk)
    context = {"form": form, "title": "Add a post", "button": "Add the post"}
    return form_page(request, "rota_form.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first: from then on everybody who holds the duty is told again."""
    shown = _post(request, pk)
    by = signed_in(request)
    check_can_keep_rota(by, shown.team)
    looked = look_first(request, by_post(shown), lambda: end_post(post=shown, by=by), shown)
    if looked.is_done:
        told = _capital(shown.get_stands_for_display())
        messages.success(request, f"{shown} was given up. {told} told again.")
        return redirect("rotas")
    context = {"post": shown, "title": "Give up a post", "button": "Give it up", **looked.context}
    return render(request, "rota_confirm.jinja", context, status=looked.status)


def _capital(text: str) -> str:
    plural = text.endswith("s")
    return f"{text[:1].upper()}{text[1:]} {'are' if plural else 'is'}"


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, pk: int) -> HttpResponse:
    shown, by = _post(request, pk), signed_in(request)
    form = AddShiftForm(request.POST if request.method == "POST" else None, post=shown)
    looked = NOT_ASKED
    if form.is_valid():
        person, shifts = form.cleaned_data["person"], form.shifts

        def do() -> list[RotaEntry]:
            return add_entries(post=shown, person=person, shifts=shifts, by=by)

        try:
            looked = look_first(request, by_post(shown, shifts), do)
        except ValueError as refused:
            form.add_error(None, str(refused))
        if looked.is_done:
            return _done(request, shown, _added(looked.result), shifts)
    return _form(request, form, shown, "Add to the rota", "Add", looked)


def _added(added: Sequence[RotaEntry]) -> str:
    if len(added) == 1:
        return f"Added: {added[0]}."
    return f"Added {len(added)} shifts, the last on {words.day(added[-1].starts_on)}."


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    entry, by = _entry(request, pk), signed_in(request)
    sent = request.POST if request.method == "POST" else None
    form = ShiftForm(sent, post=entry.post, entry=entry)
    looked = NOT_ASKED
    if form.is_valid():
        person, shift = form.cleaned_data["person"], form.shift

        def do() -> RotaEntry:
            return change_entry(entry=entry, person=person, shift=shift, by=by)

        try:
            looked = look_first(request, by_post(entry.post, [entry.shift, shift]), do)
        except ValueError as refused:
            form.add_error(None, str(refused))
        if looked.is_done:
            return _done(request, entry.post, f"Changed: {looked.result}.", [shift])
    return _form(request, form, entry.post, "Change a shift", "Save", looked)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    entry, by = _entry(request, pk), signed_in(request)
    check_can_keep_rota(by, entry.post.team)
    concern = by_post(entry.post, [entry.shift])
    looked = look_first(request, concern, lambda: remove_entry(entry=entry, by=by), entry)
    if looked.is_done:
        return _done(request, entry.post, f"Taken off the rota: {entry}.", [])
    context = {
        "post": entry.post,
        "entry": entry,
        "title": "Take off the rota",
        "button": "Take off",
        **looked.context,
    }
    return render(request, "rota_confirm.jinja", context, status=looked.status)


def _form(
    request: HttpRequest, form: ShiftForm, shown: Post, title: str, button: str, looked: Looked
) -> HttpResponse:
    context = {"form": form, "post": shown, "title": title, "button": button, **looked.context}
    return form_page(request, "rota_form.jinja", context, looked.status)


def _done(request: HttpRequest, shown: Post, said: str, shifts: Sequence[Shift]) -> HttpResponse:
    """Back to the rota, with what is odd about a wall time."""
    notes = dict.fromkeys(note for shift in shifts for note in shift.notes)
    messages.success(request, " ".join([said, *notes]))
    return redirect("post", shown.pk)
