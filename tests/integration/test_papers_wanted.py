"""Papers that somebody wants regularly: an e-mail says that one is ready, never what is in it."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from findings.models import PaperReady, PaperSchedule, Role
from findings.services.paper_schedules import make_ready, stop_paper, want_paper
from notifications.models import Channel
from notifications.paper_mail import tell_of_papers
from tests.factories import Trust, a_trust, flagged
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
Paper, Every = PaperSchedule.Paper, PaperSchedule.Every


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def wanted(trust: Trust, paper: str = "board", every: str = "month", days_ago: int = 40):
    """Asked for so long ago."""
    team = trust.team if paper == "weekly" else None
    found = want_paper(by=trust.governance, paper=Paper(paper), every=Every(every), team=team)
    made_at = timezone.now() - timedelta(days=days_ago)
    PaperSchedule.objects.filter(pk=found.pk).update(made_at=made_at)
    return found


@pytest.mark.parametrize(
    ("every", "today", "first", "last"),
    [
        ("week", date(2026, 11, 26), date(2026, 11, 16), date(2026, 11, 22)),
        ("week", date(2026, 11, 23), date(2026, 11, 16), date(2026, 11, 22)),
        ("month", date(2026, 11, 1), date(2026, 10, 1), date(2026, 10, 31)),
        ("month", date(2026, 1, 15), date(2025, 12, 1), date(2025, 12, 31)),
        ("quarter", date(2026, 11, 26), date(2026, 7, 1), date(2026, 9, 30)),
        ("quarter", date(2026, 1, 1), date(2025, 10, 1), date(2025, 12, 31)),
    ],
)
def test_a_paper_is_of_the_last_time_that_has_ended(trust, every, today, first, last) -> None:
    schedule = wanted(trust, every=every)
    PaperSchedule.objects.filter(pk=schedule.pk).update(made_at=datetime(2025, 1, 1, tzinfo=LONDON))
    assert make_ready(today) == 1
    assert make_ready(today) == 0
    ready = PaperReady.objects.get()
    assert (ready.first, ready.last) == (first, last)


LONDON = ZoneInfo("Europe/London")


def test_what_ended_before_it_was_asked_for_is_not_told(trust: Trust) -> None:
    wanted(trust, days_ago=0)
    assert make_ready(timezone.localdate()) == 0


def test_the_mail_says_that_it_is_ready_once_and_nothing_of_what_is_in_it(trust: Trust) -> None:
    finding = flagged(trust)
    wanted(trust, paper="weekly", every="week")
    assert (tell_of_papers(), tell_of_papers()) == (1, 0)
    (sent,) = mail.outbox
    assert sent.subject == "Imaging Safety: a paper is ready"
    patient = finding.examination.patient
    for secret in (patient.family_name, patient.nhs_number, finding.reference, trust.team.name):
        assert secret not in sent.body + sent.subject
    assert f"/papers/weekly/?team={trust.team.pk}" in sent.body
    ready = PaperReady.objects.get()
    assert ready.told_at is not None
    assert signed_in(trust.governance).get(ready.address).status_code == 200


def test_whoever_has_left_or_stopped_hears_nothing(trust: Trust) -> None:
    schedule = wanted(trust)
    make_ready()
    assert stop_paper(schedule)
    assert not stop_paper(schedule)
    assert tell_of_papers() == 0
    assert mail.outbox == []


def test_without_an_address_the_page_says_so(trust: Trust) -> None:
    wanted(trust)
    trust.governance.routes.filter(channel=Channel.EMAIL).update(verified_at=None)
    assert tell_of_papers() == 0
    page = words_of(signed_in(trust.governance).get(reverse("papers")))
    assert "There is no verified e-mail address" in page


def test_a_mail_server_that_is_away_is_asked_again(trust: Trust, settings) -> None:
    wanted(trust)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert tell_of_papers() == 0
    ready = PaperReady.objects.get()
    assert (ready.tries, ready.told_at, ready.not_told_because) == (1, None, "")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert tell_of_papers() == 1


def test_it_is_asked_for_and_stopped_on_the_page(trust: Trust) -> None:
    client = signed_in(trust.governance)
    form = {"paper": "board", "every": "month", "team": ""}
    assert client.post(reverse("papers"), form).status_code == 302
    assert client.post(reverse("papers"), {**form, "every": "quarter"}).status_code == 302
    (standing,) = PaperSchedule.objects.standing()
    assert standing.every == Every.QUARTER
    assert "Board paper, each quarter" in words_of(client.get(reverse("papers")))
    client.post(reverse("stop-paper", args=[standing.pk]))
    assert not PaperSchedule.objects.standing().exists()
    other = signed_in(trust.add(Role.GOVERNANCE))
    assert other.post(reverse("stop-paper", args=[standing.pk])).status_code == 404
    wrong = words_of(client.post(reverse("papers"), {"paper": "weekly", "every": "week"}))
    assert "Choose the team whose list you want" in wrong


def test_a_coordinator_is_told_of_lists_alone(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    client.post(reverse("papers"), {"paper": "board", "every": "month"})
    assert not PaperSchedule.objects.exists()
