"""Meetings: call one, prepare its cases, record who came; and share what was learned."""

from typing import Any

from django import forms

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
from findings.measures.meetings import not_discussed, radiologists
from findings.models import Case, Meeting, Person, Review, Role
from findings.presenters.reviews import what_broke

# As many as two meetings can talk about.
CASES_OFFERED = 20


def case_words(review: Review) -> str:
    """As it stands beside its box."""
    what = "; ".join(what_broke(review))
    return f"{review.reference}, {review.get_kind_display().lower()}: {what}"[:160]


class CallForm(forms.Form):
    kind = RadiosField(
        label="Which meeting?", choices=Meeting.Kind.choices, missing="Select which meeting"
    )
    held_at = DateTimeField(label="When is it held?")
    place = TextField(label="Where?", required=False, max_length=120)
    cases = ModelCheckboxesField(
        Review.objects.none(),
        label="Which cases are on the agenda?",
        help_text="Those that no meeting has had yet, the oldest first. More can be added later.",
        required=False,
        words=case_words,
    )

    def __init__(self, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        cases: Any = self.fields["cases"]
        cases.queryset = _offered(by)


def _offered(by: Person) -> Any:
    waiting = not_discussed(Review.objects.visible_to(by))
    first = list(waiting.values_list("pk", flat=True)[:CASES_OFFERED])
    rows = Review.objects.filter(pk__in=first).order_by("opened_at", "pk")
    return rows.prefetch_related("breaches__clock")


class AddCaseForm(forms.Form):
    review = ModelSelectField(
        Review.objects.none(), label="Add a case", missing="Select a case", words=case_words
    )

    def __init__(self, meeting: Meeting, data: Any = None, *, by: Person) -> None:
        super().__init__(data)
        review: Any = self.fields["review"]
        on = meeting.cases.standing().values("review")
        review.queryset = _offered(by).exclude(pk__in=on)


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

    def __init__(self, case: Case, data: Any = None) -> None:
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
