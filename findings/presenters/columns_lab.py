"""The columns of the lists of the policy lab, for their files."""

from findings.models import Audience, ReplayedCase
from findings.presenters.columns import Columns, column
from findings.presenters.lab import standing
from findings.presenters.lab_replay import earlier_words
from findings.presenters.list_file import Kind
from findings.presenters.policy import CLOCKS, whom
from findings.states import ClockKind


def first_told(case: ReplayedCase) -> str:
    """Who would have been told so much earlier."""
    if not case.told_first:
        return ""
    return whom(Audience(case.told_first), ClockKind(case.clock.kind))


DRAFTS: Columns = (
    column("Rule", lambda draft: draft.policy_id),
    column("Made by", lambda draft: str(draft.made_by)),
    column("Made", lambda draft: draft.made_at, Kind.MOMENT),
    column("Stands at", standing),
)
REPLAYED_CASES: Columns = (
    column("Finding", lambda case: getattr(case.clock.finding, "reference", "")),
    column("Patient", lambda case: case.patient.display_name),
    column("Promise", lambda case: CLOCKS[ClockKind(case.clock.kind)]),
    column("Started", lambda case: case.clock.started_at, Kind.MOMENT),
    column("Was due", lambda case: case.clock.due_at, Kind.MOMENT),
    column("Would be due", lambda case: case.due_at, Kind.MOMENT),
    column("Ended", lambda case: case.clock.stopped_at, Kind.MOMENT),
    column("Late", lambda case: "yes" if case.was_late else "no"),
    column("Late under the draft", lambda case: "yes" if case.would_be_late else "no"),
    column("Somebody told", lambda case: earlier_words(case.minutes_earlier)),
    column("Who", first_told),
    column("More messages", lambda case: case.messages_more, Kind.NUMBER),
)
