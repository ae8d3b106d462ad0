"""The form with which a finding gets another category."""

from collections.abc import Mapping
from typing import Any

from findings.form_fields import ModelRadiosField, RadiosField, TextareaField, TextField
from findings.forms.answers import LONGEST, AnswerForm
from findings.models import Category

NEARER, LATER = "nearer", "later"


class ChangeCategoryForm(AnswerForm):
    """Which category and why; from a coordinator, also whether a later limit may hold."""

    category = ModelRadiosField(
        Category.objects.none(), label="New category", missing="Select the new category"
    )
    primary_site = TextField(
        label="Suspected primary site",
        help_text="For cancer. For example lung, or unknown",
        required=False,
        max_length=80,
        width=20,
    )
    because = TextareaField(
        label="Why does it change?", rows=3, max_length=LONGEST, missing="Say why it changes"
    )
    limit = RadiosField(
        label="Where the new limit is later, which one holds?",
        choices=[(NEARER, "The nearer one"), (LATER, "The later one, for a reason")],
        reveals={LATER: ["later_because"]},
        missing="Select which limit holds",
    )
    later_because = TextareaField(
        label="Why may it be later?",
        help_text="Your reason stands in the timeline.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )
    field_order = ("category", "primary_site", "because", "limit", "later_because")

    def __init__(
        self,
        *,
        limits: Mapping[str, str],
        may_choose: bool,
        refused: Mapping[str, str],
        **given: Any,
    ) -> None:
        """`limits`: by category what it would promise. `refused`: why one cannot be chosen."""
        super().__init__(**given)
        self.refused = refused
        self.initial["primary_site"] = self.finding.primary_site
        self.initial["limit"] = NEARER
        field: Any = self.fields["category"]
        field.queryset = Category.objects.filter(pk__in=[*limits, *refused])
        field.hints = {**limits, **refused}
        if not may_choose:
            del self.fields["limit"], self.fields["later_because"]

    def clean(self) -> None:
        given = self.cleaned_data
        category = given.get("category")
        if category is not None and category.pk in self.refused:
            self.add_error("category", self.refused[category.pk])
        if category is not None and category.asks_primary_site and not given.get("primary_site"):
            if "primary_site" not in self.errors:
                self.add_error("primary_site", "Enter the suspected primary site, or unknown")
        if given.get("limit") == LATER and not given.get("later_because"):
            if "later_because" not in self.errors:
                self.add_error("later_because", "Say why it may be later")

    @property
    def why_later(self) -> str:
        """Empty: the nearer limit holds."""
        given = self.cleaned_data
        return given["later_because"] if given.get("limit") == LATER else ""
