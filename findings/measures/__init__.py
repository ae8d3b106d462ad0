"""Every number that governance looks at, once: what it counts, of what, and what is left out.

A measure selects clocks, since a clock is a promise: it was kept, or not, or still runs. A number
on a page and the rows behind it are the same selection, so they cannot disagree.
"""

from findings.measures.promises import MEASURES, Measure, promises_visible_to
from findings.measures.tables import (
    BY,
    Breakdown,
    Cell,
    breakdowns,
    label_of,
    late_now,
    rows_of,
    shown,
)

__all__ = [
    "BY",
    "MEASURES",
    "Breakdown",
    "Cell",
    "Measure",
    "breakdowns",
    "label_of",
    "late_now",
    "promises_visible_to",
    "rows_of",
    "shown",
]
