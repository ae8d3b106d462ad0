"""Searching: what is asked for, and pages that neither repeat nor miss a row while others arrive.

A search is of the moment at which its first page was asked for. The link to the next page says so:
up to which row it looks, how many there were, and after which row it goes on.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from findings.api.access import person_of, saw
from findings.fhir.access import FhirView
from findings.fhir.names import Json, address
from findings.fhir.outcome import Issue, Refused, operation_outcome
from findings.models import Person
from findings.services.settled import newest_settled

COUNT, MOST = 50, 200
LONGEST_VALUE = 300
# Of the search itself; `_format` is read where the answer is written.
CONTROLS = ("_count", "_sort", "_page", "_format", "_total", "_pretty", "_summary")


@dataclass(frozen=True)
class Param:
    """One thing that can be asked for."""

    name: str
    type: str
    # From one value to a condition; values between commas are joined by or.
    condition: Callable[[str], Q]
    says: str
    # Other ways to write it: with a modifier, or with a chain.
    keys: tuple[str, ...] = ()
    # What a link says instead, where the value may not stand in an address.
    in_links: Callable[[str], tuple[str, str]] | None = None


class Place(NamedTuple):
    """Where a page begins: looking up to this row, of so many, after this one."""

    upto: int
    total: int
    after: int = 0
    # Of the row after which it goes on, where the order is not that of the rows: microseconds.
    value: int = 0

    @classmethod
    def read(cls, token: str) -> "Place":
        if not re.fullmatch(r"\d{1,18}(\.-?\d{1,18}){3}", token):
            raise bad("_page", "This link was not made here: begin at the first page.")
        return cls(*map(int, token.split(".")))

    def __str__(self) -> str:
        return f"{self.upto}.{self.total}.{self.after}.{self.value}"


@dataclass
class Asked:
    """A search as it was understood."""

    conditions: list[Q] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    count: int = COUNT
    sort: str = ""
    place: Place | None = None
    unknown: list[str] = field(default_factory=list)


def bad(name: str, text: str) -> Refused:
    """A parameter that cannot be used."""
    return Refused(400, Issue(text, f"http.{name}", "value"))


class SearchView(ABC, FhirView):
    """GET Type?… and POST Type/_search."""

    interactions: tuple[str, ...] = ("search-type",)
    parser_classes = [*FhirView.parser_classes, FormParser]
    params: tuple[Param, ...] = ()
    # By the name in _sort: the column. "" is the order of the rows, the last first.
    sorts: dict[str, str] = {}
    model: type[Model]

    @abstractmethod
    def rows(self, person: Person, upto: int) -> QuerySet:
        """What this person may see, of the rows up to this one."""

    @abstractmethod
    def as_resources(self, rows: Sequence[Any]) -> Iterable[tuple[str, Json]]:
        """Each with its address. Whatever they need is read at once for all."""

    @abstractmethod
    def patients_of(self, rows: Sequence[Any]) -> list[int]:
        """Whose data are shown (ids)."""

    def get(self, request: Request) -> Response:
        return self.search(request.query_params)

    def search(self, query: QueryDict) -> Response:
        asked = self._understand(query)
        place = asked.place or Place(newest_settled(self.model), -1)
        found = self.rows(person_of(self.request), place.upto).filter(pk__lte=place.upto)
        for condition in asked.conditions:
            found = found.filter(condition)
        if place.total < 0:
            place = place._replace(total=found.count())
        rows = self._page(found, asked, place) if asked.count else []
        more, rows = len(rows) > asked.count, rows[: asked.count]
        body = self._bundle(asked, place, rows, more)
        if rows:
            saw(self, self.patients_of(rows))
        return Response(body)

    def _page(self, found: QuerySet, asked: Asked, place: Place) -> list[Any]:
        """One row more than wanted: whether there is a next page."""
        column, falls = asked.sort.lstrip("-"), asked.sort.startswith("-")
        than = "lt" if falls else "gt"
        beyond = Q(**{f"pk__{than}": place.after})
        order = ["-pk" if falls else "pk"]
        if column:
            value = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=place.value)
            beyond = Q(**{f"{column}__{than}": value}) | (Q(**{column: value}) & beyond)
            order.insert(0, f"{'-' if falls else ''}{column}")
        if asked.place is not None:
            found = found.filter(beyond)
        return list(found.order_by(*order)[: asked.count + 1])

    def _bundle(self, asked: Asked, place: Place, rows: Sequence[Any], more: bool) -> Json:
        links = [{"relation": "self", "url": self._link(asked, place if asked.place else None)}]
        if more:
            onward = place._replace(after=rows[-1].pk, value=_micros(rows[-1], asked.sort))
            links.append({"relation": "next", "url": self._link(asked, onward)})
        entries = [
            {"fullUrl": url, "resource": resource, "search": {"mode": "match"}}
            for url, resource in (self.as_resources(rows) if rows else ())
        ]
        if asked.unknown:
            entries.append({"resource": _passed_over(asked.unknown), "search": {"mode": "outcome"}})
        body = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": place.total,
            "link": links,
        }
        return body | ({"entry": entries} if entries else {})

    def _link(self, asked: Asked, place: Place | None) -> str:
        pairs = [*asked.links, ("_count", str(asked.count))]
        if place is not None:
            pairs.append(("_page", str(place)))
        return f"{address(self.resource)}?{urlencode(pairs, safe=':|,/')}"

    # --- What is asked for -----------------------------------------------------------------

    def _understand(self, query: QueryDict) -> Asked:
        asked = Asked(sort="-")
        by_key = {key: param for param in self.params for key in (param.name, *param.keys)}
        for key, values in query.lists():
            for value in values:
                if len(value) > LONGEST_VALUE or "\x00" in value or not value:
                    raise bad(key if key in by_key else "parameter", "This value cannot be.")
                if key in by_key:
                    self._ask(asked, key, by_key[key], value)
                elif key in CONTROLS:
                    self._control(asked, key, value)
                elif key.partition(":")[0] in by_key:
                    # Passed over it would find what was not asked for: "status:not".
                    raise bad(key.partition(":")[0], "This modifier is not known here.")
                else:
                    asked.unknown.append(key)
        if asked.unknown and _is_strict(self.request):
            known = ", ".join(by_key)
            raise bad("parameter", f"Something else is asked for than: {known}. Nothing was read.")
        return asked

    def _ask(self, asked: Asked, key: str, param: Param, value: str) -> None:
        condition = Q(pk__in=[])
        shown = []
        for one in value.split(","):
            try:
                condition |= param.condition(one)
            except ValueError as error:
                raise bad(param.name, str(error)) from None
            shown.append(param.in_links(one) if param.in_links else (key, one))
        asked.conditions.append(condition)
        asked.links.append((shown[0][0], ",".join(one for _, one in shown)))

    def _control(self, asked: Asked, key: str, value: str) -> None:
        if key == "_count":
            if not re.fullmatch(r"\d{1,9}", value):
                raise bad("_count", "A whole number, 0 or more.")
            asked.count = min(int(value), MOST)
        elif key == "_page":
            asked.place = Place.read(value)
        elif key == "_summary" and value == "count":
            asked.count = 0
        elif key == "_summary" and value != "false":
            asked.unknown.append(key)  # whoever asks for less is given all
        elif key == "_sort":
            falls, name = value.startswith("-"), value.lstrip("-")
            if name not in self.sorts:
                known = ", ".join(self.sorts) or "nothing"
                raise bad("_sort", f"Sorted by one of: {known}; with - in front the last first.")
            asked.sort = f"{'-' if falls else ''}{self.sorts[name]}"
            asked.links.append((key, value))


class PostedSearch:
    """POST Type/_search: what identifies a patient then stands in no address and no log."""

    def post(self: Any, request: Request) -> Response:
        query = request.query_params.copy()
        if not isinstance(request.data, QueryDict):
            raise Refused(
                415, Issue("Send a form: application/x-www-form-urlencoded.", code="not-supported")
            )
        query.update(request.data)  # type: ignore[arg-type]
        return self.search(query)

    def get(self, request: Request) -> Response:
        raise Refused(405, Issue("POST a form here; GET is without _search.", code="not-supported"))


def _is_strict(request: Request) -> bool:
    return "handling=strict" in request.headers.get("Prefer", "").replace(" ", "")


def _passed_over(unknown: list[str]) -> Json:
    said = f"{len(set(unknown))} parameters are not known here and were passed over; see metadata."
    return operation_outcome([Issue(said, code="not-supported", severity="warning")])


def _micros(row: Any, sort: str) -> int:
    column = sort.lstrip("-")
    if not column:
        return 0
    at: datetime = getattr(row, column)
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


# --- Conditions ----------------------------------------------------------------------------

_DATE = re.compile(
    r"(?P<prefix>eq|ne|gt|ge|lt|le|sa|eb)?"
    r"(?P<day>\d{4}(-\d\d(-\d\d)?)?)"
    r"(T(?P<clock>\d\d:\d\d(:\d\d(\.\d{1,6})?)?)(?P<zone>Z|[+ -]\d\d:\d\d))?"
)


def moments(column: str) -> Callable[[str], Q]:
    """A date, or a moment with its offset, with a prefix: ge2026-06-30. Days are London's."""

    def condition(said: str) -> Q:
        prefix, begin, end = _interval(said)
        return {
            "eq": Q(**{f"{column}__gte": begin, f"{column}__lt": end}),
            "ne": ~Q(**{f"{column}__gte": begin, f"{column}__lt": end}),
            "gt": Q(**{f"{column}__gte": end}),
            "sa": Q(**{f"{column}__gte": end}),
            "ge": Q(**{f"{column}__gte": begin}),
            "lt": Q(**{f"{column}__lt": begin}),
            "eb": Q(**{f"{column}__lt": begin}),
            "le": Q(**{f"{column}__lt": end}),
        }[prefix]

    return condition


