"""What every list does alike: it stands at a place in its order, says how many rows there are, is
saved as a file, is kept as a view, and knows whether its rows have changed since.

A view names its rows, already narrowed to what the person may see and asked for; the rest is here.
What a page shows, what its file holds and what is compared a minute later are one selection.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.text import slugify

from findings import words
from findings.forms.lists import Narrowing
from findings.keyset import Order, Part, Place, Rows, part, rows_at
from findings.models import SavedView
from findings.presenters.columns import Columns, headings, values
from findings.presenters.list_file import About, write_csv, write_xlsx
from findings.services.saved_views import views_of
from findings.views.access import saw, signed_in

ROWS_ON_A_PAGE = 25
# A longer one is not read by anybody, and would keep everybody else waiting.
MOST_IN_A_FILE = 10_000
READ_AT_ONCE = 500
# ?as=news is asked by app.js while the page is in sight.
AS, NEWS, XLSX, CSV = "as", "news", "xlsx", "csv"
MEDIA_TYPES = {
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    CSV: "text/csv; charset=utf-8",
}
KEEP_SALT = "findings.keep-view"
MARKS_SALT = "findings.listing"
OF_PATIENTS = "This file holds data of patients. Keep it no longer than it is needed."
OF_MESSAGES = "What is wrong with a message may quote it. Keep this no longer than it is needed."
OF_STAFF = "This file names people who work here. Keep it no longer than it is needed."


@dataclass(frozen=True)
class Listing:
    """One list: its page, its order, and what a row of it holds."""

    title: str
    template: str
    columns: Columns
    # The last is the primary key, so that the order is one; see findings/keyset.py.
    order: Order
    # Ids of the patients whose data a row shows.
    patients: Callable[[Any], Iterable[int]] = lambda row: ()
    care: str = OF_PATIENTS


@dataclass(frozen=True)
class Shown:
    """One page of a list, for its template."""

    part: Part
    path: str
    narrowing: Narrowing
    here: str
    seen: str
    at: datetime
    # What was answered to a form that was sent has no address at which to ask again.
    is_live: bool
    views: Sequence[SavedView] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.part.rows)

    def __len__(self) -> int:
        return len(self.part.rows)

    def address(self, *more: str) -> str:
        """Of this list with its filters, and whatever else is said behind them."""
        query = "&".join(one for one in (self.narrowing.query, *more) if one)
        return f"{self.path}?{query}" if query else self.path

    @property
    def again(self) -> str:
        return self.address(self.here)

    @property
    def earlier(self) -> str:
        return self.address(f"before={self.part.earlier}") if self.part.earlier else ""

    @property
    def later(self) -> str:
        return self.address(f"after={self.part.later}") if self.part.later else ""

    @property
    def news(self) -> str:
        return self.address(self.here, f"{AS}={NEWS}", f"seen={self.seen}")

    @property
    def files(self) -> dict[str, str]:
        return {kind: self.address(f"{AS}={kind}") for kind in (XLSX, CSV)}

    @property
    def is_too_long(self) -> str:
        return too_long(self.part.total) if self.part.total > MOST_IN_A_FILE else ""

    @property
    def view(self) -> SavedView | None:
        """The view that shows just this."""
        query = self.narrowing.query
        return next((one for one in self.views if one.query == query), None)

    @property
    def keep(self) -> str:
        """Where these filters can be kept; empty where there are none, or they may not be."""
        if self.view or not self.narrowing.query or not self.narrowing.can_be_kept:
            return ""
        kept = [self.path, self.narrowing.query, list(self.narrowing.said)]
        return f"{reverse('keep-view')}?of={signing.dumps(kept, salt=KEEP_SALT)}"


Context = Callable[[Shown], dict[str, Any]]
Draw = Callable[[HttpRequest, str, dict[str, Any]], HttpResponse]


def answer(
    request: HttpRequest,
    listing: Listing,
    rows: Rows,
    narrowing: Narrowing,
    context: Context,
    draw: Draw = render,
) -> HttpResponseBase:
    """The page with `page` and whatever else `context` says of it; or what ?as= asks for."""
    wanted = request.GET.get(AS) if request.method == "GET" else None
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    place = Place.read(after, before, listing.order)
    if wanted == NEWS:
        return _news(request, listing, rows_at(rows, listing.order, place, ROWS_ON_A_PAGE))
    if wanted in MEDIA_TYPES:
        return _file(request, listing, rows, narrowing, wanted)
    found = part(rows, listing.order, place, ROWS_ON_A_PAGE)
    if request.method != "HEAD":
        saw(request, *_patients(listing, found.rows))
    at_beginning = not place.values
    shown = Shown(
        part=found,
        path=request.path,
        narrowing=narrowing,
        here="" if at_beginning else f"after={after}" if after else f"before={before}",
        seen=",".join(_marks(listing, found.rows)),
        at=timezone.now(),
        is_live=request.method == "GET",
        views=views_of(signed_in(request), request.path),
    )
    return draw(request, listing.template, {"page": shown} | context(shown))


def too_long(count: int) -> str:
    return (
        f"{count:,} rows are too many for one file, which holds {MOST_IN_A_FILE:,} at most. Choose"
        " filters that show fewer."
    )


def _patients(listing: Listing, rows: Iterable[Any]) -> list[int]:
    return [patient for row in rows for patient in listing.patients(row)]


def _marks(listing: Listing, rows: Iterable[Any]) -> list[str]:
    """What each row holds, so that nobody can tell what it is, but whether it is the same."""
    held = ([row.pk, *values(listing.columns, row)] for row in rows)
    return [salted_hmac(MARKS_SALT, repr(one)).hexdigest()[:8] for one in held]


def _news(request: HttpRequest, listing: Listing, rows: Iterable[Any]) -> HttpResponse:
    """How many rows of the page have changed, come or gone since; nothing of a patient."""
    seen = {mark for mark in request.GET.get("seen", "").split(",") if mark}
    now = set(_marks(listing, rows))
    changed = max(len(now - seen), len(seen - now))
    said = f"{words.plural(changed, 'row')} {'has' if changed == 1 else 'have'} changed."
    return JsonResponse({"changed": changed, "said": said if changed else ""})


def _file(
    request: HttpRequest, listing: Listing, rows: Rows, narrowing: Narrowing, kind: str
) -> HttpResponseBase:
    """All pages in their order; who saved it, and whose data is in it, is recorded."""
    person, now, count = signed_in(request), timezone.now(), rows.count()
    if count > MOST_IN_A_FILE:
        messages.warning(request, too_long(count))
        return redirect(f"{request.path}?{narrowing.query}" if narrowing.query else request.path)
    patients: list[int] = []

    def lines() -> Iterator[list[Any]]:
        found = rows.order_by(*listing.order)[:MOST_IN_A_FILE]
        for row in found.iterator(chunk_size=READ_AT_ONCE):
            patients.extend(listing.patients(row))
            yield values(listing.columns, row)

    file = TemporaryFile()  # noqa: SIM115  the response closes it
    if kind == XLSX:
        about = About(listing.title, now, str(person), narrowing.said, listing.care)
        write_xlsx(file, about, headings(listing.columns), lines())
    else:
        write_csv(file, headings(listing.columns), lines())
    file.seek(0)
    saw(request, *patients, in_file=kind)
    name = f"{slugify(listing.title)}-{words.local(now):%Y-%m-%d-%H%M}.{kind}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=MEDIA_TYPES[kind])
