"""Task: a finding that somebody has to act on, and the answer to it.

A move of the status is an answer on a page in other words, and obeys the same rules and services:
which moves there are, docs/fhir.md and `MOVES` say; who may make them, `findings/rules/`.
"""

import copy
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.api.findings import has_seen_too_little
from findings.fhir import names, writing
from findings.fhir.access import FhirView, JsonPatch, resource_of, version_in, versioned
from findings.fhir.moves import NAME, Move, as_task, move_of, sentence_of, withdraw
from findings.fhir.names import Json, address
from findings.fhir.outcome import Issue, Refused, wrong
from findings.fhir.patch import patched
from findings.fhir.patients import params as patient_params
from findings.fhir.search import Param, PostedSearch, SearchView, moments, system_and_value, words
from findings.models import Category, Event, Finding, Person
from findings.presenters.answering import DECISIONS, last_decision, overtaken
from findings.rules import (
    NotAllowed,
    holds,
)
from findings.services.acknowledge import (
    keep_late_acknowledgement,
)
from findings.services.refusals import keep_refusal
from findings.services.timeline import lock, record_reading
from findings.states import MoveRefused


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
        return self.answer(row, patched(copy.deepcopy(as_task(row)), request.data))

    def row(self, reference: str) -> Finding:
        return get_object_or_404(
            readable(person_of(self.request), or_told=True), reference=reference
        )

    def show(self, row: Finding) -> Response:
        saw(self, [row.examination.patient_id])
        body = as_task(row)
        return versioned(body, int(body["meta"]["versionId"]), row.changed_at)  # type: ignore[attr-defined]

    def answer(self, row: Finding, sent: Json) -> Response:
        move = move_of(row, sent)
        by, matched = person_of(self.request), self.request.headers.get("If-Match", "")
        seen = version_in(matched) if matched.strip() else None
        if move is not None:
            self._take(row, sent, move, by, seen)
        answered = readable(by, or_told=True).filter(pk=row.pk).first()
        if answered is None:  # whoever passed it on may not see it any more
            return Response(status=204)
        return self.show(answered)

    def _take(self, row: Finding, sent: Json, move: Move, by: Person, seen: int | None) -> None:
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
        move: Move,
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
                plan = sentence_of(sent, needed=False)
                kept = keep_late_acknowledgement(finding=row, by=by, plan=plan, seen=seen or 0)
            text = f"{said.title}. {error if isinstance(error, MoveRefused) else said.sentence}"
        else:
            text = str(error)
        is_theirs = holds(by, row) and move.take is not withdraw
        may_not = isinstance(error, NotAllowed) and not is_theirs
        if not kept:
            keep_refusal(finding=row, by=by, what=move.says, because=text[:300])
        if may_not:
            raise Refused(403, Issue(text, "Task.status", "forbidden"))
        status = 412 if isinstance(error, _Stale) else 422
        raise Refused(status, Issue(text, "Task.status", "business-rule")) from None


class _Stale(Exception):
    """Decided on since the version that If-Match names."""
