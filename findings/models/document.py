"""A document that came with a report: bytes that nobody here opens."""

from django.db import models
from django.db.models import Q

from findings.documents import KINDS, LARGEST, Kind
from findings.models.append_only import append_only


class Document(models.Model):
    """One document of one version of a report, as it came."""

    report = models.ForeignKey(
        "findings.Report", models.PROTECT, related_name="documents", db_index=False
    )
    # 1 for the first.
    number = models.PositiveSmallIntegerField()
    # By what it begins with, whatever its sender calls it.
    media_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()

    class Meta:
        ordering = ["report", "number"]
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="document_has_its_number"),
            models.CheckConstraint(
                name="document_is_neither_empty_nor_too_large",
                condition=Q(size__gte=1, size__lte=LARGEST),
            ),
            models.CheckConstraint(
                name="media_type_of_document_is_known", condition=Q(media_type__in=sorted(KINDS))
            ),
        ]
        triggers = [append_only("document")]

    def __str__(self) -> str:
        return f"document {self.pk}"

    @property
    def kind(self) -> Kind:
        return KINDS[self.media_type]

    @property
    def file_name(self) -> str:
        """For whoever saves it: says nothing of the patient."""
        return f"report-document-{self.number}.{self.kind.ending}"
