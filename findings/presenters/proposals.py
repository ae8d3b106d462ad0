"""What alert codes propose, in words."""

from findings.models import Person, Proposal


def what_was_found(proposal: Proposal) -> str:
    """Critical: “CRITICAL ALERT”; with the suspected site of a cancer."""
    site = f", {proposal.primary_site}" if proposal.primary_site else ""
    return f"{proposal.category.name}{site}: “{proposal.words}”"


def is_theirs(proposal: Proposal, person: Person) -> bool:
    """Whether this person reported it."""
    return proposal.report.reported_by_id == person.pk


def reported_by(proposal: Proposal) -> str:
    return str(proposal.report.reported_by or proposal.report.reporter_as_sent or "Not known")
