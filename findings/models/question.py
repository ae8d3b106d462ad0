"""A question about a finding to whoever reported it, and what they answered."""

from datetime import datetime
from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted, settled_once

if TYPE_CHECKING:
    from findings.models.clock import Clock


class QuestionQuerySet(models.QuerySet["Question"]):
    """Questions about questions."""

    def open(self) -> "QuestionQuerySet":
        return self.filter(answered_at__isnull=True)

    def late(self, now: datetime) -> "QuestionQuerySet":
        """Open, and the limit of the trust has passed: somebody has to see to an answer. The first
        that fell due comes first."""
        late = self.open().filter(clocks__stopped_at__isnull=True, clocks__due_at__lte=now)
        return late.annotate(due_at=F("clocks__due_at")).order_by("due_at", "pk")


class Question(models.Model):
    """Asked once and answered once. Neither stops or moves a clock of the finding; where the trust
    has a limit for answers, each question has a clock of its own (docs/adr/0037)."""

    finding = models.ForeignKey("findings.Finding", models.PROTECT, related_name="questions")
    text = models.TextField()
    asked_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.CheckConstraint(name="question_says_what", condition=~Q(text="")),
            models.CheckConstraint(
                name="answered_question_says_when_who_and_what",
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | (Q(answered_at__gte=F("asked_at"), answered_by__isnull=False) & ~Q(answer="")),
            ),
        ]
        triggers = [
            never_deleted("question"),
            pgtrigger.ReadOnly(
                name="question_never_changes", fields=["finding", "text", "asked_by", "asked_at"]
            ),
            settled_once("question_is_answered_once", "answered_at", "question % was answered"),
        ]

    def __str__(self) -> str:
        return f"question {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.answered_at is None

    @property
    def running_clock(self) -> "Clock | None":
        """Of the question, where one runs: read before with those of the finding."""
        return next((one for one in self.clocks.all() if one.is_running), None)
