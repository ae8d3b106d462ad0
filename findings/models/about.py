"""What a promise is about: a finding, or an examination that waits for its report."""

from typing import TYPE_CHECKING, NamedTuple

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from findings.models.examination import Examination
    from findings.models.finding import Finding


class About(NamedTuple):
    """By id: one of the two, and None for the other."""

    finding: int | None = None
    examination: int | None = None


def about(subject: "Finding | Examination") -> About:
    return About(**{subject._meta.model_name or "": subject.pk})


# One of the two, never both and never neither: each model has a check of its own that says so.
OF_FINDING = Q(finding__isnull=False, examination__isnull=True)
OF_EXAMINATION = Q(finding__isnull=True, examination__isnull=False)


class OfOne(models.Model):
    """A clock, its steps and their messages: all of the same finding, or of the same examination.

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

    class Meta:
        abstract = True

    @property
    def about(self) -> About:
        return About(self.finding_id, self.examination_id)

    @property
    def subject(self) -> "Finding | Examination":
        found = self.finding or self.examination
        assert found is not None, "the database refuses it"
        return found

    @property
    def its_examination(self) -> "Examination":
        """As `its_finding`."""
        assert self.examination is not None, "of a finding"
        return self.examination

    @property
    def its_finding(self) -> "Finding":
        """Where it can be of nothing else: what is asked of an examination is asked elsewhere."""
        assert self.finding is not None, "of an examination"
        return self.finding
