"""What orders and news of patients did, for the pages of an examination."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from findings.models import Examination, Receipt
from findings.models.report import OF_ORDERS, OF_PATIENTS

MOST = 20


@dataclass(frozen=True)
class Heard:
    """One part of a message of another system."""

    at: datetime
    sender: str
    what: str
    detail: str


def heard_about(examination: Examination) -> list[Heard]:
    """The newest first: what changed this examination or its patient, and not what was held or
    asked for nothing."""
    about = Q(examination=examination) | Q(patient=examination.patient_id)
    receipts = Receipt.objects.filter(about, outcome__in=[*OF_ORDERS, *OF_PATIENTS])
    newest = receipts.select_related("message__sender").defer("message__body").order_by("-pk")
    return [
        Heard(
            receipt.at,
            str(receipt.message.sender or "A system that is not set up"),
            receipt.get_outcome_display(),
            receipt.detail,
        )
        for receipt in newest[:MOST]
    ]
