"""The template environment: NHS.UK macros, our filters, and what a form field's template asks.

Filters: when, day, near, near_day, until, ago, due, duration, nhs_number, age, file_size, plural,
capital (see findings/words.py).
Globals: static, url, timed, term, urgency, what_is_due, with_rows, and those of form_parts.py.
"""

from collections.abc import MutableMapping
from typing import Any

from django.contrib.messages import get_messages
from django.templatetags.static import static
from django.urls import reverse
from jinja2 import (
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    PackageLoader,
    TemplateRuntimeError,
)

from findings import states, words
from findings.form_fields import revealed_names
from findings.models import Rating
from findings.presenters.columns import examination_of, finding_of
from findings.presenters.finding import what_is_due
from findings.presenters.glossary import term
from findings.presenters.moments import timed
from imaging_safety import form_parts
from imaging_safety.table_rows import with_rows

# Of the vendored build; see imaging_safety/vendor_nhsuk.py.
NHSUK_VERSION = "10.6.1"
# Of the vendored file; see imaging_safety/static/chartjs/README.md.
CHART_VERSION = "4.6.1"


class OneSetOfGlobals(Environment):
    """Templates without globals of their own, which nothing here gives them. Jinja chains those
    before ours and walks through the chain at each import and each component of a page: a list of
    components spent a third of its time on that."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


def environment(**options: Any) -> Environment:
    """Called once by Django's Jinja2 backend."""
    # The NHS.UK macros ask for parameters of parameters that were not given. (An `if` expression
    # without `else` gives another, unchainable undefined: write `else undefined`.)
    options["undefined"] = ChainableUndefined
    options["trim_blocks"] = options["lstrip_blocks"] = True
    made = OneSetOfGlobals(**options)
    assert made.autoescape is True
    made.loader = ChoiceLoader([options["loader"], PackageLoader("nhsuk_frontend_jinja")])
    made.filters.update(FILTERS)
    made.globals.update(GLOBALS)
    return made


def url(name: str, *args: Any, **kwargs: Any) -> str:
    """The address of a page, by its name."""
    return reverse(name, args=args or None, kwargs=kwargs or None)


def must_have(value: Any, what: str) -> Any:
    """A form without its token fails only when it is sent; this fails when it is drawn."""
    if not value:
        raise TemplateRuntimeError(f"There is no {what} here: import the macro `with context`.")
    return value


FILTERS = {
    "when": words.when,
    "day": words.day,
    "near": words.near,
    "near_day": words.near_day,
    "until": words.until,
    "ago": words.ago,
    "due": words.due,
    "duration": words.duration,
    "length_of_time": words.length,
    "nhs_number": words.nhs_number,
    "age": words.age,
    "file_size": words.file_size,
    "plural": words.plural,
    "capital": words.capital,
}
GLOBALS = {
    "NHSUK_VERSION": NHSUK_VERSION,
    "CHART_VERSION": CHART_VERSION,
    "static": static,
    "url": url,
    "get_messages": get_messages,
    "must_have": must_have,
    "USEFUL": Rating.Useful.choices,
    "STATE_WORDS": {state.value: said for state, said in states.WORDS.items()},
    "timed": timed,
    "term": term,
    "urgency": words.urgency,
    "what_is_due": what_is_due,
    "finding_of": finding_of,
    "examination_of": examination_of,
    "revealed_names": revealed_names,
    "choice_list": form_parts.choice_list,
    "choice_values": form_parts.choice_values,
    "flat_choices": form_parts.flat_choices,
    "with_options": form_parts.with_options,
    "wrong_parts": form_parts.wrong_parts,
    "error_list": form_parts.error_list,
    "with_rows": with_rows,
}
