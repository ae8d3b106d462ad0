"""An improvement in words: where it stands, and whether the numbers say that it worked."""

from datetime import date
from typing import Any

from findings import words
from findings.measures.before_and_after import Compared
from findings.models import Improvement
from findings.presenters.measure_pictures import mark_of
from findings.presenters.measures import Cell, Table, limits_cells, limits_head, share
from findings.words import capital, day, plural

NO_PROOF = "That two numbers differ is no proof, and one beyond the limits does not say why."


def stands_at(improvement: Improvement, is_late: bool) -> str:
    """Open, overdue, done and not checked, or what became of it."""
    if improvement.is_open:
        return "Overdue" if is_late else "Open"
    if improvement.worked:
        return improvement.get_worked_display()
    is_done = improvement.outcome == Improvement.Outcome.DONE
    return "Done, not checked yet" if is_done else improvement.get_outcome_display()


def both_sides(compared: Compared, on: date) -> Table:
    """Its months or weeks before and after, with the limits that those before draw."""
    chart, measure = compared.chart, compared.measure
    head: list[str | Cell] = ["From", "Side", {"text": measure.name, "series": "value"}]
    head += [*limits_head(chart, "Mean before"), "More than chance?"]
    rows = []
    for line in compared.lines:
        signals = line.point.signals if line.is_after else ()
        mark = mark_of(line.point, measure) if signals else "inside"
        row: list[Any] = [day(line.reading.period.first), "After" if line.is_after else "Before"]
        row += [share(line.reading, mark=mark), *limits_cells(chart)]
        rows.append([*row, capital("; ".join(signal.words for signal in signals))])
    caption = f"{measure.name} by {compared.step}"
    said = f"{caption}, before and after {day(on)}. {' '.join(in_sentences(compared))}"
    return Table("both-sides", caption, head, rows, said)


def in_sentences(compared: Compared) -> list[str]:
    """What the number was before, what it was after, and whether that is more than chance."""
    before, after = (
        words.share(*compared.side(after=side), "nothing was due") for side in (False, True)
    )
    said = [f"Before: {before}. After: {after}."]
    if not compared.can_be_judged:
        said.append(
            "It cannot be judged by limits yet: that takes five months or weeks before it, and at"
            " least one after it."
        )
        return said
    chart = compared.chart
    assert chart.lower is not None and chart.upper is not None  # noqa: PT018  both or neither
    said.append(
        f"By chance alone a {compared.step} lies between {max(chart.lower, 0):.0f} % and"
        f" {min(chart.upper, 100):.0f} %, as the time before draws it."
    )
    said.append(_verdict(compared))
    if compared.never_varied:
        said.append("Before it the number never varied, so whatever differs at all counts as more.")
    if chart.is_trial:
        said.append("These limits are on trial: there are fewer than twelve points before.")
    return said


def _verdict(compared: Compared) -> str:
    if not compared.signals:
        return "Nothing after it is more than chance: the numbers show no change."
    good = compared.measure.good
    directions = {line.point.is_high == (good == "up") for line in compared.signals}
    count = plural(len(compared.signals), compared.step)
    if good is None:
        return f"{count} after it {_is(compared)} more than chance."
    if directions == {True}:
        return f"{count} after it {_is(compared)} better than chance explains."
    if directions == {False}:
        return f"{count} after it {_is(compared)} worse than chance explains."
    return f"{count} after it {_is(compared)} more than chance, some better and some worse."


def _is(compared: Compared) -> str:
    return "is" if len(compared.signals) == 1 else "are"
