"""How a draft of policy would have done: its replays, while they run and when they are done
(docs/adr/0048)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from findings.forms.lab import ReplayedFilter
from findings.models import LabReplay, LabRun, ReplayedCase, Rule
from findings.presenters.columns_lab import REPLAYED_CASES, first_told
from findings.presenters.lab_replay import (
    ReplayShown,
    earlier_words,
    left_words,
    progress,
    stale_words,
)
from findings.presenters.policy import CLOCKS
from findings.rules import can_draft_policy, check_can_draft_policy, check_can_see_lab
from findings.services.drafts import rule_beside
from findings.services.lab_runs import ask_for_replay, started_since
from findings.services.timeline import database_now
from findings.views.access import signed_in
from findings.views.lab import draft_and_newest
from findings.views.listing import Listing, Shown, answer

CASES = Listing(
    "Replayed cases",
    "replayed_cases.jinja",
    REPLAYED_CASES,
    ("-minutes_earlier", "pk"),
    patients=lambda row: [row.patient.pk],
)


@require_POST
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Have it run against the cases of the last twelve months; whoever presses twice has one."""
    person = signed_in(request)
    check_can_draft_policy(person)
    _, newest = draft_and_newest(pk)
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
    draft, newest = draft_and_newest(replay.version.draft_id)
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
