"""Task: a finding that somebody has to act on, and the answer to it.

A move of the status is an answer on a page in other words, and obeys the same rules and services:
which moves there are, docs/fhir.md and `MOVES` say; who may make them, `findings/rules.py`.
"""

import copy
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.api.findings import has_seen_too_little
from findings.fhir import names, writing
from findings.fhir.access import FhirView, JsonPatch, resource_of, version_in, versioned
from findings.fhir.names import Json, address
from findings.fhir.outcome import NOT_FOUND, Issue, Refused, wrong
from findings.fhir.patch import patched
from findings.fhir.patients import params as patient_params
from findings.fhir.search import Param, PostedSearch, SearchView, moments, system_and_value, words
from findings.fhir.shapes import faults
from findings.models import Action, Category, Event, Finding, Person
from findings.presenters.answering import DECISIONS, last_decision, overtaken
from findings.rules import (
    NotAllowed,
    check_can_acknowledge,
    check_can_act,
    check_can_close,
    check_can_decline,
    check_can_withdraw,
    holds,
)
from findings.services.acknowledge import (
    acknowledge_finding,
    decline_finding,
    keep_late_acknowledgement,
)
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding, withdraw_finding
from findings.services.flag import people_who_can_own
from findings.services.refusals import keep_refusal
from findings.services.timeline import lock, record_reading
from findings.states import MoveRefused, State

NAME = "Task"
LONGEST_ANSWER = 2_000
# What a Task says of the finding itself: another answer than its own cannot change it.
FIXED = (
    "intent",
    "priority",
    "code",
    "description",
    "focus",
    "for",
    "authoredOn",
    "requester",
    "restriction",
)


