"""Reviews: narrow the list, raise one, and say what one was about."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef

from findings.form_fields import (
    CheckboxField,
    DateField,
    ModelSelectField,
    RadiosField,
    SelectField,
    TextareaField,
    TextField,
    not_in_the_future,
)
from findings.forms.answers import LONGEST
from findings.forms.lists import ListFilter
from findings.learning_rules import can_start_review
from findings.models import (
    CandourStep,
    Cause,
    Finding,
    Person,
    Review,
    ReviewCause,
    Team,
    Theme,
)
from findings.models.review import ReviewQuerySet

UNFINISHED = "unfinished"


class ReviewFilter(ListFilter):
    """Every filter may stand alone in a link: ?status=unfinished."""

    status = SelectField(
        label="Status",
        required=False,
        empty="Every status",
        choices=[(UNFINISHED, "Not concluded yet"), *Review.Status.choices],
    )
    kind = SelectField(
        label="Kind", required=False, empty="Every kind", choices=Review.Kind.choices
    )
    theme = SelectField(label="Theme", required=False, empty="Every theme")
    cause = SelectField(label="Cause", required=False, empty="Every cause")
    harm = SelectField(
        label="Harm", required=False, empty="Every level", choices=Review.Harm.choices
    )
    specialty = SelectField(label="Specialty", required=False, empty="Every specialty")
    candour = CheckboxField(label="Duty of candour with a step to come", required=False)
    again = CheckboxField(label="Broken again after it was concluded", required=False)

    def __init__(self, data: Any, *, person: Person) -> None:
        super().__init__(data)
        whose = person.organisation_id
        self._offer("theme", Theme.objects.of(whose).values_list("pk", "words"))
        self._offer("cause", Cause.objects.of(whose).values_list("pk", "words"))
        reviewed = Review.objects.visible_to(person).filter(finding__isnull=False)
        teams = Team.objects.filter(pk__in=reviewed.values("finding__team")).exclude(specialty="")
        named = teams.order_by("specialty").values_list("specialty", flat=True).distinct()
        self._offer("specialty", ((name, name) for name in named))

    def apply(self, reviews: ReviewQuerySet) -> ReviewQuerySet:
        chosen = self.cleaned_data
        status = chosen["status"]
        if status:
            reviews = (
                reviews.unfinished() if status == UNFINISHED else reviews.filter(status=status)
            )
        for name, column in _COLUMNS.items():
            if chosen[name]:
                reviews = reviews.filter(**{column: chosen[name]})
        if chosen["cause"]:
            found = ReviewCause.objects.standing().filter(was_one=True, cause=chosen["cause"])
            reviews = reviews.filter(Exists(found.filter(review=OuterRef("pk"))))
        if chosen["candour"]:
            reviews = reviews.candour_owed()
        return reviews.broken_again() if chosen["again"] else reviews


_COLUMNS = {
    "kind": "kind",
    "theme": "theme",
    "harm": "harm",
    "specialty": "finding__team__specialty",
}


class StartReviewForm(forms.Form):
    """What no broken promise says by itself."""

    kind = RadiosField(label="What do you want to raise?", missing="Select what you want to raise")
    finding = TextField(
        label="Finding",
        help_text="Its reference, such as F-0123456789, if it is about one. Otherwise leave it"
        " empty.",
        required=False,
        max_length=14,
    )
    happened = TextareaField(
        label="What happened?",
        help_text="Say what happened to whom, and not whose fault it was. Leave out who"
        " the patient is: the finding leads to them.",
        missing="Say what happened",
        max_length=LONGEST,
    )

    def __init__(self, data: Any = None, *, by: Person, finding: str = "") -> None:
        super().__init__(data, initial={"finding": finding})
        self.by = by
        kinds: Any = self.fields["kind"]
        kinds.choices = [
            (value, label)
            for value, label in Review.Kind.choices
            if value != Review.Kind.BREACH and can_start_review(by, value)
        ]

    def clean_finding(self) -> Finding | None:
        """One that they may read."""
        reference = self.cleaned_data["finding"].strip().upper()
        if not reference:
            return None
        readable = Finding.objects.visible_to(self.by, or_told=True)
        found = readable.filter(reference=reference, organisation=self.by.organisation_id).first()
        if found is None:
            raise ValidationError("You can read no finding with this reference")
        return found


class AssessForm(forms.Form):
    theme = ModelSelectField(Theme.objects.none(), label="Theme", required=False, empty="Not said")
    harm = SelectField(
        label="Harm to the patient",
        help_text="From moderate harm on, and for prolonged psychological harm, the duty of candour"
        " holds.",
        choices=Review.Harm.choices,
        empty="",
    )
    lfpse_reference = TextField(
        label="LFPSE reference",
        help_text="Of the record in Learn from patient safety events, where there is one.",
        required=False,
        max_length=60,
    )

    def __init__(self, review: Review, data: Any = None) -> None:
        initial = {
            "theme": review.theme_id,
            "harm": review.harm,
            "lfpse_reference": review.lfpse_reference,
        }
        super().__init__(data, initial=initial)
        theme: Any = self.fields["theme"]
        theme.queryset = Theme.objects.of(review.organisation_id)


class CauseForm(forms.Form):
    cause = ModelSelectField(
        Cause.objects.none(), label="Contributory cause", missing="Select a cause"
    )
    cause_note = TextareaField(
        label="In your words",
        help_text="What was it about the system or the circumstances? No names.",
        required=False,
        rows=2,
        max_length=LONGEST,
    )

    def __init__(self, review: Review, data: Any = None) -> None:
        super().__init__(data)
        cause: Any = self.fields["cause"]
        found = review.found_causes.all()
        standing = [one.cause_id for one in found if one.undone_at is None and one.was_one]
        cause.queryset = Cause.objects.of(review.organisation_id).exclude(pk__in=standing)


class CandourForm(forms.Form):
    step = SelectField(label="Step that was taken", missing="Select the step that was taken")
    done_on = DateField(label="On which day?", validators=[not_in_the_future])
    step_note = TextareaField(
        label="Where it is recorded, or anything else to say",
        required=False,
        rows=2,
        max_length=LONGEST,
    )

    def __init__(self, review: Review, data: Any = None) -> None:
        super().__init__(data)
        done = {one.step for one in review.candour_steps.all() if one.undone_at is None}
        step: Any = self.fields["step"]
        step.choices = [pair for pair in CandourStep.Which.choices if pair[0] not in done]

    @property
    def which(self) -> CandourStep.Which:
        return CandourStep.Which(self.cleaned_data["step"])


class ReviewNoteForm(forms.Form):
    text = TextareaField(
        label="Add to this review", missing="Write what you want to add", max_length=LONGEST
    )


class ConcludeForm(forms.Form):
    conclusion = TextareaField(
        label="What was learned?",
        help_text="Nothing in this review can be changed afterwards; it can be added to.",
        missing="Say what was learned",
        max_length=LONGEST,
    )


class NotABreachForm(forms.Form):
    because = TextareaField(
        label="Why was it no breach?",
        help_text="For example, the patient was told in another way and it was recorded late.",
        missing="Say why it was no breach",
        max_length=LONGEST,
    )


class TakeBackForm(forms.Form):
    because = TextareaField(
        label="Why was it a mistake?", missing="Say why", rows=3, max_length=LONGEST
    )


class CandourLimitForm(forms.Form):
    """The trust's own; empty: none."""

    days = TextField(
        label="Days until the written notification",
        help_text="The limit of your trust, counted from when it is known that the duty holds."
        " Leave it empty where there is none: regulation 20 sets no number of days.",
        required=False,
        inputmode="numeric",
        max_length=3,
    )

    def clean_days(self) -> int | None:
        typed = self.cleaned_data["days"].strip()
        if typed and not (typed.isdecimal() and int(typed) > 0):
            raise ValidationError("Enter a number of days, such as 10, or leave it empty")
        return int(typed) if typed else None


class LocalEntryForm(forms.Form):
    words = TextField(label="In words", missing="Enter it in words", max_length=120)
    to = RadiosField(
        label="To which list?",
        choices=[("theme", "Themes"), ("cause", "Contributory causes")],
        missing="Select a list",
    )
