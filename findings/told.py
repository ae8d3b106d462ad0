"""Whom we have told: asked at the door of one finding, answered by notifications.

As with reach.py and news.py, findings asks and notifications registers the answer when it starts
(docs/adr/0002). It lies below the models, since the door is theirs.
"""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

# Of findings: those of which this person (an id) was told since then, or may have been.
Answer = Callable[[int, datetime], Q]

_answer: Answer | None = None


def answer_with(function: Answer) -> None:
    """Called once, when notifications is ready."""
    global _answer
    _answer = function


def told_since(person_id: int, since: datetime) -> Q:
    """A condition on findings: a message about it went to them since then (UTC), or may
    have gone. Cheap for a few findings, which is what it is for; not for lists."""
    if _answer is None:
        raise RuntimeError("notifications is not installed: nobody can have been told anything.")
    return _answer(person_id, since)
