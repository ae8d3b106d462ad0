"""One thing done with many rows of the desk: those that were ticked, as they were seen. What will
be done is shown before, row by row, and what became of each is said after."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from findings.forms.desk import HandOverTogetherForm, NoteTogetherForm, RunAgainTogetherForm
from findings.intake.importing import run_again
from findings.models import Event, Finding, Person, Receipt
from findings.presenters.desk_findings import with_seen
from findings.presenters.held import reason_words
from findings.presenters.reasons import Of
from findings.presenters.timeline import entries
from findings.rules import Refused, check_can_hand_over, check_can_note
from findings.services.acknowledge import hand_over_finding
from findings.services.desk import Done, Seen, do_with_each, done_since
from findings.services.hold import NotWaiting
from findings.services.timeline import add_note
from findings.views.access import saw
from findings.views.desk import coordinator
from findings.views.form_page import form_page
from findings.views.listing import ROWS_ON_A_PAGE
from findings.views.numbers import number_in
from findings.words import plural, when


@dataclass(frozen=True)
class Deed:
    """What can be done with many."""

    of: Of
    title: str
    # What is done with so many: 3 findings get this note.
    will: Callable[[int], str]
    # As the answer says it: noted.
    did: str
    form: Callable[..., forms.Form]
    check: Callable[[Person, Finding], None] | None = None
    do: Callable[[Finding, Person, Any], object] | None = None


def _note(finding: Finding, by: Person, form: Any) -> object:
    return add_note(finding=finding, by=by, text=form.cleaned_data["text"])


def _hand_over(finding: Finding, by: Person, form: Any) -> object:
    because = form.cleaned_data["because"]
    return hand_over_finding(finding=finding, by=by, because=because, **form.to)


DEEDS = {
    "note": Deed(
        Of.FINDING,
        "Add a note to several",
        lambda n: f"Add the note to {plural(n, 'finding')}",
        "The note was added to",
        NoteTogetherForm,
        check_can_note,
        _note,
    ),
    "hand-over": Deed(
        Of.FINDING,
        "Give several to somebody else",
        lambda n: f"Hand over {plural(n, 'finding')}",
        "Handed over:",
        HandOverTogetherForm,
        check_can_hand_over,
        _hand_over,
    ),
    "run-again": Deed(
        Of.HELD,
        "Run several held items again",
        lambda n: f"Run {plural(n, 'item')} again",
        "Run again, and no longer held:",
        RunAgainTogetherForm,
    ),
}


@dataclass(frozen=True)
class LeftOut:
    """One that was ticked and of which it is not done, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Ticked:
    """What was ticked, as it is now: what can be done, and what is left out."""

    findings: Sequence[Seen]
    items: Sequence[Receipt]
    left_out: Sequence[LeftOut]
    # As they were sent, for the press that follows.
    rows: Sequence[str]

    def __len__(self) -> int:
        return len(self.findings) + len(self.items)


@require_POST
def together(request: HttpRequest) -> HttpResponse:
    """First what it would be done with; then, with `press`, it is done."""
    person, deed = coordinator(request), DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        raise Http404
    ticked = _ticked(request.POST.getlist("row"), deed, person)
    if not ticked.rows:
        messages.warning(request, "Tick the rows first: nothing was ticked, so nothing was done.")
        return redirect("desk")
    form = deed.form(request.POST if "press" in request.POST else None, by=person)
    if len(ticked) and form.is_valid():
        _do(request, deed, ticked, form, person)
        return redirect("desk")
    saw(request, *(one.finding.examination.patient for one in ticked.findings))
    context = {
        "form": form,
        "deed": deed,
        "code": request.POST["do"],
        "ticked": ticked,
        "reason_words": reason_words,
        "now": timezone.now(),
    }
    return form_page(request, "desk_together.jinja", context)


