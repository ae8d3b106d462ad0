"""The pictures: each of one page at each width, and the index that is made of them."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page

from tests.functional.browser import DESKTOP, PHONE, settle

AFTER_TITLE = " \N{EN DASH} Imaging Safety"
SIZES = {"desktop": DESKTOP, "phone": PHONE}
# What is further down than this is more of the same. In px.
LONGEST = 1500
# WebP of letters on plain ground: what 80 would add nobody sees, and it weighs a third more.
QUALITY = 40


@dataclass(frozen=True)
class Picture:
    """One page in one state."""

    # Its file, without size: referrer-my-findings.
    name: str
    # Whose page it is: a heading of the index.
    role: str
    # The title of the page, and what it shows that its title does not say.
    title: str
    state: str = ""
    sizes: tuple[str, ...] = tuple(SIZES)

    def file(self, size: str) -> str:
        return f"{self.name}-{size}.webp"


@dataclass
class Album:
    """A folder that holds these pictures and nothing else."""

    folder: Path
    pictures: list[Picture] = field(default_factory=list)
    # What could not be made, in words.
    missed: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("*.webp"):
            old.unlink()

    def add(
        self,
        page: Page,
        name: str,
        role: str,
        state: str = "",
        sizes: tuple[str, ...] = tuple(SIZES),
    ) -> None:
        """At each width; the page stays as it is."""
        title = page.title().removesuffix(AFTER_TITLE)
        picture = Picture(name, role, title, state, sizes)
        self.pictures.append(picture)
        for size in sizes:
            viewport = SIZES[size]
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            page.wait_for_timeout(150)
            settle(page)
            (self.folder / picture.file(size)).write_bytes(_photograph(page, viewport["width"]))
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        print(f"{len(self.pictures):4} {role}: {title}{'; ' + state if state else ''}", flush=True)

    def miss(self, why: str) -> None:
        self.missed.append(why)
        print(f"     not made: {why}", flush=True)

    def write_index(self, without: Iterable[str]) -> None:
        (self.folder / "README.md").write_text("\n".join(self._index(sorted(without))) + "\n")

    def _index(self, without: list[str]) -> Iterator[str]:
        yield "# Every page, at 1280 and 375 px"
        yield ""
        yield "Made by `make screenshots`. Every person and patient is invented."
        for role in dict.fromkeys(one.role for one in self.pictures):
            yield from ("", f"## {role}", "", "| Page | State | |", "| --- | --- | --- |")
            for one in self.pictures:
                if one.role == role:
                    links = ", ".join(f"[{size}]({one.file(size)})" for size in one.sizes)
                    yield f"| {one.title} | {one.state} | {links} |"
        yield from ("", "## Without a picture", "")
        yield (", ".join(f"`{name}`" for name in without) + ".") if without else "None."


def _photograph(page: Page, width: int) -> bytes:
    """Playwright has no WebP, and PNG weighs four times as much. The window becomes as long as the
    page first: a frame that was never in sight is blank."""
    height = min(page.evaluate("document.documentElement.scrollHeight"), LONGEST)
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(100)
    devtools = page.context.new_cdp_session(page)
    asked = {"format": "webp", "quality": QUALITY}
    data = devtools.send("Page.captureScreenshot", asked)["data"]
    devtools.detach()
    return base64.b64decode(data)
