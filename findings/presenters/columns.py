"""What each list holds, column by column: for its file, and to see that a row has changed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from findings.models import Examination, Finding, Patient, Person
from findings.presenters.finding import what_is_due
from findings.presenters.flag import became, ratings
from findings.presenters.held import reason_words
from findings.presenters.list_file import Heading, Kind
from findings.presenters.proposals import reported_by, what_was_found
from findings.presenters.reviews import what_broke
from findings.presenters.trail import TrailLine, of_directory, of_sender

# Whoever did what no person did here.
ANOTHER_SYSTEM = "another system"


class Column(NamedTuple):
    heading: Heading
    # Text, a day, a moment, a whole number, or None.
    value: Callable[[Any], Any]


Columns = tuple[Column, ...]


def values(columns: Columns, row: Any) -> list[Any]:
    return [column.value(row) for column in columns]


def headings(columns: Columns) -> Sequence[Heading]:
    return [column.heading for column in columns]


def column(words: str, value: Callable[[Any], Any], kind: Kind = Kind.TEXT) -> Column:
    return Column(Heading(words, kind), value)


def _of_patient(patient: Callable[[Any], Patient]) -> Columns:
    return (
        column("Patient", lambda row: patient(row).display_name),
        column("Born", lambda row: patient(row).birth_date, Kind.DATE),
        column("NHS number", lambda row: patient(row).nhs_number or ""),
    )


def _of_examination(examination: Callable[[Any], Examination]) -> Columns:
    return (
        column("Examination", lambda row: examination(row).title),
        column("Accession", lambda row: examination(row).accession),
    )


def _named(owner: Any) -> str:
    has_left = isinstance(owner, Person) and not owner.is_active
    return f"{owner} (has left)" if has_left else str(owner)


FINDINGS: Columns = (
    column("Finding", lambda finding: finding.reference),
    column("Category", lambda finding: finding.category.name),
    column("Stands at", lambda finding: finding.state_words),
    column("What is due", what_is_due),
    column("Due", lambda finding: finding.due_at, Kind.MOMENT),
    *_of_patient(lambda finding: finding.examination.patient),
    column("What was found", lambda finding: finding.description, Kind.LONG_TEXT),
    column("Recommended", lambda finding: finding.recommended_action, Kind.LONG_TEXT),
    *_of_examination(lambda finding: finding.examination),
    column("Held by", lambda finding: _named(finding.owner)),
    column("Team", lambda finding: str(finding.team)),
    column("Site", lambda finding: finding.site.name),
    column("Flagged", lambda finding: finding.flagged_at, Kind.MOMENT),
)
FLAGS: Columns = (
    *FINDINGS,
    column("What became of it", lambda finding: "; ".join(became(finding)), Kind.LONG_TEXT),
    column("Rated", lambda finding: "; ".join(ratings(finding)), Kind.LONG_TEXT),
)


WAITS: Columns = (
    *_of_examination(lambda clock: clock.its_examination),
    column("Modality", lambda clock: clock.its_examination.modality),
    column("Kind of referral", lambda clock: clock.its_examination.get_setting_display()),
    *_of_patient(lambda clock: clock.its_examination.patient),
    column("Images made (or known since)", lambda clock: clock.started_at, Kind.MOMENT),
    column("Report by", lambda clock: clock.due_at, Kind.MOMENT),
    column("Site", lambda clock: clock.its_examination.site.name),
)


def _promises(*of_measure: Column) -> Columns:
    return (
        column("Finding", lambda clock: clock.its_finding.reference),
        *_of_patient(lambda clock: clock.its_finding.examination.patient),
        column("Category", lambda clock: clock.its_finding.category.name),
        column("Stands at", lambda clock: clock.its_finding.state_words),
        *of_measure,
        column("Held by", lambda clock: _named(clock.its_finding.owner)),
        column("Site", lambda clock: clock.its_finding.site.name),
    )


PROMISES = _promises(
    column("Due", lambda clock: clock.due_at, Kind.MOMENT),
    column("Ended", lambda clock: clock.stopped_at, Kind.MOMENT),
    column("Ended because", lambda clock: clock.get_stopped_because_display()),
)
TELLINGS = _promises(
    column("Tell by", lambda clock: clock.its_finding.tell_by, Kind.MOMENT),
    column("First told", lambda clock: clock.first_told_at, Kind.MOMENT),
)


def finding_of(row: Any) -> Finding:
    """Of a case of a measure, whatever kind of row it is."""
    return row if isinstance(row, Finding) else row.finding


def examination_of(row: Any) -> Examination:
    """The same of an examination."""
    if isinstance(row, Examination):
        return row
    found = row.examination if getattr(row, "examination_id", None) else row.finding.examination
    return found


_COUNTED: Columns = (
    column("Counts on", lambda row: row.counts_at, Kind.MOMENT),
    column("Met", lambda row: "yes" if row.is_met else "no"),
)
CASES_OF_FINDINGS: Columns = (
    column("Finding", lambda row: finding_of(row).reference),
    *_of_patient(lambda row: examination_of(row).patient),
    column("Category", lambda row: finding_of(row).category.name),
    column("Stands at", lambda row: finding_of(row).state_words),
    *_COUNTED,
    column("Held by", lambda row: _named(finding_of(row).owner)),
    column("Site", lambda row: finding_of(row).site.name),
)
CASES_OF_EXAMINATIONS: Columns = (
    *_of_examination(examination_of),
    *_of_patient(lambda row: examination_of(row).patient),
    column("Images made", lambda row: examination_of(row).performed_at, Kind.MOMENT),
    *_COUNTED,
    column("Site", lambda row: examination_of(row).site.name),
)

REPORTS: Columns = (
    *_of_patient(lambda examination: examination.patient),
    *_of_examination(lambda examination: examination),
    column("Site", lambda examination: examination.site.name),
    column("Reported", lambda examination: examination.current_report.reported_at, Kind.MOMENT),
    column("Status", lambda examination: examination.current_report.get_status_display()),
    column("Version", lambda examination: examination.current_report.version, Kind.NUMBER),
    column("Flagged", lambda examination: "; ".join(examination.flagged_as)),
)


PROPOSALS: Columns = (
    column("What the report says", what_was_found, Kind.LONG_TEXT),
    column("Known from", lambda proposal: proposal.known_from),
    *_of_patient(lambda proposal: proposal.examination.patient),
    *_of_examination(lambda proposal: proposal.examination),
    column("Reported by", reported_by),
    column("Came", lambda proposal: proposal.proposed_at, Kind.MOMENT),
    column("Confirm by", lambda proposal: proposal.due_at, Kind.MOMENT),
    column("Site", lambda proposal: proposal.examination.site.name),
)


def _found(review: Any) -> str:
    standing = (one for one in review.found_causes.all() if one.was_one and one.undone_at is None)
    return "; ".join(str(one.cause) for one in standing)


REVIEWS: Columns = (
    column("Review", lambda review: review.reference),
    column("Kind", lambda review: review.get_kind_display()),
    column("What", lambda review: "; ".join(what_broke(review)), Kind.LONG_TEXT),
    column("Status", lambda review: review.get_status_display()),
    column("Theme", lambda review: str(review.theme or "")),
    column("Causes", _found, Kind.LONG_TEXT),
    column("Harm", lambda review: review.get_harm_display()),
    column("Finding", lambda review: review.finding.reference if review.finding else ""),
    column("Specialty", lambda review: review.finding.team.specialty if review.finding else ""),
    column("Opened", lambda review: review.opened_at, Kind.MOMENT),
    column("Concluded", lambda review: review.concluded_at, Kind.MOMENT),
    column("What was learned", lambda review: review.conclusion, Kind.LONG_TEXT),
)

MEETINGS: Columns = (
    column("Meeting", lambda meeting: meeting.get_kind_display()),
    column("When", lambda meeting: meeting.held_at, Kind.MOMENT),
    column("Where", lambda meeting: meeting.place),
    column("Cases", lambda meeting: meeting.case_count, Kind.NUMBER),
    column("Were there", lambda meeting: meeting.came, Kind.NUMBER),
    column("What came of it", lambda meeting: meeting.summary, Kind.LONG_TEXT),
)
POINTS: Columns = (
    column("Learning point", lambda point: point.title),
    column("What to know", lambda point: point.text, Kind.LONG_TEXT),
    column("Shared", lambda point: point.shared_at, Kind.MOMENT),
    column("You have read it", lambda point: "Yes" if point.is_read else "No"),
)
IMPROVEMENTS: Columns = (
    column("Improvement", lambda one: one.reference),
    column("What is to change", lambda one: one.what, Kind.LONG_TEXT),
    column("Owner", lambda one: _named(one.owner)),
    column("Until", lambda one: one.due_on, Kind.DATE),
    column("Measure", lambda one: one.measure),
    column("Learned from", lambda one: one.review.reference if one.review else ""),
    column("Outcome", lambda one: one.get_outcome_display()),
    column("In force from", lambda one: one.in_force_on, Kind.DATE),
    column("Did it work?", lambda one: one.get_worked_display()),
)

HELD_ITEMS: Columns = (
    column("Why", lambda receipt: reason_words(receipt.reason)),
    column("Where in the message", lambda receipt: receipt.location),
    column("What is wrong", lambda receipt: receipt.detail, Kind.LONG_TEXT),
    column("Sender", lambda receipt: receipt.message.sender and receipt.message.sender.name),
    column("Came", lambda receipt: receipt.at, Kind.MOMENT),
    column("Limit", lambda receipt: receipt.alert_due_at, Kind.MOMENT),
    column("What to do", lambda receipt: receipt.suggestion, Kind.LONG_TEXT),
)


def _teams(person: Person) -> str:
    return "; ".join(one.team.name for one in person.memberships.all())


PEOPLE: Columns = (
    column("Name", lambda person: person.full_name),
    column("Role", lambda person: person.job_title or person.role_words),
    column("Teams", _teams, Kind.LONG_TEXT),
    column("Where", lambda person: (person.site or person.organisation).name),
    column("Now", lambda person: "Works here" if person.is_active else "Has left"),
    column("Open findings", lambda person: person.holds, Kind.NUMBER),
)

MERGES: Columns = (
    column("Kept", lambda merge: merge.kept.display_name),
    column("NHS number", lambda merge: merge.kept.nhs_number or ""),
    column("Became part of it", lambda merge: merge.merged.display_name),
    column("Its NHS number", lambda merge: merge.merged.nhs_number or ""),
    column("When", lambda merge: merge.merged_at, Kind.MOMENT),
    column("By", lambda merge: str(merge.merged_by or ANOTHER_SYSTEM)),
    column("Why", lambda merge: merge.because, Kind.LONG_TEXT),
    column("Undone", lambda merge: merge.undone_at, Kind.MOMENT),
    column("Why undone", lambda merge: merge.undone_because, Kind.LONG_TEXT),
)

PATIENT_CHANGES: Columns = (
    *_of_patient(lambda change: change.patient),
    column("What happened", lambda change: change.get_kind_display()),
    column("To", lambda change: change.whereto),
    column("When", lambda change: change.happened_at, Kind.MOMENT),
    column("Recorded", lambda change: change.recorded_at, Kind.MOMENT),
    column("By", lambda change: str(change.recorded_by or ANOTHER_SYSTEM)),
    column("Taken back", lambda change: change.undone_at, Kind.MOMENT),
    column("Why taken back", lambda change: change.undone_because, Kind.LONG_TEXT),
)


def _trail(lines_of: Callable[[list[Any]], list[TrailLine]]) -> Columns:
    """Of changes, each of which may be several lines on the page."""

    def joined(name: str) -> Callable[[Any], str]:
        return lambda row: "; ".join(getattr(line, name) or "nothing" for line in lines_of([row]))

    return (
        column("What", joined("what"), Kind.LONG_TEXT),
        column("Before", joined("before"), Kind.LONG_TEXT),
        column("After", joined("after"), Kind.LONG_TEXT),
        column("Who", lambda row: lines_of([row])[0].by),
        column("When", lambda row: row.at, Kind.MOMENT),
        column("Why or where", lambda row: lines_of([row])[0].more, Kind.LONG_TEXT),
    )


SENDER_CHANGES = _trail(of_sender)
DIRECTORY_CHANGES = _trail(partial(of_directory, named=True))


SHIFT_SHEETS: Columns = (
    column("Handed over", lambda sheet: sheet.given_at, Kind.MOMENT),
    column("By", lambda sheet: str(sheet.given_by)),
    column("Taken over", lambda sheet: sheet.taken_at, Kind.MOMENT),
    column("By whom", lambda sheet: str(sheet.taken_by or "")),
    column("Shift began", lambda sheet: sheet.began_at, Kind.MOMENT),
    column("Note", lambda sheet: sheet.note, Kind.LONG_TEXT),
)
