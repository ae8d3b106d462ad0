"""The demonstration hospital that `make run` loads: what it holds, and that nothing in it is real.

Loading takes a while, so it is loaded once: a test that changes it rolls back.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from itertools import groupby

import pytest
from django.conf import global_settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.test import Client, override_settings
from django.utils import timezone
from nhs_number import is_valid

from findings import demonstration
from findings.demonstration.people import LEAVERS, TRUST
from findings.demonstration.seed import reference
from findings.models import (
    Audience,
    CategoryChange,
    Clock,
    Document,
    Event,
    Examination,
    Finding,
    Improvement,
    LearningPoint,
    Meeting,
    Membership,
    Organisation,
    Patient,
    PatientChange,
    PatientIdentifier,
    Person,
    Post,
    Proposal,
    Receipt,
    Report,
    Review,
    Role,
    RoutingRule,
    Site,
    Step,
    Team,
)
from findings.services.rota import entries_between, gaps_of
from findings.services.timeline import database_now
from findings.states import ClockKind, State
from notifications.models import Channel, DeliveryAttempt, Notification, Route
from notifications.rounds import fire
from tests.supervised import Running

pytestmark = [pytest.mark.django_db, pytest.mark.long]

# What is the same on every machine, whenever it is loaded.
FIRST = ("9991000003", "HOWARTH, Tanya")
REFERENCE = "F-59QSE3D73P"
# Reports that came as messages.
WITH_ALERT_CODES = 2


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def loaded(first_run: Running, django_db_setup: None, django_db_blocker) -> Iterator[Running]:
    """What the first `make run` has loaded, in its own database. In a transaction around the tests
    of this file; its engine works meanwhile."""
    with (
        django_db_blocker.unblock(),
        override_settings(DEMONSTRATION=True),
        first_run.as_database(),
        transaction.atomic(),
    ):
        yield first_run
        transaction.set_rollback(True)


@pytest.fixture
def hospital(loaded: None, db: None, settings) -> None:
    settings.DEMONSTRATION = True


# --- The hospital ------------------------------------------------------------------------------


def test_a_second_load_changes_nothing(hospital):
    before = {model: model.objects.count() for model in (Person, Report, Event, Notification)}
    assert "loaded already" in run("load_demonstration")
    assert {model: model.objects.count() for model in before} == before


def test_it_is_as_large_as_it_says(hospital):
    assert Person.objects.count() == 60
    assert Site.objects.filter(organisation__ods_code=TRUST).count() == 3
    assert Organisation.objects.filter(kind="practice").count() == 2
    assert Examination.objects.count() == 3000 + WITH_ALERT_CODES
    assert Report.objects.count() >= 3000
    assert 240 <= Finding.objects.count() <= 270
    specialties = Team.objects.exclude(specialty="").values("specialty").distinct()
    assert specialties.count() == 8


def test_no_organisation_code_can_be_a_real_one(hospital):
    """They are letters and digits only."""
    codes = [*Organisation.objects.values_list("ods_code", flat=True)]
    codes += Site.objects.values_list("ods_code", flat=True)
    assert all(not code.isalnum() for code in codes)


def test_every_role_has_people_and_some_people_have_two(hospital):
    for role in Role:
        assert Person.objects.with_role(role).count() >= 2
    assert any(len(person.roles) == 2 for person in Person.objects.all())


def test_every_clinical_team_has_a_responsible_consultant_and_a_director(hospital):
    for team in Team.objects.filter(kind__in=["clinical", "practice"]):
        duties = Counter(team.memberships.values_list("duty", flat=True))
        assert duties[Membership.Duty.RESPONSIBLE] == 1
        assert duties[Membership.Duty.DIRECTOR] == 1
        assert sum(duties.values()) >= 4


def test_every_mail_address_is_one_that_can_never_be_real(hospital):
    assert all(
        address.endswith(".example")
        for address in Route.objects.filter(channel=Channel.EMAIL).values_list("address", flat=True)
    )


def test_somebody_has_no_route_somebody_a_bad_one_and_somebody_no_mail(hospital):
    routes = {
        person.username: {route.channel for route in person.routes.all()}
        for person in Person.objects.prefetch_related("routes")
    }
    assert routes["owen.tregarthen"] == set()
    assert routes["grace.tuck"] == {Channel.IN_APP}
    assert (
        Route.objects.filter(failed_at__isnull=False).get().person.username == "duncan.mcallister"
    )


def test_those_who_left_are_inactive_and_their_findings_are_with_the_team(hospital):
    for name in LEAVERS:
        person = Person.objects.get(username=name)
        assert not person.is_active
        assert person.left_at < database_now()
    assert not Finding.objects.owner_left().exists()
    gone = Event.objects.filter(
        kind=Event.Kind.HANDED_OVER, by=None, data__because__icontains="no longer works here"
    )
    assert gone.count() >= 3


# --- Patients ----------------------------------------------------------------------------------


def test_every_nhs_number_is_valid_and_of_the_range_that_nobody_has(hospital):
    numbers = Patient.objects.exclude(nhs_number=None).values_list("nhs_number", flat=True)
    assert len(numbers) > 2000
    assert all(number.startswith("999") and is_valid(number) for number in numbers)


def test_some_patients_are_known_by_their_hospital_number_alone(hospital):
    unknown = Patient.objects.filter(nhs_number=None)
    assert unknown.exists()
    with_number = PatientIdentifier.objects.filter(authority=TRUST).values("patient")
    assert not unknown.exclude(pk__in=with_number).exists()


WOMEN_ONLY = re.compile(r"\b(uterus|ovar|endometri|adnexal|menopause)", re.IGNORECASE)
MEN_ONLY = re.compile(r"\b(prostat|seminal|PI-RADS)", re.IGNORECASE)


def test_no_report_names_an_organ_of_the_other_sex(hospital):
    reports = Report.objects.select_related("examination__patient")
    wrong = [
        report.pk
        for report in reports
        if (MEN_ONLY if report.examination.patient.sex == "F" else WOMEN_ONLY).search(report.text)
    ]
    assert wrong == []


def test_every_patient_is_of_an_age_to_be_imaged_so(hospital):
    mammograms = Examination.objects.filter(modality="MG").select_related("patient")
    assert mammograms.exists()
    for examination in mammograms:
        born = examination.patient.birth_date
        assert examination.performed_at.date() - born >= timedelta(days=39.9 * 365)


# --- Reports -----------------------------------------------------------------------------------


def test_reports_are_of_the_last_120_days_and_none_is_from_the_future(hospital):
    now = database_now()
    for examination in Examination.objects.all():
        assert now - timedelta(days=126) < examination.performed_at < now
    assert not Report.objects.filter(reported_at__gt=now).exists()
    assert not Report.objects.filter(reported_at__lt=F("examination__performed_at")).exists()


def test_reports_read_like_reports_and_hardly_two_are_alike(hospital):
    texts = Report.objects.filter(version=1).values_list("text", flat=True)
    for part in ("Clinical history\n", "\nFindings\n", "\nConclusion\n"):
        assert all(part in text for text in texts)
    assert all("{" not in text and "}" not in text for text in texts)
    assert len(set(texts)) > 0.9 * len(texts)


def test_the_newest_version_is_the_one_to_read(hospital):
    for examination in Examination.objects.annotate(versions=Count("reports")).filter(
        versions__gt=1
    ):
        newest = examination.reports.order_by("-version").first()
        assert examination.current_report == newest


def test_each_site_has_fresh_reports_with_something_to_flag(hospital):
    recently = database_now() - timedelta(hours=6)
    for site in Site.objects.all():
        fresh = Examination.objects.filter(site=site, current_report__reported_at__gt=recently)
        assert fresh.filter(findings=None).count() >= 4


# --- Findings ----------------------------------------------------------------------------------


def test_findings_are_in_every_state_and_every_category(hospital):
    assert set(Finding.objects.values_list("state", flat=True)) == set(State)
    per_category = Counter(Finding.objects.values_list("category", flat=True))
    assert len(per_category) == 5
    assert min(per_category.values()) >= 15


def test_everything_that_the_issue_asks_to_see_is_there(hospital):
    now = database_now()
    waiting = Finding.objects.awaiting_acknowledgement()
    on_time = waiting.exclude(pk__in=waiting.overdue(now))
    assert on_time.count() >= 20
    assert waiting.overdue(now, ClockKind.ACKNOWLEDGE).count() >= 15
    escalated = waiting.filter(steps__audience="department", steps__fired_at__isnull=False)
    assert escalated.distinct().count() >= 5
    assert Finding.objects.forgotten(now).count() >= 10
    assert Finding.objects.filter(state=State.ACTED_ON).overdue(now).count() >= 5
    assert Finding.objects.reopened().count() >= 5
    assert Finding.objects.filter(events__kind=Event.Kind.DECLINED).distinct().count() >= 5
    assert Finding.objects.filter(events__kind=Event.Kind.HANDED_OVER).distinct().count() >= 5
    assert len(set(Finding.objects.exclude(outcome="").values_list("outcome", flat=True))) >= 4
    assert Event.objects.filter(kind=Event.Kind.STEP_UNREACHABLE).exists()


def test_every_timeline_is_in_the_order_of_time_and_ends_before_now(hospital):
    now = database_now()
    lines = Event.objects.order_by("finding", "number").values_list("finding", "at")
    for _, of_one in groupby(lines, key=lambda line: line[0]):
        moments = [at for _, at in of_one]
        assert moments == sorted(moments)
        assert moments[-1] < now


def test_every_timeline_is_whole(hospital):
    assert f"Timelines whole: {Finding.objects.count()}" in run("verify_timeline")


def test_every_open_finding_has_a_running_clock(hospital):
    running = Clock.objects.filter(stopped_at=None).values("finding")
    assert not Finding.objects.open().exclude(pk__in=running).exists()
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_each_step_that_fired_told_somebody_or_says_why_not(hospital):
    told = Notification.objects.values("step")
    silent = Step.objects.filter(fired_at__isnull=False).exclude(pk__in=told)
    for step in silent:
        if step.finding is None:  # whom it names has heard of another that fell together with it
            assert step.clock.steps.filter(fired_at=step.fired_at, pk__in=told).exists()
            continue
        lines = step.finding.events.filter(kind=Event.Kind.STEP_FIRED, at=step.fired_at)
        line = lines.get(data__level=step.level)
        assert line.data["told"] == [] or {"together_with", "overtaken_by"} & set(line.data)


def test_no_step_fired_early_or_long_after_its_moment(hospital, loaded):
    late = Step.objects.filter(fired_at__gt=F("falls_at") + timedelta(seconds=30))
    # What falls due while the hospital is loaded is left to the engine, which begins after that.
    began = loaded.has_worked_since()
    left = Q(falls_at__gt=began - timedelta(minutes=3), fired_at__lt=began + timedelta(seconds=30))
    # The limit of a new owner is not later than the old one's: some steps are made when due.
    started = Event.objects.filter(finding=OuterRef("finding"), kind=Event.Kind.CLOCK_STARTED)
    made_late = started.filter(at__gt=OuterRef("falls_at"), at__lt=OuterRef("fired_at"))
    assert not late.exclude(left).exclude(Exists(made_late)).exists()


def test_every_message_has_the_words_that_would_have_gone_out(hospital, loaded):
    past = Notification.objects.filter(step__fired_at__lt=loaded.has_worked_since())
    ended = past.filter(status__in=["sent", "failed"])
    assert ended.count() == past.count() > 1000
    assert not ended.filter(attempts=None).exists()
    for attempt in DeliveryAttempt.objects.select_related(
        "notification__finding__examination__patient",
        "notification__examination__patient",
        "notification__improvement",
    ):
        subject = attempt.notification.subject
        assert subject.reference in attempt.subject
        assert subject.reference in attempt.body
        if attempt.notification.improvement:
            assert subject.what not in attempt.body
            continue
        patient = getattr(subject, "examination", subject).patient
        assert (patient.nhs_number or "no number") not in attempt.body
        assert patient.display_name not in attempt.body


def test_one_address_refused_a_message_and_the_radiologist_was_told(hospital):
    failed = Notification.objects.get(status="failed")
    assert failed.recipient.username == "duncan.mcallister"
    told = Notification.objects.filter(finding=failed.finding, step__audience="radiologist")
    assert told.exists()
    assert failed.finding.events.filter(kind=Event.Kind.SEND_FAILED).exists()


def test_the_hospital_has_learned(hospital):
    statuses = set(Review.objects.values_list("status", flat=True))
    assert statuses == set(Review.Status.values)
    assert Review.objects.count() >= 30
    assert set(Improvement.objects.values_list("worked", flat=True)) >= {"yes", "no", ""}
    late = Improvement.objects.open().get(due_on__lt=timezone.localdate())
    assert Notification.objects.filter(improvement=late, step__audience="governance").exists()
    assert Meeting.objects.held().count() == 3
    assert LearningPoint.objects.filter(receipts__isnull=False).distinct().count() == 6
    now = database_now()
    assert not Review.objects.filter(Q(opened_at__gt=now) | Q(concluded_at__gt=now)).exists()


def test_the_past_is_over_so_the_engine_has_hardly_anything_to_do(hospital):
    unfired = Step.objects.unfired()
    now = database_now()
    assert unfired.filter(falls_at__lte=now).count() <= 3
    assert unfired.filter(falls_at__lte=now + timedelta(minutes=15)).count() >= 3
    assert unfired.filter(falls_at__lte=now + timedelta(hours=1)).count() <= 30
    before = Notification.objects.count()
    fire()
    assert Notification.objects.count() - before <= 12


def test_messages_wait_for_a_person_each_for_another_reason(hospital):
    reasons = list(Receipt.objects.waiting().values_list("reason", flat=True))
    assert len(reasons) >= 5
    assert len(set(reasons)) == len(reasons)


def test_alert_codes_wait_for_a_radiologist_and_a_document_can_be_opened(hospital):
    rao = Person.objects.get(username="sunita.rao")
    proposed = list(Proposal.objects.visible_to(rao).open().values_list("category", "is_sure"))
    assert sorted(proposed) == [("cancer", True), ("significant_unexpected", False)]
    assert bytes(Document.objects.get().content).startswith(b"%PDF-1.4")
    watched = timedelta(hours=3)
    assert not Proposal.objects.filter(due_at__lt=database_now() + watched).exists()


# --- The same everywhere -----------------------------------------------------------------------


def test_people_patients_and_references_are_the_same_on_every_machine(hospital):
    assert Person.objects.get(professional_code="C9990001").username == "imani.okafor"
    first = Patient.objects.order_by("pk").first()
    assert (first.nhs_number, first.display_name) == FIRST
    assert reference(0) == REFERENCE
    assert set(Finding.objects.values_list("reference", flat=True)) == {
        reference(number) for number in range(Finding.objects.count())
    }


# --- Signing in --------------------------------------------------------------------------------


def test_whoever_is_shown_has_what_they_are_said_to_have(hospital):
    guides = demonstration.people_to_show()
    assert len(guides) >= 8
    assert {role for guide in guides for role in guide.person.roles} == set(Role)
    now = database_now()
    person = {guide.person.username: guide.person for guide in guides}
    critical = Finding.objects.filter(owner_person=person["fiona.buchanan"], category="critical")
    assert critical.awaiting_acknowledgement().exists()
    theirs = Finding.objects.visible_to(person["rebecca.thornley"])
    assert theirs.forgotten(now).exists()
    assert Finding.objects.filter(flagged_by=person["tomasz.wieczorek"]).exists()
    assert Finding.objects.visible_to(person["margaret.ashworth"]).open().count() >= 3


def test_the_password_that_is_printed_signs_in(hospital, settings):
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    said = run("demonstration_sign_ins")
    assert demonstration.PASSWORD in said
    person = demonstration.people_to_show()[0].person
    assert person.username in said
    assert person.check_password(demonstration.PASSWORD)


def test_the_sign_in_page_lists_them(hospital, client: Client):
    page = client.get("/sign-in/").content.decode()
    for guide in demonstration.people_to_show():
        assert guide.person.family_name in page


def test_a_rota_has_somebody_on_now_and_gaps_to_look_after(hospital):
    post = Post.objects.get()
    now = database_now()
    entries = entries_between(post, now, now + timedelta(weeks=4))
    assert any(one.starts_at <= now < one.ends_at for one in entries)
    assert len(gaps_of(entries, now, now + timedelta(weeks=4))) == 2
    assert RoutingRule.objects.filter(team=post.team).exists()


def test_categories_changed_with_and_without_more_time(hospital):
    changes = CategoryChange.objects.all()
    assert changes.filter(after="cancer").count() == 2
    assert changes.exclude(later_because="").count() == 1
    assert Clock.objects.filter(stopped_because=Clock.StoppedBecause.CATEGORY).exists()


def test_patients_died_were_discharged_and_transferred_and_their_owners_asked(hospital):
    kinds = Counter(PatientChange.objects.values_list("kind", flat=True))
    assert kinds == {"died": 2, "discharged": 1, "transferred": 1}
    asked = Event.objects.filter(kind=Event.Kind.PATIENT_CHANGED)
    assert asked.values("finding").distinct().count() >= 4
    assert Finding.objects.open().filter(pauses__kind="death", pauses__ended_at=None).exists()
    assert Finding.objects.filter(state=State.CLOSED, outcome="died", patient_told_how="kin")
    assert Event.objects.filter(kind=Event.Kind.CONFIRMED).count() == 1


def test_some_withdrawals_came_after_an_answer(hospital):
    answered = Event.objects.filter(finding=OuterRef("pk"), kind=Event.Kind.ACKNOWLEDGED)
    withdrawn = Finding.objects.filter(Exists(answered), state=State.WITHDRAWN)
    assert withdrawn.count() >= 2


def test_whoever_had_been_told_heard_of_each_withdrawal(hospital):
    news = Notification.objects.filter(step__audience=Audience.WITHDRAWN)
    assert news.exists()
    assert not news.exclude(status__in=["sent", "failed"]).exists()
    assert not news.exclude(attempts__isnull=False).exists()


def test_examinations_wait_for_a_report_and_their_managers_were_told(hospital):
    now = database_now()
    running = Clock.objects.filter(kind=ClockKind.REPORT_BY, stopped_at__isnull=True)
    assert running.filter(due_at__lte=now).count() >= 2
    assert running.filter(due_at__gt=now).count() >= 4
    # Who it is up to has been told of each from day 21 on, and nobody before.
    told = running.filter(steps__fired_at__isnull=False).distinct()
    assert set(told) == set(running.filter(started_at__lte=now - timedelta(days=21, minutes=1)))
    manager = Person.objects.get(username="shabnam.iqbal")
    assert manager.notifications.filter(examination__clocks__in=told).exists()
    ended = Clock.objects.filter(kind=ClockKind.REPORT_BY, stopped_at__isnull=False)
    assert {"reported", "not_expected"} <= set(ended.values_list("stopped_because", flat=True))
