"""The policy lab: drafts of local rules, how each would have done, and the two signatures after
which one holds (docs/adr/0047, 0048)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from findings.forms.lab import DraftForm, NewDraftForm, PutAwayForm, ReplayedFilter, SignForm
from findings.forms.lists import Narrowing
from findings.models import (
    Category,
    DraftSignature,
    DraftVersion,
    LabReplay,
    LabRun,
    PolicyDraft,
    ReplayedCase,
    Rule,
)
from findings.presenters.columns_lab import DRAFTS, REPLAYED_CASES, first_told
from findings.presenters.lab import (
    ReplayShown,
    class_of,
    difference,
    earlier_words,
    left_words,
    local_rules,
    national_words,
    progress,
    stale_words,
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
from findings.services.lab_runs import ask_for_replay, started_since
from findings.services.policy_checks import wrong_with
from findings.services.timeline import database_now
from findings.views.access import signed_in
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer
from findings.views.numbers import number_in

PLANS = Listing("Drafts of policy", "policy_lab.jinja", DRAFTS, ("-pk",), care="")
CASES = Listing(
    "Replayed cases",
    "replayed_cases.jinja",
    REPLAYED_CASES,
    ("-minutes_earlier", "pk"),
    patients=lambda row: [row.patient.pk],
)


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


def _draft(pk: int) -> tuple[PolicyDraft, DraftVersion]:
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
    draft, newest = _draft(pk)
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
    draft, newest = _draft(pk)
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
        context |= {"overtaken": str(overtaken), "seen": _draft(pk)[1].number}
        return form_page(request, "change_draft.jinja", context, 409)
    messages.success(request, "Saved. Nothing is in force before two people have signed it.")
    return redirect("policy-draft", pk)


@require_POST
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Have it run against the cases of the last twelve months; whoever presses twice has one."""
    person = signed_in(request)
    check_can_draft_policy(person)
    _, newest = _draft(pk)
    return redirect("lab-run", ask_for_replay(version=newest, by=person).pk)


@require_safe
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a replay has come; once it is done, its numbers."""
    person = signed_in(request)
    check_can_see_lab(person)
    runs = LabRun.objects.visible_to(person).select_related("version__draft", "by")
    run = get_object_or_404(runs, pk=pk)
    if run.replay_id:
        return redirect("policy-replay", run.replay_id)
    context = {
        "run": run,
        "draft": run.version.draft,
        "progress": progress(run, database_now()),
        "may_change": run.version.draft.is_open and can_draft_policy(person),
    }
    return render(request, "lab_run.jinja", context)


@require_safe
def replayed(request: HttpRequest, pk: int) -> HttpResponse:
    """The numbers of one replay."""
    person = signed_in(request)
    check_can_see_lab(person)
    replays = LabReplay.objects.visible_to(person)
    replay = get_object_or_404(replays.select_related("version__draft", "by"), pk=pk)
    draft, newest = _draft(replay.version.draft_id)
    context = {
        "replay": replay,
        "draft": draft,
        "stale": stale_words(
            is_newest=replay.version_id == newest.pk,
            overtaken=_in_force_since(replay),
            started=started_since(replay),
        ),
        "shown": ReplayShown(replay),
        "cases": ReplayedCase.objects.visible_to(person).filter(replay=replay).count(),
    }
    return render(request, "policy_replay.jinja", context)


def _in_force_since(replay: LabReplay) -> Rule | None:
    """Another version of the rule, which has come into force since it was run."""
    rule = rule_beside(replay.version.draft.policy_id)
    began = rule.in_force_from
    return rule if began and began > replay.until else None


@require_safe
def cases(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Each promise that would have gone another way; first whoever would have heard much
    earlier."""
    person = signed_in(request)
    check_can_see_lab(person)
    replay = get_object_or_404(LabReplay.objects.visible_to(person), pk=pk)
    form = ReplayedFilter(request.GET)
    rows = form.apply(ReplayedCase.objects.visible_to(person).filter(replay=replay))
    read = rows.select_related(
        "clock__finding__category",
        "clock__finding__examination__patient",
        "clock__examination__patient",
    )

    def context(page: Shown) -> dict[str, Any]:
        return {
            "replay": replay,
            "form": form,
            "clocks": CLOCKS,
            "first_told": first_told,
            "earlier_words": earlier_words,
            "left_words": left_words,
        }

    return answer(request, CASES, read, form.narrowing, context)


@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """One of two signatures, of what stands on this page."""
    person = signed_in(request)
    check_can_draft_policy(person)
    draft, newest = _draft(pk)
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
    draft, _ = _draft(pk)
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
