"""Who may do what, when: person and state together. `check_can_x` raises, `can_x` answers.

These say no to a person who can see the finding. Whoever may not even know that it exists is
stopped earlier, by `visible_to`, and gets a 404.
"""

from collections.abc import Callable, Collection
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from findings.models import (
    Clock,
    Event,
    Examination,
    Finding,
    IncomingMessage,
    NoReport,
    Organisation,
    Patient,
    Pause,
    Person,
    Proposal,
    Receipt,
    Role,
    Sender,
    ShiftSheet,
    Site,
    Step,
    Team,
)
from findings.models.cover import covered_by
from findings.models.finding import FindingQuerySet
from findings.models.policy import TOLD_AT_ONCE
from findings.states import CLOCK_OF, ClockKind, Move, MoveRefused, State, after
from findings.words import when


class NotAllowed(PermissionDenied):
    """This person may not do this. The message is a sentence for them; a page that lets it through
    answers 403 with it."""


Refused = (NotAllowed, MoveRefused)


def _answers(check: Callable[..., None]) -> Callable[..., bool]:
    def can(*args: object, **kwargs: object) -> bool:
        try:
            check(*args, **kwargs)
        except Refused:
            return False
        return True

    return can


def holds(
    person: Person,
    finding: Finding,
    *,
    teams: Collection[int] | None = None,
    covers: Collection[int] | None = None,
) -> bool:
    """Whether it is this person's own, their team's, or of somebody on leave for whom they stand
    in: who may answer for it.

    Who asks for many people has read their teams and whom they stand in for (ids) already.
    """
    if not person.has_role(Role.REFERRER):
        return False
    theirs = person.team_ids() if teams is None else teams
    if person.pk == finding.owner_person_id or bool(
        {finding.team_id, finding.owner_team_id} & set(theirs)
    ):
        return True
    if covers is None:
        covers = covered_by(person, timezone.localdate())
    return finding.owner_person_id in covers


def oversees(person: Person, finding: Finding) -> bool:
    """Whether this person coordinates, or leads governance in, the finding's organisation."""
    return (
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        and person.organisation_id == finding.organisation_id
    )


def _require(allowed: bool, sentence: str) -> None:
    if not allowed:
        raise NotAllowed(sentence)


def check_can_write_report(person: Person) -> None:
    _require(
        person.has_role(Role.RADIOLOGIST) and person.site_id is not None,
        "Only a radiologist with a site can write a report.",
    )


def check_can_flag(person: Person, examination: Examination) -> None:
    _require(
        person.has_role(Role.RADIOLOGIST) and person.site_id == examination.site_id,
        "Only a radiologist of the site where the images were made can flag a finding.",
    )
    check_has_report(examination)


def check_has_report(examination: Examination) -> None:
    _require(
        examination.current_report is not None,
        "There is no report of this examination yet, so nothing can be flagged in it.",
    )


def check_can_see_proposals(person: Person) -> None:
    """The list of what alert codes propose."""
    _require(
        person.has_role(Role.RADIOLOGIST, Role.COORDINATOR, Role.GOVERNANCE),
        "What waits to be confirmed is for radiologists and coordinators.",
    )


def check_can_answer_proposal(person: Person, proposal: Proposal) -> None:
    check_can_answer_proposals_of(person, proposal.examination)


def check_can_answer_proposals_of(person: Person, examination: Examination) -> None:
    _require(
        person.has_role(Role.RADIOLOGIST) and person.site_id == examination.site_id,
        "Only a radiologist of the site where the images were made can say whether it is one.",
    )


