"""A telephone call: whom, when, what was said, and what came of it."""

from typing import Any

from django.utils import timezone

from findings.form_fields import (
    CheckboxField,
    DateTimeField,
    RadiosField,
    TextareaField,
    TextField,
    not_in_the_future,
)
from findings.forms.answers import LONGEST, AnswerForm
from findings.forms.people import NamesSomebody
from findings.models import Person
from findings.services.flag import people_who_can_own
from findings.services.phone import Call


class CallForm(NamesSomebody, AnswerForm):
    """Whoever takes it on must be in the directory, and must have read it back."""

    called_at = DateTimeField(
        label="When did you call?",
        help_text="For example, 25 11 2026 and 14:05.",
        validators=[not_in_the_future],
    )
    known = RadiosField(
        label="Whom did you speak to?",
        choices=[("directory", "Somebody in the directory"), ("other", "Somebody else")],
        reveals={"directory": ["name", "person"], "other": ["spoke_to_words"]},
        missing="Select whom you spoke to",
    )
    spoke_to_words = TextField(
        label="Name and job",
        help_text="For example, the nurse in charge of Ward 7.",
        required=False,
        max_length=120,
    )
    said = TextareaField(
        label="What was said?", rows=3, max_length=LONGEST, missing="Say what was said"
    )
    was_read_back = CheckboxField(label="They read it back to me", required=False)
    took_it_on = RadiosField(
        label="Did they take the finding on?",
        choices=[("no", "No: everybody is told as planned"), ("yes", "Yes, it is theirs now")],
        hints={"yes": "The finding is acknowledged. They are told in writing, too."},
        reveals={"yes": ["plan"]},
        missing="Select whether they took it on",
    )
    plan = TextareaField(label="What will they do?", required=False, rows=3, max_length=LONGEST)
    field_order = ("called_at", "known", "name", "person", "spoke_to_words", "said")
    or_else = ", or choose somebody else"
    who = "who can hold this finding"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial["called_at"] = timezone.now()
        self.find_people()
        known: Any = self.fields["known"]
        # Whoever holds it is the first whom somebody calls.
        owner = self.finding.owner_person
        if owner is not None and owner != self.by:
            known.choices = [("owner", f"{owner}, who holds it"), *known.choices]
            self.initial["known"] = "owner"

    def _candidates(self) -> list[Person]:
        return people_who_can_own(self.finding.examination)

    def clean(self) -> None:
        known, took = self.cleaned_data.get("known"), self.cleaned_data.get("took_it_on")
        if known == "directory":
            self.clean_person_named()
        if known == "other" and not self.cleaned_data.get("spoke_to_words"):
            self.add_error("spoke_to_words", "Enter their name and job")
        if took != "yes":
            return
        if known == "other":
            self.add_error("known", "Only somebody in the directory can take a finding on")
        if not self.cleaned_data.get("plan"):
            self.add_error("plan", "Say what they will do")
        if not self.cleaned_data.get("was_read_back"):
            self.add_error("was_read_back", "Nobody takes on what they did not read back")

    @property
    def call(self) -> Call:
        given = self.cleaned_data
        known = {"owner": self.finding.owner_person, "directory": given.get("person")}
        return Call(
            called_at=given["called_at"],
            said=given["said"],
            was_read_back=given["was_read_back"],
            spoke_to=known.get(given["known"]),
            spoke_to_words="" if given["known"] in known else given["spoke_to_words"],
            plan=given["plan"] if given["took_it_on"] == "yes" else "",
        )
