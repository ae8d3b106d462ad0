"""Whom we have told: asked at the door of one finding, and of the steps of an examination, which
has no timeline that names them or says what is missing there. Answered by notifications.

As with reach.py and news.py, findings asks and notifications registers the answer when it starts
(docs/adr/0002). It lies below the models, since the door is theirs.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db.models import Q

# Of findings: those of which this person (an id) was told since then, or may have been.
Answer = Callable[[int, datetime], Q]

# By step (an id): names, each with what became of the messages to them where none went.
Names = Callable[[Collection[int]], dict[int, list[str]]]

# A sentence about what was recorded since then and is gone; empty where nothing is.
Gone = Callable[[datetime], str]

_answer: Answer | None = None
_names: Names | None = None
_gone: Gone | None = None


def answer_with(since: Answer, names: Names, gone: Gone) -> None:
    """Called once, when notifications is ready."""
    global _answer, _names, _gone
    _answer, _names, _gone = since, names, gone


def told_since(person_id: int, since: datetime) -> Q:
    """A condition on findings: a message about it went to them since then (UTC), or may
    have gone. Cheap for a few findings, which is what it is for; not for lists."""
    if _answer is None:
        raise RuntimeError("notifications is not installed: nobody can have been told anything.")
    return _answer(person_id, since)


def told_by(steps: Collection[int]) -> dict[int, list[str]]:
    """Whom each of these steps (ids) that have fired told, in one query."""
    if _names is None:
        raise RuntimeError("notifications is not installed: nobody can have been told anything.")
    return _names(steps)


def gone_since(at: datetime) -> str:
    """What was recorded after that moment (UTC) and is missing, since the database came back from a
    copy: a sentence, or nothing."""
    if _gone is None:
        raise RuntimeError("notifications is not installed: nobody can have been told anything.")
    return _gone(at)
