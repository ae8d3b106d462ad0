"""Every message as it would be sent, and a trust's own words for those of its ladders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages as said
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from findings.models import Audience, Category, Person, Rule, Rung
from findings.presenters.policy import CLOCKS
from findings.rules import can_word_messages, check_can_see_wordings, check_can_word_messages
from findings.states import ClockKind
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.numbers import number_in
from notifications.asks import as_shipped
from notifications.channels.sms import parts_of
from notifications.examples import Example, Inventor
from notifications.keep_words import SHIPPED, Overtaken, keep_words
from notifications.models import Channel
from notifications.own_words import VARIABLES, Wordings, is_unusable, telling_names
from notifications.wording import WORDED, Place, Wording, Written
from notifications.wording_forms import WordingForm

# A message for mail readers has its styles in attributes; its frame inherits what this page allows.
STYLED: Any = csp_update({"style-src-attr": ["'unsafe-inline'"]})


@dataclass(frozen=True)
class Picture:
    """One message as it arrives by one channel."""

    channel: Channel
    sender: str
    subject: str
    text: str
    html: str
    # How many text messages it is paid for as; 0 by any other channel.
    parts: int


@dataclass(frozen=True)
class Line:
    """One step in the list: whom it tells, how its message begins, and whose words those are."""

    rung: Rung
    who: str
    subject: str
    own: Wording | None
    is_unusable: bool


def _reader(request: HttpRequest) -> Person:
    person = signed_in(request)
    check_can_see_wordings(person)
    return person


def _category(code: str) -> Category:
    return get_object_or_404(Category, code=code, is_offered=True)


def _rungs(category: Category) -> list[Rung]:
    """Of the ladders that run for it now, clock by clock."""
    rules = Rule.objects.in_force().filter(
        policy_id__in=[category.local_policy_id, category.patient_policy_id]
    )
    found = Rung.objects.filter(rule__in=rules, clock__in=WORDED).select_related("rule")
    return sorted(found, key=lambda rung: (WORDED.index(rung.clock), rung.level))


def _rung(category: Category, clock: str, level: int) -> Rung:
    for rung in _rungs(category):
        if (rung.clock, rung.level) == (clock, level):
            return rung
    raise Http404


def _place(category: Category, rung: Rung) -> Place:
    return Place(category.code, rung.clock, rung.level, rung.audience)


@require_safe
def wordings(request: HttpRequest, category: str = "") -> HttpResponse:
    """The steps of one category, with how the message of each begins."""
    person, now = _reader(request), timezone.now()
    every = list(Category.objects.filter(is_offered=True))
    chosen = _category(category) if category else every[0] if every else None
    context = {
        "categories": every,
        "chosen": chosen,
        "ladders": _ladders(person, chosen, now) if chosen else [],
        "others": list(Inventor(person.organisation, now).others(chosen)) if chosen else [],
    }
    return render(request, "wordings.jinja", context)


def _ladders(person: Person, category: Category, now: datetime) -> list[tuple[str, Sequence[Line]]]:
    inventor, wordings, telling = Inventor(person.organisation, now), Wordings(), telling_names()
    found: dict[str, list[Line]] = {}
    for rung in _rungs(category):
        example = inventor.of_rung(category, rung)
        own = wordings.at(person.organisation_id, _place(category, rung))
        line = Line(
            rung,
            Audience(rung.audience).label,
            example.written(Channel.IN_APP, now, wordings).subject,
            own,
            own is not None and is_unusable(own, telling),
        )
        found.setdefault(CLOCKS[ClockKind(rung.clock)], []).append(line)
    return list(found.items())


def _pictures(example: Example, wordings: Wordings) -> list[Picture]:
    now = timezone.now()
    return [_picture(channel, example, wordings, now) for channel in Channel]


def _picture(channel: Channel, example: Example, wordings: Wordings, now: datetime) -> Picture:
    message = example.written(channel, now, wordings)
    return Picture(
        channel,
        settings.DEFAULT_FROM_EMAIL if channel == Channel.EMAIL else "Imaging Safety",
        message.subject,
        message.text,
        message.html,
        parts_of(message.text) if channel == Channel.SMS else 0,
    )


@STYLED
@require_safe
def other(request: HttpRequest, name: str) -> HttpResponse:
    """A message that is always worded as it is shipped."""
    person, now = _reader(request), timezone.now()
    category = Category.objects.filter(is_offered=True).first()
    for known, title, example in Inventor(person.organisation, now).others(category or Category()):
        if known == name:
            context = {"title": title, "pictures": _pictures(example, Wordings.none())}
            return render(request, "other_message.jinja", context)
    raise Http404


@STYLED
@require_safe
def wording(request: HttpRequest, category: str, clock: str, level: int) -> HttpResponse:
    """The message of one step by every channel, and every version that its words had."""
    person, of = _reader(request), _category(category)
    rung = _rung(of, clock, level)
    versions = _versions(person, _place(of, rung))
    wordings = Wordings()
    example = Inventor(person.organisation, timezone.now()).of_rung(of, rung)
    context = {
        **_heading(of, rung),
        "pictures": _pictures(example, wordings),
        "versions": versions,
        "own": wordings.at(person.organisation_id, _place(of, rung)),
        "may_change": can_word_messages(person, person.organisation),
    }
    return render(request, "wording.jinja", context)


def _versions(person: Person, place: Place) -> list[Wording]:
    return list(Wording.objects.of(person.organisation_id, place).select_related("by"))


def _heading(category: Category, rung: Rung) -> dict[str, object]:
    return {
        "category": category,
        "rung": rung,
        "ladder": CLOCKS[ClockKind(rung.clock)],
        "who": Audience(rung.audience).label,
    }


@STYLED
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, category: str, clock: str, level: int) -> HttpResponse:
    """Write it, see what becomes of it, keep it: in that order."""
    by, of = _reader(request), _category(category)
    check_can_word_messages(by, by.organisation)
    rung = _rung(of, clock, level)
    place, versions = _place(of, rung), _versions(by, _place(of, rung))
    form = WordingForm(
        request.POST if request.method == "POST" else None,
        initial=_to_begin_with(rung, versions)._asdict(),
    )
    known = versions[0].version if versions else 0
    context = {**_heading(of, rung), "form": form, "variables": VARIABLES, "known": known}
    if not form.is_valid():
        return form_page(request, "change_wording.jinja", context)
    written, looked = form.written, request.POST.get("looked")
    status = 200
    if looked == _mark(written):
        try:
            kept = keep_words(place=place, written=written, by=by, seen=_number(request))
        except Overtaken as overtaken:
            context |= {"overtaken": overtaken}
            status = 409
        else:
            return _kept(request, place, kept)
    example = Inventor(by.organisation, timezone.now()).of_rung(of, rung)
    trial = Wordings.only(by.organisation, place, written)
    context |= {"pictures": _pictures(example, trial), "looked": _mark(written)}
    return form_page(request, "change_wording.jinja", context, status)


def _to_begin_with(rung: Rung, versions: Sequence[Wording]) -> Written:
    if versions and versions[0].subject:
        return versions[0].written
    return as_shipped(ClockKind(rung.clock), Audience(rung.audience))


def _mark(written: Written) -> str:
    """Of what was looked at: keeping asks for the same."""
    return sha256(repr(written).encode()).hexdigest()[:16]


def _number(request: HttpRequest) -> int:
    return number_in(request.POST.get("known", "")) or 0


def _kept(request: HttpRequest, place: Place, kept: Wording | None) -> HttpResponse:
    if kept is None:
        said.info(request, "Nothing has changed: it says the same already.")
    elif kept.subject:
        said.success(
            request, f"Kept as version {kept.version}. What was sent before keeps its own words."
        )
    else:
        said.success(request, "The shipped words hold again. What was sent before keeps its own.")
    return redirect("wording", place.category, place.clock, place.level)


@require_POST
def again(request: HttpRequest, category: str, clock: str, level: int) -> HttpResponse:
    """An earlier version holds again, or the shipped words: as a new version."""
    by, of = _reader(request), _category(category)
    check_can_word_messages(by, by.organisation)
    place = _place(of, _rung(of, clock, level))
    written = SHIPPED
    if number := request.POST.get("version"):
        earlier = Wording.objects.of(by.organisation_id, place)
        found = get_object_or_404(earlier, version=number_in(number) or 0)
        written = found.written
    try:
        kept = keep_words(place=place, written=written, by=by, seen=_number(request))
    except ValueError as refused:
        said.error(request, f"{str(refused).rstrip('.')}. Nothing has changed.")
        return redirect("wording", place.category, place.clock, place.level)
    return _kept(request, place, kept)