def _interval(said: str) -> tuple[str, datetime, datetime]:
    found = _DATE.fullmatch(said)
    if found is None:
        raise ValueError("A date, or a moment with its offset; eq, ne, gt, ge, lt, le in front.")
    prefix, day, clock = found["prefix"] or "eq", found["day"], found["clock"]
    try:
        if clock:
            # A plus sign that was not encoded arrives as a space.
            at = datetime.fromisoformat(f"{day}T{clock}{found['zone'].replace(' ', '+')}")
            long = timedelta(microseconds=1) if "." in clock else timedelta(seconds=1)
            long = long if clock.count(":") == 2 else timedelta(minutes=1)
            return prefix, at.astimezone(UTC), (at + long).astimezone(UTC)
        return prefix, *_days(day)
    except (ValueError, OverflowError):
        raise ValueError("There is no such date or time.") from None


def _days(day: str) -> tuple[datetime, datetime]:
    """From its first midnight to the one after it, by London's clocks."""
    year, month, last = (*map(int, day.split("-")), 0, 0)[:3]
    first = datetime(year, month or 1, last or 1)  # noqa: DTZ001  a day, not a moment
    if last:
        after = first + timedelta(days=1)
    elif month:
        after = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001
    else:
        after = datetime(year + 1, 1, 1)  # noqa: DTZ001
    zone = ZoneInfo(settings.TIME_ZONE)
    begin, end = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (first, after))
    return begin, end


def words(column: str, known: dict[str, Iterable[str]]) -> Callable[[str], Q]:
    """A code that stands for one or more of our own words, with or without its system."""

    def condition(said: str) -> Q:
        code = said.rpartition("|")[2]
        if code not in known:
            raise ValueError(f"One of: {', '.join(known)}.")
        return Q(**{f"{column}__in": list(known[code])})

    return condition


def system_and_value(said: str) -> tuple[str | None, str]:
    """system|value; None where no system is said."""
    system, bar, value = said.rpartition("|")
    return (system if bar else None), value
