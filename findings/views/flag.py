"""Flagging a finding, and what became of one's own flags.

Nothing is saved that the page did not show first: it carries a signed note of whom it said would
be told, and a press that would tell somebody else only shows the page again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from findings.forms.flag import FlagForm
from findings.forms.lists import Narrowing
from findings.models import Examination, Finding, Person, Proposal, Role
from findings.presenters.columns import FLAGS
from findings.presenters.finding import may_phone
from findings.presenters.flag import (
    became,
    category_choices,
    flagged_words,
    owner_words,
    ratings,
    what_will_happen,
)
from findings.presenters.proposals import what_was_found
from findings.presenters.reports import STATUS_COLOURS, conclusion
from findings.rules import NotAllowed, check_can_flag, check_can_withdraw, undoable
from findings.services.close import undo_flag
from findings.services.documents import documents_of
from findings.services.flag import Ownership, ownership
from findings.services.flag_once import flag_finding_once
from findings.services.foresee import Foreseen, Offer, coordinators_to_call, foresee, offers
from findings.services.policy import PolicyError
from findings.services.routing import Routing
from findings.services.search import flags_in
from findings.views.access import (
    is_from_my_flags,
    saw,
    signed_in,
    visible_examination,
    visible_finding,
)
from findings.views.form_page import form_page
from findings.views.listing import Listing, Shown, answer
from findings.views.questions import waiting_for

SALT = "findings.flag"
# Routes and rotas may have changed since a page that is older than this.
SEEN_FOR = timedelta(hours=1)
# What app.js sends while the form is being filled in, to show who would be told by now.
LOOK = "look"
REPORT_CHANGED = "The report changed while this page was open. Read what it says now."
NOT_SHOWN = "This is who will be told. Nothing is saved yet."


@dataclass(frozen=True)
class Ahead:
    """What flagging with one owner would do; without one, why there is none."""

    held: Ownership | None
    foreseen: Sequence[Foreseen] = ()
    no_owner: str = ""

    def note(self, examination: Examination) -> dict[str, Any]:
        """What the page showed, to compare with when it comes back."""
        held = self.held
        return {
            "report": examination.current_report_id,
            "person": held and held.person and held.person.pk,
            "team": held and held.team.pk,
            "who": {one.offer.category.code: one.digest for one in self.foreseen},
        }


@require_http_methods(["GET", "HEAD", "POST"])
def flag(request: HttpRequest, public_id: str) -> HttpResponse:
    """The form, what it would do, and the press that does it."""
    examination, by = visible_examination(request, public_id), signed_in(request)
    check_can_flag(by, examination)
    now = timezone.now()
    offered = offers(now, examination.site)
    routing = Routing(examination.site.organisation)
    form = _form(request, examination, by, offered, routing, _proposal(request, examination))
    if request.method != "POST":
        return _page(request, form, _ahead(examination, by, None, offered, routing), now)
    valid = form.is_valid()
    unnamed = form.awaits_name
    ahead = Ahead(None) if unnamed else _ahead(examination, by, form.owner, offered, routing)
    if ahead.no_owner:
        form.add_error("holder", ahead.no_owner)
    if request.POST.get("do") == LOOK:
        form.forgive_what_is_missing()
        return _page(request, form, ahead, now)
    if not valid or ahead.no_owner or request.POST.get("do") == "check":
        return _page(request, form, ahead, now)
    changed = _what_changed(request, form, ahead)
    return (
        _page(request, form, ahead, now, changed) if changed else _save(request, form, ahead, now)
    )


def _proposal(request: HttpRequest, examination: Examination) -> Proposal | None:
    """The alert code that is confirmed by this flag; None where it is not, or not any more."""
    named = request.POST.get("proposal") or request.GET.get("proposal") or ""
    if not (named.isascii() and named.isdecimal()) or len(named) > 18:
        return None
    return examination.proposals.open().select_related("category").filter(pk=named).first()


def _form(
    request: HttpRequest,
    examination: Examination,
    by: Person,
    offered: Sequence[Offer],
    routing: Routing,
    proposal: Proposal | None,
) -> FlagForm:
    report = examination.current_report
    assert report is not None
    return FlagForm(
        examination=examination,
        by=by,
        offered=offered,
        order=_order(examination, routing),
        description=conclusion(report.text) or (proposal.line if proposal else ""),
        proposal=proposal,
        data=request.POST if request.method == "POST" else None,
    )


def _order(examination: Examination, routing: Routing) -> Ownership | None:
    """Whom the order leads to; None where the trust has nobody at all to fall back on."""
    try:
        return ownership(examination, None, routing=routing)
    except NotAllowed:
        return None


def _ahead(
    examination: Examination,
    by: Person,
    chosen: Person | None,
    offered: Sequence[Offer],
    routing: Routing,
) -> Ahead:
    try:
        held = ownership(examination, chosen, routing=routing)
    except NotAllowed as refusal:
        return Ahead(None, no_owner=str(refusal))
    foreseen = foresee(examination=examination, by=by, held=held, offered=offered, routing=routing)
    return Ahead(held, foreseen)


def _what_changed(request: HttpRequest, form: FlagForm, ahead: Ahead) -> str:
    """A sentence when the page that was sent did not show what would now be saved."""
    try:
        seen = signing.loads(request.POST.get("seen", ""), salt=SALT, max_age=SEEN_FOR)
    except signing.BadSignature:
        return NOT_SHOWN
    note, code = ahead.note(form.examination), form.cleaned_data["category"].code
    if seen["report"] != note["report"]:
        return REPORT_CHANGED
    same_owner = (seen["person"], seen["team"]) == (note["person"], note["team"])
    return "" if same_owner and seen["who"].get(code) == note["who"].get(code) else NOT_SHOWN


def _save(request: HttpRequest, form: FlagForm, ahead: Ahead, now: datetime) -> HttpResponse:
    try:
        finding, is_new = flag_finding_once(
            examination=form.examination,
            by=form.by,
            category=form.cleaned_data["category"],
            description=form.cleaned_data["description"],
            recommended_action=form.recommended_action,
            recommended_on=form.cleaned_data["recommended_on"],
            primary_site=form.cleaned_data["primary_site"],
            owner=form.owner,
            advised=form.advised,
            proposal=form.proposal,
        )
    except (NotAllowed, PolicyError) as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, ahead, now)
    if is_new:
        shown = {one.code: one for one in what_will_happen(ahead.foreseen, now)}
        messages.success(request, flagged_words(finding.owner, shown[finding.category_id]))
    else:
        messages.info(request, "You have flagged this already, in these words. Nothing was added.")
    return redirect("finding", finding.reference)


def _page(
    request: HttpRequest, form: FlagForm, ahead: Ahead, now: datetime, changed: str = ""
) -> HttpResponse:
    examination = form.examination
    if request.method != "HEAD":
        saw(request, examination.patient)
    will_happen = what_will_happen(ahead.foreseen, now)
    lost = any(not one.reaches_somebody for one in will_happen)
    report = examination.current_report
    assert report is not None  # check_can_flag refuses an examination without one
    context = {
        "examination": examination,
        "report": report,
        "documents": documents_of(report),
        "status_colours": STATUS_COLOURS,
        "form": form,
        "proposal": form.proposal,
        "what_was_found": what_was_found,
        "categories": category_choices(form.offered),
        "ahead": ahead,
        "owner": ahead.held and owner_words(ahead.held),
        "will_happen": will_happen,
        "to_call": coordinators_to_call(examination) if lost else [],
        "flags": flags_in(examination, form.by),
        "seen": signing.dumps(ahead.note(examination), salt=SALT),
        "changed": changed,
        "checked": request.method == "POST" and not form.errors and not changed,
    }
    return form_page(request, "flag.jinja", context)


@require_POST
def undo(request: HttpRequest, reference: str) -> HttpResponse:
    """One press, while nobody was told: on the finding, or in the list of flags."""
    finding, by = visible_finding(request, reference), signed_in(request)
    check_can_withdraw(by, finding)
    try:
        undo_flag(finding=finding, by=by)
    except NotAllowed as refusal:
        messages.warning(request, str(refusal))
        return redirect("withdraw", reference)
    messages.success(request, "The flag is undone. Nobody was told of it.")
    if is_from_my_flags(request):
        return redirect("my-flags")
    return redirect("report", finding.examination.public_id)


# Ended ones have no limit: the newest of them first.
MY_FLAGS = Listing(
    "My flags",
    "my_flags.jinja",
    FLAGS,
    ("due_or_never", "-flagged_at", "pk"),
    lambda finding: (finding.examination.patient_id,),
)


@require_safe
def my_flags(request: HttpRequest) -> HttpResponseBase:
    """The radiologist's own flags: open ones first, the least time left first of all."""
    person = signed_in(request)
    if not person.has_role(Role.RADIOLOGIST):
        raise PermissionDenied("Only a radiologist has flags.")
    own = Finding.objects.visible_to(person).filter(flagged_by=person).for_list()
    own = own.select_related("acknowledged_by").prefetch_related("actions", "ratings__rated_by")

    def context(page: Shown) -> dict[str, Any]:
        questions = list(waiting_for(person))
        if request.method == "GET":
            saw(request, *(one.finding.examination.patient for one in questions))
        shown = Finding.objects.filter(pk__in=[finding.pk for finding in page])
        return {
            "questions": questions,
            "undoable": set(undoable(shown, person).values_list("pk", flat=True)),
            "now": timezone.now(),
            "may_phone": partial(may_phone, person),
            "became": became,
            "ratings": ratings,
        }

    return answer(request, MY_FLAGS, own, Narrowing(), context)
