"""States that no link leads to: what is refused, what is empty, what somebody else did first."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from playwright.sync_api import Error, Page

from tests.pages import name_of
from tests.screens.album import Album
from tests.screens.visit import NotThere, Visit

RADIOLOGIST, REFERRER, COORDINATOR = "sunita.rao", "fiona.buchanan", "denise.farrow"
COLLEAGUE, LEAD = "shabnam.iqbal", "angela.merriweather"
OPEN = "/findings/"
PAPER = ("desktop",)


@dataclass(frozen=True)
class Scene:
    """One state of one page: whose, where it begins, and what is done there."""

    name: str
    role: str
    state: str
    person: str
    path: str
    do: Callable[[Visit, Page], None] = lambda visit, page: None
    javascript: bool = True
    # Paper has one width.
    sizes: tuple[str, ...] = ("desktop", "phone")


def play(visit: Visit, album: Album) -> set[str]:
    """In their order, since some change what the next one shows. Returns the names of the pages."""
    shown = set()
    for scene in SCENES:
        with visit.page(scene.path, scene.person, javascript=scene.javascript) as page:
            try:
                scene.do(visit, page)
            except (NotThere, Error) as missing:
                album.miss(f"{scene.role}, {scene.state}: {missing}")
                continue
            album.add(page, scene.name, scene.role, scene.state, scene.sizes)
            shown.add(name_of(page.url))
    return shown


def _follow(name: str) -> Callable[[Visit, Page], None]:
    """To the first page of this name that is linked from here."""
    return lambda visit, page: _go(visit, page, name)


def _go(visit: Visit, page: Page, name: str) -> None:
    visit.go(page, visit.first(page, name))


def _press(page: Page, selector: str = "main form button:visible") -> None:
    with page.expect_navigation():
        page.locator(selector).last.click()


def _fails_to_sign_in(visit: Visit, page: Page) -> None:
    page.fill("input[name=username]", "nobody.here")
    page.fill("input[name=password]", "wrong")
    with page.expect_navigation():
        page.press("input[name=password]", "Enter")


def _is_locked_out(visit: Visit, page: Page) -> None:
    for _ in range(12):
        if page.locator("input[name=username]").count() == 0:
            return
        _fails_to_sign_in(visit, page)


def _flags_nothing(visit: Visit, page: Page) -> None:
    _go(visit, page, "report")
    _go(visit, page, "flag")
    with page.expect_navigation():
        page.get_by_role("button", name="Flag this finding").click()


def _chooses_a_category(visit: Visit, page: Page) -> None:
    _go(visit, page, "report")
    _go(visit, page, "flag")
    page.locator("input[name=category]").nth(2).check()
    page.wait_for_timeout(1500)  # what will happen comes a moment later


def _answers_with_nothing(visit: Visit, page: Page) -> None:
    _opens_an_answer(visit, page, "acknowledge")
    _press(page)


def _opens_an_answer(visit: Visit, page: Page, name: str) -> None:
    _go(visit, page, "finding")
    reference = page.url.rstrip("/").rpartition("/")[2]
    visit.go(page, f"/findings/{reference}/{name}/")


def _second(visit: Visit, page: Page) -> None:
    """A coordinator withdraws it while the page of the answer stands open."""
    _opens_an_answer(visit, page, "decline")
    with visit.page(urlsplit(page.url).path.replace("decline", "withdraw"), COORDINATOR) as other:
        _writes(other, "Flagged in the report of another patient.")
    page.locator("main input[type=radio]:visible").last.check()
    _writes(page, "This patient was never under our care.")


def _writes(page: Page, words: str) -> None:
    page.locator("main textarea:visible").first.fill(words)
    _press(page)


def _session_ended(visit: Visit, page: Page) -> None:
    _opens_an_answer(visit, page, "note")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    _writes(page, "Rang the ward: she is in clinic.")


def _somebody_rang_first(visit: Visit, page: Page) -> None:
    link = visit.first(page, "desk-pressed")
    with visit.page(link, COORDINATOR) as other:
        reference = other.url.rstrip("/").split("/")[-2]
    with visit.page(f"/findings/{reference}/note/", COLLEAGUE) as other:
        _writes(other, "I am ringing him now.")
    visit.go(page, link)


def _ticks_two(visit: Visit, page: Page) -> None:
    for box in page.locator("input[name=row]").all()[:2]:
        box.check()
    with page.expect_navigation():
        page.get_by_role("button", name="Add a note").first.click()


def _signs_the_shift(visit: Visit, page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Sign and hand over").click()


def _takes_back_that_none_will_come(visit: Visit, page: Page) -> None:
    """Somebody says that an examination will have no report; the question whether it has after
    all."""
    _go(visit, page, "wait")
    address = urlsplit(page.url).path
    _go(visit, page, "no-report")
    for choice in page.locator("main input[type=radio]").all()[:1]:
        choice.check()
    for text in page.locator("main textarea:visible").all():
        text.fill("Done elsewhere; the images were sent here by mistake.")
    _press(page)
    visit.go(page, address)
    _go(visit, page, "report-expected")


def _undoes_a_merge(visit: Visit, page: Page) -> None:
    """Of the first two patients on the desk."""
    with visit.page("/desk/", COORDINATOR) as other:
        numbers = re.findall(r"\b999\s?\d{3}\s?\d{4}\b", other.inner_text("main"))
    keep, merged = list(dict.fromkeys(numbers))[:2]
    page.fill("[name=keep]", keep)
    page.fill("[name=merged]", merged)
    page.fill("[name=because]", "The patient index has merged them.")
    _press(page, "main form[novalidate] button.nhsuk-button")
    _press(page, "main form button.nhsuk-button:visible")
    _go(visit, page, "undo-merge")


def _verifies_a_route(visit: Visit, page: Page) -> None:
    """A new address, whose code is still to come."""
    _go(visit, page, "routes")
    page.check("[name=channel][value=email]")
    page.fill("[name=address]", "on.call@example.org")
    _press(page, "main form[novalidate] button.nhsuk-button")


def _keeps_a_view(visit: Visit, page: Page) -> None:
    _go(visit, page, "keep-view")
    page.locator("main input[type=text]:visible").first.fill("Late at every site")
    _press(page)
    _go(visit, page, "saved-view")


def _on_paper(name: str) -> Callable[[Visit, Page], None]:
    def do(visit: Visit, page: Page) -> None:
        if name:
            _go(visit, page, name)
        page.emulate_media(media="print")

    return do


def _of_some_review(name: str) -> Callable[[Visit, Page], None]:
    """To the first page of this name that a review of the list leads to."""

    def do(visit: Visit, page: Page) -> None:
        for link in [one for one in visit.links(page) if name_of(one) == "review"]:
            visit.go(page, link)
            if any(name_of(one) == name for one in visit.links(page)):
                _go(visit, page, name)
                return
        raise NotThere(f"no review leads to {name}")

    return do


def _replays(visit: Visit, page: Page) -> None:
    """The page as it stands right after the press: the worker takes it up a moment later."""
    for link in [one for one in visit.links(page) if name_of(one) == "policy-draft"]:
        visit.go(page, link)
        button = page.get_by_role("button", name="Replay the last 12 months")
        if button.count():
            with page.expect_navigation():
                button.click()
            return
    raise NotThere("no draft is open")


def _finding(state: str, name: str, said: str, query: str) -> Scene:
    """The first finding of the trust in this state, as a coordinator reads it."""
    path = f"{OPEN}?{query}"
    return Scene(f"finding-{name}", state, said, COORDINATOR, path, _follow("finding"))


SCENES = (
    Scene("sign-in", "Everybody", "of the demonstration", "", "/sign-in/"),
    Scene("sign-in-wrong", "Everybody", "a wrong password", "", "/sign-in/", _fails_to_sign_in),
    Scene("sign-in-locked", "Everybody", "too many tries", "", "/sign-in/", _is_locked_out),
    Scene("not-found", "Everybody", "no such page", REFERRER, "/nothing-here/"),
    Scene("not-allowed", "Everybody", "a page of another role", REFERRER, "/desk/"),
    _finding("A finding", "awaiting", "waits for its acknowledgement", "state=awaiting"),
    _finding("A finding", "forgotten", "acknowledged, and not acted on", "forgotten=on"),
    _finding("A finding", "acknowledged", "acknowledged", "state=acknowledged"),
    _finding("A finding", "acted-on", "action recorded, result awaited", "state=acted_on"),
    _finding("A finding", "reopened", "opened again by a changed report", "reopened=on"),
    _finding("A finding", "unroutable", "nobody can be told", "unroutable=on"),
    _finding("A finding", "closed", "closed", "state=closed"),
    _finding("A finding", "withdrawn", "withdrawn", "state=withdrawn"),
    Scene(
        "list-without-rows",
        "Lists",
        "a filter that leaves no row",
        COORDINATOR,
        f"{OPEN}?state=withdrawn&category=critical&late=on",
    ),
    Scene("list-late", "Lists", "late only", COORDINATOR, f"{OPEN}?late=on"),
    Scene("list-without-script", "Lists", "without JavaScript", REFERRER, "/", javascript=False),
    Scene(
        "review-concluded",
        "Learning",
        "a review that is concluded",
        LEAD,
        "/reviews/?status=concluded",
        _follow("review"),
    ),
    Scene(
        "improvement-proved",
        "Learning",
        "an improvement that worked",
        LEAD,
        "/improvements/?status=yes",
        _follow("improvement"),
    ),
    Scene(
        "take-cause-back",
        "Learning",
        "a cause is taken back",
        LEAD,
        "/reviews/",
        _of_some_review("take-cause-back"),
    ),
    Scene(
        "take-candour-back",
        "Learning",
        "a step of the duty of candour is taken back",
        LEAD,
        "/reviews/?harm=moderate",
        _of_some_review("take-candour-back"),
    ),
    Scene("lab-run", "Learning", "a replay that was asked for", LEAD, "/policy/lab/", _replays),
    Scene("paper-board", "Papers", "of the board", LEAD, "/papers/board/"),
    Scene("paper-audit", "Papers", "of the audit", LEAD, "/papers/audit/"),
    Scene("paper-weekly", "Papers", "the lists of all teams", LEAD, "/papers/weekly/?team=all"),
    Scene("list-on-paper", "On paper", "", COORDINATOR, OPEN, _on_paper(""), sizes=PAPER),
    Scene("finding-on-paper", "On paper", "", COORDINATOR, OPEN, _on_paper("finding"), sizes=PAPER),
    Scene("flag-nothing", "Forms", "sent empty", RADIOLOGIST, "/reports/", _flags_nothing),
    Scene(
        "flag-chosen", "Forms", "a category chosen", RADIOLOGIST, "/reports/", _chooses_a_category
    ),
    Scene(
        "answer-nothing",
        "Forms",
        "sent empty",
        REFERRER,
        "/findings/mine/?state=awaiting",
        _answers_with_nothing,
    ),
    Scene(
        "answer-second",
        "Forms",
        "somebody else was first",
        REFERRER,
        "/findings/mine/?state=awaiting",
        _second,
    ),
    Scene(
        "session-ended", "Forms", "the session ended meanwhile", COORDINATOR, OPEN, _session_ended
    ),
    Scene(
        "desk-second",
        "The desk",
        "a colleague was first",
        COORDINATOR,
        "/desk/?reason=late_unread",
        _somebody_rang_first,
    ),
    Scene(
        "desk-together",
        "The desk",
        "a note on several",
        COORDINATOR,
        "/desk/?reason=late_unread",
        _ticks_two,
    ),
    Scene("desk-one-reason", "The desk", "one reason", COORDINATOR, "/desk/?reason=bounced"),
    Scene(
        "shift-sheet",
        "The desk",
        "a shift that was handed over",
        COORDINATOR,
        "/desk/shifts/hand-over/",
        _signs_the_shift,
    ),
    Scene(
        "kept-view",
        "Lists",
        "filters that were kept",
        COORDINATOR,
        f"{OPEN}?late=on",
        _keeps_a_view,
    ),
    Scene(
        "report-expected",
        "Waiting",
        "a report is expected after all",
        COORDINATOR,
        "/waiting/",
        _takes_back_that_none_will_come,
    ),
    Scene("undo-merge", "Patients", "undoing a merge", COORDINATOR, "/merges/", _undoes_a_merge),
    Scene(
        "verify-route", "How I am told", "a code is awaited", REFERRER, "/me/", _verifies_a_route
    ),
)
