"""The table of states: complete, without a trap, and written out in docs/states.md."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from findings.management.commands import write_state_docs
from findings.models import Finding
from findings.states import (
    CLOCK_OF,
    ENDED,
    OPEN,
    TRANSITIONS,
    WORDS,
    Move,
    MoveRefused,
    State,
    after,
    moves_from,
)


def test_every_state_is_either_open_or_ended():
    assert set(OPEN) | set(ENDED) == set(State)
    assert not set(OPEN) & set(ENDED)


def test_a_clock_runs_in_every_open_state_and_in_no_other():
    assert set(CLOCK_OF) == set(OPEN)


def test_every_state_has_words_for_the_page():
    assert set(WORDS) == set(State)
    assert dict(Finding._meta.get_field("state").choices) == {
        state.value: words for state, words in WORDS.items()
    }


def reachable(start: State | None) -> set[State]:
    found: set[State] = set()
    waiting = [start]
    while waiting:
        state = waiting.pop()
        following = {end for (begin, _), end in TRANSITIONS.items() if begin == state} - found
        found |= following
        waiting.extend(following)
    return found


def test_every_state_can_be_reached_from_a_flag():
    assert reachable(None) == set(State)


@pytest.mark.parametrize("state", OPEN)
def test_every_open_state_leads_to_an_end(state):
    assert reachable(state) & set(ENDED)


def test_only_a_flag_begins_a_finding():
    assert [move for (start, move) in TRANSITIONS if start is None] == [Move.FLAG]


def test_every_move_can_be_made_from_somewhere():
    assert {move for (_, move) in TRANSITIONS} == set(Move)


def test_nothing_is_closed_before_an_action_is_recorded():
    assert [start for (start, move) in TRANSITIONS if move == Move.CLOSE] == [State.ACTED_ON]


def test_a_withdrawn_finding_stays_withdrawn():
    assert moves_from(State.WITHDRAWN) == []


def test_a_closed_finding_can_only_be_asked_about_again():
    assert moves_from(State.CLOSED) == [Move.REOPEN]


@pytest.mark.parametrize("move", [Move.DECLINE, Move.HAND_OVER, Move.REOPEN])
def test_whoever_gets_a_finding_from_somebody_else_is_asked_anew(move):
    assert {end for (_, one), end in TRANSITIONS.items() if one == move} == {State.AWAITING}


REFUSED = [
    (state, move) for state in (None, *State) for move in Move if (state, move) not in TRANSITIONS
]


@pytest.mark.parametrize(("state", "move"), REFUSED)
def test_what_is_not_in_the_table_is_refused(state, move):
    with pytest.raises(MoveRefused, match=f"cannot {move}"):
        after(state, move)


# --- docs/states.md ----------------------------------------------------------------------------


def check() -> None:
    call_command("write_state_docs", "--check", stdout=StringIO())


def test_the_page_of_states_in_docs_is_not_stale():
    check()


def test_every_move_is_explained_on_the_page():
    assert set(write_state_docs.MOVES) == set(Move)


def test_the_page_names_every_transition():
    lines = write_state_docs.text().splitlines()
    for (start, move), end in TRANSITIONS.items():
        assert f"    {start or '[*]'} --> {end}: {move}" in lines


def test_a_stale_page_fails_the_check_and_stays_as_it_is(tmp_path, monkeypatch):
    page = tmp_path / "states.md"
    page.write_text("something older\n")
    monkeypatch.setattr(write_state_docs, "FILE", page)
    with pytest.raises(CommandError, match="write_state_docs"):
        check()
    assert page.read_text() == "something older\n"


def test_writing_the_page_makes_the_check_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(write_state_docs, "FILE", tmp_path / "states.md")
    call_command("write_state_docs", stdout=StringIO())
    check()