def check_can_acknowledge(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can acknowledge a finding.")
    after(State(finding.state), Move.ACKNOWLEDGE)


def check_can_decline(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can decline a finding.")
    after(State(finding.state), Move.DECLINE)


def _has_open(rows: Any, kind: str = "") -> bool:
    """Of a finding's offers, questions and the like. A page has read them already; so do the rules
    of all its answers ask them in Python, and not the database again."""
    return any(one.is_open and (not kind or one.kind == kind) for one in rows.all())


def _running(finding: Finding, kind: ClockKind) -> list[Clock]:
    return [one for one in finding.clocks.all() if one.is_running and one.kind == kind]


def check_can_offer(person: Person, finding: Finding) -> None:
    _require(
        holds(person, finding), "Only its owner or their team can offer a finding to somebody else."
    )
    after(State(finding.state), Move.OFFER)
    _require(
        not _has_open(finding.offers),
        "It has been offered already. Take that offer back first.",
    )


def check_can_answer_offer(person: Person, finding: Finding) -> None:
    """Accept it, or refuse it."""
    theirs = [offer for offer in finding.offers.all() if offer.is_made_to(person)]
    _require(bool(theirs), "Only somebody to whom a finding is offered can accept or refuse it.")
    if not any(offer.is_open for offer in theirs):
        raise MoveRefused("The offer has ended.")
    after(State(finding.state), Move.ACCEPT)


def check_can_take_back(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can take an offer back.")
    _require(_has_open(finding.offers), "There is no open offer to take back.")


def check_can_hand_over(person: Person, finding: Finding) -> None:
    _require(
        oversees(person, finding),
        "Only a coordinator or a governance lead can give a finding to somebody else.",
    )
    after(State(finding.state), Move.HAND_OVER)


def check_can_take_acknowledgement_back(person: Person, finding: Finding) -> None:
    """Whoever gave it; once something was done there is more to take back than a press."""
    only_they = "Only whoever acknowledged a finding can take that back."
    _require(holds(person, finding), only_they)
    if finding.state != State.ACKNOWLEDGED:
        raise MoveRefused("There is no acknowledgement that could be taken back.")
    _require(person.pk == finding.acknowledged_by_id, only_they)


def check_can_act(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can record an action.")
    after(State(finding.state), Move.ACT)


def check_can_tell_patient(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can record this.")
    _require(finding.is_open, "The finding has ended.")


def check_can_send_letter(person: Person, finding: Finding) -> None:
    """See the letter to the patient, and record that it was sent."""
    coordinates = oversees(person, finding) and person.has_role(Role.COORDINATOR)
    _require(
        coordinates or holds(person, finding),
        "Only its owner, their team or a coordinator can write to the patient.",
    )
    _require(finding.is_open, "The finding has ended.")
    _require(
        finding.patient_told_at is None,
        "It is recorded already that the patient was told, or why not.",
    )
    _require(
        finding.examination.patient.death() is None,
        "The patient has died: no letter goes to them.",
    )


def check_can_snooze(person: Person, finding: Finding) -> None:
    """Put one's own reminders off. Its service knows until when."""
    _require(holds(person, finding), "Only its owner or their team can snooze a finding.")
    _require(finding.is_open, "The finding has ended.")
    kind = CLOCK_OF[State(finding.state)]
    _require(
        any(one.rule.snooze_within for one in _running(finding, kind))
        and finding.clocks.running(kind).filter(due_at__gt=Now()).exists(),
        "This finding cannot be snoozed: its limit has passed, or its category allows none.",
    )


def check_can_hold_letter(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can hold the letter.")
    _require(
        bool(_running(finding, ClockKind.TELL_PATIENT)),
        "No letter to the patient is due.",
    )
    _require(
        not _has_open(finding.pauses, Pause.Kind.DEATH),
        "The letter is held already, as the patient has died.",
    )


def check_can_end_snooze(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can end this.")
    _require(_is_paused(finding, Pause.Kind.SNOOZE), "The finding is not snoozed.")


def check_can_end_hold(person: Person, finding: Finding) -> None:
    """A hold that somebody entered; what is held because of a death nobody ends."""
    _require(holds(person, finding), "Only its owner or their team can end this.")
    _require(_is_paused(finding, Pause.Kind.HOLD), "No letter is held that somebody could send.")


def _is_paused(finding: Finding, kind: Pause.Kind) -> bool:
    still = finding.pauses.open().filter(kind=kind, until_at__gt=Now())
    return _has_open(finding.pauses, kind) and still.exists()


def check_can_record_change(person: Person, patient: Patient | None = None) -> None:
    """See what became of patients; with a patient, record it or take it back."""
    _require(
        person.has_role(Role.COORDINATOR),
        "Only a coordinator can record what became of a patient.",
    )
    own = Examination.objects.filter(site__organisation=person.organisation_id)
    _require(
        patient is None or own.filter(patient=patient).exists(),
        "Your trust has no examination of this patient.",
    )


def check_can_confirm(person: Person, finding: Finding) -> None:
    """That it is still theirs, after the patient died, was discharged or was transferred."""
    _require(holds(person, finding), "Only its owner or their team can say that it is theirs.")
    _require(finding.is_open, "The finding has ended.")
    kinds = (Event.Kind.PATIENT_CHANGED, *ANSWERS_A_CHANGE)
    said = [event for event in finding.events.all() if event.kind in kinds]
    last = max(said, key=lambda event: event.number, default=None)
    _require(
        last is not None and last.kind == Event.Kind.PATIENT_CHANGED,
        "Nobody has asked whether it is still theirs.",
    )


ANSWERS_A_CHANGE = (
    Event.Kind.CONFIRMED,
    Event.Kind.HANDED_OVER,
    Event.Kind.PATIENT_CHANGE_UNDONE,
)


def check_can_merge(person: Person, *records: Patient) -> None:
    """See the merges; with records, merge them or take that back."""
    _require(person.has_role(Role.COORDINATOR), "Only a coordinator can merge records.")
    elsewhere = Examination.objects.filter(patient__in=records).exclude(
        site__organisation=person.organisation_id
    )
    _require(
        not elsewhere.exists(),
        "Another trust has examinations of one of these records, so it is not yours to merge.",
    )


def check_can_follow_up(person: Person, finding: Finding) -> None:
    """Say what became of the recommended examination."""
    _require(holds(person, finding), "Only its owner or their team can answer this.")
    _require(finding.is_open, "The finding has ended.")
    _require(
        _has_open(finding.recommendations),
        "No further examination is awaited for this finding.",
    )


def check_can_ask(person: Person, finding: Finding) -> None:
    """Ask the radiologist something: whoever answers for it, or oversees it."""
    _require(
        holds(person, finding) or oversees(person, finding),
        "Only its owner, their team or whoever oversees it can ask the radiologist.",
    )
    _require(finding.is_open, "The finding has ended.")


def check_can_answer_question(person: Person, finding: Finding) -> None:
    """Whoever flagged it, or any radiologist of its site; whether or not it has ended since."""
    _require(
        may_answer_questions_of(person, finding),
        "Only a radiologist of the site where the images were made can answer.",
    )
    _require(_has_open(finding.questions), _no_question(finding))


def may_answer_questions_of(person: Person, finding: Finding) -> bool:
    """Whether one waits or not."""
    is_theirs = person.pk == finding.flagged_by_id or person.site_id == finding.site_id
    return person.has_role(Role.RADIOLOGIST) and is_theirs


def _no_question(finding: Finding) -> str:
    """Who was first, where somebody was."""
    answered = [(one.answered_at, one) for one in finding.questions.all() if one.answered_at]
    if not answered:
        return "No question waits for an answer."
    at, last = max(answered, key=lambda pair: pair[0])
    return f"{last.answered_by} answered it {when(at)}. No question waits for an answer."


def check_can_close(person: Person, finding: Finding) -> None:
    _require(holds(person, finding), "Only its owner or their team can close a finding.")
    _require(
        not _has_open(finding.recommendations),
        "Say first what became of the recommended examination.",
    )
    after(State(finding.state), Move.CLOSE)


def check_can_rate(person: Person, finding: Finding) -> None:
    """Say how useful the flag was: whoever answers for it, once something was done about it."""
    _require(holds(person, finding), "Only its owner or their team can rate a flag.")
    _require(
        finding.state in (State.ACTED_ON, State.CLOSED),
        "A flag can be rated once something was done about it.",
    )


def check_can_withdraw(person: Person, finding: Finding) -> None:
    flagged_it = person.has_role(Role.RADIOLOGIST) and person.pk == finding.flagged_by_id
    _require(
        flagged_it or (oversees(person, finding) and person.has_role(Role.COORDINATOR)),
        "Only the radiologist who flagged it or a coordinator can withdraw a finding.",
    )
    after(State(finding.state), Move.WITHDRAW)


def check_can_undo_flag(person: Person, finding: Finding) -> None:
    """Take one's own flag back without a reason: while nobody was told of it, and nobody else has
    read it or done anything. Never of what is critical or urgent, which is told at once."""
    check_can_withdraw(person, finding)
    _require(person.pk == finding.flagged_by_id, "Only whoever flagged it can undo a flag.")
    _require(
        undoable(Finding.objects.filter(pk=finding.pk), person).exists(),
        "Somebody knows of it by now, so it cannot be undone. Withdraw it with a reason.",
    )


def undoable(findings: FindingQuerySet, person: Person) -> FindingQuerySet:
    """Of these the open flags of this person of which nobody knows; see check_can_undo_flag."""
    this = OuterRef("pk")
    told = Step.objects.filter(Q(fired_at__isnull=False) | Q(falls_at__lte=Now()), finding=this)
    known = Event.objects.filter(finding=this).exclude(by=person, kind__in=BEFORE_ANYBODY_KNOWS)
    own = findings.open().filter(flagged_by=person, category__priority__gt=TOLD_AT_ONCE)
    return own.filter(~Exists(told), ~Exists(known))


BEFORE_ANYBODY_KNOWS = (
    Event.Kind.FLAGGED,
    Event.Kind.CLOCK_STARTED,
    Event.Kind.RECOMMENDED,
    Event.Kind.READ,
    Event.Kind.NOTE,
    Event.Kind.CATEGORY_CHANGED,
    Event.Kind.CLOCK_STOPPED,
)


def check_can_change_category(person: Person, finding: Finding) -> None:
    flagged_it = person.has_role(Role.RADIOLOGIST) and person.pk == finding.flagged_by_id
    _require(
        flagged_it or can_let_be_later(person, finding),
        "Only the radiologist who flagged it or a coordinator can change the category.",
    )
    after(State(finding.state), Move.CHANGE_CATEGORY)


def can_let_be_later(person: Person, finding: Finding) -> bool:
    """Whether a limit may become later because this person says why."""
    return oversees(person, finding) and person.has_role(Role.COORDINATOR)


def check_can_record_call(person: Person, finding: Finding) -> None:
    """That they telephoned somebody about it: whoever flagged it, and whoever oversees it."""
    flagged_it = person.has_role(Role.RADIOLOGIST) and person.pk == finding.flagged_by_id
    _require(
        flagged_it or oversees(person, finding),
        "Only the radiologist who flagged it or whoever oversees it can record a call.",
    )
    _require(finding.is_open, "The finding has ended.")


def check_can_note(person: Person, finding: Finding) -> None:
    _require(
        holds(person, finding) or oversees(person, finding) or person.pk == finding.flagged_by_id,
        "Only people concerned with a finding can add a note to it.",
    )


def check_can_deal_with_held(person: Person, receipt: Receipt) -> None:
    _require(
        Receipt.objects.visible_to(person).filter(pk=receipt.pk).exists(),
        "Only a coordinator of the trust that it was sent to can deal with a held item.",
    )


def check_can_run_again(person: Person, message: IncomingMessage) -> None:
    _require(
        IncomingMessage.objects.visible_to(person).filter(pk=message.pk).exists(),
        "Only a coordinator of the trust that it was sent to can run a message again.",
    )


def check_can_hand_over_shift(person: Person) -> None:
    """See what a shift hands to the next, and sign it."""
    _require(person.has_role(Role.COORDINATOR), "Only a coordinator hands a shift over.")


def check_can_see_shift_sheets(person: Person) -> None:
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE),
        "Shift sheets are for coordinators and governance leads.",
    )


def check_can_take_over_shift(person: Person, sheet: ShiftSheet) -> None:
    _require(
        person.has_role(Role.COORDINATOR) and person.organisation_id == sheet.organisation_id,
        "Only a coordinator of the trust can take a shift over.",
    )
    _require(person.pk != sheet.given_by_id, "Somebody else has to take over what you hand over.")


def keeps(person: Person, other: Person) -> bool:
    """Whether they keep the directory in which the other stands: of their own trust, or of a
    practice, which has no coordinator of its own."""
    return person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR) and (
        person.organisation_id == other.organisation_id
        or other.organisation.kind == Organisation.Kind.PRACTICE
    )


def check_can_see_waiting(person: Person) -> None:
    """The list of examinations that wait for a report."""
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE)
        or person.is_imaging_manager
        # Whoever stands in for one of them.
        or Examination.objects.followed_by(person).waiting().exists(),
        "This list is for coordinators, governance leads and imaging managers.",
    )


def check_can_enter_waiting(person: Person) -> None:
    """Enter an examination that has no report yet, or a list of them."""
    _require(
        person.has_role(Role.COORDINATOR),
        "Only a coordinator can enter examinations that wait for a report.",
    )


def check_can_follow_wait(person: Person, examination: Examination) -> None:
    """See until when its report is awaited and who is told."""
    _require(
        Examination.objects.followed_by(person).filter(pk=examination.pk).exists(),
        "Only whoever is told of it follows an examination that waits for a report.",
    )


def _keeps_waiting(person: Person, examination: Examination) -> bool:
    keeps = person.has_role(Role.COORDINATOR) or person.is_imaging_manager
    return keeps and can_follow_wait(person, examination)


def check_can_end_wait(person: Person, examination: Examination) -> None:
    """Say that no report of it is to be expected."""
    _require(
        _keeps_waiting(person, examination),
        "Only a coordinator or an imaging manager can say that no report is to be expected.",
    )
    _require(
        examination.clocks.running().exists(),
        "No report of this examination is awaited.",
    )


def check_can_take_back_no_report(person: Person, said: NoReport) -> None:
    _require(
        _keeps_waiting(person, said.examination),
        "Only a coordinator or an imaging manager can say that a report is expected after all.",
    )
    _require(said.undone_at is None, "That no report is to be expected was taken back already.")


def check_can_let_leave(person: Person, leaver: Person) -> None:
    _require(
        keeps(person, leaver),
        "Only a coordinator or administrator of their own trust can let somebody leave.",
    )
    _require(person.pk != leaver.pk, "Somebody else must record that you leave.")


def check_can_set_leave(person: Person, away: Person) -> None:
    """Enter it, or cancel it."""
    _require(
        person.pk == away.pk or keeps(person, away),
        "Only the person who is away or a coordinator or administrator can change their leave.",
    )


def check_can_keep_routes(person: Person, of: Person) -> None:
    """How somebody is told: their own, or by an administrator."""
    _require(
        person.pk == of.pk or (person.has_role(Role.ADMINISTRATOR) and keeps(person, of)),
        "Only the person themselves or an administrator can change how they are told.",
    )


def check_can_import_people(person: Person) -> None:
    _require(person.has_role(Role.ADMINISTRATOR), "Only an administrator can import people.")


def check_can_see_people(person: Person) -> None:
    _require(
        person.has_role(Role.ADMINISTRATOR, Role.COORDINATOR, Role.GOVERNANCE),
        "This page is for administrators, coordinators and governance.",
    )


def check_can_route(person: Person, organisation: Organisation) -> None:
    """See and change which team holds what the order leads to nobody for."""
    _require(
        person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR)
        and person.organisation_id == organisation.pk,
        "Routing rules are kept by coordinators and administrators of the trust.",
    )


def check_can_see_wordings(person: Person) -> None:
    """Every kind of message as it would be sent."""
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "How messages are worded is for coordinators, governance and administrators.",
    )


