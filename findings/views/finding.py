"""One finding: what was found, what is promised, what happened, and what this person may do."""

from typing import Any

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from findings import rules
from findings.forms.answers import AcknowledgeForm, NoteForm
from findings.learning_rules import can_start_review
from findings.models import (
    Clock,
    Document,
    Event,
    Examination,
    Finding,
    HandOver,
    PatientChange,
    Pause,
    Person,
    Question,
    Recommendation,
    Rule,
)
from findings.presenters import finding as presenter
from findings.presenters import timeline
from findings.presenters.answering import newest_decision
from findings.presenters.change_category import last_change
from findings.presenters.patient_change import change_lines
from findings.presenters.questions import questions_shown
from findings.services.documents import documents_of
from findings.services.identity import numbers_of
from findings.services.patient_change import changes_standing
from findings.services.policy import limits_under, rules_of
from findings.services.timeline import add_note, on_behalf_of, record_reading
from findings.states import BY_STATE
from findings.views.access import saw, signed_in, visible_finding
from findings.views.answering import Answer, answer_page

# How browsers and mail programs say that nobody has asked for the page yet.
_AHEAD = (("Sec-Purpose", "prefetch"), ("Purpose", "prefetch"), ("X-Moz", "prefetch"))


@require_safe
def finding(request: HttpRequest, reference: str) -> HttpResponse:
    """The page. Opening it is recorded as a reading, which is not an acknowledgement."""
    if _is_fetched_ahead(request):
        return HttpResponse(status=503)  # so that opening it asks again, and is recorded
    found, person = visible_finding(request, reference), signed_in(request)
    if request.method == "GET":
        record_reading(finding=found, by=person, page="finding")
        saw(request, found.examination.patient)
    return render(request, "finding.jinja", _context(found, person))


def _is_fetched_ahead(request: HttpRequest) -> bool:
    return any(word in request.headers.get(name, "").lower() for name, word in _AHEAD)


def _context(found: Finding, person: Person) -> dict[str, Any]:
    now = timezone.now()
    _read_once(found)
    events = list(found.events.all())
    clocks = list(found.clocks.all())
    running = sorted((one for one in clocks if one.is_running), key=lambda one: one.due_at)
    steps = list(found.steps.all())
    of_questions = {clock.pk for clock in clocks if clock.question_id}
    pauses = [one for one in found.pauses.all() if one.is_open and one.until_at > now]
    current = {clock.pk for clock in running}
    changes = list(changes_standing(found))
    has_died = any(change.kind == PatientChange.Kind.DIED for change in changes)
    answers = presenter.answers_for(person, found)
    rules_here = rules_of(found.category)
    coming = presenter.next_lines(
        found, [step for step in steps if step.clock_id in current], pauses, now
    )
    return {
        "finding": found,
        "now": now,
        "answers": answers,
        "mine": _mine(found, person, events, answers, rules_here[0]),
        "may_undo": rules.can_undo_flag(person, found),
        "may_start_review": can_start_review(person),
        "can_make_papers": rules.can_make_papers(person),
        "may_phone": presenter.may_phone(person, found),
        "offer": next((offer for offer in found.offers.all() if offer.is_open), None),
        "of_state": next((one for one in running if one.kind in BY_STATE), None),
        "seen": newest_decision(events),
        "asks_rating": _asks_rating(answers, events, person),
        "offered_here": any(answer.url_name == "accept-offer" for answer in answers),
        "promises": [
            (clock, presenter.promised(clock, has_died=has_died))
            for clock in running
            if clock.pk not in of_questions
        ],
        "first_told": presenter.first_told(events),
        "told_people": presenter.told_people(events, person),
        "behalf": on_behalf_of(found.owner_person, person) if answers else "",
        "rated": presenter.last_rating(events),
        "patient_changes": change_lines(changes, events),
        "category_changed": last_change(events),
        "limits": presenter.limit_lines(limits_under(*rules_here)),
        "told": presenter.told_lines(steps, now),
        "coming": [line for line in coming if line.clock not in of_questions],
        "pauses": pauses,
        "recommendations": list(found.recommendations.all()),
        "questions": questions_shown(found.questions.all(), running, coming),
        "actions": list(found.actions.select_related("recorded_by"))
        if _has(events, Event.Kind.ACTED)
        else [],
        "identifiers": numbers_of(found.examination.patient),
        "told_of_withdrawal": presenter.told_of_withdrawal(events) if found.withdrawn_at else "",
        "entries": timeline.entries(events),
    } | _report(found, events, person)


