"""What each status of a Task asks for: the answer of a page in other words, by its rules and
services. `MOVES` has them all; docs/fhir.md says what each needs."""

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from findings.fhir import names, writing
from findings.fhir.names import Json
from findings.fhir.outcome import Refused, wrong
from findings.fhir.shapes import faults
from findings.models import Action, Finding, Person
from findings.rules import (
    check_can_acknowledge,
    check_can_act,
    check_can_close,
    check_can_decline,
    check_can_withdraw,
)
from findings.services.acknowledge import acknowledge_finding, decline_finding
from findings.services.act import record_action, record_patient_told
from findings.services.close import close_finding, withdraw_finding
from findings.services.flag import people_who_can_own
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


def as_task(row: Finding) -> Json:
    return writing.task(row, row.version, row.changed_at)  # type: ignore[attr-defined]


class Move(NamedTuple):
    """What a status asks for: its words in the timeline, and the service that does it."""

    status: str
    says: str
    check: Callable[[Person, Finding], None]
    take: Callable[[Finding, Person, Json], Any]


def move_of(row: Finding, sent: Json) -> Move | None:
    """None: it says what is so already."""
    if found := faults(sent):
        raise Refused(422, *found)
    now = as_task(row)
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


def sentence_of(sent: Json, *, needed: bool = True) -> str:
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
    acknowledge_finding(finding=finding, by=by, plan=sentence_of(sent))


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
        text=action.text or sentence_of(sent),
        result_expected_on=date.fromisoformat(expected[-1]),
    )


def _decline(finding: Finding, by: Person, sent: Json) -> None:
    decline_finding(finding=finding, by=by, because=sentence_of(sent), to=_named(finding, sent))


def _close(finding: Finding, by: Person, sent: Json) -> None:
    outcome = _output(sent, "outcome", names.OUTCOME, Finding.Outcome.values)
    if finding.patient_told_at is None and _values(sent, "patient-told", "valueCodeableConcept"):
        told = _output(sent, "patient-told", names.TOLD, Finding.ToldHow.values)
        how = Finding.ToldHow(told.code)
        record_patient_told(finding=finding, by=by, how=how, note=told.text)
    close_finding(finding=finding, by=by, outcome=Finding.Outcome(outcome.code), note=outcome.text)


def withdraw(finding: Finding, by: Person, sent: Json) -> None:
    withdraw_finding(finding=finding, by=by, because=sentence_of(sent))


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
        Move("cancelled", "withdraw it", check_can_withdraw, withdraw),
        Move("entered-in-error", "withdraw it", check_can_withdraw, withdraw),
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
