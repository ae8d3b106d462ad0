"""The transitions of a finding, as plain dictionaries. docs/states.md is generated from them.

A finding that is not closed or withdrawn is *open*, and the database refuses an open finding
without a running clock.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a finding stands."""

    AWAITING = "awaiting"  # flagged; nobody has taken it on yet
    ACKNOWLEDGED = "acknowledged"  # somebody took it on and said what they will do
    ACTED_ON = "acted_on"  # the action is recorded; its result is awaited
    CLOSED = "closed"  # finished, with an outcome
    WITHDRAWN = "withdrawn"  # flagged in error, or its report was withdrawn


class ClockKind(StrEnum):
    """What is promised by when."""

    ACKNOWLEDGE = "acknowledge"
    ACT = "act"
    FOLLOW_UP = "follow_up"
    TELL_PATIENT = "tell_patient"
    # Of a question: what a radiologist owes to whoever asked, and not whoever holds the finding.
    ANSWER = "answer"
    # Of an examination, before there is a report in which anything could be found.
    REPORT_BY = "report_by"
    # Of an examination, while what an alert code of its report proposes is not answered.
    CONFIRM = "confirm"
    # Of an improvement: what was asked for after a review, until it is done or given up.
    IMPROVE = "improve"


class Move(StrEnum):
    """What a person, or a corrected report, does to a finding."""

    FLAG = "flag"
    ACKNOWLEDGE = "acknowledge"
    DECLINE = "decline"
    OFFER = "offer"
    ACCEPT = "accept"
    HAND_OVER = "hand_over"
    CHANGE_CATEGORY = "change_category"
    ACT = "act"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


OPEN = (State.AWAITING, State.ACKNOWLEDGED, State.ACTED_ON)
ENDED = (State.CLOSED, State.WITHDRAWN)

# (state, move) -> new state. What is not here is refused.
TRANSITIONS: dict[tuple[State | None, Move], State] = {
    (None, Move.FLAG): State.AWAITING,
    (State.AWAITING, Move.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.AWAITING, Move.DECLINE): State.AWAITING,
    (State.AWAITING, Move.OFFER): State.AWAITING,
    (State.AWAITING, Move.ACCEPT): State.ACKNOWLEDGED,
    (State.AWAITING, Move.HAND_OVER): State.AWAITING,
    (State.AWAITING, Move.CHANGE_CATEGORY): State.AWAITING,
    (State.AWAITING, Move.WITHDRAW): State.WITHDRAWN,
    (State.AWAITING, Move.REOPEN): State.AWAITING,
    (State.ACKNOWLEDGED, Move.ACT): State.ACTED_ON,
    (State.ACKNOWLEDGED, Move.OFFER): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Move.ACCEPT): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Move.HAND_OVER): State.AWAITING,
    (State.ACKNOWLEDGED, Move.CHANGE_CATEGORY): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Move.WITHDRAW): State.WITHDRAWN,
    (State.ACKNOWLEDGED, Move.REOPEN): State.AWAITING,
    (State.ACTED_ON, Move.ACT): State.ACTED_ON,
    (State.ACTED_ON, Move.CLOSE): State.CLOSED,
    (State.ACTED_ON, Move.HAND_OVER): State.AWAITING,
    (State.ACTED_ON, Move.CHANGE_CATEGORY): State.ACTED_ON,
    (State.ACTED_ON, Move.WITHDRAW): State.WITHDRAWN,
    (State.ACTED_ON, Move.REOPEN): State.AWAITING,
    (State.CLOSED, Move.REOPEN): State.AWAITING,
}

# The clock that runs while a finding stands in a state.
CLOCK_OF: dict[State, ClockKind] = {
    State.AWAITING: ClockKind.ACKNOWLEDGE,
    State.ACKNOWLEDGED: ClockKind.ACT,
    State.ACTED_ON: ClockKind.FOLLOW_UP,
}
# The clocks that follow the state; the others run beside them while the finding is open.
BY_STATE = tuple(CLOCK_OF.values())

# Why a clock runs beside those of the state, whatever the state is.
BESIDE: dict[ClockKind, str] = {
    ClockKind.FOLLOW_UP: "in every state, while a recommended examination is awaited",
    ClockKind.TELL_PATIENT: "from the flag until it is recorded that the patient was told, or why"
    " not; counted from the report",
    ClockKind.ANSWER: "one for each question to the radiologist, until it is answered; only where"
    " the trust has a limit of its own",
}
# What runs beside them and is owed by somebody else than whoever holds the finding: no list of
# theirs is ordered by it, and it makes no finding late.
OWED_BY_OTHERS = (ClockKind.ANSWER,)

WORDS: dict[State, str] = {
    State.AWAITING: "Waiting for acknowledgement",
    State.ACKNOWLEDGED: "Acknowledged, action awaited",
    State.ACTED_ON: "Action recorded, result awaited",
    State.CLOSED: "Closed",
    State.WITHDRAWN: "Withdrawn",
}


class MoveRefused(Exception):
    """The finding is not in a state from which this can be done."""


def after(state: State | None, move: Move) -> State:
    """The state that `move` leads to, or `MoveRefused`."""
    try:
        return TRANSITIONS[(state, move)]
    except KeyError:
        raise MoveRefused(f"A finding that is {state} cannot {move}.") from None


def moves_from(state: State) -> list[Move]:
    """Everything that may be done to a finding in this state, in the order of the table."""
    return [move for (start, move) in TRANSITIONS if start == state]
