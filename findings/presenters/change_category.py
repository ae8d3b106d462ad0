"""Which deadline will hold under another category, and why: said before it is saved."""

from collections.abc import Sequence
from datetime import datetime

from findings import words
from findings.models import Event
from findings.presenters.finding import PROMISES
from findings.presenters.sentences import say
from findings.services.change_category import Foreseen


def limits_under(foreseen: Sequence[Foreseen], now: datetime, *, may_choose: bool) -> str:
    """For the hint beside a category: one sentence a promise."""
    if not foreseen:
        return "No limit changes: the result that is awaited has its own date."
    return " ".join(_limit(one, now, may_choose) for one in foreseen)


def _limit(one: Foreseen, now: datetime, may_choose: bool) -> str:
    holds = f"{PROMISES[one.kind]} {words.due(one.holds(False), now)}"
    if one.new_due_at == one.old_due_at:
        return f"{holds}, as now."
    if not one.is_later:
        before = words.until(one.old_due_at, now)
        return f"{holds}, counted from the same start; now it is {before}."
    chosen = " unless you let it hold" if may_choose else ""
    later = words.until(one.new_due_at, now)
    return f"{holds}, as now: it is nearer. The new limit would be {later}{chosen}."


def last_change(events: Sequence[Event]) -> str:
    """Who changed the category last, and which limit holds since; empty where nobody did."""
    changes = [event for event in events if event.kind == Event.Kind.CATEGORY_CHANGED]
    if not changes:
        return ""
    last = changes[-1]
    said = say(last)
    return f"{said.sentence} {said.text} ({last.by}, {words.when(last.at)})"
