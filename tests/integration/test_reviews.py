"""A review: what is said of it, what the rows suggest, and that it stays as it was concluded."""

from typing import Any

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Cause, Event, Review, ReviewCause, Theme, Viewing
from findings.services import reviews
from findings.services.acknowledge import decline_finding
from findings.services.open_reviews import open_for
from findings.services.timeline import record
from tests.factories import Trust, a_trust, flagged
from tests.integration.desk_scene import ago
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(trust: Trust) -> Client:
    return signed_in(trust.governance)


def breached(trust: Trust, **more: Any) -> Review:
    """A critical finding that nobody acknowledged in time."""
    finding = more.pop("finding", None) or flagged(trust, at=ago(minutes=90))
    open_for(trust.organisation.pk, since=ago(days=9), until=timezone.now())
    return finding.reviews.get()


def page_of(review: Review) -> str:
    return reverse("review", args=[review.reference])


def theme(code: str = "not_acted_on") -> Theme:
    return Theme.objects.get(code=code)


def assessed(trust: Trust, review: Review, harm: str = "low") -> Review:
    return reviews.assess(
        review=review, by=trust.governance, theme=theme(), harm=harm, lfpse_reference=""
    )


def test_from_the_list_to_what_was_learned(trust: Trust, lead: Client) -> None:
    review = breached(trust)
    listed = words_of(lead.get(reverse("reviews")))
    assert review.reference in listed
    assert "Not acknowledged by its limit" in listed
    assert review.finding.examination.patient.display_name not in listed
    page = words_of(lead.get(page_of(review)))
    assert review.finding.reference in page
    assert "Timeline of the finding" in page
    seen = Viewing.objects.filter(person=trust.governance, page="review").latest("pk")
    assert seen.patients == [review.finding.examination.patient_id]
    conclude = reverse("conclude-review", args=[review.reference])
    early = fill_in(lead, conclude, {"conclusion": "We learned."})
    assert early.status_code == 422
    assert "Say first whether there was harm." in words_of(early)
    assert "We learned." in early.content.decode()
    given = {"theme": theme().pk, "harm": "low", "lfpse_reference": "LFPSE-12"}
    lead.post(reverse("assess-review", args=[review.reference]), given)
    cause = Cause.objects.get(code="cover_gap")
    more = {"cause": cause.pk, "cause_note": "Nobody on the rota at night."}
    lead.post(reverse("add-cause", args=[review.reference]), more)
    done = words_of(fill_in(lead, conclude, {"conclusion": "The rota had a gap."}))
    assert done == ""
    review.refresh_from_db()
    assert (review.status, review.concluded_by) == ("concluded", trust.governance)
    said = [(one.what, one.before, one.after) for one in review.changes.all()]
    assert ("Harm", "Not yet known", "Low harm") in said
    assert ("Status", "In review", "Concluded") in said
    lead.post(reverse("review-note", args=[review.reference]), {"text": "Heard from the family."})
    page = words_of(lead.get(page_of(review)))
    assert "The rota had a gap." in page
    assert "Heard from the family." in page
    assert "Conclude the review" not in page


def test_whoever_concludes_second_hears_who_was_first_and_loses_no_word(
    trust: Trust, lead: Client
) -> None:
    review = assessed(trust, breached(trust))
    reviews.conclude(review=review, by=trust.governance, conclusion="Mine.")
    address = reverse("conclude-review", args=[review.reference])
    second = lead.post(address, {"conclusion": "What I had typed."})
    assert f"{trust.governance} has concluded this review." in words_of(second)
    assert "What I had typed." in second.content.decode()
    late = lead.post(
        reverse("assess-review", args=[review.reference]), {"harm": "severe", "theme": ""}
    )
    assert "has concluded this review" in words_of(late)
    review.refresh_from_db()
    assert (review.conclusion, review.harm) == ("Mine.", "low")


def test_what_the_rows_suggest_is_confirmed_by_a_person(trust: Trust, lead: Client) -> None:
    finding = flagged(trust, at=ago(minutes=90))
    for by in (trust.referrer, trust.colleague):
        decline_finding(finding=finding, by=by, because="Not our patient.")
        finding.refresh_from_db()
    record(
        finding=finding, kind=Event.Kind.SEND_FAILED, by=None, at=timezone.now(), because="Full."
    )
    review = breached(trust, finding=finding)
    page = words_of(lead.get(page_of(review)))
    assert "It was declined 2 times." in page
    assert "1 message about it could not be delivered." in page
    assert not ReviewCause.objects.exists(), "nothing is a cause before a person says so"
    address = reverse("suggested-cause", args=[review.reference])
    wrong, failed = (Cause.objects.get(code=code) for code in ("wrong_recipient", "not_delivered"))
    lead.post(address, {"cause": wrong.pk, "was": "yes"})
    lead.post(address, {"cause": failed.pk, "was": "no"})
    lead.post(address, {"cause": wrong.pk, "was": "yes"})
    found = {one.cause.code: one for one in review.found_causes.all()}
    assert {code: one.was_one for code, one in found.items()} == {
        "wrong_recipient": True,
        "not_delivered": False,
    }
    assert found["wrong_recipient"].suggested_because == "It was declined 2 times."
    page = words_of(lead.get(page_of(review)))
    assert "Not a cause: A message was not delivered" in page
    assert "It was one" not in page


