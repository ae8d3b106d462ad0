"""Who is told at a step, and whether they can be reached. One function answers for both."""

from collections.abc import Sequence

from findings.reach import StepPreview, Subject
from findings.timetable import PlannedStep


def preview(subject: Subject, steps: Sequence[PlannedStep]) -> list[StepPreview]:
    raise NotImplementedError
