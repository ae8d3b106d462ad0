"""Drafts of policy: made, saved, put away, and signed by two, after which they hold.

Every saving is a version that stays. A signature is of one version of the draft, given beside one
version of the rule in force; when either changes, both have to sign again. Numbers of national
sources are no trust's to change, so only local rules have drafts (docs/adr/0047).
"""

import json
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from findings.models import DraftSignature, DraftVersion, Person, PolicyDraft, Rule, Rung, Signature
from findings.rule_content import RuleContent, content_of
from findings.rules import check_can_draft_policy
from findings.services.policy import add_version, rule_in_force
from findings.services.policy_checks import CLASS_OF, REPORT_POLICY, wrong_with
from findings.services.timeline import database_now

Capacity = DraftSignature.Capacity


class Overtaken(ValueError):
    """Something changed since the page was opened. The message says what; nothing was done."""


def rule_beside(policy_id: str) -> Rule:
    """What a draft is compared with, and signed beside: what holds now. Where a class of
    examinations has no limit of its own yet, that of every examination holds for it."""
    is_first = policy_id in CLASS_OF and not (
        Rule.objects.begun().filter(policy_id=policy_id).exists()
    )
    return rule_in_force(REPORT_POLICY if is_first else policy_id)


def in_force(policy_id: str) -> RuleContent:
    """What a draft begins with: what holds now. A first limit has no number before somebody enters
    one, and of the ladder what goes by the limit: the rest goes by another number."""
    rule = rule_beside(policy_id)
    content = content_of(rule, rule.rungs.all())
    if rule.policy_id == policy_id:
        return content
    by_limit = [one for one in content.rungs if one.anchor == Rung.Anchor.DUE]
    rungs = [replace(one, level=level) for level, one in enumerate(by_limit, 1)]
    return replace(content, communicate_within="", source="", notes="", rungs=tuple(rungs))


@transaction.atomic
def make_draft(*, policy_id: str, by: Person, because: str) -> PolicyDraft:
    """A draft that says what is in force, to be changed. ValueError with a sentence."""
    check_can_draft_policy(by)
    if policy_id not in CLASS_OF and _is_national(policy_id):
        raise ValueError(f"{policy_id} is not a local rule, so it is not this trust's to change.")
    draft = PolicyDraft.objects.create(policy_id=policy_id, made_by=by)
    _save(draft, 1, in_force(policy_id), None, because, by)
    return draft


def _is_national(policy_id: str) -> bool:
    return rule_in_force(policy_id).basis != Rule.Basis.LOCAL


@transaction.atomic
def save_draft(
    *,
    draft: PolicyDraft,
    content: RuleContent,
    holds_from: datetime | None,
    because: str,
    by: Person,
    seen: int,
) -> DraftVersion:
    """A new version, unless it says the same. `seen`: the number of the version that the page
    showed. Raises `Overtaken`."""
    check_can_draft_policy(by)
    draft = _open(draft)
    newest = draft.versions.select_related("by")[0]
    if newest.number != seen:
        raise Overtaken(f"{newest.by} has saved this draft since you opened it.")
    same = newest.said == content and newest.holds_from == holds_from
    if same and newest.because == because.strip():
        return newest
    return _save(draft, newest.number + 1, content, holds_from, because, by)


def _save(
    draft: PolicyDraft,
    number: int,
    content: RuleContent,
    holds_from: datetime | None,
    because: str,
    by: Person,
) -> DraftVersion:
    if not because.strip():
        raise ValueError("Say what the change is for.")
    return DraftVersion.objects.create(
        draft=draft,
        number=number,
        content=content.as_json,
        holds_from=holds_from,
        because=because.strip(),
        by=by,
    )


def _open(draft: PolicyDraft) -> PolicyDraft:
    """Locked. Raises `Overtaken` where it has ended."""
    draft = PolicyDraft.objects.select_for_update(no_key=True).get(pk=draft.pk)
    if draft.withdrawn_at is not None:
        raise Overtaken(f"{draft.withdrawn_by} has put this draft away already.")
    if draft.rule_id is not None:
        raise Overtaken("This draft has been signed by both already.")
    return draft


