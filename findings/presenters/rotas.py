"""What a rota says: who is on, when, and where nobody is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from findings import words
from findings.models import Post, RotaEntry
from findings.services.rota import entries_between, gaps_of
from findings.shifts import Gap

WINDOW = timedelta(weeks=4)


@dataclass(frozen=True)
class RotaLine:
    """One shift, or one gap: then there is no entry."""

    starts: str
    ends: str
    lasts: str
    entry: RotaEntry | None = None


@dataclass(frozen=True)
class PostLine:
    """One post in the list of all."""

    post: Post
    on_now: RotaEntry | None
    # In the next four weeks.
    gaps: Sequence[Gap]

    @property
    def gap_words(self) -> str:
        if not self.gaps:
            return "None"
        total = sum((gap.lasts for gap in self.gaps), timedelta())
        return f"{words.plural(len(self.gaps), 'gap')}, {words.length(total)}"


def post_line(post: Post, entries: Sequence[RotaEntry], now: datetime) -> PostLine:
    own = [one for one in entries if one.post_id == post.pk]
    on_now = next((one for one in own if one.starts_at <= now < one.ends_at), None)
    return PostLine(post, on_now, gaps_of(own, now, now + WINDOW))


def rota_lines(post: Post, start: datetime) -> tuple[list[RotaLine], list[Gap]]:
    """Shifts and gaps of four weeks in the order of time, and the gaps alone."""
    end = start + WINDOW
    entries = [one for one in entries_between(post, start, end) if one.starts_at < end]
    gaps = gaps_of(entries, start, end)
    return [line for _, line in sorted(_lines(entries, gaps), key=lambda pair: pair[0])], gaps


def _lines(
    entries: Iterable[RotaEntry], gaps: Iterable[Gap]
) -> Iterable[tuple[datetime, RotaLine]]:
    for one in entries:
        yield one.starts_at, _line(one.starts_at, one.ends_at, one)
    for gap in gaps:
        yield gap.starts_at, _line(gap.starts_at, gap.ends_at)


def _line(starts_at: datetime, ends_at: datetime, entry: RotaEntry | None = None) -> RotaLine:
    return RotaLine(
        f"{words.local(starts_at):%A} {words.when(starts_at)}",
        words.clock_time(ends_at) if _same_day(starts_at, ends_at) else words.when(ends_at),
        words.length(ends_at - starts_at),
        entry,
    )


def _same_day(one: datetime, other: datetime) -> bool:
    return words.local(one).date() == words.local(other).date()
