"""What one part of a message became, as its receipt keeps it."""

from dataclasses import dataclass

from findings.models import Examination, Patient, Receipt, Report


@dataclass(frozen=True)
class Filed:
    """The row that it led to, if any, and a sentence about it without patient data."""

    outcome: Receipt.Outcome
    report: Report | None = None
    examination: Examination | None = None
    patient: Patient | None = None
    detail: str = ""
    accession: str = ""

    def fields(self) -> dict[str, object]:
        """As a receipt keeps it."""
        examination = self.report.examination if self.report else self.examination
        return {
            "outcome": self.outcome,
            "report": self.report,
            "examination": self.examination,
            "patient": self.patient,
            "detail": self.detail[:300],
            "accession": examination.accession if examination else self.accession[:80],
        }


def nothing(detail: str, patient: Patient | None = None) -> Filed:
    """It asks for nothing here, and why."""
    return Filed(Receipt.Outcome.NOTHING, patient=patient, detail=detail)
