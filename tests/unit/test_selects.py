"""A select is drawn as the NHS.UK macro draws it, with every choice of its field."""

import re

import pytest
from django import forms
from django.template import engines
from markupsafe import Markup

from findings.form_fields import SelectField
from imaging_safety.form_parts import with_options

CHOICES = [
    ("a", "Ward <A> & B"),
    ("North", [("n1", "Clinic"), ("n2", "Theatre")]),
    ("", "No choice has no value"),
]
THEIRS = (
    '{% from "nhsuk/components/select/macro.jinja" import select %}'
    '{{ select({"label": {"text": "Where"}, "id": "id_where", "name": "where", "items": items}) }}'
)


class Form(forms.Form):
    where = SelectField(label="Where", choices=CHOICES, empty="Anywhere")


def plain(html):
    return re.sub(r"\s*(<[^>]*>)\s*", r"\1", re.sub(r"\s+", " ", html)).strip()


@pytest.mark.parametrize("chosen", ["", "n1"])
def test_a_select_is_that_of_the_macro(chosen):
    field = Form({"where": chosen} if chosen else None)["where"]
    items = [
        {"value": "", "text": "Anywhere"},
        {"value": "a", "text": "Ward <A> & B"},
        {"value": "n1", "text": "North: Clinic", "selected": chosen == "n1"},
        {"value": "n2", "text": "North: Theatre"},
    ]
    ours = field.as_field_group()
    assert plain(ours) == plain(engines["jinja2"].env.from_string(THEIRS).render(items=items))
    assert "Ward &lt;A&gt; &amp; B" in ours
    assert ours.count(" selected") == bool(chosen)


def test_a_frame_without_a_select_is_refused():
    with pytest.raises(ValueError, match="no place for options"):
        with_options(Markup("<input>"), Form()["where"])
