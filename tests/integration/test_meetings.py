"""Meetings without anybody's name, how often people came, and what everybody is to read."""

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.forms.meetings import AddCaseForm
from findings.measures.meetings import not_discussed
from findings.models import Attendance, Case, LearningPoint, Meeting, ReadReceipt, Review, Role
from findings.services import meetings
from findings.services.open_reviews import open_for
from findings.services.reviews import start_review
from tests.factories import Trust, a_trust, flagged
from tests.integration.desk_scene import ago
from tests.integration.test_at_once import all_at_once
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
REALM, TRIANGULATION = Meeting.Kind.REALM, Meeting.Kind.TRIANGULATION


@pytest.fixture
def lead(trust: Trust) -> Client:
    return signed_in(trust.governance)


def breached(trust: Trust) -> Review:
    finding = flagged(trust, at=ago(minutes=90))
    open_for(trust.organisation.pk, since=ago(days=9), until=timezone.now())
    return finding.reviews.get()


def near_miss(trust: Trust) -> Review:
    kind, said = Review.Kind.NEAR_MISS, "Dr Somebody looked twice."
    return start_review(by=trust.radiologist, kind=kind, happened=said)


def held(trust: Trust, *people: Any, kind: Any = REALM, days: float = 1, **more: Any) -> Meeting:
    """So many days ago, with these people there, and its record closed."""
    meeting = meetings.call_meeting(by=trust.governance, kind=kind, held_at=ago(days=days), **more)
    meetings.record_attendance(meeting=meeting, by=trust.governance, people=people)
    return meetings.close_record(meeting=meeting, by=trust.governance, summary="We learned.")


def typed(at: Any) -> dict[str, str]:
    here = timezone.localtime(at)
    parts = {"day": here.day, "month": here.month, "year": here.year, "time": f"{here:%H:%M}"}
    return {f"held_at-{name}": f"{value}" for name, value in parts.items()}


def test_from_the_agenda_to_what_a_radiologist_has_read(trust: Trust, lead: Client) -> None:
    first, second, third = breached(trust), near_miss(trust), near_miss(trust)
    page = words_of(lead.get(reverse("call-meeting")))
    assert all(one.reference in page for one in (first, second, third))
    given = {"kind": "realm", "place": "Seminar room", "cases": [first.pk, second.pk]}
    sent = lead.post(reverse("call-meeting"), given | typed(ago(hours=2)), follow=True)
    assert "The meeting is planned." in words_of(sent)
    meeting = Meeting.objects.get()
    address = reverse("meeting", args=[meeting.pk])
    lead.post(reverse("add-case", args=[meeting.pk]), {"review": third.pk})
    assert [case.review for case in meeting.cases.all()] == [first, second, third]
    again = words_of(lead.get(reverse("call-meeting")))
    assert f"{first.reference}, " in again, "another meeting may talk about it, too"
    assert "(had: radiology events and learning meeting, " in again
    case = meeting.cases.get(review=second)
    assert case.brought_by == trust.radiologist
    words = {"sheet": "A second look found it.", "brought_by": trust.radiologist.pk}
    fill_in(lead, reverse("prepare-case", args=[meeting.pk, case.pk]), words)
    lead.post(
        reverse("prepare-case", args=[meeting.pk, meeting.cases.last().pk]), {"do": "take-off"}
    )
    came = {"people": [trust.radiologist.pk, trust.governance.pk]}
    lead.post(reverse("record-attendance", args=[meeting.pk]), came)
    lead.post(reverse("close-meeting", args=[meeting.pk]), {"summary": "Look twice."})
    page = words_of(lead.get(address))
    assert "Look twice." in page
    assert f"{trust.radiologist}" in page
    point = {"title": "Look twice", "text": "At the apices.", "roles": ["radiologist"]}
    lead.post(f"{reverse('share-point')}?meeting={meeting.pk}", point)
    radiologist = signed_in(trust.radiologist)
    assert "1 learning point to read" in words_of(radiologist.get(reverse("my-flags")))
    assert "You were there." in words_of(radiologist.get(address))
    assert "At the apices." in words_of(radiologist.get(address))
    assert "1 to read." in words_of(radiologist.get(reverse("learning")))
    assert not ReadReceipt.objects.exists(), "opening is not reading"
    read = reverse("read-point", args=[LearningPoint.objects.get().pk])
    assert "it is recorded" in words_of(radiologist.post(read, follow=True))
    assert "You had said so already." in words_of(radiologist.post(read, follow=True))
    assert "1 of 1 have read it" in words_of(lead.get(reverse("learning")))
    assert signed_in(trust.referrer).post(read).status_code == 404
    assert "At the apices." not in words_of(signed_in(trust.referrer).get(reverse("learning")))


