"""The form with which a finding is flagged: three decisions, the rest is filled in."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from findings import words
from findings.form_fields import (
    DateField,
    ModelRadiosField,
    RadiosField,
    SelectField,
    TextareaField,
    TextField,
    not_in_the_past,
)
from findings.forms.advised import AdvisesExamination
from findings.forms.people import NamesSomebody
from findings.models import Category, Examination, Person, Proposal
from findings.services.flag import FOLLOW_UP_AFTER, Ownership, people_who_can_own
from findings.services.follow_up import Advised
from findings.services.foresee import Offer

LONGEST = 2000
OTHER = "other"
ACTIONS = {
    "review": "Clinical review",
    "referral": "Urgent referral",
    "imaging": "Further imaging",
    "mdt": "Discussion at a multidisciplinary team meeting (MDT)",
    "tests": "Further tests, not imaging",
    "repeat": "Repeat imaging at a later date",
    OTHER: "Something else",
}


# Common choices, in days from now; what is not here is typed as a day.
WHEN = {
    "14": "In 2 weeks",
    "42": "In 6 weeks",
    str(FOLLOW_UP_AFTER.days): "In 3 months",
    "182": "In 6 months",
    "365": "In 1 year",
}


class FlagForm(NamesSomebody, AdvisesExamination):
    """What was found, what should be done by when, and who holds it."""

    category = ModelRadiosField(
        Category.objects.none(), label="Category", missing="Select a category"
    )
    primary_site = TextField(
        label="Suspected primary site",
        help_text="For example lung, or unknown",
        required=False,
        max_length=80,
        width=20,
        missing="Enter the suspected primary site, or unknown",
    )
    description = TextareaField(
        label="What was found", rows=5, max_length=LONGEST, missing="Enter what was found"
    )
    action = SelectField(
        label="Recommended action",
        choices=list(ACTIONS.items()),
        empty="Select an action",
        missing="Select the action that you recommend",
    )
    details = TextField(
        label="Details of the action",
        help_text="For example which imaging or which clinic. Needed for something else.",
        required=False,
        max_length=130,
        missing="Enter the action that you recommend",
    )
    when = SelectField(
        label="By when",
        help_text="You can leave this, except for follow-up",
        choices=list(WHEN.items()),
        required=False,
        empty="No date of its own",
    )
    recommended_on = DateField(
        label="By this day",
        required=False,
        legend_size="s",
        validators=[not_in_the_past],
    )
    holder = RadiosField(
        label="Who will hold it",
        choices=[("order", ""), ("other", "Somebody else")],
        reveals={"other": ["name", "person"]},
        missing="Select who will hold the finding",
    )

    or_else = ", or leave it with whoever asked for the images"
    field_order = (
        "category",
        "primary_site",
        "description",
        "action",
        "details",
        "when",
        "recommended_on",
        "modality",
        "region",
        "holder",
        "name",
        "person",
    )

    def __init__(
        self,
        *,
        examination: Examination,
        by: Person,
        offered: Sequence[Offer],
        # Whom the order leads to; None where it leads to nobody.
        order: Ownership | None,
        description: str = "",
        # The alert code that is confirmed by it; what it says is filled in.
        proposal: Proposal | None = None,
        data: Any = None,
    ) -> None:
        self.examination, self.by, self.offered = examination, by, offered
        self.proposal = proposal
        first: dict[str, Any] = {"description": description}
        first["holder"] = "order" if order else "other"
        if proposal is not None:
            first |= {"category": proposal.category_id, "primary_site": proposal.primary_site}
        super().__init__(data, initial=first)
        fields: Any = self.fields
        fields["category"].queryset = Category.objects.filter(is_offered=True)
        fields["holder"].choices = _holders(order)
        fields["holder"].hints = {"order": order.because if order else ""}
        example = _in_figures(timezone.localdate() + FOLLOW_UP_AFTER)
        fields["recommended_on"].help_text = f"For example, {example}"
        self.find_people()

    def _candidates(self) -> list[Person]:
        return [person for person in people_who_can_own(self.examination) if person != self.by]

    def clean(self) -> None:
        offer = self.offer
        if self.cleaned_data.get("holder") == "other":
            self._name_owner()
        if self.cleaned_data.get("action") == OTHER and not self.cleaned_data.get("details"):
            self._add_missing("details")
        self._take_when()
        if offer is not None:
            self._check_offer(offer)
        self.check_advised()
        if self.cleaned_data.get("modality"):
            self._check_due_on()

    def _name_owner(self) -> None:
        """One match is taken: the page shows who it is before anything is saved."""
        if not self.take_only_match():
            self.clean_person_named()

    def forgive_what_is_missing(self) -> None:
        """It is still being filled in: only what was typed to name somebody may be wrong."""
        typed = self.data.get(self.add_prefix("name"), "").strip()
        for name in set(self.errors) - ({"name", "person", "holder"} if typed else {"holder"}):
            del self.errors[name]

    @property
    def offer(self) -> Offer | None:
        """What the chosen category would promise."""
        chosen = self.cleaned_data.get("category")
        return next((offer for offer in self.offered if offer.category == chosen), None)

    def _check_offer(self, offer: Offer) -> None:
        if offer.refused:
            self.add_error("category", offer.refused)
        if offer.category.asks_primary_site and not self.cleaned_data.get("primary_site"):
            self._add_missing("primary_site")
        if offer.needs_date and not self.errors.get("recommended_on"):
            if self.cleaned_data.get("recommended_on") is None:
                self._suggest_date()

    def _take_when(self) -> None:
        """A common choice as the day that it means."""
        days = self.cleaned_data.get("when")
        if not days or "recommended_on" in self.errors:
            return
        if self.cleaned_data.get("recommended_on"):
            self.add_error("recommended_on", "Select by when, or enter a day: not both")
        else:
            on = timezone.localdate() + timedelta(days=int(days))
            self.cleaned_data["recommended_on"] = on

    def _check_due_on(self) -> None:
        if not self.cleaned_data.get("recommended_on") and "recommended_on" not in self.errors:
            self.add_error("recommended_on", "Enter the date by which the examination is due")

    def _suggest_date(self) -> None:
        """The local default is put in and said; nothing is saved with a date nobody saw."""
        given: Any = self.data
        self.data = given = given.copy()
        given[self.add_prefix("when")] = str(FOLLOW_UP_AFTER.days)
        suggested = words.day(timezone.localdate() + FOLLOW_UP_AFTER)
        self.add_error(
            "when",
            f"Follow-up needs a date. {suggested} is put in, the local default of"
            f" {FOLLOW_UP_AFTER.days // 7} weeks: change it or leave it",
        )

    def _add_missing(self, name: str) -> None:
        self.add_error(name, self.fields[name].error_messages["required"])

    @property
    def owner(self) -> Person | None:
        """Who was chosen instead of whoever asked for the images."""
        if self.cleaned_data.get("holder") != "other":
            return None
        return self.cleaned_data.get("person")

    @property
    def awaits_name(self) -> bool:
        """Somebody else is to hold it, and it is not known yet who."""
        return self.cleaned_data.get("holder") == "other" and self.owner is None

    @property
    def advised(self) -> Advised | None:
        """The further examination, where one was selected."""
        return self.advised_by(self.cleaned_data["recommended_on"])

    @property
    def recommended_action(self) -> str:
        """One text: the common action, then the details."""
        chosen, details = self.cleaned_data["action"], self.cleaned_data["details"].strip()
        if chosen == OTHER:
            return details
        return f"{ACTIONS[chosen]}: {details}" if details else ACTIONS[chosen]


def _holders(order: Ownership | None) -> list[tuple[str, str]]:
    other = ("other", "Somebody else")
    if order is None:
        return [other]
    if order.person is None:
        return [("order", f"{order.team} (team)"), other]
    return [("order", f"{order.person} of {order.team}, who asked for the images"), other]


def _in_figures(on: date) -> str:
    return f"{on.day} {on.month} {on.year}"
