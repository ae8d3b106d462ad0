"""Writes docs/states.md from findings/states.py; with --check it says whether that is needed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from findings.states import BESIDE, CLOCK_OF, ENDED, TRANSITIONS, WORDS, Move, State

FILE = Path(settings.BASE_DIR) / "docs" / "states.md"

# Who or what makes each move, and what else it does.
MOVES = {
    Move.FLAG: "A radiologist flags a finding in a report.",
    Move.ACKNOWLEDGE: "Its owner, or somebody of their team, takes it on and says what they will"
    " do.",
    Move.DECLINE: "Its owner, or somebody of their team, says that it is not theirs. The clock is"
    " not reset.",
    Move.OFFER: "Its owner, or somebody of their team, asks somebody else to take it over. Until"
    " they accept, nothing changes: not the owner, not the clock.",
    Move.ACCEPT: "Whoever it was offered to takes it on and says what they will do. They are the"
    " owner from then on; the time to act still counts from the flag.",
    Move.HAND_OVER: "A coordinator or a governance lead gives it to another owner, who is asked"
    " anew. The time to act still counts from the flag. Or whoever acknowledged it by mistake gives"
    " it back to their team, and the clock to acknowledge goes on as if nobody had answered.",
    Move.CHANGE_CATEGORY: "The radiologist who flagged it, or a coordinator, gives it another"
    " category. The nearer limit holds, unless a coordinator says why the later one may.",
    Move.ACT: "Its owner, or somebody of their team, records what was done.",
    Move.CLOSE: "Its owner, or somebody of their team, records the outcome.",
    Move.WITHDRAW: "The radiologist who flagged it, or a coordinator, takes the flag back.",
    Move.REOPEN: "A corrected report says something else: the owner is asked again.",
}
CLOCKS = {
    "acknowledge": "acknowledge by",
    "act": "act by",
    "follow_up": "result expected by",
    "tell_patient": "tell the patient by",
    "answer": "answer the question by",
}


def text() -> str:
    """The whole page."""
    return "\n".join([*_head(), *_states(), *_beside(), *_moves(), *_table(), *_picture()]) + "\n"


def _head() -> list[str]:
    return [
        "# The states of a finding",
        "",
        "Generated from `findings/states.py` by `manage.py write_state_docs`; do not edit.",
        "",
        "A finding that is not closed or withdrawn is open, and an open finding always has a"
        " running clock: the database refuses anything else. No move is ever made because time"
        " passed.",
        "",
    ]


def _states() -> list[str]:
    rows = (f"| `{state}` | {WORDS[state]} | {_clock(state)} |" for state in State)
    return ["## States", "", "| State | On the page | Clock |", "| --- | --- | --- |", *rows, ""]


def _beside() -> list[str]:
    rows = (f"| {CLOCKS[kind]} | {why} |" for kind, why in BESIDE.items())
    head = ["## Clocks beside those of the state", "", "| Clock | Runs |", "| --- | --- |"]
    return [*head, *rows, ""]


def _clock(state: State) -> str:
    return "none" if state in ENDED else CLOCKS[CLOCK_OF[state]]


def _moves() -> list[str]:
    rows = (f"| `{move}` | {MOVES[move]} |" for move in Move)
    return ["## Moves", "", "| Move | Who, and what it does |", "| --- | --- |", *rows, ""]


def _table() -> list[str]:
    """From each state by each move; a dash is a refusal."""
    head = " | ".join(f"`{move}`" for move in Move)
    rule = " | ".join("---" for _ in Move)
    starts: list[State | None] = [None, *State]
    rows = (
        f"| {_name(start)} | "
        + " | ".join(_name(TRANSITIONS.get((start, move)), nothing="–") for move in Move)  # noqa: RUF001
        + " |"
        for start in starts
    )
    return ["## What follows", "", f"| From | {head} |", f"| --- | {rule} |", *rows, ""]


def _name(state: State | None, nothing: str = "nothing yet") -> str:
    return f"`{state}`" if state else nothing


def _picture() -> list[str]:
    arrows = (
        f"    {start or '[*]'} --> {end}: {move}" for (start, move), end in TRANSITIONS.items()
    )
    return ["## Picture", "", "```mermaid", "stateDiagram-v2", *arrows, "```"]


class Command(BaseCommand):
    help = "Write docs/states.md from findings/states.py."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 when it is stale"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        now = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
        if now == text():
            self.stdout.write(f"{FILE.name} is as findings/states.py says.")
        elif check:
            raise CommandError(f"{FILE.name} is stale. Run: manage.py write_state_docs")
        else:
            FILE.write_text(text(), encoding="utf-8")
            self.stdout.write(f"{FILE.name} is written.")
