"""manage.py take_files: a folder into which an interface engine drops files. See EPILOG."""

import signal
import threading
import time
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, close_old_connections

from findings.intake.drop_folder import DropFolder, Taken
from findings.intake.importing import NotStored
from findings.management.base import EpilogCommand, sender_named
from findings.services.taken_folders import give_up, looked_into, still_taking
from findings.words import plural

EPILOG = """
A file is taken when its size and time have not changed for --settle seconds. Whoever writes into
the folder may as well write NAME.tmp and rename it when it is whole; .tmp, .temp, .part, .partial,
.filepart, .writing, names that end in ~ or begin with a dot, and folders are never taken.

Each message in it is kept as import_hl7 keeps it: filed, or held with a reason on the page Held
items. Then the file is moved to done/ beneath the folder; to problem/ where it held nothing or the
counts of its batches (BTS, FTS) do not agree with what came, which is also said. Nothing is
deleted: clear the two folders by your own rules. A file that grows within a day of being moved is
taken again, since whoever wrote it had only paused. Stopped at whatever moment, the next run
repeats nothing.

The page Integration says when the folder was last looked through, and what waits in it; the
watchdog says so when it is not looked through any more, or something waits in problem/.

  manage.py take_files /srv/reports
  manage.py take_files /srv/reports --once --sender "RIS|RRV03"
  manage.py take_files /srv/reports --given-up

Exit status: 0; with --once 1 where a file went to problem/, 3 where the database did not answer.
"""
WENT_WRONG = 1
NOT_STORED = 3


class Command(EpilogCommand):
    help = "Take the HL7 v2 files that are dropped into a folder, until told to stop."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="FOLDER", type=Path)
        parser.add_argument("--once", action="store_true", help="take what is there, then end")
        parser.add_argument(
            "--settle", type=float, default=10.0, metavar="SECONDS", help="10 by default"
        )
        parser.add_argument(
            "--every", type=float, default=5.0, metavar="SECONDS", help="between two looks"
        )
        parser.add_argument("--sender", metavar="CODE", help="read all as this sender's")
        parser.add_argument(
            "--given-up",
            action="store_true",
            help="say that nothing is taken from it any more, so that nobody misses it",
        )

    def handle(self, *, folder: Path, **options: Any) -> None:
        folder = folder.absolute()
        if options["given_up"]:
            give_up(str(folder))
            return
        drop = DropFolder(folder, options["settle"], sender_named(options["sender"]))
        try:
            drop.prepare()
        except OSError as error:
            raise CommandError(f"{folder} cannot be used: {error.strerror}.") from error
        if options["once"]:
            self._once(drop)
        else:
            self._until_stopped(drop, options["every"])

    def _once(self, drop: DropFolder) -> None:
        """Looks twice, for what is complete shows by the second look only."""
        drop.complete(time.monotonic())
        time.sleep(drop.settle)
        try:
            went_wrong = self._take(drop, threading.Event())
        except NotStored as error:
            raise CommandError(f"Stopped at {error}: {AWAY}", returncode=NOT_STORED) from error
        _say_what_is_there(drop, goes_on=False)
        if went_wrong:
            raise CommandError("Look at the files in problem/.", returncode=WENT_WRONG)

    def _until_stopped(self, drop: DropFolder, every: float) -> None:
        stopping = threading.Event()
        drop.progress = partial(still_taking, str(drop.folder))
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: stopping.set())
        while not stopping.is_set():
            close_old_connections()
            try:
                self._take(drop, stopping)
                _say_what_is_there(drop, goes_on=True)
            except (NotStored, OSError, OperationalError, InterfaceError) as error:
                # By type: the text of an error may name a file, and a file a patient.
                self.stderr.write(f"Not taken ({type(error).__name__}); tried again. {AWAY}")
            stopping.wait(every)

    def _take(self, drop: DropFolder, stopping: threading.Event) -> int:
        went_wrong = 0
        for taken in drop.take(stopping.is_set, time.monotonic()):
            self.stdout.write(line_of(taken))
            for warning in taken.warnings:
                self.stderr.write(f"{taken.file.name}: {warning.text}")
            went_wrong += bool(taken.warnings)
        self.stdout.flush()
        return went_wrong


def _say_what_is_there(drop: DropFolder, *, goes_on: bool) -> None:
    found = drop.found()
    looked_into(
        str(drop.folder),
        problems=found.problems,
        problems_since=found.problems_since,
        left=found.left,
        goes_on=goes_on,
    )


AWAY = "What was stored before is not repeated, and the file stays where it is."


def line_of(taken: Taken) -> str:
    """night.hl7: 12 messages, 2 had been received, 1 part held; done/20261126T…-night.hl7."""
    summary = taken.summary
    said = [plural(summary.messages, "message")]
    if summary.known:
        said.append(f"{summary.known} had been received")
    if summary.waiting:
        said.append(f"{plural(summary.waiting, 'part')} held")
    to = taken.moved_to
    where = f"{to.parent.name}/{to.name}" if to else "it has changed, or is gone, meanwhile"
    return f"{taken.file.name}: {', '.join(said)}; {where}."
