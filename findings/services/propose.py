"""Alert codes in reports propose findings (docs/adr/0024).

A sender who is trusted for it flags at once. What others propose waits on the list *To confirm*
for a radiologist, who is told of it (confirming.py), and confirms or rejects it; what nobody has
answered by its limit is flagged as it was proposed, since silence must not lose it.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from findings.alert_codes import LONGEST, Alert, find
from findings.arrivals import ArrivingReport
from findings.models import (
    Category,
    Examination,
    Finding,
    Person,
    Proposal,
    Report,
    ReportStatus,
    Sender,
    Site,
)
from findings.rules import NotAllowed
from findings.services.confirming import begin_telling, rule_of
from findings.services.flag import flag_finding
from findings.services.one_by_one import pass_over
from findings.services.policy import (
    PolicyError,
    limit_at,
)
from findings.services.proposals import Outcome, end_all
from findings.services.senders import account_of
from findings.services.timeline import database_now
from findings.states import ClockKind, State

log = logging.getLogger(__name__)

READ_IT = "Read the report and decide what has to be done."
NO_SITE = "Not stated"


def trigger_words(sender: Sender | None) -> tuple[tuple[str, str], ...]:
    """A sender's own alert codes, each with the category that it means."""
    return tuple(sorted(sender.trigger_words.items())) if sender else ()


def alerts_of(sender: Sender | None, arriving: ArrivingReport) -> tuple[Alert, ...]:
    """The alert codes of a report that has come; of one from an archive none count."""
    if arriving.is_past:
        return ()
    return find(arriving.text, arriving.codes, trigger_words(sender))


def answer_by(category: str, since: datetime, site: Site | None) -> datetime:
    """Until when somebody has to have looked at an alert code (UTC). Without a limit that is in
    force nothing may wait: at once."""
    try:
        rule = rule_of(category)
    except PolicyError:
        return since
    return limit_at(rule, ClockKind.CONFIRM, since, site) or since


def propose(
    *, examination: Examination, report: Report, alerts: Sequence[Alert], since: datetime | None
) -> list[Proposal]:
    """What the version to read now proposes, flagged at once where its sender is trusted.

    `since`: when the report came (UTC), whoever held it up. The caller holds the examination's
    lock.
    """
    if report.status == ReportStatus.WITHDRAWN:
        end_all(examination, at=database_now())
        return []
    if not alerts:
        return []
    now = database_now()
    made = [
        _make(examination, report, alert, min(since or now, now))
        for alert in alerts
        if not _is_known(examination, alert)
    ]
    for proposal in made:
        if examination.sender.flags_at_once and proposal.is_sure:
            flag_proposed(proposal)
    begin_telling(examination, at=now)
    return made


def _make(examination: Examination, report: Report, alert: Alert, since: datetime) -> Proposal:
    return Proposal.objects.create(
        examination=examination,
        report=report,
        category=Category.objects.get(code=alert.category),
        words=alert.words[:LONGEST],
        line=alert.line[:LONGEST],
        known_from=alert.known_from,
        primary_site=alert.primary_site,
        is_sure=alert.is_sure,
        proposed_at=since,
        due_at=answer_by(alert.category, since, examination.site),
    )


def _is_known(examination: Examination, alert: Alert) -> bool:
    """It is flagged, or proposed and unanswered; or somebody said of these words that they are no
    finding."""
    flagged = examination.findings.filter(category=alert.category).exclude(state=State.WITHDRAWN)
    if flagged.exists():
        return True
    same = examination.proposals.filter(category=alert.category)
    answered = same.filter(line=alert.line[:LONGEST]).exclude(outcome=Outcome.WITHDRAWN)
    return same.open().exists() or answered.exists()


def flag_proposed(proposal: Proposal) -> Finding | None:
    """Flag it as it is proposed, for whoever reported it; None where that cannot be done now, and
    then it stays proposed. The caller holds the examination's lock.

    Its limits count from when the report came: that it was held up gives nobody more time.
    """
    examination = proposal.examination
    try:
        with transaction.atomic():
            return flag_finding(
                examination=examination,
                by=_reporter(proposal),
                category=proposal.category,
                description=_description(proposal),
                recommended_action=READ_IT,
                primary_site=_primary_site(proposal),
                proposal=proposal,
                by_system=True,
                at=proposal.proposed_at,
            )
    except (NotAllowed, PolicyError) as error:
        log.error("not flagged", extra={"proposal": proposal.pk, "error": type(error).__name__})
        return None


def _reporter(proposal: Proposal) -> Person:
    """Whoever reported it; else the account of the system that sent it."""
    if proposal.report.reported_by is not None:
        return proposal.report.reported_by
    # Two reports at once must not both make the account.
    sender = Sender.objects.select_for_update().get(pk=proposal.examination.sender_id)
    return account_of(sender)


def _description(proposal: Proposal) -> str:
    said = f"The report carries an alert code: {proposal.words}"
    if proposal.line != proposal.words:
        said += f". Its line: {proposal.line}"
    if proposal.report_id != proposal.examination.current_report_id:
        said += f" (in version {proposal.report.version}; read what the report says now)"
    return said


def _primary_site(proposal: Proposal) -> str:
    if not proposal.category.asks_primary_site:
        return proposal.primary_site
    return proposal.primary_site or NO_SITE


def flag_unanswered(at: datetime | None = None) -> list[Finding]:
    """Every proposal that is past its limit, each in a transaction of its own."""
    due = Proposal.objects.open().filter(due_at__lte=at or database_now())
    flagged = []
    for pk, examination in due.order_by("due_at", "pk").values_list("pk", "examination"):
        try:
            finding = _flag_if_open(pk, examination)
        except Exception as error:
            pass_over(log, "proposal not flagged", error, proposal=pk)
        else:
            flagged += [finding] if finding else []
    return flagged


def _flag_if_open(pk: int, examination: int) -> Finding | None:
    with transaction.atomic():
        locked = Examination.objects.select_for_update(no_key=True).get(pk=examination)
        proposal = Proposal.objects.open().select_for_update(of=("self",)).filter(pk=pk).first()
        if proposal is None:  # somebody has answered meanwhile
            return None
        current = locked.current_report
        if current is not None and current.status == ReportStatus.WITHDRAWN:
            end_all(locked, at=database_now())
            return None
        return flag_proposed(proposal)