def _mine(
    found: Finding,
    person: Person,
    events: list[Event],
    answers: list[presenter.Answer],
    rule: Rule,
) -> AcknowledgeForm | None:
    """The form to take it on, on the page itself: with a common plan that is one press."""
    if not any(answer.url_name == "acknowledge" for answer in answers):
        return None
    changed = _has(events, Event.Kind.CATEGORY_CHANGED)  # an earlier limit may hold
    return AcknowledgeForm(
        finding=found, by=person, seen=newest_decision(events), rule=None if changed else rule
    )


def _asks_rating(answers: list[presenter.Answer], events: list[Event], person: Person) -> bool:
    """Whether one press says how useful the flag was: once something was done, and not again."""
    said = any(event.kind == Event.Kind.RATED and event.by_id == person.pk for event in events)
    return not said and any(answer.url_name == "rate" for answer in answers)


def _has(events: list[Event], kind: Event.Kind) -> bool:
    return any(event.kind == kind for event in events)


def _read_once(found: Finding) -> None:
    """What the page shows, and what also decides which answers it offers. Of what the timeline
    never tells nothing is there, and nobody asks for it."""
    prefetch_related_objects(
        [found],
        Prefetch("clocks", Clock.objects.select_related("rule")),
        Prefetch("events", Event.objects.select_related("by").order_by("number")),
    )
    happened = {event.kind for event in found.events.all()}
    for kind, name, rows in _IF_IT_HAPPENED:
        prefetch_related_objects([found], Prefetch(name, rows if kind in happened else rows.none()))


_RECOMMENDED = Recommendation.objects.select_related("recorded_by", "examination")
# What is told by a line of this kind, and its rows.
_IF_IT_HAPPENED: tuple[tuple[Event.Kind, str, QuerySet], ...] = (
    (Event.Kind.PAUSED, "pauses", Pause.objects.select_related("entered_by")),
    (
        Event.Kind.OFFERED,
        "offers",
        HandOver.objects.select_related("to_person", "to_team", "offered_by"),
    ),
    (Event.Kind.ASKED, "questions", Question.objects.select_related("asked_by", "answered_by")),
    (
        Event.Kind.RECOMMENDED,
        "recommendations",
        _RECOMMENDED.prefetch_related("matches__examination"),
    ),
)


def _report(found: Finding, events: list[Event], person: Person) -> dict[str, Any]:
    """The report as it stands, and what changed in it since the flag."""
    return {"documents": _documents(found, person), **_changed(found, events)}


def _documents(found: Finding, person: Person) -> list[Document]:
    """Those that came with the report; whoever was told of the finding reads no more than it."""
    every = documents_of(found.report)
    may_read = every and Examination.objects.visible_to(person).filter(pk=found.examination_id)
    return every if may_read and may_read.exists() else []


def _changed(found: Finding, events: list[Event]) -> dict[str, Any]:
    report = found.report
    flagged_in = presenter.flagged_version(events)
    if flagged_in in (None, report.version):
        return {"report": report, "flagged_report": None, "differences": []}
    before = found.examination.reports.filter(version=flagged_in).first()
    pieces = presenter.differences(before.text, report.text) if before else []
    changed = any(piece.kind != "same" and piece.text.strip() for piece in pieces)
    return {
        "report": report,
        "flagged_report": before,
        "differences": pieces if changed else [],
    }


def note(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, NOTE)


def _note(found: Finding, by: Person, form: NoteForm) -> str:
    add_note(finding=found, by=by, text=form.cleaned_data["text"])
    return "Your note is in the timeline."


NOTE = Answer(
    title="Add a note",
    button="Add the note",
    form=NoteForm,
    check=rules.check_can_note,
    take=_note,
    lead="A note tells what happened. It is no answer: no clock stops or moves.",
)