def with_version(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    """Adds `version`, the number of its last decision, and `changed_at`, its moment."""
    decided = Event.objects.filter(finding=OuterRef("pk"), kind__in=DECISIONS).order_by("-number")
    return findings.annotate(
        version=Subquery(decided.values("number")[:1]),
        changed_at=Subquery(decided.values("at")[:1]),
    )


def readable(person: Person, *, or_told: bool = False) -> QuerySet[Finding]:
    """With all that a Task shows."""
    visible = Finding.objects.visible_to(person, or_told=or_told).for_list()
    return writing.with_all_of_tasks(with_version(visible))


def _by_code(said: str) -> Q:
    _, code = system_and_value(said)
    known = Category.objects.values_list("code", flat=True)
    if code not in known:
        raise ValueError(f"One of: {', '.join(known)}.")
    return Q(category__code=code)


def _by_owner(said: str) -> Q:
    system, code = system_and_value(said)
    if system == names.USER:
        return Q(owner_person__username=code)
    return Q(owner_person__professional_code__iexact=code)


class Tasks(SearchView):
    """Findings that this person may see, the last that was flagged first."""

    resource = NAME
    interactions: tuple[str, ...] = ("search-type",)
    params = (
        Param("_id", "token", lambda said: Q(reference__iexact=said), "The reference."),
        Param(
            "identifier",
            "token",
            lambda said: Q(reference__iexact=system_and_value(said)[1]),
            "The reference.",
        ),
        Param(
            "status",
            "token",
            words("state", {theirs: [ours.value] for ours, theirs in names.TASK_STATUS.items()}),
            "As docs/fhir.md maps it.",
        ),
        Param(
            "owner",
            "reference",
            _by_owner,
            "The person who holds it, by professional code: value, or system|value.",
            ("owner:identifier", "owner.identifier"),
        ),
        Param("code", "token", _by_code, "The category, with or without its system."),
        *patient_params("examination__patient", "subject"),
        Param("authored-on", "date", moments("flagged_at"), "When it was flagged."),
        Param("_lastUpdated", "date", moments("changed_at"), "When it was decided on last."),
    )
    sorts = {"authored-on": ""}
    model = Finding

    def rows(self, person: Person, upto: int) -> QuerySet[Finding]:
        return readable(person)

    def as_resources(self, rows: Any) -> Any:
        for row in rows:
            yield address(f"{NAME}/{row.reference}"), writing.task(row, row.version, row.changed_at)

    def patients_of(self, rows: Any) -> list[int]:
        return [row.examination.patient_id for row in rows]

    def post(self, request: Request) -> Response:
        """None is made here, whatever it says; but what it says may be wrong in itself, too."""
        sent = resource_of(request, NAME)
        said = "A Task comes to be when a radiologist flags a finding; none is made by FHIR."
        status = sent.get("status")
        words = "" if status == "requested" else " And a new one would be requested."
        raise wrong(f"{NAME}.status", said + words, "business-rule")


class TaskSearch(PostedSearch, Tasks):
    """POST Task/_search."""

    interactions = ()


class OneTask(FhirView):
    """Read it, and answer it by its status. Reading is recorded, and is no acknowledgement."""

    resource = NAME
    interactions = ("read", "update", "patch")
    parser_classes = [*FhirView.parser_classes, JsonPatch]

    def get(self, request: Request, reference: str) -> Response:
        row = self.row(reference)
        record_reading(finding=row, by=person_of(request), page="fhir-task")
        return self.show(row)

    def put(self, request: Request, reference: str) -> Response:
        row = self.row(reference)
        sent = resource_of(request, NAME)
        if str(sent.get("id", "")).upper() != row.reference:
            raise Refused(400, Issue("It has to be the id in the address.", "Task.id", "value"))
        return self.answer(row, sent)

    def patch(self, request: Request, reference: str) -> Response:
        row = self.row(reference)
        if request.content_type.partition(";")[0] != JsonPatch.media_type:
            raise Refused(415, Issue(f"A patch is {JsonPatch.media_type}.", code="not-supported"))
        return self.answer(row, patched(copy.deepcopy(_as_task(row)), request.data))

    def row(self, reference: str) -> Finding:
        found = readable(person_of(self.request), or_told=True).filter(reference=reference).first()
        if found is None:
            raise Refused(404, Issue(NOT_FOUND, code="not-found"))
        return found

    def show(self, row: Finding) -> Response:
        saw(self, [row.examination.patient_id])
        body = _as_task(row)
        return versioned(body, int(body["meta"]["versionId"]), row.changed_at)  # type: ignore[attr-defined]

    def answer(self, row: Finding, sent: Json) -> Response:
        move = _move_of(row, sent)
        by, matched = person_of(self.request), self.request.headers.get("If-Match", "")
        seen = version_in(matched) if matched.strip() else None
        if move is not None:
            self._take(row, sent, move, by, seen)
        answered = readable(by, or_told=True).filter(pk=row.pk).first()
        if answered is None:  # whoever passed it on may not see it any more
            return Response(status=204)
        return self.show(answered)

    def _take(self, row: Finding, sent: Json, move: "Move", by: Person, seen: int | None) -> None:
        try:
            with transaction.atomic():
                locked = lock(row)
                if seen is not None and seen < last_decision(locked):
                    raise _Stale
                if has_seen_too_little(locked, by, seen):
                    raise MoveRefused("Its report changed since you read it.")
                move.check(by, locked)
                move.take(locked, by, sent)
        except (MoveRefused, _Stale, NotAllowed, ValueError) as error:
            self._refuse(row, sent, move, by, seen, error)

    def _refuse(
        self,
        row: Finding,
        sent: Json,
        move: "Move",
        by: Person,
        seen: int | None,
        error: Exception,
    ) -> None:
        """Who may not do it hears 403; who may, but not as things stand, 422; and 412 whoever knew
        an older version. Each leaves a line."""
        row.refresh_from_db()
        kept = False
        if isinstance(error, MoveRefused | _Stale):
            said = overtaken(row, seen or 0)
            if move.status == "accepted":
                plan = _sentence(sent, needed=False)
                kept = keep_late_acknowledgement(finding=row, by=by, plan=plan, seen=seen or 0)
            text = f"{said.title}. {error if isinstance(error, MoveRefused) else said.sentence}"
        else:
            text = str(error)
        is_theirs = holds(by, row) and move.take is not _withdraw
        may_not = isinstance(error, NotAllowed) and not is_theirs
        if not kept:
            keep_refusal(finding=row, by=by, what=move.says, because=text[:300])
        if may_not:
            raise Refused(403, Issue(text, "Task.status", "forbidden"))
        status = 412 if isinstance(error, _Stale) else 422
        raise Refused(status, Issue(text, "Task.status", "business-rule")) from None


class _Stale(Exception):
    """Decided on since the version that If-Match names."""


def _as_task(row: Finding) -> Json:
    return writing.task(row, row.version, row.changed_at)  # type: ignore[attr-defined]


# --- Moves ---------------------------------------------------------------------------------


class Move(NamedTuple):
    """What a status asks for: its words in the timeline, and the service that does it."""

    status: str
    says: str
    check: Callable[[Person, Finding], None]
    take: Callable[[Finding, Person, Json], Any]


def _move_of(row: Finding, sent: Json) -> Move | None:
    """None: it says what is so already."""
    if found := faults(sent):
        raise Refused(422, *found)
    now = _as_task(row)
    for name in FIXED:
        if name in sent and sent[name] != now.get(name):
            said = "This is the radiologist's or the clock's to say, and cannot be changed here."
            raise wrong(f"{NAME}.{name}", said, "business-rule")
    status = sent["status"]
    if status == now["status"] and _says_nothing_new(sent, now):
        return None
    if status not in MOVES:
        known = ", ".join(MOVES)
        said = f"A Task is answered by one of: {known}."
        raise wrong(f"{NAME}.status", said, "business-rule")
    return MOVES[status]


def _says_nothing_new(sent: Json, now: Json) -> bool:
    """As it was read, or as it was answered: an answer that is sent twice is one. Somebody else's
    words beside the same status are an answer of their own, and come too late."""
    words = sent.get("statusReason", {}).get("text", "").strip()
    if words not in ("", now.get("statusReason", {}).get("text", "")):
        return False
    return sent["status"] != "in-progress" or len(sent.get("output", [])) <= len(
        now.get("output", [])
    )


def _sentence(sent: Json, *, needed: bool = True) -> str:
    """What the answer says: statusReason.text."""
    text = sent.get("statusReason", {}).get("text", "").strip()
    if needed and not text:
        said = "Say it in words: what you will do, or why not."
        raise wrong(f"{NAME}.statusReason.text", said, "required")
    if len(text) > LONGEST_ANSWER:
        said = f"This is longer than {LONGEST_ANSWER} characters."
        raise wrong(f"{NAME}.statusReason.text", said, "too-long")
    return text


def _acknowledge(finding: Finding, by: Person, sent: Json) -> None:
    acknowledge_finding(finding=finding, by=by, plan=_sentence(sent))


def _go_on(finding: Finding, by: Person, sent: Json) -> None:
    """Of one that nobody has taken on, the acknowledgement; of another, what was done."""
    if finding.state == State.AWAITING:
        _acknowledge(finding, by, sent)
        return
    action = _output(sent, "action", names.ACTION, Action.Kind.values)
    expected = _values(sent, "result-expected-on", "valueDate")
    if not expected or len(expected[-1]) != len("2026-06-30"):
        said = "Say by when its result should be known: output result-expected-on, a valueDate."
        raise wrong(f"{NAME}.output", said, "required")
    record_action(
        finding=finding,
        by=by,
        kind=Action.Kind(action.code),
        text=action.text or _sentence(sent),
        result_expected_on=date.fromisoformat(expected[-1]),
    )


def _decline(finding: Finding, by: Person, sent: Json) -> None:
    decline_finding(finding=finding, by=by, because=_sentence(sent), to=_named(finding, sent))


def _close(finding: Finding, by: Person, sent: Json) -> None:
    outcome = _output(sent, "outcome", names.OUTCOME, Finding.Outcome.values)
    if finding.patient_told_at is None and _values(sent, "patient-told", "valueCodeableConcept"):
        told = _output(sent, "patient-told", names.TOLD, Finding.ToldHow.values)
        how = Finding.ToldHow(told.code)
        record_patient_told(finding=finding, by=by, how=how, note=told.text)
    close_finding(finding=finding, by=by, outcome=Finding.Outcome(outcome.code), note=outcome.text)


def _withdraw(finding: Finding, by: Person, sent: Json) -> None:
    withdraw_finding(finding=finding, by=by, because=_sentence(sent))


def _check_can_go_on(by: Person, finding: Finding) -> None:
    check = check_can_acknowledge if finding.state == State.AWAITING else check_can_act
    check(by, finding)


def _never(by: Person, finding: Finding) -> None:
    raise MoveRefused("Nothing leads back to requested.")


MOVES = {
    one.status: one
    for one in (
        Move("accepted", "acknowledge it", check_can_acknowledge, _acknowledge),
        Move("in-progress", "act on it", _check_can_go_on, _go_on),
        Move("rejected", "decline it", check_can_decline, _decline),
        Move("completed", "close it", check_can_close, _close),
        Move("cancelled", "withdraw it", check_can_withdraw, _withdraw),
        Move("entered-in-error", "withdraw it", check_can_withdraw, _withdraw),
        # No service does that; and the timeline says who tried.
        Move("requested", "set it back", _never, _acknowledge),
    )
}


def _named(finding: Finding, sent: Json) -> Person | None:
    """Whose it is instead: the owner in the answer, where that is another one."""
    identifier = sent.get("owner", {}).get("identifier", {})
    code = identifier.get("value", "").strip()
    if not code or identifier == names.owner(finding).get("identifier"):
        return None
    for person in people_who_can_own(finding.examination):
        if code.casefold() in (person.professional_code.casefold(), person.username.casefold()):
            return person
    said = "No referring clinician with a team who works here has this code."
    raise wrong(f"{NAME}.owner.identifier.value", said, "not-found")


class _Coded(NamedTuple):
    code: str
    text: str


def _output(sent: Json, kind: str, system: str, known: list[str]) -> _Coded:
    """The last output of this kind: a code of ours, and words."""
    found = _values(sent, kind, "valueCodeableConcept")
    if not found:
        said = f"Say it in output: type {names.OUTPUT}|{kind}, valueCodeableConcept of {system}."
        raise wrong(f"{NAME}.output", said, "required")
    codes = [
        one.get("code", "")
        for one in found[-1].get("coding", [])
        if one.get("system", system) == system
    ]
    if not codes or codes[0] not in known:
        said = f"{kind} is one of: {', '.join(known)}."
        raise wrong(f"{NAME}.output", said, "code-invalid")
    return _Coded(codes[0], found[-1].get("text", "").strip())


def _values(sent: Json, kind: str, name: str) -> list[Any]:
    return [
        one[name]
        for one in sent.get("output", [])
        if name in one
        and any(coding.get("code") == kind for coding in one["type"].get("coding", []))
    ]
