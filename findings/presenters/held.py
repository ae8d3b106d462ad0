"""Held items in words."""

from findings.arrivals import HeldReason

REASONS = {
    HeldReason.UNREADABLE: "It could not be read",
    HeldReason.UNSUPPORTED_MESSAGE: "It is not a report",
    HeldReason.NOT_IMAGING: "It is not about imaging",
    HeldReason.MISSING_PATIENT: "The patient is not named by a number",
    HeldReason.BAD_NHS_NUMBER: "The NHS number is wrong",
    HeldReason.MISSING_ACCESSION: "The examination has no accession number",
    HeldReason.UNKNOWN_STATUS: "The status of the report is not known",
    HeldReason.BAD_TIME: "The time of the report is wrong or missing",
    HeldReason.NO_TEXT: "There is no report text",
    HeldReason.IDENTITY_CONFLICT: "The identifiers do not lead to one patient",
    HeldReason.ACCESSION_CONFLICT: "The accession belongs to another patient",
    HeldReason.UNKNOWN_SENDER: "The sender is not set up",
    HeldReason.TOO_LARGE: "It is too large",
    HeldReason.OUR_FAULT: "An error of this application",
}


def reason_words(reason: str) -> str:
    """Why it is held, as a heading."""
    return REASONS[HeldReason(reason)]
