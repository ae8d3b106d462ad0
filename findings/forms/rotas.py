"""Posts, and who is on them from when until when, typed as clocks on the wall show it."""

from datetime import date, datetime
from typing import Any

from django import forms

from findings.form_fields import (
    DateField,
    DateTimeField,
    ModelSelectField,
    RadiosField,
    SelectField,
    TextField,
)
from findings.forms.table_file import TableFileForm
from findings.models import Person, Post, RotaEntry, Team
from findings.moment_fields import Typed, read_date, read_time
from findings.shifts import Repeat, Shift, repeated

MOST_REPEATS = 400


class WallTimeField(DateTimeField):
    """A day and a time on the wall. Cleans to a `datetime` without a zone: when the clocks change
    a shift still begins and ends as the wall shows it, and `findings.shifts` says which moment
    that is."""

    def to_python(self, value: Any) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        if value.is_empty:
            return None
        on = read_date(value)
        at, zone = read_time(value.time)
        if zone:
            raise forms.ValidationError(f"Enter the time without {zone}", code="time")
        return datetime.combine(on, at)

    def prepare_value(self, value: Any) -> Typed:
        if isinstance(value, datetime):
            return Typed(str(value.day), str(value.month), str(value.year), f"{value:%H:%M}")
        return value or Typed()


class PostForm(forms.Form):
    """A new post of a team of one's own trust."""

    team = ModelSelectField(
        Team.objects.none(), label="Team", empty="Select a team", missing="Select a team"
    )
    name = TextField(
        label="What is the post called?",
        help_text="For example: on-call respiratory consultant, Royal Infirmary",
        max_length=120,
        missing="Enter what the post is called",
    )
    stands_for = RadiosField(
        label="In whose place is somebody on this rota told?",
        choices=Post.StandsFor.choices,
        hints={
            "coordinator": "Only for a coordination team",
            "radiologists": "Only for a radiology team: they confirm alert codes and hear of"
            " questions that nobody has answered",
        },
        missing="Select in whose place they are told",
    )

    def __init__(self, *args: Any, by: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["team"]
        field.queryset = Team.objects.filter(organisation=by.organisation_id)


class ShiftForm(forms.Form):
    """Who, from when, until when."""

    person = ModelSelectField(
        Person.objects.none(), label="Who?", empty="Select a person", missing="Select a person"
    )
    starts = WallTimeField(
        label="From",
        help_text="The day, and the time on a 24-hour clock, such as 21:00",
        missing="Enter when it starts",
    )
    ends = WallTimeField(
        label="Until",
        help_text="A night shift ends on the next day, such as 10:00",
        missing="Enter when it ends",
    )

    def __init__(self, *args: Any, post: Post, entry: RotaEntry | None = None, **kwargs: Any):
        self.post = post
        if entry:
            kwargs["initial"] = {
                "person": entry.person_id,
                "starts": datetime.combine(entry.starts_on, entry.starts_time),
                "ends": datetime.combine(entry.ends_on, entry.ends_time),
            }
        super().__init__(*args, **kwargs)
        field: Any = self.fields["person"]
        field.queryset = post.may_be_on

    @property
    def shift(self) -> Shift:
        starts, ends = self.cleaned_data["starts"], self.cleaned_data["ends"]
        return Shift.between(starts, ends, self.post.zone)


class AddShiftForm(ShiftForm):
    """The same once, or again and again until a day."""

    repeat = SelectField(label="How often?", required=False, empty="Once", choices=Repeat.WORDS)
    last_on = DateField(
        label="Last day on which it starts",
        help_text="Only for a shift that comes again",
        required=False,
        legend_size="s",
        missing="Enter the last day on which it starts",
    )

    def clean(self) -> None:
        how, last_on = self.cleaned_data.get("repeat"), self.cleaned_data.get("last_on")
        if not how:
            return
        starts = self.cleaned_data.get("starts")
        if not isinstance(last_on, date):
            if "last_on" not in self.errors:
                self.add_error("last_on", self.fields["last_on"].error_messages["required"])
        elif starts and last_on < starts.date():
            self.add_error("last_on", "The last day is before the first")
        elif starts and (last_on - starts.date()).days > MOST_REPEATS:
            self.add_error("last_on", f"Enter a day at most {MOST_REPEATS} days after the first")

    @property
    def shifts(self) -> list[Shift]:
        how = self.cleaned_data["repeat"]
        return repeated(self.shift, how, self.cleaned_data["last_on"]) if how else [self.shift]


class RotaFileForm(TableFileForm):
    """Which file; it always replaces the time that it covers."""

    name = "Rota file"
