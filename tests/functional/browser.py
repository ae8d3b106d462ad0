"""A real Chromium, and what a test asks of a page in it.

A test takes the fixture `browser` (tests/functional/conftest.py) and opens pages:

    page = browser.open("/help/")                    # a desktop, JavaScript on, nobody signed in
    page = browser.open("/help/", PHONE, javascript=False, person=referrer)
    check(page, "help", browser)                     # axe, overflow, console; screenshots
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, Page, Request, sync_playwright

from tests.browser import chromium

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 800}
# The narrowest page that WCAG 2.2 asks for (1.4.10): also a desktop at 400 %.
NARROW = {"width": 320, "height": 640}
SCREENSHOTS = Path(settings.BASE_DIR) / "test-output"
ARGUMENTS = [
    "--no-sandbox",  # containers have none to give, and only our own pages are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # One process for our one site. Each leaving for about:blank and coming back would end it and
    # start another: a third of what it costs to give a tab to the next test.
    "--process-per-site",
    "--disable-site-isolation-trials",
]
# Pages whose JavaScript is off.
_scriptless: WeakSet[Page] = WeakSet()
# Elements that stick out of the page on the right.
OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > wide + 1)
    .map((one) => `${one.tagName.toLowerCase()}.${one.className}`).slice(0, 10);
}"""


# What decides the contrast of each piece of text that is shown: its colour, whether it is large,
# and what lies behind it as far as the first that hides what lies further back.
INKS = """() => {
  const behind = new Map();
  const ground = (one) => {
    if (!one) return "";
    if (behind.has(one)) return behind.get(one);
    const {backgroundColor: colour, backgroundImage: image, opacity} = getComputedStyle(one);
    const own = colour === "rgba(0, 0, 0, 0)" && image === "none" && opacity === "1"
      ? "" : `${colour} ${image} ${opacity} > `;
    const hides = /^rgb\\(/.test(colour) && opacity === "1";
    const whole = own + (hides ? "" : ground(one.parentElement));
    behind.set(one, whole);
    return whole;
  };
  const inks = new Set();
  for (const one of document.querySelectorAll("body *")) {
    const typed = one.matches("input, textarea, select");
    const said = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!(typed || said) || !one.checkVisibility()) continue;
    const {width, height} = one.getBoundingClientRect();
    if (width <= 1 || height <= 1) continue;
    const {color, fontSize, fontWeight, textShadow, opacity} = getComputedStyle(one);
    const size = parseFloat(fontSize);  // in px; large is 18 pt, or 14 pt and bold
    const large = size >= 24 || (size >= 18.66 && fontWeight >= 700);
    inks.add([color, large, textShadow, opacity, ground(one)].join("; "));
  }
  return [...inks];
}"""
# Those that axe has found good.
_good_inks: set[str] = set()


# A page from a disk, or none, has no storage and says so.
FORGET = "() => { try { localStorage.clear(); sessionStorage.clear(); } catch {} }"


@contextmanager
def running_chromium() -> Iterator["Tabs"]:
    path = chromium()
    assert path, "there is no Chromium on this machine"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield Tabs(started)
        started.close()


class Tabs:
    """A tab with JavaScript and one without, kept for the whole session and cleaned between tests.

    Half of what a test in the browser costs is a new context with a process of its own, which asks
    for every static file again. A test that opens a second page of a kind gets a new context.
    """

    def __init__(self, chromium: Chromium) -> None:
        self.chromium = chromium
        self._kept: dict[bool, Page] = {}

    def take(self, *, javascript: bool) -> Page:
        return self._kept.pop(javascript, None) or self._new(javascript=javascript)

    def give_back(self, page: Page) -> None:
        """Nothing is left of its test but what the cache holds of static files."""
        context, javascript = page.context, page not in _scriptless
        others = [one for one in context.pages if one is not page]
        if javascript in self._kept or others or page.is_closed():
            context.close()
            return
        if javascript:
            page.evaluate(FORGET)
        page.goto("about:blank")
        page.emulate_media(media="null")
        context.clear_cookies()
        self._kept[javascript] = page

    def _new(self, *, javascript: bool) -> Page:
        context = self.chromium.new_context(
            java_script_enabled=javascript,
            locale="en-GB",
            timezone_id="Europe/London",
            # axe is put into the page from outside; what the policy allows of our own pages is
            # seen in `said`, and tests/unit/test_headers.py pins it.
            bypass_csp=False,
        )
        context.set_default_timeout(30_000)  # a laptop busy with other things
        page = context.new_page()
        if not javascript:
            _scriptless.add(page)
        return page


