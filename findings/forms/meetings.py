"""Meetings: call one, prepare its cases, record who came; and share what was learned."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.db.models import Case, When

from findings.form_fields import (
    CheckboxesField,
    DateTimeField,
    ModelCheckboxesField,
    ModelSelectField,
    RadiosField,
    TextareaField,
    TextField,
)
from findings.forms.answers import LONGEST
from findings.measures.meetings import had_before, not_discussed, radiologists
from findings.models import Case as AgendaCase
from findings.models import Meeting, Person, Review, Role
from findings.presenters.reviews import what_broke
from findings.words import day

# As many as two meetings can talk about.
CASES_OFFERED = 20


def case_words(review: Review) -> str:
    """As it stands beside its box."""
    what = "; ".join(what_broke(review))
    words = f"{review.reference}, {review.get_kind_display().lower()}: {what}"[:160]
    had = [case.meeting for case in review.cases.all() if case.undone_at is None]
    if not had:
        return words
    last = max(had, key=lambda meeting: meeting.held_at)
    return f"{words} (had: {last.get_kind_display().lower()}, {day(last.held_at)})"


class CallForm(forms.Form):
    kind = RadiosField(
        label="Which meeting?", choices=Meeting.Kind.choices, missing="Select which meeting"
    )
    held_at = DateTimeField(label="When is it held?")
    place = TextField(label="Where?", required=False, max_length=120)
    cases = ModelCheckboxesField(
        Review.objects.none(),
        label="Which cases are on the agenda?",
        help_text="Those that no meeting has had yet come first, then those that one has had: a"
        " case of the learning meeting may be due at the triangulation, too. More can be added"
        " later.",
        required=False,
        words=case_words,
    )

    def __init__(self, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        cases: Any = self.fields["cases"]
        cases.queryset = _offered(by)


def _offered(by: Person, kind: str = "", but: Collection[int] = ()) -> Any:
    """Those that nobody has talked about, the oldest first; then those that a meeting has had."""
    visible = Review.objects.visible_to(by).exclude(pk__in=but)
    new = list(not_discussed(visible).values_list("pk", flat=True)[:CASES_OFFERED])
    again = list(had_before(visible, kind).values_list("pk", flat=True)[:CASES_OFFERED])
    place = {pk: number for number, pk in enumerate([*new, *again])}
    rows = Review.objects.filter(pk__in=place).order_by(
        Case(*(When(pk=pk, then=number) for pk, number in place.items()), default=0)
    )
    return rows.prefetch_related("breaches__clock", "cases__meeting")


class AddCaseForm(forms.Form):
    review = ModelSelectField(
        Review.objects.none(), label="Add a case", missing="Select a case", words=case_words
    )

    def __init__(self, meeting: Meeting, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        review: Any = self.fields["review"]
        on = list(meeting.cases.standing().values_list("review", flat=True))
        review.queryset = _offered(by, meeting.kind, but=on)


class CaseForm(forms.Form):
    sheet = TextareaField(
        label="What the sheet says",
        help_text="In words that name nobody: not the patient, and not whoever reported or raised"
        " it.",
        required=False,
        max_length=LONGEST,
    )
    brought_by = ModelSelectField(
        Person.objects.none(),
        label="Which radiologist brings this case?",
        help_text="Counted for one case a year; it does not stand on the sheet.",
        required=False,
        empty="Nobody in particular",
    )

    def __init__(self, case: AgendaCase, data: Any = None) -> None:
        initial = {"sheet": case.sheet, "brought_by": case.brought_by_id}
        super().__init__(data, initial=initial)
        who: Any = self.fields["brought_by"]
        who.queryset = Person.objects.filter(
            pk__in=[one.pk for one in radiologists(case.meeting.organisation_id)]
        )


class AttendanceForm(forms.Form):
    people = ModelCheckboxesField(Person.objects.none(), label="Who was there?", required=False)

    def __init__(self, meeting: Meeting, data: Any = None) -> None:
        came = [one.person_id for one in meeting.attendances.standing()]
        super().__init__(data, initial={"people": came})
        people: Any = self.fields["people"]
        roles = [Role.RADIOLOGIST, Role.GOVERNANCE, Role.COORDINATOR]
        invited = Person.objects.active().filter(
            organisation=meeting.organisation_id, roles__overlap=roles
        )
        people.queryset = (invited | Person.objects.filter(pk__in=came)).distinct()


class CloseRecordForm(forms.Form):
    summary = TextareaField(
        label="What came of it?",
        help_text="Nothing in this record can be changed afterwards.",
        missing="Say what came of it",
        max_length=LONGEST,
    )


class PointForm(forms.Form):
    title = TextField(label="In one line", missing="Say it in one line", max_length=120)
    text = TextareaField(
        label="What everybody is to know",
        help_text="Name nobody.",
        missing="Say what everybody is to know",
        max_length=LONGEST,
    )
    roles = CheckboxesField(
        label="Who is to read it?", choices=Role.choices, missing="Select who is to read it"
    )


class WithdrawPointForm(forms.Form):
    because = TextareaField(
        label="Why is it withdrawn?", missing="Say why", rows=3, max_length=LONGEST
    )
