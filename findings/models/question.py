"""A question about a finding to whoever reported it, and what they answered."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from findings.models.append_only import never_deleted, settled_once


class QuestionQuerySet(models.QuerySet["Question"]):
    """Questions about questions."""

    def open(self) -> "QuestionQuerySet":
        return self.filter(answered_at__isnull=True)


class Question(models.Model):
    """Asked once and answered once; no clock hears of either. One is open at a time."""

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
            models.UniqueConstraint(
                fields=["finding"],
                condition=Q(answered_at__isnull=True),
                name="one_open_question_a_finding",
            ),
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
