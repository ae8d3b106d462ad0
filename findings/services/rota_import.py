"""A rota from a file: a dry run that shows every change, and the same again for good.

For each post that it names, the file is the rota between its first start and its last end: what
stands there and is not in the file goes, what is in it comes, and what is the same stays. All or
nothing, and the same file twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from findings.models import Person, Post, RotaEntry
from findings.rules import NotAllowed
from findings.services.concerns import by_rotas_of
from findings.services.rota import add_entry, change_entry, entries_between, remove_entry
from findings.services.shown_first import Outcome, done, tried
from findings.services.table_file import Mistake, Row, read_table
from findings.shifts import Shift

COLUMNS = ("team", "post", "person", "starts", "ends")
WALL = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M")


@dataclass(frozen=True)
class Change:
    """What the file changes on one post. Line 0: what was there is not in the file."""

    line: int
    post: str
    # "Added", "Changed" or "Removed"
    what: str
    before: str = ""
    after: str = ""
    # About wall times that are none or two.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Planned:
    """One line that can be read."""

    line: int
    post: Post
    person: Person
    shift: Shift

    @property
    def span(self) -> tuple[datetime, datetime]:
        return self.shift.starts_at, self.shift.ends_at


def dry_run(raw: bytes, *, by: Person) -> Outcome[Change]:
    """What the file would change."""
    return tried(lambda outcome: _carry_out(raw, by, "", outcome), by_rotas_of(by))


def import_rota(raw: bytes, *, by: Person, source: str, seen: str = "") -> Outcome[Change]:
    """Change the rotas as the file says, where no line is wrong and the changes are those that
    were `seen`."""
    return done(lambda outcome: _carry_out(raw, by, source, outcome), seen)


def _carry_out(raw: bytes, by: Person, source: str, outcome: Outcome[Change]) -> None:
    rows, outcome.mistakes = read_table(raw, COLUMNS)
    posts = _posts(by)
    planned: dict[Post, list[Planned]] = defaultdict(list)
    for row in rows:
        line = _line(row, posts, outcome.mistakes)
        if line:
            planned[line.post].append(line)
    for post, lines in planned.items():
        Post.objects.select_for_update().get(pk=post.pk)
        lines.sort(key=lambda line: line.span)
        outcome.mistakes += _overlapping(lines)
        if not outcome.mistakes:
            _change(post, lines, by, source, outcome)


def _posts(by: Person) -> dict[tuple[str, str], Post]:
    standing = Post.objects.visible_to(by).standing().select_related("team__organisation")
    return {(post.team.name.casefold(), post.name.casefold()): post for post in standing}


# --- Lines -----------------------------------------------------------------------


def _line(row: Row, posts: dict[tuple[str, str], Post], mistakes: list[Mistake]) -> Planned | None:
    cells = row.cells
    wrong = [f"{name} is empty." for name in COLUMNS if not cells[name]]
    post = posts.get((cells["team"].casefold(), cells["post"].casefold()))
    if post is None and not wrong:
        wrong.append(f"{cells['team']} has no post {cells['post']} that you may change.")
    person = post and _person(post, cells["person"])
    if post and not person and cells["person"]:
        wrong.append(
            f"{cells['person']} is nobody who can be on it: write the professional code or the"
            f" sign-in name of somebody of {post.team} who works here."
        )
    starts, ends = (_wall(name, cells[name], wrong) for name in ("starts", "ends"))
    if starts and ends and ends <= starts:
        wrong.append("It ends before it starts.")
    mistakes += [Mistake(row.line, words) for words in wrong]
    if wrong or not (post and person and starts and ends):
        return None
    return Planned(row.line, post, person, Shift.between(starts, ends, post.zone))


def _person(post: Post, named: str) -> Person | None:
    here = post.may_be_on
    return (
        here.filter(professional_code=named).first() or here.filter(username=named).first()
        if named
        else None
    )


def _wall(name: str, cell: str, wrong: list[str]) -> datetime | None:
    for written in WALL:
        try:
            return datetime.strptime(cell, written)  # noqa: DTZ007  a time on the wall
        except ValueError:
            continue
    if cell:
        wrong.append(f"{name} is {cell}: write it like 2026-11-25 21:00, in local time.")
    return None


def _overlapping(lines: Sequence[Planned]) -> Iterator[Mistake]:
    for before, after in pairwise(lines):
        if after.span[0] < before.span[1]:
            yield Mistake(after.line, f"It overlaps line {before.line}.")


# --- Changes -----------------------------------------------------------------------


def _change(
    post: Post, lines: Sequence[Planned], by: Person, source: str, outcome: Outcome[Change]
) -> None:
    start, end = lines[0].span[0], lines[-1].span[1]
    there = {(one.starts_at, one.ends_at): one for one in entries_between(post, start, end)}
    wanted = {line.span for line in lines}
    for span, entry in there.items():
        if span not in wanted and start <= span[0] and span[1] <= end:
            remove_entry(entry=entry, by=by, source=source)
            outcome.changes.append(Change(0, str(post), "Removed", before=str(entry)))
    for line in lines:
        try:
            _put(line, there.get(line.span), by, source, outcome)
        except (ValueError, NotAllowed) as refused:
            outcome.mistakes.append(Mistake(line.line, str(refused)))


def _put(
    line: Planned, there: RotaEntry | None, by: Person, source: str, outcome: Outcome[Change]
) -> None:
    if there and there.person_id == line.person.pk and there.shift == line.shift:
        outcome.unchanged += 1
        return
    given: dict[str, Any] = {
        "person": line.person,
        "shift": line.shift,
        "by": by,
        "source": source,
    }
    before = str(there) if there else ""
    entry = change_entry(entry=there, **given) if there else add_entry(post=line.post, **given)
    outcome.changes.append(
        Change(
            line.line,
            str(line.post),
            "Changed" if there else "Added",
            before,
            str(entry),
            tuple(line.shift.notes),
        )
    )