def check_can_word_messages(person: Person, organisation: Organisation) -> None:
    """Word what is sent to everybody: who answers for the policy, and who keeps the directory."""
    _require(
        person.has_role(Role.GOVERNANCE, Role.ADMINISTRATOR)
        and person.organisation_id == organisation.pk,
        "Messages are worded by governance leads and administrators of the trust.",
    )


def check_can_keep_senders(person: Person) -> None:
    """See and change how the messages of the trust's senders are read."""
    _require(
        person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR),
        "Senders are kept by coordinators and administrators.",
    )


def check_can_keep_sender(person: Person, sender: Sender) -> None:
    check_can_keep_senders(person)
    _require(
        person.organisation_id == sender.organisation_id,
        "Only a coordinator or administrator of its trust can change how a sender is read.",
    )


def check_can_set_up_sender(person: Person, site: Site) -> None:
    check_can_keep_senders(person)
    _require(
        person.organisation_id == site.organisation_id,
        "Only a coordinator or administrator of its trust can set a sender up at a site.",
    )


def check_can_see_measures(person: Person) -> None:
    _require(
        person.has_role(Role.GOVERNANCE, Role.COORDINATOR),
        "Measures are for governance leads and coordinators.",
    )


def check_can_make_papers(person: Person) -> None:
    """The board paper, the audit, and the pack of a case."""
    _require(person.has_role(Role.GOVERNANCE), "Papers are made by governance leads.")


