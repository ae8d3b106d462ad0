"""The words of this field, each in a plain sentence, on the help page. A page leads there where it
first uses one: `term` in its template."""

from typing import NamedTuple

from django.urls import reverse
from django.utils.html import format_html


class Term(NamedTuple):
    """`name` is its place on the help page."""

    name: str
    word: str
    means: str


class Part(NamedTuple):
    title: str
    terms: tuple[Term, ...]


PARTS = (
    Part(
        "A finding",
        (
            Term("examination", "Examination", "What was imaged, when, and who asked for it."),
            Term(
                "report",
                "Report",
                "One version of what the radiologist wrote: preliminary, final, corrected or"
                " withdrawn. It is never edited.",
            ),
            Term(
                "finding",
                "Finding",
                "One thing in a report that somebody must act on, with its category.",
            ),
            Term(
                "category",
                "Category",
                "What kind of finding it is. From it follow the limits and the ladder.",
            ),
            Term(
                "flag",
                "Flag",
                "A radiologist says that somebody must act: the finding, its category, what is"
                " advised, and who holds it.",
            ),
            Term(
                "acknowledge",
                "Acknowledge",
                "Whoever holds a finding takes it on and says what they will do. Reading it, or"
                " opening a message, is not acknowledging.",
            ),
            Term(
                "action",
                "Action",
                "What was done about it: a referral, an examination, a treatment, or nothing, and"
                " why.",
            ),
            Term(
                "outcome",
                "Outcome",
                "What it turned out to be, said when the finding is closed. No finding closes"
                " because time has passed.",
            ),
            Term(
                "withdraw",
                "Withdraw",
                "Say that a flag was wrong. The finding stays in the record, with the reason;"
                " everybody who was told of it hears.",
            ),
            Term(
                "event",
                "Event",
                "One numbered line in a finding's timeline. It is never changed or removed.",
            ),
        ),
    ),
    Part(
        "Who holds it",
        (
            Term(
                "owner",
                "Owner",
                "The one person or team that holds the finding now. People who get a copy are not"
                " owners.",
            ),
            Term(
                "offer",
                "Offer",
                "An owner asks somebody else to take the finding over. Until they accept, the owner"
                " holds it and the clock runs on.",
            ),
            Term(
                "question",
                "Question",
                "Whoever holds a finding asks its radiologist something. The answer stands on the"
                " finding's page. The clocks of the finding run on.",
            ),
            Term(
                "deputy",
                "Deputy",
                "Who stands in for somebody on leave, by name or as their team. Whatever a deputy"
                " does names both.",
            ),
            Term(
                "post",
                "Post",
                "A duty of a team that a rota fills: whoever is on it at that moment is told.",
            ),
            Term(
                "routing",
                "Routing rule",
                "Which team holds a finding whose order names nobody and no team that is known.",
            ),
            Term(
                "coverage", "Coverage", "Whether somebody could be told, now and in the next week."
            ),
        ),
    ),
    Part(
        "By when",
        (
            Term(
                "clock",
                "Clock",
                "A promise with a timetable: acknowledge by, act by, record the result by, tell the"
                " patient by, answer a question by; and of an examination, report by.",
            ),
            Term("limit", "Limit", "The moment at which what was promised is due."),
            Term(
                "national-guidance",
                "National guidance",
                "A limit is called so only where a national source of the United Kingdom gives that"
                " very number. Every other is of the trust, or of the source beside it.",
            ),
            Term(
                "ladder",
                "Ladder",
                "All the steps of a clock: the more senior the people, the longer nobody has"
                " answered.",
            ),
            Term(
                "draft",
                "Draft",
                "A change of a local rule that somebody thinks of. It starts no clock; when two"
                " people have signed it, it is the next version of its rule.",
            ),
            Term(
                "replay",
                "Replay",
                "The real cases of the last twelve months under a draft: who would have been told"
                " when, if everybody had answered when they did.",
            ),
            Term("step", "Step", "One promised escalation of a clock: when, and who is told."),
            Term(
                "snooze",
                "Snooze",
                "An owner's own reminders wait, with a reason and an end. No limit moves, and"
                " everybody else is told as promised.",
            ),
            Term(
                "hold",
                "Hold",
                "The letter to the patient waits, with a reason and an end. At the limit the"
                " governance leads hear all the same.",
            ),
            Term(
                "recommended",
                "Recommended examination",
                "One more examination to look out for. Later ones like it are proposed; a person"
                " confirms.",
            ),
        ),
    ),
    Part(
        "How people are told",
        (
            Term("notification", "Notification", "One message to one person by one route."),
            Term(
                "route",
                "Route",
                "One way to reach somebody: in this application, by e-mail, by text message, or by"
                " the trust's own messaging. It is used once it is verified.",
            ),
            Term("attempt", "Delivery attempt", "One try at sending a notification."),
        ),
    ),
    Part(
        "What arrives",
        (
            Term(
                "sender", "Sender", "A system that sends reports, orders or news of patients here."
            ),
            Term(
                "held-item",
                "Held item",
                "A message, or an examination in it, that could not be filed and waits for a"
                " person. Nothing in it can be read or flagged until then.",
            ),
            Term(
                "alert-code",
                "Alert code",
                "Words or a code in a report that say that somebody must act. A radiologist"
                " confirms; what nobody answers is flagged at its limit.",
            ),
            Term(
                "waiting",
                "Waiting for a report",
                "An examination that is known here and has no verified report. Imaging managers are"
                " told before its limit, and others after it.",
            ),
            Term(
                "merge",
                "Merge",
                "Two records of one patient become one. It can be undone, and no number is lost.",
            ),
        ),
    ),
    Part(
        "What is measured",
        (
            Term(
                "measure",
                "Measure",
                "A share of cases: what it asks, counts and leaves out stands beside it, and its"
                " number leads to the cases. What is still open past its limit counts as missed.",
            ),
            Term(
                "half-took",
                "Half took so long or less",
                "The earliest moment at which half were done, with what is open counted as “at"
                " least so long” (the product-limit estimate). Where fewer than half are done there"
                " is none.",
            ),
            Term(
                "process-limits",
                "Process limits",
                "Between them a month differs from another by chance alone. They come from how much"
                " each month differs from the one before.",
            ),
            Term(
                "special-cause",
                "Special cause",
                "More than chance: a point outside the limits, seven in a row on one side of the"
                " mean, seven that rise or fall, or two of three near one limit.",
            ),
        ),
    ),
    Part(
        "What is learned",
        (
            Term(
                "review",
                "Review",
                "What the organisation learned from a promise that was not kept, a complaint, an"
                " incident, a discrepancy, a near miss, or something that went very well. It scores"
                " nobody.",
            ),
            Term(
                "cause",
                "Contributory cause",
                "What in a system or in the circumstances made it likelier, from a list. Never the"
                " name of a person.",
            ),
            Term(
                "improvement",
                "Improvement",
                "What is to change because of what was learned: with an owner, a day, and a measure"
                " that is watched before and after.",
            ),
            Term(
                "meeting",
                "Learning meeting",
                "Radiologists talk about cases without anybody's name (a radiology events and"
                " learning meeting, REALM), or departments bring together what they learned"
                " (triangulation).",
            ),
            Term(
                "learning-point",
                "Learning point",
                "One thing that everybody with a role is to know. Whoever has read it presses a"
                " button; opening the page is not reading.",
            ),
            Term(
                "candour",
                "Duty of candour",
                "From moderate harm on, and for prolonged psychological harm, the patient is told"
                " in person as soon as reasonably practicable, with an apology, a written record"
                " and a written notification (regulation 20).",
            ),
        ),
    ),
)
TERMS = {one.name: one for part in PARTS for one in part.terms}


def term(name: str, said: str) -> str:
    """What a page says, with a link to what it means."""
    return format_html(
        '<a class="nhsuk-link app-term" href="{}#{}">{}</a>',
        reverse("help"),
        f"term-{TERMS[name].name}",
        said,
    )
