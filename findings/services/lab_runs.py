"""Replays as they are asked for, run and kept: the page writes a row, and whoever is woken next
takes it up (docs/adr/0048).

One runs at a time in the whole house, so that whoever fires and delivers always has a worker left.
Whoever is at it says so with each portion of cases. One of whom nothing is heard for a while has
been killed, and the next round begins again; what only one try could do, only that try may keep.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from findings import doorbell
from findings.columns import columns
from findings.models import DraftVersion, LabReplay, LabRun, Organisation, Person
from findings.rules import check_can_draft_policy
from findings.services.lab import Tally, outcomes
from findings.services.lab_facts import Facts
from findings.services.policy_checks import clocks_of
from findings.services.timeline import database_now

log = logging.getLogger(__name__)

PERIOD = timedelta(days=365)
# A portion of cases takes a second or two; the people of today some more.
SILENT_AFTER = timedelta(minutes=2)
MOST_TRIES = 3
INTERRUPTED = (
    f"It was begun {MOST_TRIES} times and interrupted each time. Whoever looks after the servers"
    " finds in the log why."
)


class Stopped(Exception):
    """Whoever runs it is to end: somebody else begins again."""


class TakenOver(Exception):
    """Nothing was heard of this try for too long, so that another has begun."""


@transaction.atomic
def ask_for_replay(*, version: DraftVersion, by: Person) -> LabRun:
    """Have it run for the cases of their own trust. Where it runs already, that is the answer."""
    check_can_draft_policy(by)
    LabRun.objects.bulk_create(
        [LabRun(version=version, organisation_id=by.organisation_id, by=by)], ignore_conflicts=True
    )
    doorbell.reckon_after_commit()
    return LabRun.objects.filter(version=version, organisation=by.organisation_id).latest("pk")


def replay_draft(*, version: DraftVersion, by: Person) -> LabReplay:
    """At once, for whoever can wait."""
    run = ask_for_replay(version=version, by=by)
    with transaction.atomic():
        run = _begin(LabRun.objects.select_for_update(no_key=True).get(pk=run.pk))
    return reckon(run)


def take_up(stop: Callable[[], bool] = lambda: False) -> int:
    """Run what was asked for, one after the other; how many came to their end. `stop` is asked
    with each portion of cases."""
    ended = 0
    while not stop() and (run := _take()) is not None:
        ended += _try(run, stop)
    return ended


@transaction.atomic
def _take() -> LabRun | None:
    """The next one is ours. None: there is none, or somebody is at one."""
    runs = list(LabRun.objects.open().select_for_update(no_key=True).order_by("tries", "pk"))
    now = database_now()
    if any(run.heard_at and run.heard_at > now - SILENT_AFTER for run in runs):
        return None
    for run in runs:
        if run.tries < MOST_TRIES:
            return _begin(run)
        _give_up(run, INTERRUPTED)
    return None


def _begin(run: LabRun) -> LabRun:
    run.tries, run.heard_at, run.done = run.tries + 1, database_now(), 0
    run.save(update_fields=["tries", "heard_at", "done"])
    return run


def _try(run: LabRun, stop: Callable[[], bool]) -> bool:
    try:
        reckon(run, stop)
    except TakenOver:
        return False
    except Stopped:
        _mine(run).update(heard_at=None, tries=run.tries - 1)
        return False
    except Exception as error:
        # By type: the text of an error may quote a row.
        log.error("replay failed", extra={"run": run.pk, "error": type(error).__name__})
        because = f"It could not be reckoned ({type(error).__name__}). The log says more."
        if run.tries >= MOST_TRIES:
            _give_up(run, because)
        else:
            _mine(run).update(heard_at=None)
        return False
    return True


def _mine(run: LabRun) -> Any:
    return LabRun.objects.open().filter(pk=run.pk, tries=run.tries)


def _give_up(run: LabRun, because: str) -> None:
    _mine(run).update(ended_at=database_now(), failed_because=because)


def reckon(run: LabRun, stop: Callable[[], bool] = lambda: False) -> LabReplay:
    """This try of it. Raises `TakenOver` and `Stopped`."""
    version = DraftVersion.objects.select_related("draft").get(pk=run.version_id)
    facts = _facts(run, version)
    heard = _teller(run, len(facts.subjects), stop)
    heard(0)
    tally = Tally()
    for outcome in outcomes(facts, version.said, heard):
        tally.add(outcome)
    result = tally.result()
    with transaction.atomic():
        replay = LabReplay.objects.create(
            version=version,
            organisation_id=run.organisation_id,
            since=facts.since,
            until=facts.until,
            result=result,
            by_id=run.by_id,
        )
        _keep(replay, tally.changed)
        if not _mine(run).update(ended_at=database_now(), replay=replay):
            raise TakenOver
    return replay


def _facts(run: LabRun, version: DraftVersion) -> Facts:
    return _promises(run, version, run.asked_at - PERIOD, run.asked_at)


def _promises(
    of: LabRun | LabReplay, version: DraftVersion, since: datetime, until: datetime
) -> Facts:
    trust = Organisation.objects.get(pk=of.organisation_id)
    policy_id = version.draft.policy_id
    return Facts(trust, policy_id, clocks_of(policy_id), since, until)


def _teller(run: LabRun, whole: int, stop: Callable[[], bool]) -> Callable[[int], None]:
    def heard(done: int) -> None:
        if stop():
            raise Stopped
        if not _mine(run).update(done=done, whole=whole, heard_at=database_now()):
            raise TakenOver

    return heard


def started_since(replay: LabReplay) -> int:
    """Of how many findings or examinations promises under this rule began after it was run."""
    facts = _promises(replay, replay.version, replay.until, database_now())
    return len(facts.subjects)


KEEP = """
    INSERT INTO findings_replayedcase (replay_id, clock_id, due_at, minutes_earlier, told_first,
        minutes_left, messages_more, was_late, would_be_late)
    SELECT %s, clock, due_at, minutes, told_first, left_, more, was_late, would_be
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::text[], %s::int[], %s::int[],
        %s::bool[], %s::bool[])
        AS t (clock, due_at, minutes, told_first, left_, more, was_late, would_be)
"""


def _keep(replay: LabReplay, changed: Sequence[tuple[Any, ...]]) -> None:
    """Tens of thousands of rows in one statement."""
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(KEEP, [replay.pk, *columns(changed)])
