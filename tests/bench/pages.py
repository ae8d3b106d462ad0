"""Every page of the demonstration hospital times twenty, as each role finds it by its links: how
long the server works on it, and how many questions it asks. The slowest come first, and whatever
is over a limit is named.

What counts is the processor's time, of this process and of its server process of PostgreSQL, and
the least of some tries: other work on the machine does not make a page slow. Forms are read, not
sent; files are measured with the lists.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urljoin, urlsplit

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

MOST_MS, MOST_QUERIES = 100, 25
# A page that is far from its limit is clear after the first; what is near it is tried again.
FEW, TRIES = 1, 5
NEAR_MS = 60
# Of the pages of one kind, as each finding has one: so many are read; and two of a kind that differ
# in what is asked of a list, as where its page begins, are one kind.
OF_A_KIND = 2
# A page whose filters lead to each other has as many kinds as there are choices of them.
OF_A_PAGE = 6
TURNS = ("after", "before", "from", "sort")
_LINK = re.compile(r'<a [^>]*?href="([^"#]+)')


@dataclass(frozen=True)
class Measured:
    """One page, as one role reads it."""

    role: str
    # Its name, and what is asked of it.
    kind: str
    address: str
    processor: float
    clock: float
    queries: int
    size: int

    @property
    def is_near(self) -> bool:
        """To a limit, or over one: worth a look as every role."""
        return self.processor > NEAR_MS / 2 or self.queries > MOST_QUERIES - 5

    @property
    def is_over(self) -> bool:
        return self.processor > MOST_MS or self.queries > MOST_QUERIES

    def __str__(self) -> str:
        mark = "  OVER" if self.is_over else ""
        return (
            f"{self.processor:8.1f} {self.clock:8.1f} {self.queries:7} {self.size:9,}"
            f"  {self.role:13} {self.kind}{mark}"
        )


def measure(bench: "Bench") -> None:
    from findings.services.measured_days import rebuild
    from tests.bench.lists import hospital

    hospital()
    rebuild()  # a hospital's rounds have done so
    walk()


def walk() -> None:
    """Prints the slowest page of each kind, and what no link led to."""
    from findings.models import Role

    every: list[Measured] = []
    for role in Role:
        began = time.monotonic()
        easy = {page.kind for page in every} - {page.kind for page in every if page.is_near}
        every += _pages_of(role, easy)
        took = time.monotonic() - began
        print(f"{role.label}: {len(every)} pages so far, {took:.0f} s", flush=True)
    print(f"{'work, ms':>8} {'clock':>8} {'queries':>7} {'bytes':>9}  {'role':13} page")
    for page in sorted(_slowest(every), key=lambda page: -page.processor):
        print(page)
    over = sum(page.is_over for page in every)
    print(f"{len(every)} pages; {over} over {MOST_MS} ms or {MOST_QUERIES} queries.")
    print("No link leads to: " + ", ".join(_unread({page.kind.split()[0] for page in every})))


def _slowest(pages: list[Measured]) -> Iterable[Measured]:
    of_kind: dict[tuple[str, str], Measured] = {}
    for page in sorted(pages, key=lambda page: (page.is_over, page.processor)):
        of_kind[page.role, page.kind] = page
    return of_kind.values()


def _pages_of(role: Any, easy: set[str]) -> Iterator[Measured]:
    """What can be reached by links from this role's first page, each kind a few times. A page that
    was far from its limits as another role is looked through for its links, once."""
    from django.test import Client

    client = Client()
    client.force_login(_busiest(role))
    waiting, known = ["/"], {"/"}
    of_kind, of_page = Counter[str](), Counter[str]()
    while waiting:
        address = waiting.pop(0)
        response = client.get(address)
        if response.status_code == 302:
            links = [response.headers["Location"]]
        elif response.status_code == 200 and "Content-Disposition" not in response.headers:
            links = _LINK.findall(response.content.decode())
            if _kind(address) not in easy:
                yield _measured(client, role, address)
        else:
            continue
        for link in links:
            to = urlsplit(urljoin(address, unescape(link)))
            there = f"{to.path}?{to.query}" if to.query else to.path
            kind = "" if to.netloc or there in known else _kind(there)
            page = kind.partition(" ")[0]
            enough = of_kind[kind] >= (1 if kind in easy else OF_A_KIND)
            if kind and not enough and of_page[page] < OF_A_PAGE:
                of_kind[kind] += 1
                of_page[page] += 1
                known.add(there)
                waiting.append(there)


def _busiest(role: Any) -> Any:
    """Whoever of this role has most to read."""
    from django.db.models import Count

    from findings.models import Person

    owned, flagged = (Count(name, distinct=True) for name in ("owned_findings", "flagged_findings"))
    readers = Person.objects.active().filter(roles__contains=[role])
    return readers.annotate(has=owned + flagged).order_by("-has", "pk").first()


def _kind(address: str) -> str:
    """The name of the page and of what is asked of it; empty where it is no page of ours."""
    from tests.pages import name_of

    name = name_of(address)
    asked = [key for key, _ in parse_qsl(urlsplit(address).query)]
    asked = sorted(set(asked) - set(TURNS)) + ["turned"] * bool(set(asked) & set(TURNS))
    return "" if not name or "as" in asked else " ".join([name, *asked])


def _measured(client: Any, role: Any, address: str) -> Measured:
    took: list[float] = []
    clock: list[float] = []
    while len(took) < FEW or (len(took) < TRIES and min(took) > NEAR_MS):
        began, worked = time.perf_counter(), _worked()
        size = len(client.get(address).content)
        took.append(1000 * (_worked() - worked))
        clock.append(1000 * (time.perf_counter() - began))
    asked = min(_asked(client, address), _asked(client, address))
    return Measured(str(role), _kind(address), address, min(took), min(clock), asked, size)


def _asked(client: Any, address: str) -> int:
    """The banner is kept for a few seconds: of two looks in a row one does not ask for it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        client.get(address)
    return len(asked)


def _worked() -> float:
    """Seconds of a processor: this process and the one at the other end of its connection."""
    from django.db import connection

    connection.ensure_connection()
    kept = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    at_the_other_end = int(kept.read_text().split()[0]) / 1e9 if kept.exists() else 0.0
    return time.process_time() + at_the_other_end


def _unread(read: set[str]) -> list[str]:
    from tests.safety.table_of_addresses import pages

    return sorted(pages() - read)
