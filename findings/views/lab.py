"""The policy lab: drafts of local rules, and the two signatures after which one holds
(docs/adr/0047)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from findings.forms.lab import DraftForm, NewDraftForm, PutAwayForm, SignForm
from findings.forms.lists import Narrowing
from findings.models import (
    Category,
    DraftSignature,
    DraftVersion,
    LabReplay,
    LabRun,
    PolicyDraft,
    Rule,
)
from findings.presenters.columns_lab import DRAFTS
from findings.presenters.lab import (
    class_of,
    difference,
    local_rules,
    national_words,
    standing,
    without_limit,
)
from findings.presenters.policy import CLOCKS
from findings.rule_content import RuleContent, content_of
from findings.rules import can_draft_policy, check_can_draft_policy, check_can_see_lab
from findings.services.drafts import (
    Overtaken,
    make_draft,
    rule_beside,
    save_draft,
    sign_draft,
    signatures_of,
    withdraw_draft,
)
from findings.services.policy_checks import wrong_with
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer
from findings.views.numbers import number_in

PLANS = Listing("Drafts of policy", "policy_lab.jinja", DRAFTS, ("-pk",), care="")


@require_safe
def lab(request: HttpRequest) -> HttpResponseBase:
    """Every draft, the newest first."""
    person = signed_in(request)
    check_can_see_lab(person)
    rows = PolicyDraft.objects.select_related("made_by", "rule", "withdrawn_by")

    def context(page: Shown) -> dict[str, Any]:
        return {
            "standing": standing,
            "may_change": can_draft_policy(person),
            "to_come": Rule.objects.to_come(),
        }

    return answer(request, PLANS, rows, Narrowing(), context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Begin with what is in force."""
    person = signed_in(request)
    check_can_draft_policy(person)
    rules = Rule.objects.in_force().filter(basis=Rule.Basis.LOCAL)
    names = dict(Category.objects.values_list("local_policy_id", "name"))
    form = NewDraftForm(
        request.POST if request.method == "POST" else None,
        rules=[*local_rules(rules, names), *without_limit(rules)],
        chosen=request.GET.get("rule", ""),
    )
    if form.is_valid():
        draft = make_draft(by=person, **form.cleaned_data)
        return redirect("change-draft", draft.pk)
    return form_page(request, "new_draft.jinja", {"form": form})


def draft_and_newest(pk: int) -> tuple[PolicyDraft, DraftVersion]:
    drafts = PolicyDraft.objects.select_related("made_by", "rule", "withdrawn_by")
    draft = get_object_or_404(drafts.prefetch_related("versions__by"), pk=pk)
    newest = draft.versions.all()[0]
    newest.draft = draft
    return draft, newest


def _beside(draft: PolicyDraft) -> Rule:
    """What the draft is compared with: what is in force, or what was before it was signed."""
    if draft.rule is None:
        return rule_beside(draft.policy_id)
    signature = DraftSignature.objects.filter(version__draft=draft).select_related("beside")
    return signature.latest("pk").beside


def _said(rule: Rule) -> RuleContent:
    return content_of(rule, rule.rungs.all())


@require_safe
def draft(request: HttpRequest, pk: int) -> HttpResponse:
    """What it would change, who signed it, every version of it, and its replays."""
    person = signed_in(request)
    check_can_see_lab(person)
    draft, newest = draft_and_newest(pk)
    beside = _beside(draft)
    replays = LabReplay.objects.visible_to(person).filter(version__draft=draft)
    context = {
        "draft": draft,
        "newest": newest,
        "beside": beside,
        "standing": standing(draft),
        "difference": difference(
            content_of(beside, beside.rungs.all()), newest.said, draft.policy_id
        ),
        "wrong": wrong_with(draft.policy_id, newest.said) if draft.is_open else [],
        "is_first": beside.policy_id != draft.policy_id,
        "of": class_of(draft.policy_id),
        "national": national_words(draft.policy_id),
        "signatures": signatures_of(newest, beside),
        "waits_for": _to_come(draft),
        "runs": LabRun.objects.visible_to(person).open().filter(version__draft=draft),
        "replays": replays.select_related("version", "by")[:10],
        "may_change": draft.is_open and can_draft_policy(person),
    }
    return render(request, "policy_draft.jinja", context)