def test_a_case_that_was_had_is_offered_to_the_other_kind_of_meeting(
    trust: Trust, lead: Client
) -> None:
    old, new, missed = near_miss(trust), near_miss(trust), near_miss(trust)
    held(trust, trust.radiologist, cases=[old])
    held(trust, trust.radiologist, kind=TRIANGULATION, cases=[new])
    third = meetings.call_meeting(
        by=trust.governance, kind=TRIANGULATION, held_at=timezone.now(), cases=[]
    )
    form = AddCaseForm(third, by=trust.governance)
    assert list(form.fields["review"].queryset) == [missed, old, new]
    lead.post(reverse("add-case", args=[third.pk]), {"review": old.pk})
    assert [case.review for case in third.cases.all()] == [old]
    assert old not in AddCaseForm(third, by=trust.governance).fields["review"].queryset
    assert list(not_discussed(Review.objects.all())) == [missed]


def test_the_desk_says_what_is_to_be_read(trust: Trust) -> None:
    meetings.share_point(
        by=trust.governance, title="Look twice", text="At night.", roles=["coordinator"]
    )
    page = words_of(signed_in(trust.coordinator).get(reverse("desk")))
    assert "1 learning point to read" in page


def test_no_sheet_names_anybody(trust: Trust, lead: Client) -> None:
    review, raised = breached(trust), near_miss(trust)
    patient = review.finding.examination.patient
    patient.birth_date = date(1958, 3, 4)
    patient.save()
    examination = review.finding.examination
    examination.performed_at = ago(days=1)
    examination.save()
    meeting = meetings.call_meeting(
        by=trust.governance, kind=REALM, held_at=ago(hours=1), cases=[review, raised]
    )
    page = lead.get(reverse("case-sheets", args=[meeting.pk])).content.decode()
    main = page[page.index("<main") : page.index("</main")]
    assert "60 to 69" in main
    assert "Not acknowledged by its limit" in main
    assert "Respiratory medicine" in main
    secret = [
        patient.family_name,
        patient.nhs_number,
        "1958",
        examination.accession,
        review.reference,
        review.finding.reference,
        review.finding.description,
        raised.happened,
        "Dr Somebody",
        *(str(one) for one in (trust.radiologist, trust.referrer, trust.governance, trust.site)),
    ]
    assert not [word for word in secret if word and str(word) in main]


def test_this_years_numbers_are_shown_with_their_source(trust: Trust, lead: Client) -> None:
    always, seldom = trust.radiologist, trust.add(Role.RADIOLOGIST, site=trust.site)
    for person in (always, seldom):
        person.joined_at = ago(days=900)
        person.save()
    held(trust, always, seldom, days=400)
    held(trust, always, seldom, days=90, cases=[near_miss(trust)])
    held(trust, always, days=30)
    held(trust, always, days=1)
    held(trust, seldom, kind=TRIANGULATION, days=20)
    meetings.call_meeting(by=trust.governance, kind=REALM, held_at=ago(days=2))
    page = words_of(lead.get(reverse("meetings")))
    assert "3 held; at least 6 a year wanted" in page
    assert "1 held; at least 4 a year wanted" in page
    assert f"{always} Attendance 100 % Were there 3 of 3 Cases 1" in page
    assert f"{seldom} Attendance 33 % Were there 1 of 3 Cases 0" in page
    assert "XR-704" in page
    assert "as the Society of Radiographers reports it" in page
    own = words_of(signed_in(seldom).get(reverse("meetings")))
    assert "33 %" in own
    assert str(always) not in own, "nobody reads how often others came"


