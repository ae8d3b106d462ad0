"""Every page that a role finds by its links, once."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Error, Page

from tests.pages import name_of
from tests.screens.album import Album
from tests.screens.visit import Visit

# Whoever has most to read of their role, in the order in which pages are theirs.
ROLES = {
    "sunita.rao": "Radiologist",
    "fiona.buchanan": "Referrer",
    "denise.farrow": "Coordinator",
    "angela.merriweather": "Governance lead",
    "neil.ogden": "Administrator",
}
# Of the pages of one kind so many are tried: the first may be one that this person only reads.
OF_A_KIND = 3
OK = 200


def walk(visit: Visit, album: Album) -> set[str]:
    """Takes a picture of each page that has none yet. Returns their names."""
    taken: set[str] = set()
    for person, role in ROLES.items():
        with visit.page("/", person) as page:
            for name in _new_ones(visit, page, taken):
                taken.add(name)
                album.add(page, f"{_file_name(role)}-{name}", role)
    return taken


def _file_name(role: str) -> str:
    return role.lower().replace(" ", "-")


def _new_ones(visit: Visit, page: Page, taken: set[str]) -> Iterator[str]:
    """The names of pages without a picture, each when it stands in the tab."""
    waiting, tried = [urlsplit(page.url).path], dict[str, int]()
    known = set(waiting)
    while waiting:
        address = waiting.pop(0)
        status = _status(visit, page, address)
        if status != OK:
            continue
        links, name = visit.links(page), name_of(page.url)
        if name and name not in taken:
            yield name
        for link in links:
            kind = name_of(link)
            is_file = "as" in parse_qs(urlsplit(link).query)
            if not kind or is_file or link in known or tried.get(kind, 0) >= OF_A_KIND:
                continue
            tried[kind] = tried.get(kind, 0) + 1
            known.add(link)
            waiting.append(link)


def _status(visit: Visit, page: Page, address: str) -> int:
    try:
        return visit.go(page, address)
    except Error as refused:
        if "Download is starting" in str(refused):
            return 0
        raise
