"""A browser in the demonstration hospital, signed in as whoever is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from tests.functional.browser import DESKTOP
from tests.pages import name_of

PASSWORD = "demonstration"


class NotThere(Exception):
    """The hospital has nothing in this state. The message says where it was looked for."""


class Visit:
    """Each person signs in once; every page is opened in a tab of its own."""

    def __init__(self, chromium: Browser, address: str) -> None:
        self.chromium, self.address = chromium, address
        self._signed_in: dict[str, Any] = {}

    @contextmanager
    def page(self, path: str, person: str = "", *, javascript: bool = True) -> Iterator[Page]:
        context = self.chromium.new_context(
            java_script_enabled=javascript,
            locale="en-GB",
            timezone_id="Europe/London",
            viewport=DESKTOP,  # type: ignore[arg-type]
            storage_state=self._state_of(person) if person else None,
        )
        page = context.new_page()
        self.go(page, path)
        try:
            yield page
        finally:
            context.close()

    def go(self, page: Page, path: str) -> int:
        """The status of the answer; 0 where it is no page but a file."""
        response = page.goto(self.address + path)
        is_page = response and response.headers.get("content-type", "").startswith("text/html")
        return response.status if response and is_page else 0

    def links(self, page: Page) -> list[str]:
        """Where the page leads to in this application, with what is asked there."""
        every = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        parts = [urlsplit(one) for one in every if one.startswith(self.address)]
        found = (f"{one.path}?{one.query}" if one.query else one.path for one in parts)
        return list(dict.fromkeys(found))

    def first(self, page: Page, name: str) -> str:
        """The first link to a page of this name."""
        for link in self.links(page):
            if name_of(link) == name:
                return link
        raise NotThere(f"no link to {name} on {page.url}")

    def _state_of(self, person: str) -> Any:
        if person not in self._signed_in:
            with self.page("/sign-in/") as page:
                page.fill("input[name=username]", person)
                page.fill("input[name=password]", PASSWORD)
                with page.expect_navigation():
                    page.press("input[name=password]", "Enter")
                self._signed_in[person] = page.context.storage_state()
        return self._signed_in[person]