def test_a_closed_record_is_never_changed(trust: Trust, lead: Client) -> None:
    review = breached(trust)
    meeting = held(trust, trust.radiologist, cases=[review])
    case, attendance = meeting.cases.get(), meeting.attendances.get()
    late = lead.post(reverse("record-attendance", args=[meeting.pk]), {"people": []})
    assert f"{trust.governance} has closed the record" in words_of(late)
    now = timezone.now()
    for change in (
        lambda: Meeting.objects.filter(pk=meeting.pk).update(summary="Else."),
        lambda: Case.objects.filter(pk=case.pk).update(sheet="Else."),
        lambda: Case.objects.create(meeting=meeting, review=near_miss(trust), position=2),
        lambda: Attendance.objects.filter(pk=attendance.pk).update(
            undone_at=now, undone_by=trust.governance
        ),
        lambda: Attendance.objects.create(
            meeting=meeting, person=trust.coordinator, recorded_by=trust.governance
        ),
        attendance.delete,
    ):
        with pytest.raises(Error), transaction.atomic():
            change()
    soon = timezone.now() + timedelta(days=1)
    later = meetings.call_meeting(by=trust.governance, kind=REALM, held_at=soon)
    with pytest.raises(ValueError, match="not been held"):
        meetings.close_record(meeting=later, by=trust.governance, summary="Too early.")


def test_a_point_is_withdrawn_with_a_reason_and_never_edited(trust: Trust, lead: Client) -> None:
    given = {"title": "Look twice", "text": "At the apices.", "roles": [Role.REFERRER]}
    point = meetings.share_point(by=trust.governance, **given)
    meetings.say_read(point=point, by=trust.referrer)
    for change in (
        lambda: LearningPoint.objects.filter(pk=point.pk).update(text="Else."),
        lambda: ReadReceipt.objects.all().delete(),
        lambda: LearningPoint.objects.filter(pk=point.pk).update(undone_at=timezone.now()),
    ):
        with pytest.raises(Error), transaction.atomic():
            change()
    address = reverse("withdraw-point", args=[point.pk])
    fill_in(lead, address, {"because": "It was about another hospital."})
    assert "At the apices." not in words_of(signed_in(trust.referrer).get(reverse("learning")))
    assert "was withdrawn already" in words_of(lead.get(address, follow=True))


@pytest.mark.django_db(transaction=True)
def test_two_who_record_at_once_leave_one_of_each() -> None:
    trust = a_trust()
    review = near_miss(trust)
    given = {"title": "Look twice", "text": "At the apices.", "roles": [Role.REFERRER]}
    point = meetings.share_point(by=trust.governance, **given)
    meeting = meetings.call_meeting(by=trust.governance, kind=REALM, held_at=ago(hours=1))

    def record() -> None:
        people = [trust.radiologist, trust.coordinator]
        meetings.record_attendance(meeting=meeting, by=trust.governance, people=people)
        meetings.say_read(point=point, by=trust.referrer)
        with suppress(ValueError):
            meetings.add_case(meeting=meeting, by=trust.governance, review=review)

    all_at_once(*[record] * 3)
    assert (meeting.attendances.count(), meeting.cases.count()) == (2, 1)
    assert ReadReceipt.objects.count() == 1


def test_pages_ask_the_same_few_questions_however_many_there_are(
    trust: Trust, lead: Client
) -> None:
    given = {"title": "Look twice", "text": "At the apices.", "roles": [Role.GOVERNANCE]}

    def one_more() -> Meeting:
        meetings.share_point(by=trust.governance, **given)
        person = trust.add(Role.RADIOLOGIST, site=trust.site)
        meeting = meetings.call_meeting(
            by=trust.governance, kind=REALM, held_at=ago(hours=1), cases=[breached(trust)]
        )
        meetings.record_attendance(meeting=meeting, by=trust.governance, people=[person])
        return meeting

    meeting, _ = one_more(), one_more()
    addresses = [
        reverse("meetings"),
        reverse("learning"),
        reverse("meeting", args=[meeting.pk]),
        reverse("case-sheets", args=[meeting.pk]),
    ]
    few = [queries_without_banner(lead, address) for address in addresses]
    for _ in range(3):
        meetings.add_case(meeting=meeting, by=trust.governance, review=breached(trust))
        one_more()
    assert [queries_without_banner(lead, address) for address in addresses] == few
    assert max(few) <= 25, few
