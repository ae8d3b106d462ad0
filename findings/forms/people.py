"""Naming somebody in a form, without JavaScript: type a name or a code, then choose who it is."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from findings.form_fields import ModelRadiosField, TextField, take_away
from findings.models import Finding, Person
from findings.services.flag import people_who_can_own
from findings.services.search import with_two_joined

PEOPLE_SHOWN = 10
APOSTROPHES = "'`\u00b4\u02b9\u02ba\u02bb\u02bc\u2018\u2019\u2032"
# Letters that are no others with an accent.
LETTERS = {"ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "æ": "ae", "œ": "oe"}
_FOLDED = str.maketrans(dict.fromkeys(APOSTROPHES, "") | LETTERS)


def folded(text: str) -> str:
    """Small letters without accents, apostrophes or hyphens, as the database folds the names of
    patients: "Né-O'Brien" as "ne obrien"."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_FOLDED))
    kept = (each for each in letters if not unicodedata.combining(each))
    return " ".join("".join(each if each.isalnum() else " " for each in kept).split())


def matches(people: Iterable[Person], typed: str) -> list[Person]:
    """Those of whose name, job or code every typed word is the beginning of a word; "o brien" is
    O'Brien too."""
    ways = list(with_two_joined(folded(typed).split()))
    return [person for person in people if any(words and _has(person, words) for words in ways)]


def _has(person: Person, wanted: list[str]) -> bool:
    named = f"{person.full_name} {person.job_title} {person.professional_code}"
    known = folded(named).split()
    return all(any(word.startswith(start) for word in known) for start in wanted)


def with_job(person: Person) -> str:
    """Dr Ada Example, consultant physician, Northgate NHS Trust: tells two of one name apart."""
    return ", ".join(
        part for part in (str(person), person.job_title, str(person.organisation)) if part
    )


class NamesSomebody(forms.Form):
    """`name` is typed; the next page lists whom it may mean as `person`. Chosen, it stays."""

    name = TextField(
        label="Name or professional code",
        help_text="Part of the name is enough. The next page lists the people found.",
        required=False,
        max_length=80,
        width=20,
        autocomplete="off",
        missing="Enter the name or the professional code of the person",
    )
    person = ModelRadiosField(
        Person.objects.none(),
        label="Who is it?",
        required=False,
        words=with_job,
        legend_size="s",
        error_messages={"invalid_choice": "Select one of the people found"},
    )

    finding: Finding
    by: Person
    # What else can be done when nobody of that name is found.
    or_else = ", or choose that you do not know whose it is"
    # Who is looked for, after "Nobody".
    who = "who can hold this finding"

    def find_people(self) -> None:
        """Call at the end of __init__: the people whom the typed name may mean."""
        typed = self.data.get(self.add_prefix("name"), "") if self.is_bound else ""
        self.found = matches(self._candidates(), typed) if typed.strip() else []
        shown = [person.pk for person in self.found[:PEOPLE_SHOWN]]
        field: Any = self.fields["person"]
        field.queryset = Person.objects.filter(pk__in=shown).select_related("organisation")
        if not shown:
            take_away(self, "person")

    def _candidates(self) -> list[Person]:
        """Who may own it, but for whoever asks and whoever has it."""
        without = {self.by.pk, self.finding.owner_person_id}
        allowed = people_who_can_own(self.finding.examination)
        return [person for person in allowed if person.pk not in without]

    def take_only_match(self) -> bool:
        """One match needs no second press where the page shows who it is before saving."""
        if len(self.found) != 1 or "name" in self.errors:
            return False
        self.cleaned_data["person"] = self.found[0]
        given: Any = self.data
        self.data = given = given.copy()
        given[self.add_prefix("person")] = str(self.found[0].pk)
        return True

    def clean_person_named(self) -> Person | None:
        """Call in `clean` where a person must be named: the person, or an error that says more."""
        chosen = self.cleaned_data.get("person")
        if chosen or self.errors.keys() & {"name", "person"}:
            return chosen
        typed = self.cleaned_data.get("name", "")
        if not typed:
            self.add_error("name", self.fields["name"].error_messages["required"])
        elif not self.found:
            self.add_error("name", ValidationError(_nobody(typed, self.who) + self.or_else))
        else:
            self.add_error("person", ValidationError(_several(typed, len(self.found))))
        return None


def _nobody(typed: str, who: str) -> str:
    return f"Nobody {who} is called “{typed}”. Check the spelling"


def _several(typed: str, found: int) -> str:
    if found == 1:
        return f"One person is found for “{typed}”. Select them to confirm"
    if found > PEOPLE_SHOWN:
        return (
            f"{found} people are found for “{typed}”; these are the first {PEOPLE_SHOWN}."
            " Select who it is, or type more of the name"
        )
    return f"{found} people are found for “{typed}”. Select who it is"