def _ticked(given: Iterable[str], deed: Deed, person: Person) -> Ticked:
    """finding-17.12: what, and the newest line that its row knew of."""
    rows, seen = list(dict.fromkeys(given))[:ROWS_ON_A_PAGE], {}
    wrong = 0
    for row in rows:
        key, _, number = row.partition(".")
        of, _, which = key.partition("-")
        pk, newest = number_in(which), number_in(number)
        if of == deed.of and pk is not None and newest is not None:
            seen[pk] = newest
        else:
            wrong += 1
    others = [LeftOut(plural(wrong, "other row"), "This cannot be done with it.")] if wrong else []
    if deed.of == Of.HELD:
        items, left = _items(seen, person)
        return Ticked([], items, [*left, *others], rows)
    findings, left = _findings(seen, deed, person)
    return Ticked(findings, [], [*left, *others], rows)


def _findings(seen: dict[int, int], deed: Deed, person: Person) -> tuple[list[Seen], list[LeftOut]]:
    """Those that are as they were seen; and those that have changed since, or ended."""
    mine = Finding.objects.visible_to(person).values("pk")
    kept, left = [], []
    for finding in with_seen().filter(pk__in=seen).filter(pk__in=mine).order_by("pk"):
        number = seen[finding.pk]
        if finding.seen != number:  # type: ignore[attr-defined]
            left.append(LeftOut(finding.reference, changed_words(done_since(finding, number))))
        elif why := _not_allowed(finding, deed, person):
            left.append(LeftOut(finding.reference, why))
        else:
            kept.append(Seen(finding, number))
    return kept, left


def _not_allowed(finding: Finding, deed: Deed, person: Person) -> str:
    try:
        if deed.check:
            deed.check(person, finding)
    except Refused as refused:
        return str(refused)
    return ""


def changed_words(since: Sequence[Event]) -> str:
    """By the newest: Declined … (Dr Ada Example, 25 November 2026 at 14:05)."""
    entry = entries(since)[0]
    return f"It has changed since you saw it: {entry.title} ({entry.by}, {when(entry.at)})"


def _items(seen: dict[int, int], person: Person) -> tuple[list[Receipt], list[LeftOut]]:
    items = Receipt.objects.visible_to(person).filter(pk__in=seen).order_by("pk")
    found = list(items.select_related("message__sender", "resolved_by"))
    dealt_with = [one for one in found if not one.is_waiting]
    left = [LeftOut(f"Held item {one.pk}", _dealt_with(one)) for one in dealt_with]
    return [one for one in found if one.is_waiting], left


def _dealt_with(item: Receipt) -> str:
    if item.resolved_at is None:
        return "It waits no longer."
    return f"{item.resolved_by} dealt with it on {when(item.resolved_at)}."


# --- Done -----------------------------------------------------------------------------------------


def _do(request: HttpRequest, deed: Deed, ticked: Ticked, form: Any, person: Person) -> None:
    """What was done, and of each of which it was not done why not."""
    if deed.of == Of.HELD:
        done, left = _run(ticked.items, person)
    else:
        do = deed.do
        assert do is not None
        became = do_with_each(ticked.findings, lambda finding: do(finding, person, form))
        done, left = [one.reference for one in became.done], _left(became)
    every = len(done) + len(left) + len(ticked.left_out)
    if done:
        messages.success(request, f"{deed.did} {len(done)} of {every}: {', '.join(done)}.")
    for one in (*ticked.left_out, *left):
        messages.warning(request, f"Not done with {one.name}. {one.why}")


def _left(became: Done) -> list[LeftOut]:
    changed = [LeftOut(one.reference, changed_words(since)) for one, since in became.changed]
    return changed + [LeftOut(one.reference, why) for one, why in became.refused]


def _run(items: Sequence[Receipt], person: Person) -> tuple[list[str], list[LeftOut]]:
    done, left = [], []
    for item in items:
        name = f"Held item {item.pk}"
        try:
            after = run_again(item, person)
        except NotWaiting as refused:
            left.append(LeftOut(name, str(refused)))
            continue
        if after.is_waiting:
            left.append(LeftOut(name, f"It is still held: {reason_words(after.reason)}."))
        else:
            done.append(name)
    return done, left
