"""Faults of processes, of their clocks, and of whatever takes our messages.

Each is done to the ground at once and returns what ends it, or None where nothing is left to end.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.engine.posts import SMS, TRUST
from tests.faults.ground import Ground
from tests.faults.nursery import CLOCKS

# Seconds by which the clocks of the engines go wrong.
WRONG_BY = (3600, -3600, 86_400, -600)


@dataclass(frozen=True)
class Fault:
    """What the seed decided beside which fault it is: for how many seconds, where it lasts; and a
    number from 0 to 1 that picks one of many."""

    lasts: float
    choice: float

    def pick(self, many: list) -> object:
        if not many:
            raise NotNow
        return many[int(self.choice * len(many))]


class NotNow(Exception):
    """What the fault would fall on is down already."""


End = Callable[[], object] | None
Harm = Callable[[Ground, Fault], End]


# --- Processes ---------------------------------------------------------------------------------


def kill_a(part: str) -> Harm:
    def kill(ground: Ground, fault: Fault) -> None:
        _send(_one(ground, part, fault), signal.SIGKILL)

    return kill


def freeze_a(part: str) -> Harm:
    def freeze(ground: Ground, fault: Fault) -> End:
        pid = _one(ground, part, fault)
        _send(pid, signal.SIGSTOP)
        return lambda: go_on(pid)

    return freeze


def kill_program(name: str) -> Harm:
    def kill(ground: Ground, fault: Fault) -> None:
        if not ground.runs(name):
            raise NotNow
        ground.kill(name)

    return kill


def _one(ground: Ground, part: str, fault: Fault) -> int:
    if part in ground.POOLS and not ground.runs(ground.POOLS[part]):
        raise NotNow
    pid = fault.pick(ground.pids(part))
    assert isinstance(pid, int)
    return pid


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        raise NotNow from None


def go_on(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def move_the_clocks(ground: Ground, fault: Fault) -> End:
    wrong = fault.pick(list(WRONG_BY))
    (ground.room / CLOCKS).write_text(str(wrong))
    return lambda: clocks_are_right(ground)


def clocks_are_right(ground: Ground) -> None:
    (ground.room / CLOCKS).write_text("0")


# --- Channels ----------------------------------------------------------------------------------


def mail_says_later(ground: Ground, fault: Fault) -> End:
    for address in ground.addresses:
        ground.mail.answers[address] = "451 4.2.1 Later"
    return ground.mail.answers.clear


def mail_refuses(ground: Ground, fault: Fault) -> End:
    """An address for good, until somebody proves it anew."""
    address = str(fault.pick(ground.addresses))
    ground.mail.answers[address] = "550 5.1.1 No such mailbox"

    def take_it_again() -> None:
        ground.mail.answers.pop(address, None)
        ground.postman.mend()

    return take_it_again


def mail_comes_back(ground: Ground, fault: Fault) -> End:
    """What was taken over last could not be delivered after all; some of it is said twice."""
    last = [one for one in ground.mail.arrived[-40:] if one.to == fault.pick(ground.addresses)]
    if not last:
        raise NotNow
    for one in last:
        ground.postman.bring_back(one.message_id, twice=fault.lasts > 2)
    return ground.postman.mend


def mail_hangs_up(ground: Ground, fault: Fault) -> None:
    """It has the whole message and closes before it says so."""
    ground.mail.hang_up_on.add(str(fault.pick(ground.addresses)))


def mail_is_slow(ground: Ground, fault: Fault) -> End:
    ground.mail.pause = fault.choice
    return lambda: setattr(ground.mail, "pause", 0.0)


def mail_is_away(ground: Ground, fault: Fault) -> End:
    return _away(ground, "mail", ground.mail)


def _away(ground: Ground, name: str, server: object) -> End:
    """Refuses connections; comes back on the same port."""
    if name in ground.down:
        raise NotNow
    ground.down.add(name)
    server.stop()  # type: ignore[attr-defined]

    def come_back() -> None:
        server.start()  # type: ignore[attr-defined]
        ground.down.discard(name)

    return come_back


def posts_hang_up(ground: Ground, fault: Fault) -> None:
    """Text messages or the trust's messaging: takes it over and closes before it says so."""
    ground.posts.hang_up_on[str(fault.pick([SMS, TRUST]))] += 1


def posts_are_broken(ground: Ground, fault: Fault) -> End:
    path, code = str(fault.pick([SMS, TRUST])), 500 if fault.lasts < 2 else 429
    ground.posts.answers[path] = code
    return lambda: ground.posts.answers.pop(path, None)


def posts_are_slow(ground: Ground, fault: Fault) -> End:
    ground.posts.pause = fault.choice
    return lambda: setattr(ground.posts, "pause", 0.0)


def posts_are_away(ground: Ground, fault: Fault) -> End:
    return _away(ground, "posts", ground.posts)


FAULTS: dict[str, tuple[int, Harm]] = {
    "kill a deliverer": (30, kill_a("deliver")),
    "kill a firer": (15, kill_a("fire")),
    "kill a client": (8, kill_a("client")),
    "kill an import": (4, kill_a("many")),
    "kill a visitor": (4, kill_a("visitor")),
    "kill the watch": (3, kill_a("watch")),
    "kill a web worker": (10, kill_a("web")),
    "kill the web": (1, kill_program("web")),
    "kill the listener": (4, kill_program("listener")),
    "kill a feed": (2, kill_a("feed")),
    "kill a pool child": (2, kill_a("pool")),
    "kill the worker": (1, kill_program("worker")),
    "kill beat": (1, kill_program("beat")),
    "freeze a deliverer": (4, freeze_a("deliver")),
    "freeze a firer": (2, freeze_a("fire")),
    "freeze a web worker": (3, freeze_a("web")),
    "move the clocks": (3, move_the_clocks),
    "mail says later": (2, mail_says_later),
    "mail refuses": (6, mail_refuses),
    "mail comes back": (4, mail_comes_back),
    "mail hangs up": (6, mail_hangs_up),
    "mail is slow": (2, mail_is_slow),
    "mail is away": (2, mail_is_away),
    "posts hang up": (4, posts_hang_up),
    "posts are broken": (2, posts_are_broken),
    "posts are slow": (2, posts_are_slow),
    "posts are away": (2, posts_are_away),
}