@transaction.atomic
def withdraw_draft(*, draft: PolicyDraft, by: Person, because: str) -> PolicyDraft:
    """Put it away, with a reason; it can be read as before."""
    check_can_draft_policy(by)
    if not because.strip():
        raise ValueError("Say why it is put away.")
    draft = _open(draft)
    draft.withdrawn_at, draft.withdrawn_by = database_now(), by
    draft.withdrawn_because = because.strip()
    draft.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_because"])
    return draft


def signatures_of(version: DraftVersion, rule: Rule) -> list[DraftSignature]:
    """Those that count: of this version, beside what is in force."""
    return list(version.signatures.filter(beside=rule).select_related("by"))


@transaction.atomic
def sign_draft(
    *,
    version: DraftVersion,
    beside: Rule,
    by: Person,
    capacity: str,
    title: str,
) -> Rule | None:
    """One of two signatures. With the second the draft becomes the next version of its rule, which
    is the answer; before that None.

    `version` and `beside`: what the page showed. Raises `Overtaken`, and ValueError with a sentence
    where the draft may not hold, or these may not sign it.
    """
    check_can_draft_policy(by)
    draft = _open(version.draft)
    if draft.versions.all()[0].pk != version.pk:
        raise Overtaken("The draft has been changed since you opened it. Read it again.")
    if rule_beside(draft.policy_id).pk != beside.pk:
        raise Overtaken("Another version has come into force since you opened this page.")
    _check_may_hold(version, beside)
    given = signatures_of(version, beside)
    for other in given:
        if other.by_id == by.pk:
            raise ValueError("You have signed it already. Somebody else has to sign, too.")
        if other.capacity == capacity:
            raise ValueError(f"{other.by} has signed it in this capacity already.")
    signature = DraftSignature.objects.create(
        version=version, beside=beside, capacity=capacity, title=title.strip(), by=by
    )
    if len(given) + 1 < len(Capacity):
        return None
    return _bring_in(draft, version, beside, [*given, signature])


def _check_may_hold(version: DraftVersion, beside: Rule) -> None:
    if wrong := wrong_with(version.draft.policy_id, version.said):
        raise ValueError(f"It cannot be signed as it is. {wrong[0].sentence}")
    if version.said == content_of(beside, beside.rungs.all()):
        raise ValueError("It says the same as what is in force, so there is nothing to sign.")


def _bring_in(
    draft: PolicyDraft, version: DraftVersion, beside: Rule, given: list[DraftSignature]
) -> Rule:
    """As a version of the rule. A moment that has passed by now is now: nothing holds backwards."""
    now = database_now()
    said = json.dumps([version.content, draft.pk], sort_keys=True).encode()
    rule = add_version(
        version.said,
        policy_id=draft.policy_id,
        category=_category(draft.policy_id, beside),
        escalation=_in_short(version.said),
        basis=Rule.Basis.LOCAL,
        fingerprint=sha256(said).hexdigest(),
        in_force_from=max(version.holds_from or now, now),
    )
    names = {str(one.by) for one in given}
    for one in given:
        # Two people may be of one name.
        name = str(one.by) if len(names) == len(given) else f"{one.by} ({one.by.username})"
        Signature.objects.create(
            rule=rule,
            name=name[:120],
            role=f"{one.title}, {one.get_capacity_display().lower()}"[:120],
            signed_on=timezone.localdate(one.at),
        )
    draft.rule = rule
    draft.save(update_fields=["rule"])
    return rule


def _category(policy_id: str, beside: Rule) -> str:
    """Of a first limit: of which class of reports it is, as the files name it."""
    if beside.policy_id == policy_id:
        return beside.category
    return f"{beside.category}_{CLASS_OF[policy_id]}"


def _in_short(content: RuleContent) -> str:
    """The ladder in words, for reading: the steps that run are rows."""
    return ";".join(f"{rung.clock} {rung.offset} {rung.audience}" for rung in content.rungs)
