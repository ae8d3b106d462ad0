"""What became of the examination that was recommended."""

from django.http import HttpRequest, HttpResponse

from findings import rules
from findings.forms.follow_up import NONE_OF_THESE, FollowUpForm
from findings.models import Finding, Person, Recommendation
from findings.presenters.answering import next_limit
from findings.services.follow_up import confirm_match, end_follow_up, refuse_matches
from findings.views.answering import Answer, answer_page


def follow_up(request: HttpRequest, reference: str) -> HttpResponse:
    return answer_page(request, reference, FOLLOW_UP)


def _follow_up(finding: Finding, by: Person, form: FollowUpForm) -> str:
    chosen = form.cleaned_data["choice"]
    if form.match is not None:
        confirm_match(finding=finding, match=form.match, by=by)
        return f"Recorded: that was the recommended examination. {next_limit(finding)}."
    if chosen == NONE_OF_THESE:
        refuse_matches(finding=finding, by=by, because=form.cleaned_data["because"])
        return "Recorded. The recommended examination is still awaited."
    end_follow_up(
        finding=finding,
        outcome=Recommendation.Outcome(chosen),
        because=form.cleaned_data["because"],
        by=by,
    )
    return f"Recorded. Nobody is asked for that examination any more. {next_limit(finding)}."


FOLLOW_UP = Answer(
    title="What became of the recommended examination",
    button="Record",
    form=FollowUpForm,
    check=rules.check_can_follow_up,
    take=_follow_up,
    lead="Examinations shown here are proposals, made from modality, region and date: read the"
    " report before you select one.",
)