def check_can_make_weekly_list(person: Person) -> None:
    _require(
        person.has_role(Role.GOVERNANCE, Role.COORDINATOR),
        "Papers are for governance leads and coordinators.",
    )


def check_can_see_coverage(person: Person) -> None:
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Coverage is for coordinators, governance and administrators.",
    )


def check_can_keep_rotas(person: Person) -> None:
    """See and change posts and rotas at all."""
    _require(
        person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR),
        "Rotas are kept by coordinators and administrators.",
    )


def check_can_keep_rota(person: Person, team: Team) -> None:
    """Posts and rotas of this team: of their own trust."""
    check_can_keep_rotas(person)
    _require(
        person.organisation_id == team.organisation_id,
        "Only a coordinator or administrator of its trust can change a rota.",
    )


def check_can_keep_calendar(person: Person) -> None:
    _require(person.has_role(Role.ADMINISTRATOR), "Only an administrator can change bank holidays.")


def check_can_see_lab(person: Person) -> None:
    """Drafts of policy, and how each would have done."""
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Drafts of policy are for coordinators, governance and administrators.",
    )


def check_can_draft_policy(person: Person) -> None:
    """Make drafts of local rules, replay them, and sign them."""
    _require(
        person.has_role(Role.GOVERNANCE, Role.ADMINISTRATOR),
        "Only a governance lead or an administrator can change the policy.",
    )


