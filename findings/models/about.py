"""What a promise is about: a finding, an examination that waits for its report, an improvement."""

from typing import TYPE_CHECKING, NamedTuple

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from findings.models.examination import Examination
    from findings.models.finding import Finding
    from findings.models.improvement import Improvement


class About(NamedTuple):
    """By id: one of them, and None for the others."""

    finding: int | None = None
    examination: int | None = None
    improvement: int | None = None


def about(subject: "Finding | Examination | Improvement") -> About:
    return About(**{subject._meta.model_name or "": subject.pk})


# One of them, never two and never none: each model has a check of its own that says so.
_NONE = dict.fromkeys((f"{name}__isnull" for name in About._fields), True)
OF_FINDING, OF_EXAMINATION, OF_IMPROVEMENT = (
    Q(**(_NONE | {f"{name}__isnull": False})) for name in About._fields
)


class OfOne(models.Model):
    """A clock, its steps and their messages: all of the same finding, examination or improvement.

    A step and a message repeat what their clock is of, so that the engine locks it without a join.
    """

    finding = models.ForeignKey(
        "findings.Finding", models.PROTECT, related_name="%(class)ss", null=True, blank=True
    )
    # Few are of one: where a model has an index, it is of those only.
    examination = models.ForeignKey(
        "findings.Examination",
        models.PROTECT,
        related_name="%(class)ss",
        null=True,
        blank=True,
        db_index=False,
    )
    improvement = models.ForeignKey(
        "findings.Improvement",
        models.PROTECT,
        related_name="%(class)ss",
        null=True,
        blank=True,
        db_index=False,
    )

    class Meta:
        abstract = True

    @property
    def about(self) -> About:
        return About(self.finding_id, self.examination_id, self.improvement_id)

    @property
    def subject(self) -> "Finding | Examination | Improvement":
        found = self.finding or self.examination or self.improvement
        assert found is not None, "the database refuses it"
        return found

    @property
    def its_examination(self) -> "Examination":
        """As `its_finding`."""
        assert self.examination is not None, "of something else"
        return self.examination

    @property
    def its_improvement(self) -> "Improvement":
        """As `its_finding`."""
        assert self.improvement is not None, "of something else"
        return self.improvement

    @property
    def its_finding(self) -> "Finding":
        """Where it can be of nothing else: what is asked of an examination is asked elsewhere."""
        assert self.finding is not None, "of something else"
        return self.finding