def test_candour_is_owed_from_moderate_harm_on_and_has_no_national_number(
    trust: Trust, lead: Client
) -> None:
    review = assessed(trust, breached(trust), harm="low")
    assert "sets no number of days" not in words_of(lead.get(page_of(review)))
    review = assessed(trust, review, harm="moderate")
    page = words_of(lead.get(page_of(review)))
    assert "sets no number of days" in page
    assert "own limit for the written" not in page
    assert review in Review.objects.candour_owed()
    lead.post(reverse("candour-limit"), {"days": "12"})
    assert "own limit for the written" in words_of(lead.get(page_of(review)))
    today = timezone.localdate()
    day = {"done_on-day": today.day, "done_on-month": today.month, "done_on-year": today.year}
    for step in ("in_person", "apology", "record", "notification"):
        lead.post(reverse("record-candour", args=[review.reference]), {"step": step, **day})
    assert review.candour_steps.count() == 4
    assert review not in Review.objects.candour_owed()
    back = reverse("take-candour-back", args=[review.reference, review.candour_steps.last().pk])
    fill_in(lead, back, {"because": "It was another patient."})
    assert review in Review.objects.candour_owed()


def test_a_radiologist_raises_what_a_meeting_is_for(trust: Trust) -> None:
    radiologist = signed_in(trust.radiologist)
    finding = flagged(trust)
    start = f"{reverse('start-review')}?finding={finding.reference}"
    page = radiologist.get(start)
    assert finding.reference in page.content.decode()
    assert "Complaint" not in words_of(page)
    refused = radiologist.post(start, {"kind": "complaint", "happened": "A letter came."})
    assert refused.status_code == 422
    given = {"kind": "near_miss", "happened": "Seen by chance.", "finding": finding.reference}
    sent = radiologist.post(start, hidden_in(page) | given, follow=True)
    assert "Seen by chance." in words_of(sent)
    other = flagged(a_trust())
    wrong = radiologist.post(start, given | {"finding": other.reference})
    assert "You can read no finding with this reference" in words_of(wrong)
    elsewhere = trust.add(*trust.radiologist.roles, site=trust.site)
    assert signed_in(elsewhere).get(page_of(Review.objects.get())).status_code == 404


def test_similar_ones_are_found_by_cause_and_specialty(trust: Trust, lead: Client) -> None:
    mine, same_cause = breached(trust), breached(trust)
    for review in (mine, same_cause):
        reviews.add_cause(
            review=review, by=trust.governance, cause=Cause.objects.get(code="capacity")
        )
    breached(a_trust())
    page = words_of(lead.get(page_of(mine)))
    assert same_cause.reference in page
    assert "1 cause in common, Respiratory medicine" in page
    narrowed = words_of(
        lead.get(f"{reverse('reviews')}?cause={Cause.objects.get(code='two_owners').pk}")
    )
    assert "No review is like this." in narrowed


def test_pages_ask_the_same_few_questions_however_many_there_are(
    trust: Trust, lead: Client
) -> None:
    review = breached(trust)
    addresses = [reverse("reviews"), page_of(review)]
    few = [queries_without_banner(lead, address) for address in addresses]
    for _ in range(4):
        reviews.add_cause(
            review=breached(trust),
            by=trust.governance,
            cause=Cause.objects.get(code="capacity"),
        )
    assert [queries_without_banner(lead, address) for address in addresses] == few
    assert max(few) <= 25, few


def test_the_database_refuses_to_change_what_is_concluded(trust: Trust) -> None:
    review = assessed(trust, breached(trust))
    note = reviews.add_note(review=review, by=trust.governance, text="A note.")
    reviews.conclude(review=review, by=trust.governance, conclusion="Learned.")
    rows = Review.objects.filter(pk=review.pk)
    changes = [
        lambda: rows.update(harm="severe", candour_since=timezone.now()),
        lambda: rows.update(conclusion="Else."),
        lambda: rows.update(status="open", concluded_at=None, concluded_by=None, conclusion=""),
        rows.delete,
        lambda: review.notes.filter(pk=note.pk).update(text="Else."),
        lambda: review.changes.all().delete(),
        lambda: review.breaches.all().delete(),
        lambda: Review.objects.create(
            organisation=review.organisation, kind="breach", finding=review.finding
        ),
        lambda: Review.objects.create(
            organisation=review.organisation, kind="complaint", happened="A letter came."
        ),
    ]
    for change in changes:
        with pytest.raises(Error), transaction.atomic():
            change()
