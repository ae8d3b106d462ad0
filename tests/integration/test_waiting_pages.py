"""The list of examinations that wait for a report, and the page of one of them."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingStatus
from findings.models import Examination, Leave, Membership, NoReport, Team, Viewing
from findings.presenters.downtime import document, waits_of
from findings.services.leave import set_leave
from findings.services.policy import load_policy, sign_rule
from findings.services.report_by import expect_report, no_report_expected
from notifications.firing import fire_due_steps
from notifications.models import Notification
from tests.factories import SiteFactory, Trust, a_trust, reported, unreported
from tests.integration.policy_files import with_inpatient_limit
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

LIST = "/waiting/"


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def waits(trust: Trust, days: float, **fields: object) -> Examination:
    examination = unreported(trust, performed_at=ago(days), **fields)
    expect_report(examination)
    return examination


def page_of(examination: Examination) -> str:
    return reverse("wait", args=[examination.public_id])


def manager_of(trust: Trust, **fields: object):
    team, _ = Team.objects.get_or_create(
        organisation=trust.organisation, kind=Team.Kind.REPORTING, name="Imaging reporting"
    )
    return trust.add(team=team, **fields)


# --- The list -------------------------------------------------------------------------------------


def test_the_list_has_age_limit_whose_it_is_and_the_least_time_left_first(trust: Trust) -> None:
    young, old, ended = waits(trust, 3), waits(trust, 30), waits(trust, 5)
    no_report_expected(ended, reason="cancelled", because="Cancelled.", by=trust.coordinator)
    text = words_of(signed_in(trust.coordinator).get(LIST))
    assert ended.accession not in text
    assert text.index(old.accession) < text.index(young.accession)
    assert "2 waiting" in text
    assert "1 late" in text
    assert "28 days: national guidance" in text
    assert "30 days" in text
    assert str(old.patient.display_name) in text
    assert str(trust.coordination) in text


def test_it_is_narrowed_by_lateness_and_by_site(trust: Trust) -> None:
    other = SiteFactory(organisation=trust.organisation)
    young, old, there = waits(trust, 3), waits(trust, 30), waits(trust, 31, site=other)
    client = signed_in(trust.coordinator)

    def shown(query: str) -> set[str]:
        text = words_of(client.get(f"{LIST}?{query}"))
        every = (young, old, there)
        return {one.accession for one in every if one.accession in text}

    assert shown("late=yes") == {old.accession, there.accession}
    assert shown(f"site={trust.site.pk}") == {young.accession, old.accession}
    assert shown(f"late=yes&site={other.pk}") == {there.accession}


def test_nothing_of_another_trust_is_shown_and_its_page_is_not_found(trust: Trust) -> None:
    theirs = waits(a_trust(), 30)
    client = signed_in(trust.coordinator)
    assert theirs.accession not in words_of(client.get(LIST))
    assert client.get(page_of(theirs)).status_code == 404


def test_an_imaging_manager_without_a_role_has_the_list_in_the_navigation(trust: Trust) -> None:
    examination = waits(trust, 3)
    client = signed_in(manager_of(trust))
    page = client.get(LIST)
    assert examination.accession in words_of(page)
    assert f'href="{LIST}" aria-current="page"' in page.content.decode()
    assert signed_in(trust.referrer).get(LIST).status_code == 403
    assert signed_in(manager_of(trust)).get("/").url == LIST


def test_whoever_stands_in_for_an_imaging_manager_may_look(trust: Trust) -> None:
    examination, manager = waits(trust, 3), manager_of(trust)
    deputy, today = trust.add(), timezone.localdate()
    assert signed_in(deputy).get(page_of(examination)).status_code == 404
    set_leave(person=manager, by=manager, first_on=today, last_on=today, deputy=deputy)
    assert Leave.objects.exists()
    assert signed_in(deputy).get(page_of(examination)).status_code == 200
    assert signed_in(deputy).get(LIST).status_code == 200


def test_a_step_has_the_same_words_wherever_it_is_named(trust: Trust) -> None:
    manager_of(trust)
    examination = waits(trust, 27)  # told on day 21; the limit comes tomorrow
    fire_due_steps()
    now = timezone.now()
    client, paper = signed_in(trust.coordinator), waits_of(trust.organisation)
    told, coming = "Imaging reporting (no report yet)", "Imaging reporting (limit reached)"
    for page in (client.get(LIST), client.get(page_of(examination))):
        assert told in words_of(page)
        assert coming in words_of(page)
    assert coming in document(trust.organisation, [], paper, now)


def test_ten_rows_ask_no_more_than_two(trust: Trust) -> None:
    for days in (3, 30):
        waits(trust, days)
    client = signed_in(trust.coordinator)
    two = queries_without_banner(client, LIST)
    for days in range(1, 9):
        waits(trust, days)
    assert queries_without_banner(client, LIST) == two
    assert two <= 14


def test_every_look_at_a_patient_is_recorded(trust: Trust) -> None:
    examination = waits(trust, 3)
    client = signed_in(trust.coordinator)
    for page in (LIST, page_of(examination), reverse("no-report", args=[examination.public_id])):
        before = Viewing.objects.count()
        client.get(page)
        seen = Viewing.objects.order_by("pk").last()
        assert Viewing.objects.count() == before + 1, page
        assert seen is not None
        assert seen.patients == [examination.patient_id]


# --- One of them ----------------------------------------------------------------------------------


def test_its_page_says_who_is_told_next_and_by_whom_the_limit_is(trust: Trust) -> None:
    manager = manager_of(trust, duty=Membership.Duty.DIRECTOR)
    examination = waits(trust, 3)
    text = words_of(signed_in(manager).get(page_of(examination)))
    assert "National guidance" in text
    assert "Imaging reporting (no report yet)" in text
    assert f"{manager} (in this application, by e-mail)" in text


def test_its_page_says_who_was_told_and_whether_it_went(trust: Trust) -> None:
    examination, manager = waits(trust, 24), manager_of(trust)
    fire_due_steps()
    client = signed_in(trust.coordinator)

    def told() -> str:
        text = words_of(client.get(page_of(examination)))
        return text[text.index("Who has been told") :]

    messages = Notification.objects.filter(recipient=manager)
    assert f"Imaging reporting (no report yet) {manager} (being sent)" in told()
    messages.update(status="failed")
    assert f"{manager} (not delivered)" in told()
    messages.filter(channel="in_app").update(status="sent", sent_at=timezone.now())
    assert f"{manager} Examination" in told(), "one way is enough"


def test_its_page_asks_as_much_after_many_steps_as_after_one(trust: Trust) -> None:
    manager_of(trust)
    one, many = waits(trust, 24), waits(trust, 300)
    fire_due_steps()
    client = signed_in(trust.coordinator)
    client.get(page_of(one))
    assert queries_without_banner(client, page_of(many)) <= queries_without_banner(
        client, page_of(one)
    )


def test_a_local_limit_is_never_called_national(trust: Trust, tmp_path: Path) -> None:
    load_policy(with_inpatient_limit(tmp_path))
    sign_rule(policy_id="DEF-TAT-IP", name="Dr Sign Example", role="Medical director")
    examination = waits(trust, 3, setting="inpatient")
    client = signed_in(trust.coordinator)
    assert "National guidance" not in words_of(client.get(page_of(examination)))
    assert "1 working day: Local default" in words_of(client.get(LIST))


def test_where_nobody_said_when_the_page_says_so(trust: Trust) -> None:
    examination = reported(trust, status=ArrivingStatus.PRELIMINARY, performed_at=None)
    text = words_of(signed_in(trust.coordinator).get(page_of(examination)))
    assert "has not said when the images were made" in text
    assert "or before" in words_of(signed_in(trust.coordinator).get(LIST))


def test_the_page_of_a_report_shows_that_a_verified_one_is_awaited(trust: Trust) -> None:
    examination = reported(trust, status=ArrivingStatus.PRELIMINARY)
    address = reverse("report", args=[examination.public_id])
    page = signed_in(trust.coordinator).get(address)
    assert "Waiting for a verified report" in words_of(page)
    assert page_of(examination) in page.content.decode()
    page = signed_in(trust.referrer).get(address)
    assert "Waiting for a verified report" in words_of(page)
    assert page_of(examination) not in page.content.decode(), "they would find nothing there"
    final = reverse("report", args=[reported(trust).public_id])
    assert "Waiting for a" not in words_of(signed_in(trust.referrer).get(final))


def test_no_report_is_said_and_taken_back_on_pages(trust: Trust) -> None:
    examination = waits(trust, 30)
    client = signed_in(trust.coordinator)
    say = reverse("no-report", args=[examination.public_id])
    wrong = fill_in(client, say, {"reason": "elsewhere", "because": ""})
    assert wrong.status_code == 422
    assert re.search(r'value="elsewhere"[^>]* checked', wrong.content.decode())
    typed = {"reason": "elsewhere", "because": "Reported at the regional centre."}
    assert fill_in(client, say, typed).url == page_of(examination)
    text = words_of(client.get(page_of(examination)))
    assert "No report is to be expected. It was reported elsewhere." in text
    assert client.get(say).status_code == 403
    back = reverse("report-expected", args=[examination.public_id])
    assert fill_in(client, back, {"because": "It was another patient's."}).status_code == 302
    text = words_of(client.get(page_of(examination)))
    assert "Taken back" in text
    assert examination.clocks.filter(stopped_at=None).exists()
    assert "was taken back already" in words_of(client.get(back, follow=True))


def test_governance_reads_and_does_not_end_a_wait(trust: Trust) -> None:
    examination = waits(trust, 30)
    client = signed_in(trust.governance)
    assert "No report is to be expected" not in words_of(client.get(page_of(examination)))
    assert client.get(reverse("no-report", args=[examination.public_id])).status_code == 403
    assert not NoReport.objects.exists()


def test_the_numbers_of_governance_open_their_rows(trust: Trust) -> None:
    waits(trust, 3), waits(trust, 30)
    html = signed_in(trust.governance).get(reverse("governance")).content.decode()
    assert f'href="{LIST}">2 waiting' in html
    assert f'href="{LIST}?late=yes">1 late' in html


def test_where_no_team_hears_of_it_the_page_does_not_say_that_all_were_told(trust: Trust) -> None:
    examination = waits(trust, 3)
    Team.objects.filter(pk=trust.coordination.pk).update(kind=Team.Kind.CLINICAL)
    text = words_of(signed_in(trust.coordinator).get(page_of(examination)))
    assert "Everybody on the ladder has been told" not in text
    assert "Cannot be reached: Imaging reporting has no member who works here." in text
    assert f"The coordinators (limit reached) {trust.coordinator}" in text
