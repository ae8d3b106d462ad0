"""The forms with which a person answers for a finding. Each keeps what was typed."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from findings import words
from findings.form_fields import (
    DateField,
    DateTimeField,
    RadiosField,
    TextareaField,
    TextField,
    missing_if_chosen,
    not_in_the_future,
    not_in_the_past,
    take_away,
)
from findings.forms.advised import AdvisesExamination
from findings.forms.people import NamesSomebody
from findings.forms.rating import RatesFlag
from findings.forms.receivers import NamesReceiver, receiver_field
from findings.models import Action, Finding, Person, Rule, Team
from findings.services.clocks import open_recommendation
from findings.services.deadlines import limit_to_act
from findings.services.follow_up import Advised

LONGEST = 2000
# When the result of an action is expected unless somebody says otherwise; ours, no guidance says.
RESULT_EXPECTED_AFTER = {
    Action.Kind.IMAGING: timedelta(days=28),
    Action.Kind.REFERRAL: timedelta(days=14),
    Action.Kind.TREATMENT: timedelta(days=28),
    Action.Kind.DISCUSSION: timedelta(days=7),
}


class AnswerForm(forms.Form):
    """What all answers have: the finding, whoever answers, and what their page had seen."""

    # Fields that a link to the page may choose ahead.
    from_link: ClassVar[tuple[str, ...]] = ()
    # The number of the newest decision in the timeline when the page was drawn.
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *, finding: Finding, by: Person, seen: int, data: Any = None) -> None:
        self.finding, self.by = finding, by
        super().__init__(data, initial={"seen": seen})

    @property
    def has_seen(self) -> int:
        """0 when the page did not say, so that nothing passes by leaving it out."""
        return self.cleaned_data.get("seen") or 0

    def typed(self) -> list[tuple[str, str]]:
        """What was written, by its label: to copy from when the answer could not be taken."""
        written = ((field, field.value()) for field in self.visible_fields())
        return [
            (str(field.label), value)
            for field, value in written
            if isinstance(value, str) and value.strip() and isinstance(field.field, forms.CharField)
        ]


class AcknowledgeForm(AnswerForm):
    """Mine, and this is my plan: one of the common ones, or words, or both."""

    PLANS: Mapping[str, str] = {
        "as_recommended": "Do what the radiologist recommends",
        "imaging": "Arrange further imaging",
        "referral": "Refer urgently",
        "see": "See the patient",
        "mdt": "Discuss at the multidisciplinary team meeting (MDT)",
        "other": "Something else",
    }
    choice = RadiosField(
        label="What will you do?", choices=list(PLANS.items()), missing="Select what you will do"
    )
    details = TextareaField(
        label="In your own words",
        help_text="For example where and when. You can leave this empty unless it is something"
        " else.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    plan_by = DateField(
        label="By when?",
        required=False,
        legend_size="s",
        validators=[not_in_the_past],
    )

    def __init__(self, *, rule: Rule | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        field: Any = self.fields["choice"]
        field.hints = {"as_recommended": self.finding.recommended_action}
        self.limit = limit_to_act(self.finding, rule)
        self.initial["plan_by"] = self._suggested_on()
        if self.limit:
            self.fields[
                "plan_by"
            ].help_text = (
                f"Action {words.due(self.limit, timezone.now())}. Your day does not move it."
            )

    def _suggested_on(self) -> date | None:
        """The limit, or the day that the radiologist advised where that is earlier; never gone."""
        last_day = words.last_day(self.limit) if self.limit else None
        known = [day for day in (last_day, self.finding.recommended_on) if day]
        return max(timezone.localdate(), min(known)) if known else None

    def clean_plan_by(self) -> date | None:
        """Not after the limit, as long as that can be kept at all."""
        day: date | None = self.cleaned_data["plan_by"]
        if day and self.limit and timezone.localdate() <= words.last_day(self.limit) < day:
            limit = words.until(self.limit, timezone.now())
            late = f"The limit to act is {limit}: enter a day until then"
            raise ValidationError(late, code="all")
        return day

    def clean(self) -> None:
        if self.cleaned_data.get("choice") == "other" and not self.cleaned_data.get("details"):
            self.add_error("details", "Say what you will do")

    @property
    def planned_day(self) -> date | None:
        return self.cleaned_data["plan_by"]

    @property
    def plan(self) -> str:
        """One text: the choice, then the words."""
        choice, details = self.cleaned_data["choice"], self.cleaned_data["details"].strip()
        if choice == "other":
            return details
        common = self.PLANS[choice]
        if choice == "as_recommended":
            common = f"As recommended: {self.finding.recommended_action}"
        return f"{common.rstrip('.')}. {details}".strip() if details else common


class DeclineForm(NamesSomebody, AnswerForm):
    """Not mine, in three ways: it stays mine and somebody else acts; I know whose; nobody knows."""

    whose = RadiosField(
        label="Whose is it?",
        choices=[
            ("acts", "Mine, but somebody else will act"),
            ("named", "Not mine, and I know whose it is"),
            ("unknown", "Not mine, and I do not know whose: send it up the ladder now"),
        ],
        hints={
            "acts": "You hold it and stay responsible. They are not told from here: ask them.",
            "named": "They are told at once and hold it from then on.",
            "unknown": "Your team holds it, and the next people on the ladder are told at once.",
        },
        reveals={"acts": ["who_acts"], "named": ["name", "person"]},
        missing="Select whose it is",
    )
    who_acts = TextField(
        label="Who will act?",
        help_text="A person or a service, for example the two-week-wait clinic.",
        required=False,
        max_length=120,
        missing="Say who will act",
    )
    because = TextareaField(
        label="Why is it not yours, or what will they do?",
        rows=3,
        max_length=LONGEST,
        missing="Say why it is not yours, or what will be done",
    )
    field_order = ("whose", "who_acts", "name", "person", "because")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.find_people()

    def clean(self) -> None:
        whose = self.cleaned_data.get("whose")
        if whose == "named":
            self.clean_person_named()
        elif whose == "acts" and not self.cleaned_data.get("who_acts"):
            missing_if_chosen(self, "whose")

    @property
    def acting(self) -> str:
        return self.cleaned_data["who_acts"].strip()

    @property
    def plan(self) -> str:
        """Of a finding that stays theirs; empty for one that is not."""
        if self.cleaned_data["whose"] != "acts":
            return ""
        return f"{self.acting} will act. {self.cleaned_data['because'].strip()}"

    @property
    def to(self) -> Person | None:
        named = self.cleaned_data["whose"] == "named"
        return self.cleaned_data.get("person") if named else None


class HandOverForm(NamesReceiver, AnswerForm):
    """A coordinator gives the finding to a person or a team, and says why."""

    because = TextareaField(
        label="Why are you handing it over?", rows=3, max_length=LONGEST, missing="Give a reason"
    )
    receiver = receiver_field(
        "Who should hold it?", "Select whether a person or a team should hold it"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.find_receivers(teams_that_can_hold(self.finding))


def teams_that_can_hold(finding: Finding) -> Any:
    """Teams of the trust and of the asking practice in which somebody works now."""
    examination = finding.examination
    organisations = {finding.organisation_id}
    if examination.requesting_team:
        organisations.add(examination.requesting_team.organisation_id)
    return (
        Team.objects.filter(
            organisation__in=organisations,
            kind__in=Team.HOLDERS,
            memberships__person__is_active=True,
        )
        .exclude(pk=finding.owner_team_id or 0)
        .distinct()
    )


class ActForm(AdvisesExamination, AnswerForm):
    """What was done, and when its result should be known."""

    kind = RadiosField(
        label="What did you do?",
        choices=Action.Kind.choices,
        reveals={Action.Kind.IMAGING: ["modality", "region"]},
        missing="Select what you did",
    )
    text = TextareaField(
        label="Details",
        help_text="What was arranged, where and for when. If no action is needed, say why.",
        rows=4,
        max_length=LONGEST,
    )
    result_expected_on = DateField(
        label="When should the result be known?",
        help_text="Leave this empty to use the date beside your choice. You are asked for the"
        " result on this day. For example, 25 11 2026.",
        required=False,
        validators=[not_in_the_past],
    )
    field_order = ("kind", "modality", "region", "text", "result_expected_on")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        field: Any = self.fields["kind"]
        field.hints = {
            kind: f"Result expected on {words.day(self.suggested_on(kind))} unless you say another"
            " day"
            for kind in RESULT_EXPECTED_AFTER
        } | {Action.Kind.NONE: "Give the reason under Details. Close the finding afterwards."}
        self.fields["text"].error_messages["required"] = "Say what you did"
        if open_recommendation(self.finding):  # it goes on: one is awaited at a time
            take_away(self, "modality", "region")

    def suggested_on(self, kind: str) -> date:
        """For imaging the date that the radiologist advised, where it still lies ahead."""
        today, advised = timezone.localdate(), self.finding.recommended_on
        if kind == Action.Kind.IMAGING and advised and advised >= today:
            return advised
        return today + RESULT_EXPECTED_AFTER.get(Action.Kind(kind), timedelta(0))

    def clean(self) -> None:
        kind = self.cleaned_data.get("kind")
        if kind == Action.Kind.NONE and "text" in self.errors:
            self.errors["text"] = self.error_class(["Say why no action is needed"])
        if kind == Action.Kind.IMAGING:
            self.check_advised()
        else:  # what is asked only for imaging is no fault of another choice
            for name in ("modality", "region"):
                self.errors.pop(name, None)

    @property
    def advised(self) -> Advised | None:
        """The examination that was arranged, where one was selected."""
        if self.cleaned_data["kind"] != Action.Kind.IMAGING:
            return None
        return self.advised_by(self.expected_on)

    @property
    def expected_on(self) -> date:
        """No action has its result today; the rest as typed or as suggested."""
        kind, typed = self.cleaned_data["kind"], self.cleaned_data.get("result_expected_on")
        return self.suggested_on(kind) if kind == Action.Kind.NONE or not typed else typed


class PatientToldForm(AnswerForm):
    """How and when the patient was told, or why they were not."""

    how = RadiosField(
        label="How was the patient told?",
        choices=Finding.ToldHow.choices,
        missing="Select how the patient was told, or that they were not",
    )
    told_at = DateTimeField(
        label="When?",
        help_text="You can leave this as it is if the patient was not told."
        " For example, 25 11 2026 at 14:05.",
        required=False,
        validators=[not_in_the_future],
    )
    who = TextField(
        label="Who told them?",
        help_text="Leave this empty if it was you.",
        required=False,
        max_length=120,
    )
    said = TextareaField(
        label="What was said and given, or why the patient was not told",
        help_text="For example a leaflet or a number to ring. Needed only if the patient was not"
        " told.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial["told_at"] = timezone.now()
        self._ask_instead()

    def _ask_instead(self) -> None:
        """Of somebody who has died: who was told instead, or that they were told before."""
        death = self.finding.examination.patient.death()
        field: Any = self.fields["how"]
        if death is None:
            alive = [one for one in Finding.ToldHow if one not in Finding.ToldHow.of_the_dead()]
            field.choices = [(one.value, one.label) for one in alive]
            return
        died = words.when(death.happened_at)
        field.help_text = (
            f"The patient died on {died}. Say who was told instead, or how the patient was told"
            " before that."
        )

    def clean_told_at(self) -> datetime | None:
        told_at, performed_at = (
            self.cleaned_data["told_at"],
            self.finding.examination.performed_at,
        )
        if told_at and performed_at and told_at < performed_at:
            before = f"The images were made on {words.when(performed_at)}: enter a later time"
            raise ValidationError(before, code="all")
        return told_at

    def clean(self) -> None:
        how = self.cleaned_data.get("how")
        if how == Finding.ToldHow.NOT_TOLD:
            self._forget("told_at")
            self.cleaned_data["who"] = ""
            if not self.cleaned_data.get("said") and "said" not in self.errors:
                self.add_error("said", "Say why the patient was not told")
        elif how and not self.cleaned_data.get("told_at") and "told_at" not in self.errors:
            self.add_error("told_at", "Enter when the patient was told")

    def _forget(self, name: str) -> None:
        """What is asked only for another choice is no fault of this one."""
        self.errors.pop(name, None)
        self.cleaned_data[name] = None


class RateForm(RatesFlag, AnswerForm):
    """Afterwards, on a page of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        field: Any = self.fields["useful"]
        field.label, field.required = "Was this flag useful?", True