def check_can_see_recommendations(person: Person) -> None:
    """Where the trust stands with what national bodies recommend."""
    _require(
        person.has_role(Role.COORDINATOR, Role.GOVERNANCE, Role.ADMINISTRATOR),
        "National recommendations are for coordinators, governance and administrators.",
    )


def check_can_keep_recommendations(person: Person) -> None:
    """Say where it stands, and report it."""
    _require(
        person.has_role(Role.GOVERNANCE),
        "Only a governance lead can say where the trust stands with a recommendation.",
    )


can_write_report = _answers(check_can_write_report)
can_flag = _answers(check_can_flag)
can_see_proposals = _answers(check_can_see_proposals)
can_answer_proposal = _answers(check_can_answer_proposal)
can_answer_proposals_of = _answers(check_can_answer_proposals_of)
can_acknowledge = _answers(check_can_acknowledge)
can_decline = _answers(check_can_decline)
can_offer = _answers(check_can_offer)
can_answer_offer = _answers(check_can_answer_offer)
can_take_back = _answers(check_can_take_back)
can_hand_over = _answers(check_can_hand_over)
can_act = _answers(check_can_act)
can_take_acknowledgement_back = _answers(check_can_take_acknowledgement_back)
can_tell_patient = _answers(check_can_tell_patient)
can_send_letter = _answers(check_can_send_letter)
can_snooze = _answers(check_can_snooze)
can_hold_letter = _answers(check_can_hold_letter)
can_end_snooze = _answers(check_can_end_snooze)
can_end_hold = _answers(check_can_end_hold)
can_merge = _answers(check_can_merge)
can_follow_up = _answers(check_can_follow_up)
can_ask = _answers(check_can_ask)
can_answer_question = _answers(check_can_answer_question)
can_close = _answers(check_can_close)
can_rate = _answers(check_can_rate)
can_undo_flag = _answers(check_can_undo_flag)
can_withdraw = _answers(check_can_withdraw)
can_confirm = _answers(check_can_confirm)
can_record_change = _answers(check_can_record_change)
can_change_category = _answers(check_can_change_category)
can_record_call = _answers(check_can_record_call)
can_note = _answers(check_can_note)
can_deal_with_held = _answers(check_can_deal_with_held)
can_hand_over_shift = _answers(check_can_hand_over_shift)
can_take_over_shift = _answers(check_can_take_over_shift)
can_keep_senders = _answers(check_can_keep_senders)
can_keep_calendar = _answers(check_can_keep_calendar)
can_keep_routes = _answers(check_can_keep_routes)
can_import_people = _answers(check_can_import_people)
can_see_people = _answers(check_can_see_people)
can_let_leave = _answers(check_can_let_leave)
can_set_leave = _answers(check_can_set_leave)
can_route = _answers(check_can_route)
can_word_messages = _answers(check_can_word_messages)
can_make_papers = _answers(check_can_make_papers)
can_see_coverage = _answers(check_can_see_coverage)
can_keep_rotas = _answers(check_can_keep_rotas)
can_keep_rota = _answers(check_can_keep_rota)
can_see_waiting = _answers(check_can_see_waiting)
can_enter_waiting = _answers(check_can_enter_waiting)
can_follow_wait = _answers(check_can_follow_wait)
can_end_wait = _answers(check_can_end_wait)
can_take_back_no_report = _answers(check_can_take_back_no_report)
can_draft_policy = _answers(check_can_draft_policy)
can_keep_recommendations = _answers(check_can_keep_recommendations)
