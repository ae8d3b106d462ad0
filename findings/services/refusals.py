"""An answer that was refused leaves a line in the timeline: who tried what. It changes nothing."""

from django.db import transaction

from findings.models import Event, Finding, Person
from findings.services.timeline import lock, moment, record


def keep_refusal(*, finding: Finding, by: Person, what: str, because: str) -> None:
    """Call it after the transaction of the answer has ended. The same again, with nothing else in
    the timeline since, is one line: a client that tries for ever must not fill it."""
    with transaction.atomic():
        finding = lock(finding)
        newest = finding.events.order_by("-number").first()
        said = {"what": what, "because": because}
        if newest and (newest.kind, newest.by_id) == (Event.Kind.REFUSED, by.pk):
            if newest.data == said:
                return
        record(finding=finding, kind=Event.Kind.REFUSED, by=by, at=moment(finding), **said)
