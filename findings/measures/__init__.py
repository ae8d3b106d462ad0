"""Every number that governance looks at, once.

A measure (`MEASURES`) says what it asks, counts and leaves out; `read`, `series`, `by`, `rows` and
`took` are one selection each, so a number, its months, its parts and the rows behind it cannot
disagree. What is open and late now are `COUNTS`, of clocks, since a clock is a promise.
"""

from findings.measures.definitions import MEASURES
from findings.measures.dimensions import (
    DIMENSIONS,
    NOT_KNOWN,
    NOT_KNOWN_WORDS,
    dimensions_of,
    narrowing,
)
from findings.measures.kept import Changes
from findings.measures.lengths import how_long, took
from findings.measures.measure import SMALL, Measure, Reading, from_the_first
from findings.measures.now import COUNTS, promises_visible_to
from findings.measures.period import Period
from findings.measures.reading import (
    Part,
    by,
    look,
    read,
    read_many,
    rows,
    series,
    series_many,
)
from findings.measures.tables import BY, Breakdown, Cell, breakdowns, label_of, late_now, rows_of

__all__ = [
    "BY",
    "COUNTS",
    "DIMENSIONS",
    "MEASURES",
    "NOT_KNOWN",
    "NOT_KNOWN_WORDS",
    "SMALL",
    "Breakdown",
    "Cell",
    "Changes",
    "Measure",
    "Part",
    "Period",
    "Reading",
    "breakdowns",
    "by",
    "dimensions_of",
    "from_the_first",
    "how_long",
    "label_of",
    "late_now",
    "look",
    "narrowing",
    "promises_visible_to",
    "read",
    "read_many",
    "rows",
    "rows_of",
    "series",
    "series_many",
    "took",
]
