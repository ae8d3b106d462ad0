"""A tag is drawn as the NHS.UK macro draws it."""

import pytest
from django.template import engines
from markupsafe import Markup

OURS = '{% from "components/tags.jinja" import tag %}{{ tag(said, colour) }}'
THEIRS = (
    '{% from "nhsuk/components/tag/macro.jinja" import tag %}'
    "{{ tag({kind: said, 'colour': colour}) }}"
)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("text", "Has left & <b>gone</b>"), ("html", Markup("<time>today</time>"))],
    ids=["words", "markup"],
)
@pytest.mark.parametrize("colour", ["red", "aqua-green"])
def test_a_tag_is_that_of_the_macro(kind, said, colour):
    env, given = engines["jinja2"].env, {"kind": kind, "said": said, "colour": colour}
    ours = env.from_string(OURS).render(given)
    assert ours == env.from_string(THEIRS).render(given)
    assert f"nhsuk-tag--{colour}" in ours
    assert "<b>" not in ours