def _to_come(draft: PolicyDraft) -> Rule | None:
    """Another version that is signed for later: this one would take its place."""
    return Rule.objects.to_come().filter(policy_id=draft.policy_id).exclude(draft=draft).first()


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Its numbers and ladders; buttons add a step or take one away, and save nothing."""
    person = signed_in(request)
    check_can_draft_policy(person)
    draft, newest = draft_and_newest(pk)
    if not draft.is_open:
        messages.warning(request, "This draft has ended: it cannot be changed any more.")
        return redirect("policy-draft", pk)
    form = DraftForm(
        request.POST if request.method == "POST" else None,
        policy_id=draft.policy_id,
        content=newest.said,
        holds_from=newest.holds_from,
        because=newest.because,
    )
    context = {
        "form": form,
        "draft": draft,
        "clocks": CLOCKS,
        "national": national_words(draft.policy_id),
        "seen": request.POST.get("seen", newest.number),
        "overtaken": "",
    }
    if form.only_rows:
        return render(request, "change_draft.jinja", context)
    if not form.is_valid():
        return form_page(request, "change_draft.jinja", context)
    try:
        save_draft(
            draft=draft,
            content=form.said,
            holds_from=form.cleaned_data["holds_from"],
            because=form.cleaned_data["because"],
            by=person,
            seen=number_in(request.POST.get("seen", "")) or 0,
        )
    except Overtaken as overtaken:
        context |= {"overtaken": str(overtaken), "seen": draft_and_newest(pk)[1].number}
        return form_page(request, "change_draft.jinja", context, 409)
    messages.success(request, "Saved. Nothing is in force before two people have signed it.")
    return redirect("policy-draft", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """One of two signatures, of what stands on this page."""
    person = signed_in(request)
    check_can_draft_policy(person)
    draft, newest = draft_and_newest(pk)
    if not draft.is_open:
        messages.warning(request, "This draft has ended already. Nothing more was done.")
        return redirect("policy-draft", pk)
    beside = rule_beside(draft.policy_id)
    form = SignForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            rule = sign_draft(
                version=_seen(request, draft, newest),
                beside=_seen_beside(request, beside),
                by=person,
                **form.cleaned_data,
            )
        except Overtaken as overtaken:
            messages.warning(request, f"{overtaken} Nothing has been signed.")
            return redirect("policy-draft", pk)
        except ValueError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _signed(rule))
            return redirect("policy-draft", pk)
    context = {
        "form": form,
        "draft": draft,
        "newest": newest,
        "beside": beside,
        "difference": difference(
            content_of(beside, beside.rungs.all()), newest.said, draft.policy_id
        ),
        "signatures": signatures_of(newest, beside),
        "waits_for": _to_come(draft),
        "now": timezone.now(),
    }
    return form_page(request, "sign_draft.jinja", context)


def _seen(request: HttpRequest, draft: PolicyDraft, newest: DraftVersion) -> DraftVersion:
    """The version that the page showed; it may have been changed since."""
    number = number_in(request.POST.get("seen", "")) or 0
    return draft.versions.filter(number=number).first() or newest


def _seen_beside(request: HttpRequest, beside: Rule) -> Rule:
    number = number_in(request.POST.get("beside", "")) or 0
    return Rule.objects.filter(policy_id=beside.policy_id, version=number).first() or beside


def _signed(rule: Rule | None) -> str:
    if rule is None:
        return "Signed. Somebody else has to sign it in the other capacity before it holds."
    if Rule.objects.in_force().filter(pk=rule.pk).exists():
        return f"Signed by both: {rule} is in force. What was promised before keeps its version."
    return f"Signed by both: {rule} comes into force by itself."


@require_http_methods(["GET", "HEAD", "POST"])
def put_away(request: HttpRequest, pk: int) -> HttpResponse:
    """It can still be read; nobody can sign it."""
    person = signed_in(request)
    check_can_draft_policy(person)
    draft, _ = draft_and_newest(pk)
    form = PutAwayForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            withdraw_draft(draft=draft, by=person, because=form.cleaned_data["because"])
        except Overtaken as overtaken:
            messages.warning(request, f"{overtaken} Nothing more was done.")
        else:
            messages.success(request, "Put away.")
        return redirect("policy-draft", pk)
    return form_page(request, "put_away_draft.jinja", {"form": form, "draft": draft})
