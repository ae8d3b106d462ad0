"""Form fields in the shape in which the NHS.UK macros want them."""

from collections.abc import Iterator
from typing import Any

from django.forms import BaseForm, BoundField
from markupsafe import Markup, escape

Item = dict[str, Any]


def flat_choices(field: BoundField) -> Iterator[tuple[str, str]]:
    """Value and label of every choice; those of a group carry its name."""
    for value, label in field.field.choices:  # type: ignore[attr-defined]
        if isinstance(label, list | tuple):
            yield from ((str(inner), f"{value}: {words}") for inner, words in label)
        else:
            yield str(value), str(label)


def choice_values(field: BoundField) -> set[str]:
    """What was chosen, or is chosen at first, as the strings that the page sends."""
    value = field.value()
    if value is None:
        return set()
    return {str(one) for one in value} if isinstance(value, list | tuple | set) else {str(value)}


def with_options(frame: Markup, field: BoundField) -> Markup:
    """A select that was drawn without options, with the choices of its field in it. The macro asks
    of each whether it is a line, is disabled, has attributes: among hundreds of people that was
    most of a page. tests/unit/test_selects.py holds what is drawn here against what it would draw.
    """
    chosen, empty = choice_values(field), field.field.empty  # type: ignore[attr-defined]
    choices = [("", empty)] if empty else []
    choices += [(value, label) for value, label in flat_choices(field) if value]
    drawn = [_option(value, label, bool(value) and value in chosen) for value, label in choices]
    before, end, after = frame.partition("</select>")
    if not end:
        raise ValueError("The select's frame has no place for options.")
    return Markup("".join([before, *drawn, end, after]))  # noqa: S704  every part is escaped


def _option(value: str, label: str, is_selected: bool) -> str:
    selected = " selected" if is_selected else ""
    return f'<option value="{escape(value)}"{selected}>{escape(label)}</option>\n'


def choice_list(field: BoundField) -> list[Item]:
    """Radios or checkboxes: each with its hint and the fields that it reveals."""
    chosen = choice_values(field)
    return [
        _choice(field, value, label, value in chosen)
        for value, label in flat_choices(field)
        if value
    ]


def _choice(field: BoundField, value: str, label: str, checked: bool) -> Item:
    item: Item = {"value": value, "text": label, "checked": checked}
    given = field.field
    hints = {str(key): hint for key, hint in given.hints.items()}  # type: ignore[attr-defined]
    if value in hints:
        item["hint"] = {"text": hints[value]}
    names = given.reveals.get(value, ())  # type: ignore[attr-defined]
    if names:
        groups = [field.form[name].as_field_group() for name in names]
        item["conditional"] = {"html": Markup("").join(groups)}
    return item


def wrong_parts(field: BoundField) -> set[str]:
    """Which parts of a date are wrong; all of them where an error names none."""
    parts: tuple[str, ...] = field.field.parts  # type: ignore[attr-defined]
    codes = [str(error.code or "").split() for error in field.errors.as_data()]
    named = {code for some in codes for code in some if code in parts}
    return named or (set(parts) if codes else set())


def error_list(form: BaseForm) -> list[Item]:
    """For the error summary: every error, linked to the input that it is about."""
    items = [{"text": words} for words in form.non_field_errors()]
    for field in form:
        items += [{"text": words, "href": f"#{_first_input(field)}"} for words in field.errors]
    return items


def _first_input(field: BoundField) -> str:
    if not hasattr(field.field, "parts"):
        return str(field.auto_id)
    wrong = wrong_parts(field)
    first = next(part for part in field.field.parts if part in wrong)
    return f"{field.auto_id}-{first}"
