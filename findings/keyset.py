"""A part of a list that begins behind a row, and not behind so many rows: what arrives or leaves
meanwhile neither shows a row twice nor pushes one out of sight.

An order is a list of names as in `order_by`, the last of them the primary key; none may be NULL.
Where a part begins stands in the address as a mark: the values by which the row is ordered, signed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet

Order = tuple[str, ...]
# By which a row is ordered; the last is its primary key.
Values = tuple[Any, ...]
# Of a limit that there is none of, where rows are ordered by their limits: after all others.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """Where a part of a list is: behind a row, before it, or at the beginning."""

    values: Values = ()
    is_before: bool = False

    @classmethod
    def read(cls, after: str, before: str, order: Order) -> "Place":
        """As the address has it; what makes no sense is the beginning."""
        try:
            plain = signing.loads(after or before, salt=_salt(order))
        except signing.BadSignature:
            return cls()
        return cls(tuple(_whole(one) for one in plain), is_before=not after)


@dataclass(frozen=True)
class Part:
    """Rows of a list, and how many of all stand before them."""

    rows: list[Any]
    before: int
    total: int
    order: Order
    # By which the first of them and the last are ordered.
    ends: tuple[Values, Values] = ((), ())

    @property
    def last(self) -> int:
        return self.before + len(self.rows)

    @property
    def later(self) -> str:
        """The mark of what comes next; empty at the end."""
        return mark(self.ends[1], self.order) if self.rows and self.last < self.total else ""

    @property
    def earlier(self) -> str:
        return mark(self.ends[0], self.order) if self.rows and self.before else ""


class InOrder:
    """Rows of several kinds, which no statement could bring in order: they stand in it already, up
    and up, and what a row shows is read once it is on a page."""

    def __init__(self, rows: Sequence[Any], fill: Callable[[Sequence[Any]], list[Any]]) -> None:
        self.rows, self._fill = rows, fill

    def count(self) -> int:
        return len(self.rows)

    def values_at(self, order: Order, place: Place, size: int) -> list[Values]:
        """Of the rows at a place; of the first where nothing is left behind it, or less than a page
        before it."""
        begin = 0
        if place.values and place.is_before:
            begin = max(0, self.before(place.values, order) - size)
        elif place.values:
            begin = bisect_right(self.rows, place.values, key=lambda row: _values(row, order))
        there = self.rows[begin : begin + size] or self.rows[:size]
        return [_values(row, order) for row in there]

    def read(self, there: Sequence[Values], order: Order) -> list[Any]:
        return self._fill([self.rows[self.before(values, order)] for values in there])

    def before(self, values: Values, order: Order) -> int:
        return bisect_left(self.rows, values, key=lambda row: _values(row, order))

    def order_by(self, *order: str) -> "InOrder":
        return self

    def __getitem__(self, some: slice) -> "InOrder":
        return InOrder(self.rows[some], self._fill)

    def iterator(self, chunk_size: int) -> Iterator[Any]:
        for begin in range(0, len(self.rows), chunk_size):
            yield from self._fill(self.rows[begin : begin + chunk_size])


@dataclass(frozen=True)
class _Stored:
    """Rows of one table, which the database brings in order."""

    rows: QuerySet[Any]

    def count(self) -> int:
        return self.rows.count()

    def values_at(self, order: Order, place: Place, size: int) -> list[Values]:
        if place.values:
            there = self.rows.filter(_beyond(place.values, order, back=place.is_before))
            found = _first(there, _turned(order, place.is_before), size)
            if len(found) == size or (found and not place.is_before):
                return found[::-1] if place.is_before else found
        return _first(self.rows, order, size)

    def read(self, there: Sequence[Values], order: Order) -> list[Any]:
        """What has gone since is not read; what has moved stands where it was found."""
        found = {row.pk: row for row in self.rows.filter(pk__in=[values[-1] for values in there])}
        return [found[values[-1]] for values in there if values[-1] in found]

    def before(self, values: Values, order: Order) -> int:
        return self.rows.filter(_beyond(values, order, back=True)).count()


def _first(rows: QuerySet[Any], order: Sequence[str], size: int) -> list[Values]:
    """By what the first rows are ordered. All else that a row shows is read of these few alone, and
    not of each one that is put in order."""
    names = [name.removeprefix("-") for name in order]
    return list(rows.order_by(*order).values_list(*names)[:size])


Rows = QuerySet[Any] | InOrder


def _kept(rows: Rows) -> InOrder | _Stored:
    return rows if isinstance(rows, InOrder) else _Stored(rows)


def part(rows: Rows, order: Order, place: Place, size: int) -> Part:
    """So many rows at this place, with the numbers that a page says."""
    kept = _kept(rows)
    there, total = kept.values_at(order, place, size), kept.count()
    if not there:
        return Part([], 0, total, order)
    before = kept.before(there[0], order) if place.values else 0
    return Part(kept.read(there, order), before, total, order, (there[0], there[-1]))


def rows_at(rows: Rows, order: Order, place: Place, size: int) -> list[Any]:
    """Those that stand at this place now."""
    kept = _kept(rows)
    return kept.read(kept.values_at(order, place, size), order)


def mark(values: Values, order: Order) -> str:
    return signing.dumps([_plain(value) for value in values], salt=_salt(order))


def _salt(order: Order) -> str:
    """A mark says nothing in another order."""
    return f"findings.keyset {' '.join(order)}"


def _turned(order: Order, back: bool) -> list[str]:
    turned = [name[1:] if name.startswith("-") else f"-{name}" for name in order]
    return turned if back else list(order)


def _beyond(values: Values, order: Order, *, back: bool) -> Q:
    """Rows that come after the one with these values; or before it."""
    found, same = Q(), Q()
    for name, value in zip(_turned(order, back), values, strict=True):
        column = name.removeprefix("-")
        found |= same & Q(**{f"{column}__{'lt' if name.startswith('-') else 'gt'}": value})
        same &= Q(**{column: value})
    # Follows from the rest, and lets an index find where to begin.
    first = order[0].removeprefix("-")
    goes_down = order[0].startswith("-") != back
    return Q(**{f"{first}__{'lte' if goes_down else 'gte'}": values[0]}) & found


def _values(row: Any, order: Order) -> Values:
    return tuple(_value(row, name.removeprefix("-")) for name in order)


def _value(row: Any, name: str) -> Any:
    for step in name.split("__"):
        row = getattr(row, step)
    return row


def _plain(value: Any) -> Any:
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _whole(plain: Any) -> Any:
    return datetime.fromisoformat(plain["at"]) if isinstance(plain, dict) else plain
