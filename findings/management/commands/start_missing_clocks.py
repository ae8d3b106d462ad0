"""After an upgrade: clocks to tell the patient, for reports, for the answers to questions and for
improvements, from before there were any."""

import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from findings.models import Clock, Examination, Finding, Improvement
from findings.services import improvements
from findings.services.answer_by import missing_clocks, start_missing_clocks
from findings.services.answer_by import without_clock as questions_without_clock
from findings.services.one_by_one import pass_over
from findings.services.policy import PolicyError
from findings.services.report_by import expect_report, without_clock
from findings.services.tell_patient import start_missing_clock, without_patient_clock
from findings.services.timeline import database_now
from findings.words import plural, when

log = logging.getLogger(__name__)


def _start(row: Finding | Examination | Improvement) -> Clock | None:
    if isinstance(row, Finding):
        return start_missing_clock(finding=row)
    if isinstance(row, Improvement):
        return improvements.start_missing_clock(row)
    return expect_report(row)


class Command(BaseCommand):
    help = (
        "Start the clock to tell the patient for each open finding that has none and should,"
        " counted from its flag; that of each examination without a verified report, counted"
        " from its images; that of each improvement, until its day; and that of each open"
        " question, counted from when it was asked, where the trust has a limit for answers."
        " Where a limit has passed, its whole ladder is told now. Twice changes nothing. Exits 1"
        " where one could not be started."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count only; start nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        missing: list[Finding | Examination | Improvement] = [
            *without_patient_clock().only("pk", "reference"),
            *without_clock(),
            *improvements.without_clock(),
        ]
        if options["dry_run"]:
            count = len(missing) + missing_clocks()
            self.stdout.write(f"{plural(count, 'clock')} missing; nothing was started.")
            return
        started, failed = list[Clock](), 0
        for row in missing:
            try:
                clock = _start(row)
            except PolicyError as error:
                self.stderr.write(f"{row.reference}: {error}")
                failed += 1
            except Exception as error:
                pass_over(log, "clock not started", error, **{row._meta.model_name or "": row.pk})
                failed += 1
            else:
                if clock is not None:
                    started.append(clock)
                    self.stdout.write(f"{row.reference}: due {when(clock.due_at)}")
        started += self._for_answers()
        late = sum(clock.due_at <= database_now() for clock in started)
        self.stdout.write(
            f"{plural(len(started), 'clock')} started, {late} of them late: everybody on the ladder"
            " of those is told now."
        )
        if failed:
            self.stderr.write(f"{plural(failed, 'clock')} not started: see above, and the log.")
            sys.exit(1)

    def _for_answers(self) -> list[Clock]:
        """None where the trust has no limit for them."""
        asked = {question.finding_id: question.finding for question in questions_without_clock()}
        started = [clock for finding in asked.values() for clock in start_missing_clocks(finding)]
        for clock in started:
            self.stdout.write(f"{clock.its_finding.reference}: answer due {when(clock.due_at)}")
        return started
