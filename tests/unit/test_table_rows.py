"""Tables are drawn as the NHS.UK macro draws them, and nothing in them is left out or unescaped."""

import re

import pytest
from django.template import engines
from markupsafe import Markup

from imaging_safety.table_rows import with_rows

FRAME = Markup("<table><tbody></tbody></table>")
HEAD = ["Who", {"text": "How many", "format": "numeric"}, Markup("<b>Why</b>")]
# What pages put into cells, beside what they had better not.
ROWS = [
    ["Dr <A> & B", 0, Markup("<b>because</b>")],
    [Markup(""), {"text": "12", "format": "numeric"}, {"text": "x", "href": "/?a=1&b=2"}],
    ["", {"html": Markup("<i>3</i>"), "format": "numeric"}, {"html": Markup("<i>y</i>")}],
    [None, {"text": 7}, "more than", "there are headings"],
    [],
]
OURS = {
    "responsive": "responsive_table('Some', head, rows, 's', first)",
    "scroll": "scrolling_table('Some', head, rows, first)",
}
THEIRS = {"responsive": {"responsive": True}, "scroll": {"scroll": True}}
SIZES = {"responsive": "s", "scroll": "m"}


def drawn(template, **given):
    html = engines["jinja2"].env.from_string(template).render(given)
    return re.sub(r"\s*(<[^>]*>)\s*", r"\1", re.sub(r"\s+", " ", html)).strip()


def as_their_macro_wants_it(rows):
    """It leaves out what is neither words nor a mapping, and a number 0."""

    def words(one):
        return "" if one is None else one if isinstance(one, str) else str(one)

    return [
        [cell | {"text": words(cell.get("text"))} if isinstance(cell, dict) else words(cell)
         for cell in row]
        for row in rows
    ]  # fmt: skip


@pytest.mark.parametrize("first", [False, True], ids=["plain", "first-is-header"])
@pytest.mark.parametrize("kind", ["responsive", "scroll"])
def test_the_rows_are_those_of_the_macro(kind, first):
    ours = drawn(
        '{% from "components/tables.jinja" import responsive_table, scrolling_table %}'
        "{{ " + OURS[kind] + " }}",
        head=HEAD,
        rows=ROWS,
        first=first,
    )
    theirs = drawn(
        '{% from "nhsuk/components/tables/macro.jinja" import table %}{{ table(given) }}',
        given=THEIRS[kind]
        | {
            "caption": {"text": "Some", "size": SIZES[kind]},
            "firstCellIsHeader": first,
            "head": HEAD,
            "rows": as_their_macro_wants_it(ROWS),
        },
    )
    assert ours == theirs
    assert "Dr &lt;A&gt; &amp; B" in ours


def test_a_column_of_a_picture_is_of_numbers_and_says_which():
    html = with_rows(FRAME, ["At", {"text": "All", "series": "a&b"}], [["May", 3]])
    assert 'header--numeric" scope="col" data-series="a&amp;b">All</th>' in html
    assert '<td class="nhsuk-table__cell nhsuk-table__cell--numeric">3</td>' in html


def test_what_no_cell_can_show_is_refused():
    with pytest.raises(ValueError, match="No cell of a table has colour"):
        with_rows(FRAME, ["A"], [[{"text": "x", "colour": "red"}]])
    with pytest.raises(ValueError, match="No cell of a table has colour"):
        with_rows(FRAME, [{"text": "A", "colour": "red"}], [])


def test_html_that_nobody_has_marked_as_such_is_escaped():
    assert "&lt;b&gt;" in with_rows(FRAME, ["A"], [[{"html": "<b>"}]])


def test_a_frame_without_a_body_is_refused():
    with pytest.raises(ValueError, match="no place for rows"):
        with_rows(Markup("<table></table>"), ["A"], [["x"]])