@dataclass
class Browser:
    """Opens pages of the live server, for one test, and hears what they say."""

    tabs: Tabs
    address: str
    said: list[str] = field(default_factory=list)
    _pages: list[Page] = field(default_factory=list)
    _ears: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._ears = {
            "console": lambda message: self._hear(message.type, message.text),
            "pageerror": lambda error: self.said.append(f"error: {error}"),
            "requestfailed": self._hear_failed,
        }

    def open(
        self,
        path: str,
        viewport: dict[str, int] = DESKTOP,
        *,
        javascript: bool = True,
        person: Any = None,
    ) -> Page:
        page = self.new_page(viewport, javascript=javascript, person=person)
        page.goto(self.address + path)
        return page

    def new_page(
        self, viewport: dict[str, int] = DESKTOP, *, javascript: bool = True, person: Any = None
    ) -> Page:
        page = self.tabs.take(javascript=javascript)
        self._pages.append(page)
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        if person is not None:
            page.context.add_cookies([self._signed_in(person)])
        for event, hear in self._ears.items():
            page.on(event, hear)  # type: ignore[call-overload]
        return page

    def close(self) -> None:
        for page in self._pages:
            for event, hear in self._ears.items():
                page.remove_listener(event, hear)
            self.tabs.give_back(page)

    def _hear(self, kind: str, text: str) -> None:
        # The answer itself may well be a 403 or a 404: that is what error pages are.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.said.append(f"{kind}: {text}")

    def _hear_failed(self, request: Request) -> None:
        # What a script was still asking when its page was left is cut off, and nobody's fault.
        if request.resource_type != "fetch" or request.failure != "net::ERR_ABORTED":
            self.said.append(f"could not load {request.url}: {request.failure}")

    def _signed_in(self, person: Any) -> dict[str, Any]:
        """A session as the sign-in page would have made it, without going through it."""
        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.save()
        return {
            "name": settings.SESSION_COOKIE_NAME,
            "value": session.session_key,
            "url": self.address,
        }


def follow(page: Page, what: str | Locator, key: str = "") -> None:
    """Press what leads to another page, with the mouse or `key`, and wait until that is there.

    A press alone returns while the old page may still stand: what is looked at next would be
    that, or would go away under the look.
    """
    link = page.locator(what).first if isinstance(what, str) else what
    with page.expect_navigation(wait_until="domcontentloaded"):
        link.press(key) if key else link.click()


def violations(page: Page) -> list[str]:
    """What axe finds, one line each. Without JavaScript in the page it would wait for ever.

    Four fifths of a look is contrast, which depends on nothing but the colours, sizes and
    backgrounds of what is shown. It is left out where each of these has been found good.
    """
    assert page not in _scriptless, "axe cannot look at a page without JavaScript"
    there = page.evaluate("typeof axe === 'object'")  # since another width of the same page
    inks = set(page.evaluate(INKS))
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if inks <= _good_inks:
        options["rules"] = {"color-contrast": {"enabled": False}}
    axe = Axe("null") if there else Axe()
    found = axe.run(page, options=options).response["violations"]
    if not found:
        _good_inks.update(inks)
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]


def overflow(page: Page) -> list[str]:
    """Elements that make the page scroll sideways."""
    return page.evaluate(OVERFLOW)


def screenshot(page: Page, name: str) -> Path:
    """The whole page, into test-output/, with its width in the name."""
    SCREENSHOTS.mkdir(exist_ok=True)
    width = (page.viewport_size or DESKTOP)["width"]
    path = SCREENSHOTS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{width}.png"
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=path, full_page=True)
    return path


def screenshot_of_print(page: Page, name: str) -> None:
    """As paper shows it."""
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.emulate_media(media="print")
    screenshot(page, name)


def settle(page: Page) -> None:
    """The header's script moves what does not fit under "More" a while after the page came or its
    width changed."""
    for _ in range(50):
        if not overflow(page):
            return
        page.wait_for_timeout(100)


def check(page: Page, name: str, browser: Browser | None = None) -> None:
    """At each width: nothing that axe finds and nothing that sticks out. One heading, a title.

    Without JavaScript in the page axe cannot look at it, and the rest is looked at.

    With `browser`: nothing was said on its console either. With SCREENSHOTS set a picture of
    each width is kept, too slow for every run.
    """
    page.wait_for_load_state("domcontentloaded")  # a click returns as soon as the next page begins
    for viewport in (DESKTOP, PHONE, NARROW):
        if page.viewport_size != viewport:
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            page.wait_for_timeout(100)
        settle(page)
        screenshot(page, name)
        assert overflow(page) == [], viewport
        if viewport is not NARROW and page not in _scriptless:  # narrow is laid out as a phone
            assert violations(page) == [], viewport
    assert page.locator("h1").count() == 1
    assert page.title().endswith("Imaging Safety")
    assert browser is None or browser.said == []


class Keys:
    """A page by keyboard alone: Tab, Space, Enter and words."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, selector: str) -> None:
        for _ in range(80):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached by Tab")

    def press(self, selector: str, key: str = "Enter") -> None:
        self.reach(selector)
        self.page.keyboard.press(key)

    def write(self, selector: str, words: str) -> None:
        """In place of what stands there."""
        self.press(selector, "Control+a")
        self.page.keyboard.type(words)

    def go(self, selector: str) -> None:
        with self.page.expect_navigation():
            self.press(selector)
