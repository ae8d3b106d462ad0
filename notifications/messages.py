"""What a notification says: a reference, how urgent, what is asked by when, a link, and why you.

Nothing about the patient, the examination or the finding; not even the category's name, since
"Cancer" on a lock screen says what was found. It must still be enough to act on at 3 in the night.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.template.loader import get_template

from findings.models import NEWS, Audience, Step
from findings.models.about import About
from findings.states import ClockKind
from findings.words import counted, length, near, plural
from notifications.asks import path_of_finding, what_is_asked
from notifications.lateness import STEP_LATE_AFTER
from notifications.models import Channel, Notification
from notifications.own_words import Wordings
from notifications.standing import Standing

# By the category's priority: 1 and 2 are the words of the national definitions.
URGENCY = {1: "Critical", 2: "Urgent"}
# Of what a digest holds: nothing is asked.
NEWS_OF_ONE = "news"


@dataclass(frozen=True)
class Message:
    """What goes out, ready to send."""

    subject: str
    text: str
    # For e-mail alone.
    html: str = ""


def write(
    notification: Notification,
    *,
    at: datetime,
    may_be_second: bool,
    standing: Standing | None = None,
    wordings: Wordings | None = None,
) -> Message:
    """The message as it stands at `at` (UTC): how late things are is part of it.

    `may_be_second`: an earlier try may have arrived, and the text says so. `standing`: of whoever
    is written to, where many are; `wordings`: those of the trusts, likewise.
    """
    standing = standing or Standing([notification.recipient])
    context = _context(notification, at, standing, wordings or Wordings())
    context |= {"may_be_second": may_be_second}
    return Message(
        subject=_one_line(context["subject"]),
        text=_text("notification", context, notification),
        html=_html("messages/notification.html.jinja", context, notification),
    )


def write_digest(
    *notifications: Notification,
    at: datetime,
    may_be_second: bool,
    standing: Standing | None = None,
    wordings: Wordings | None = None,
) -> Message:
    """What was saved up over night for one person, in one message."""
    standing = standing or Standing(one.recipient for one in notifications)
    wordings = wordings or Wordings()
    every = [_context(one, at, standing, wordings) for one in notifications]
    every.sort(key=lambda one: (one["is_news"], not one["is_late"]))
    headline = _digest_headline(Counter(one["is"] for one in every))
    (kind, *others) = dict.fromkeys(one["is"] for one in every)
    subject = f"{'Finding' if others or kind == NEWS_OF_ONE else kind.capitalize()}: {headline}"
    context = {
        "subject": subject,
        "findings": every,
        "headline": headline,
        "may_be_second": may_be_second,
        "inbox": f"{settings.BASE_URL}/inbox/",
    }
    return Message(
        subject=subject,
        text=_text("digest", context, notifications[0]),
        html=_html("messages/digest.html.jinja", context, notifications[0]),
    )


@lru_cache
def _template(name: str) -> Any:
    found: Any = get_template(name)
    # Each rendering copies them. As they come, out of two dictionaries a name at a time, that takes
    # as long as all the rest of it.
    found.template.globals = dict(found.template.globals)
    return found


def _render(template: str, context: dict[str, Any]) -> str:
    return _template(template).render(context)


def _text(name: str, context: dict[str, Any], notification: Notification) -> str:
    """A text message has a template of its own: it is read on a lock screen, and paid for by the
    160 letters."""
    kind = "sms" if notification.channel == Channel.SMS else "txt"
    return _render(f"messages/{name}.{kind}.jinja", context).strip() + "\n"


def _html(template: str, context: dict[str, Any], notification: Notification) -> str:
    return _render(template, context) if notification.channel == Channel.EMAIL else ""


def _digest_headline(kinds: Counter[str]) -> str:
    """3 findings and 1 examination wait for you; news of 1 other."""
    news = kinds[NEWS_OF_ONE]
    asked = kinds.total() - news
    if not asked:
        return f"news of {plural(news, 'finding')}; nothing to answer"
    what = counted({kind: kinds[kind] for kind in About._fields})
    headline = f"{what} {'waits' if asked == 1 else 'wait'} for you"
    return f"{headline}; news of {news} other" if news else headline


def _context(
    notification: Notification, at: datetime, standing: Standing, wordings: Wordings
) -> dict[str, Any]:
    step = notification.step
    urgency = URGENCY.get(step.priority, "")
    # A question is told like news, and still asks for something.
    is_news = step.audience in NEWS and step.audience != Audience.QUESTION
    asked = what_is_asked(notification, urgency, at, standing, wordings)
    return {
        "reference": notification.subject.reference,
        "urgency": urgency,
        "link": f"{settings.BASE_URL}{path_of(notification)}",
        "why": standing.why(notification.subject, notification.recipient),
        "is": NEWS_OF_ONE if is_news else notification.subject._meta.model_name,
        "is_news": is_news,
        "is_late": step.clock.in_force.due_at <= at and step.audience not in NEWS,
        "sent_late": _sent_late(step, at),
        **asked,
    }


def path_of(notification: Notification) -> str:
    """Of the page that it leads to."""
    if notification.examination:
        if notification.step.clock.kind == ClockKind.CONFIRM:
            return "/to-confirm/"
        return f"/waiting/{notification.examination.public_id}/"
    if notification.improvement:
        return f"/improvements/{notification.improvement.reference}/"
    return path_of_finding(notification.its_finding)


def _sent_late(step: Step, at: datetime) -> str:
    """That this should have come earlier, as after downtime; empty when the step fired in time."""
    if step.fired_at is None or step.fired_at - step.falls_at < STEP_LATE_AFTER:
        return ""
    return (
        f"This message comes {length(at - step.falls_at)} late:"
        f" it should have been sent {near(step.falls_at, at)}."
    )


def _one_line(subject: str) -> str:
    """No line break gets into a header, whatever a name or a reference holds."""
    return " ".join(subject.split())[:200]
