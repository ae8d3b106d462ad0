"""News: told in the transaction of what it tells of, and not by the engine's next round.

A withdrawal stops every clock and a quick answer stops the one that a correction started; a step
that waited for its round would be cancelled with them. So it is fired as it is made, at the moment
of the deed. Answers `findings.news.tell`; docs/adr/0016.
"""

from findings import doorbell
from findings.models import Audience, Finding, Person, Step
from findings.reach import Subject
from findings.services.timeline import record_all
from notifications.audience import reach
from notifications.escalation import Rung, lines_of, notify, tellings
from notifications.models import Notification

Status = Notification.Status


def tell(step: Step, by: Person | None) -> None:
    """Fire it as it is saved. Nobody to tell: nothing is saved. The caller holds the lock."""
    if step.audience == Audience.WITHDRAWN:
        _call_off(step.its_finding)
    found = reach(Subject.of(step.its_finding, done_by=by), step.audience, step.due_at)
    if not found.people:
        return
    step.fired_at = step.due_at
    step.save()
    rungs = [Rung(step, found)]
    record_all(lines_of(rungs, step.due_at), at=step.due_at)
    notify(tellings(rungs), step.due_at)
    doorbell.ring_after_commit()


def _call_off(finding: Finding) -> None:
    """What still waits to be sent must not go any more. Now, so that whatever a sender has taken
    before counts as told, and nothing is taken in between."""
    finding.notifications.filter(status=Status.QUEUED).update(status=Status.NOT_NEEDED)
