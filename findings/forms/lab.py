"""Drafts of policy: numbers with units, and a ladder whose rungs are added and taken away by
buttons. Without a script, and nothing that was typed is lost on the way."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms

from findings.form_fields import (
    DateTimeField,
    RadiosField,
    SelectField,
    TextareaField,
    TextField,
    not_in_the_past,
)
from findings.forms.answers import LONGEST
from findings.forms.lists import ListFilter
from findings.models import DraftSignature, Rule, Rung
from findings.models.policy_draft import ReplayedCaseQuerySet
from findings.presenters.lab import NUMBERS, number_label
from findings.presenters.lab_replay import TIMES
from findings.presenters.policy import CLOCKS, whom
from findings.rule_content import RuleContent, RungContent
from findings.services.policy_checks import (
    NUMBER_OF,
    ON_A_LADDER,
    clocks_of,
    numbers_of,
    wrong_with,
)
from findings.states import ClockKind
from findings.timetable import parse_duration

UNITS = {"M": "minutes", "H": "hours", "D": "days"}
MOST = 10_000
WHEN = {
    "start": "after the clock starts",
    "before": "before the limit",
    "due": "after the limit",
}
# Of one clock: longer ladders are read by nobody.
MOST_RUNGS = 20
_DO = "do"


def read_iso(iso: str) -> tuple[str, str]:
    """A number and its unit. A duration of days and hours is one of hours: only files have such,
    and then only where days are elapsed ones."""
    if not iso:
        return "", "H"
    duration = parse_duration(iso.lstrip("-"))
    if duration.days and not duration.time:
        return str(duration.days), "D"
    minutes = int(duration.elapsed / timedelta(minutes=1))
    return (str(minutes // 60), "H") if minutes and minutes % 60 == 0 else (str(minutes), "M")


def as_iso(number: str, unit: str) -> str:
    return f"P{int(number)}D" if unit == "D" else f"PT{int(number)}{unit}"


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and int(typed) <= MOST


class NewDraftForm(forms.Form):
    """Which rule, and what for."""

    policy_id = SelectField(
        label="Which rule?", empty="Select a rule", missing="Select which rule is to change"
    )
    because = TextareaField(
        label="What is the change for?",
        help_text="For example, wards are reminded that have answered by telephone.",
        rows=3,
        max_length=LONGEST,
        missing="Enter what the change is for",
    )

    def __init__(
        self, data: Any = None, *, rules: Iterable[tuple[str, str]], chosen: str = ""
    ) -> None:
        super().__init__(data, initial={"policy_id": chosen})
        field: Any = self.fields["policy_id"]
        field.choices = list(rules)


class DraftForm(forms.Form):
    """The whole content of a draft. The rows of each ladder are counted by a hidden field, so that
    one can be added or taken away without anything being saved."""

    def __init__(
        self,
        data: Mapping[str, str] | None = None,
        *,
        policy_id: str,
        content: RuleContent,
        holds_from: datetime | None,
        because: str,
    ) -> None:
        self.policy_id, self.content = policy_id, content
        self.kinds = clocks_of(policy_id)
        sent = data
        self.rows = {kind: _rows(sent, kind, content) for kind in self.kinds}
        # A button of a ladder was pressed: nothing is saved, and nothing is wrong yet.
        self.only_rows = sent is not None and _is_of_rows(sent.get(_DO, ""))
        if sent is not None and self.only_rows:
            super().__init__(initial=self._changed(dict(sent.items())))
        else:
            super().__init__(sent)
        self.fields["because"] = TextareaField(
            label="What is the change for?",
            rows=3,
            max_length=LONGEST,
            initial=because,
            missing="Enter what the change is for",
        )
        self.fields["calendar"] = RadiosField(
            label="How are days counted?",
            choices=[
                (Rule.Calendar.ELAPSED.value, "As they pass"),
                (Rule.Calendar.WORKING.value, "As working days, without bank holidays"),
            ],
            initial=content.calendar or Rule.Calendar.ELAPSED.value,
        )
        for name in numbers_of(policy_id):
            self._number(name, number_label(name, policy_id), getattr(content, name))
        for kind in self.kinds:
            for row in self.rows[kind]:
                self._rung(kind, row)
        self.fields["source"] = TextField(
            label="Where do the numbers come from?",
            help_text="For example, agreed at the radiology governance meeting in March.",
            max_length=200,
            initial=content.source,
            missing="Enter where the numbers come from",
        )
        self.fields["notes"] = TextareaField(
            label="Notes",
            help_text="Which number is whose. The page Policy shows this to everybody.",
            rows=3,
            max_length=1000,
            required=False,
            initial=content.notes,
        )
        self.fields["holds_from"] = DateTimeField(
            label="From when is it to hold?",
            help_text="Leave it empty for as soon as both have signed.",
            required=False,
            validators=[not_in_the_past],
            initial=holds_from,
        )

    # --- What is asked ----------------------------------------------------------------------

    def _number(self, name: str, label: str, iso: str) -> None:
        number, unit = read_iso(iso)
        self.fields[name] = TextField(
            label=label, required=False, width=4, inputmode="numeric", initial=number
        )
        self.fields[f"{name}-unit"] = SelectField(
            label=f"Unit of: {label}",
            choices=list(UNITS.items()),
            empty="",
            initial=unit,
            hide_label=True,
        )

    def _rung(self, kind: ClockKind, row: int) -> None:
        rungs = self.content.of_clock(kind)
        given = rungs[row] if row < len(rungs) else None
        number, unit = read_iso(given.offset if given else "")
        of = f"step {self.rows[kind].index(row) + 1} {CLOCKS[kind].lower()}"
        name = f"{kind}-{row}"
        self.fields[f"{name}-number"] = TextField(
            label=f"When: {of}",
            width=4,
            inputmode="numeric",
            initial=number,
            hide_label=True,
            missing="Enter when, such as 30 minutes",
        )
        choices: dict[str, tuple[str, dict[str, str], str]] = {
            "unit": ("Unit", UNITS, unit),
            "anchor": ("From", WHEN, _anchor(given)),
            "audience": ("Whom to tell", self._audiences(kind), given.audience if given else ""),
        }
        for part, (label, offered, initial) in choices.items():
            self.fields[f"{name}-{part}"] = SelectField(
                label=f"{label}: {of}",
                choices=list(offered.items()),
                empty="Select" if part == "audience" else "",
                initial=initial,
                hide_label=True,
                missing="Select whom to tell",
            )
        self.fields[f"{name}-words"] = TextField(
            label=f"What it is: {of}",
            max_length=120,
            initial=given.words if given else "",
            hide_label=True,
            missing="Enter what it is, such as reminder",
        )

    def _audiences(self, kind: ClockKind) -> dict[str, str]:
        return {one.value: whom(one, kind) for one in ON_A_LADDER}

    def ladder_fields(self, kind: ClockKind) -> list[tuple[int, dict[str, Any]]]:
        """The rows of one ladder with their fields, for the page."""
        parts = ("number", "unit", "anchor", "audience", "words")
        return [
            (row, {part: self[f"{kind}-{row}-{part}"] for part in parts}) for row in self.rows[kind]
        ]

    @property
    def numbers(self) -> tuple[str, ...]:
        return numbers_of(self.policy_id)

    # --- Rows that come and go --------------------------------------------------------------

    def _changed(self, sent: dict[str, Any]) -> dict[str, Any]:
        """After a button of the ladder: one row more or fewer, and all else as it was typed."""
        sent["holds_from"] = DateTimeField.widget().value_from_datadict(sent, {}, "holds_from")
        what, _, which = sent.get(_DO, "").partition(":")
        kind, _, row = which.partition(":")
        if kind in self.rows:
            rows = self.rows[ClockKind(kind)]
            if what == "remove" and row.isdigit() and int(row) in rows:
                rows.remove(int(row))
            elif what == "add" and len(rows) < MOST_RUNGS:
                rows.append(max([*rows, len(self.content.of_clock(kind)) - 1], default=-1) + 1)
                for part, value in (("unit", "H"), ("anchor", "start")):
                    sent[f"{kind}-{rows[-1]}-{part}"] = value
        return sent

    # --- What was typed ---------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        for name in (*numbers_of(self.policy_id), *self._numbers_of_rungs()):
            typed = given.get(name) or ""
            if typed and not _is_number(typed):
                self.add_error(name, f"Enter a whole number from 0 to {MOST:,}")
        if not self.errors:
            for wrong in wrong_with(self.policy_id, self.said):
                self.add_error(self._field_of(wrong.where), wrong.sentence)
        return given

    def _numbers_of_rungs(self) -> list[str]:
        return [f"{kind}-{row}-number" for kind in self.kinds for row in self.rows[kind]]

    def _field_of(self, where: str) -> str | None:
        """Where a sentence stands: at the number, or at the first row of the ladder."""
        if where in self.fields:
            return where
        rows = self.rows.get(ClockKind(where), []) if where in list(ClockKind) else []
        return f"{where}-{rows[0]}-number" if rows else NUMBER_OF.get(ClockKind(where))

    @property
    def said(self) -> RuleContent:
        """The draft as it was typed; each ladder in the order of time."""
        given = self.cleaned_data
        numbers = dict.fromkeys(NUMBERS, "") | {
            name: as_iso(given[name], given[f"{name}-unit"]) if given.get(name) else ""
            for name in numbers_of(self.policy_id)
        }
        return RuleContent(
            calendar=given["calendar"],
            **numbers,
            source=given["source"],
            notes=given["notes"],
            rungs=tuple(rung for kind in self.kinds for rung in self._ladder(kind, numbers)),
        )

    def _ladder(self, kind: ClockKind, numbers: Mapping[str, str]) -> list[RungContent]:
        within = numbers.get(NUMBER_OF.get(kind, ""), "")
        limit = parse_duration(within).elapsed if within else timedelta(0)

        def falls(rung: RungContent) -> timedelta:
            after = parse_duration(rung.offset).elapsed
            return after + limit if rung.anchor == Rung.Anchor.DUE else after

        # Whoever stands first among those of one moment, stays first.
        rungs = sorted((self._typed(kind, row) for row in self.rows[kind]), key=falls)
        return [
            RungContent(rung.clock, level, rung.offset, rung.anchor, rung.audience, rung.words)
            for level, rung in enumerate(rungs, 1)
        ]

    def _typed(self, kind: ClockKind, row: int) -> RungContent:
        part = {
            name: self.cleaned_data[f"{kind}-{row}-{name}"]
            for name in ("number", "unit", "anchor", "audience", "words")
        }
        offset = as_iso(part["number"], part["unit"])
        is_before = part["anchor"] == "before" and int(part["number"]) > 0
        anchor = Rung.Anchor.START if part["anchor"] == "start" else Rung.Anchor.DUE
        return RungContent(
            kind.value,
            0,
            f"-{offset}" if is_before else offset,
            anchor.value,
            part["audience"],
            part["words"],
        )


def _is_of_rows(pressed: str) -> bool:
    return pressed.startswith(("add:", "remove:"))


def _rows(sent: Mapping[str, str] | None, kind: ClockKind, content: RuleContent) -> list[int]:
    """Which rows the page showed; at first those of the draft."""
    if sent is None:
        return list(range(len(content.of_clock(kind))))
    shown = str(sent.get(f"rows-{kind}", "")).split()
    return list(dict.fromkeys(int(row) for row in shown if row.isdigit()))[:MOST_RUNGS]


def _anchor(rung: RungContent | None) -> str:
    if rung is None or rung.anchor == Rung.Anchor.START:
        return "start"
    return "before" if rung.offset.startswith("-") else "due"


class ReplayedFilter(ListFilter):
    """Of the cases of a replay: all that changed, or what might have been avoided."""

    show = SelectField(
        label="Show",
        required=False,
        empty="Everything that would have gone another way",
        choices=[
            ("avoided", "Late, and might have been avoided"),
            *((name, f"Of these: {words[:1].lower()}{words[1:]}") for name, words in TIMES.items()),
        ],
    )

    def apply(self, cases: ReplayedCaseQuerySet) -> ReplayedCaseQuerySet:
        chosen = self.cleaned_data.get("show") if self.is_valid() else ""
        return cases.with_time_left(chosen) if chosen else cases


class SignForm(forms.Form):
    """In which capacity, and as what."""

    capacity = RadiosField(
        label="In which capacity do you sign?",
        choices=DraftSignature.Capacity.choices,
        hints={
            "approver": "You answer for the numbers in the name of the trust",
            "safety": "You have looked at what could harm a patient",
        },
        missing="Select in which capacity you sign",
    )
    title = TextField(
        label="Your role",
        help_text="For example, Medical director.",
        max_length=90,
        missing="Enter your role",
    )


class PutAwayForm(forms.Form):
    """Why a draft is put away."""

    because = TextareaField(
        label="Why is it put away?", rows=3, max_length=LONGEST, missing="Enter why it is put away"
    )