class CloseForm(RatesFlag, AnswerForm):
    """What came of it."""

    outcome = RadiosField(
        label="What came of it?",
        choices=Finding.Outcome.choices,
        missing="Select what came of it",
    )
    note = TextareaField(
        label="In your own words",
        help_text="Needed only if the outcome is “Other”.",
        required=False,
        rows=3,
        max_length=LONGEST,
    )

    field_order: tuple[str, ...] = ("outcome", "note", "useful", "useful_note")

    def clean(self) -> None:
        super().clean()
        other = self.cleaned_data.get("outcome") == Finding.Outcome.OTHER
        if other and not self.cleaned_data.get("note") and "note" not in self.errors:
            self.add_error("note", "Say what the outcome is")


class CloseAndTellForm(CloseForm, PatientToldForm):
    """For a finding of which the patient has not been told yet: both on one page."""

    field_order = ("outcome", "note", "how", "told_at", "who", "said", "useful", "useful_note")


class WithdrawForm(AnswerForm):
    because = TextareaField(
        label="Why is it withdrawn?",
        help_text="Everybody who can open the finding can read this.",
        rows=4,
        max_length=LONGEST,
        missing="Give a reason",
    )


class TakeBackForm(AnswerForm):
    because = TextareaField(
        label="What happened?",
        help_text="For example, another patient's finding was meant. Your plan stays readable.",
        rows=3,
        max_length=LONGEST,
        missing="Say what happened",
    )


class NoteForm(AnswerForm):
    text = TextareaField(
        label="Note",
        help_text="Everybody who can see the finding can read it. It cannot be changed later.",
        rows=4,
        max_length=LONGEST,
        missing="Write the note",
    )
