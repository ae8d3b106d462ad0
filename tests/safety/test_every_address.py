"""Every address as everybody: who gets what, that reading changes nothing, and no number in it.

A new address has no row in TABLE and fails `test_every_address_has_its_row`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse
from django.utils import timezone

from findings.admin import directory
from findings.intake.importing import take_in
from findings.models import (
    BankHoliday,
    CandourStep,
    Case,
    Cause,
    Document,
    Finding,
    Improvement,
    LearningPoint,
    Meeting,
    NoReport,
    PatientChange,
    Person,
    Review,
    ReviewCause,
    Role,
    Step,
    Viewing,
)
from findings.services.drafts import make_draft
from findings.services.improvements import ask_for_improvement
from findings.services.lab_runs import ask_for_replay, replay_draft
from findings.services.leave import set_leave
from findings.services.meetings import call_meeting, share_point
from findings.services.merge import merge_patients
from findings.services.national import load_recommendations, make_report
from findings.services.patient_change import Change, record_change
from findings.services.report_by import expect_report, no_report_expected
from findings.services.reviews import add_cause, assess, record_candour, start_review
from findings.services.rota import add_entry, make_post
from findings.services.routing import add_rule
from findings.services.saved_views import keep_view
from findings.services.senders import account_of
from findings.services.shift_sheets import hand_over_shift
from findings.services.timeline import record_viewing
from findings.shifts import Shift
from imaging_safety import urls
from notifications.models import Channel, Notification
from tests.factories import (
    SiteFactory,
    TeamFactory,
    Trust,
    a_trust,
    flagged,
    reported,
    unreported,
)
from tests.messages import oru
from tests.safety.table_of_addresses import (
    AWAY,
    IN_THE_TRUST,
    NO,
    NONE,
    OK,
    OTHERS,
    PEOPLE,
    POSTED,
    TABLE,
    UNKNOWN,
)

ROUTE_PAGES = ("verify-route", "send-code", "move-route", "test-route", "remove-route")
DRAFT_PAGES = ("policy-draft", "change-draft", "sign-draft", "put-away-draft", "replay-draft")
OF_A_MEASURE = ("measure", "measure-rows", "api-measure", "api-measure-rows")
MEETING_PAGES = (
    "meeting",
    "case-sheets",
    "add-case",
    "prepare-case",
    "record-attendance",
    "close-meeting",
)
# The directory of administrators: Django's own admin site, closed to everybody else as a whole.
DIRECTORY = "directory:"


@dataclass
class World:
    """Two trusts, and one of everything in the first."""

    trust: Trust
    people: dict[str, Person | None]
    finding: Finding
    arguments: dict[str, Any] = field(default_factory=dict)

    def address(self, name: str) -> str:
        wanted = names_of(name)
        return reverse(name, kwargs={key: self._value(name, key) for key in wanted})

    def _value(self, name: str, key: str) -> Any:
        return self.arguments.get(f"{name}.{key}", self.arguments.get(key))


@pytest.fixture
def world(db: None) -> World:
    trust, other = a_trust(), a_trust()
    finding = flagged(trust, examination=reported(trust, documents=(b"%PDF-1.4",)))
    step = finding.steps.filter(clock__kind="acknowledge").order_by("level").first()
    told = _message(step, trust.referrer)
    in_another_team = TeamFactory(organisation=trust.organisation, site=trust.site)
    once_told = trust.add(Role.REFERRER, team=in_another_team)
    _message(step, once_told, status=Notification.Status.SENT, sent_at=timezone.now())
    (held,) = take_in(oru(status="Odd", application="A"), "night.hl7:1", trust.sender).receipts
    left = trust.add(Role.REFERRER, team=trust.team)
    people: dict[str, Person | None] = {
        "nobody": None,
        **{name: getattr(trust, name) for name in IN_THE_TRUST},
        "elsewhere": trust.add(Role.RADIOLOGIST, site=SiteFactory(organisation=trust.organisation)),
        "bystander": trust.add(Role.REFERRER, team=in_another_team),
        "told": once_told,
        "sender": account_of(trust.sender),
        "left": left,
        **{f"other_{name}": getattr(other, name) for name in OTHERS},
    }
    examination = finding.examination
    today = timezone.localdate()
    leave = set_leave(person=trust.colleague, by=trust.colleague, first_on=today, last_on=today)
    post = make_post(
        team=trust.team, by=trust.coordinator, name="On call", stands_for="responsible"
    )
    night = Shift.between(datetime(2027, 1, 1, 21), datetime(2027, 1, 2, 10))  # noqa: DTZ001
    rule = add_rule(
        organisation=trust.organisation, by=trust.coordinator, team=trust.team, specialty="resp"
    )
    merge = merge_patients(
        keep=examination.patient,
        merged=reported(trust).patient,
        because="The index merged them.",
        by=trust.coordinator,
    )
    discharged = Change(PatientChange.Kind.DISCHARGED, timezone.now())
    change = record_change(patient=reported(trust).patient, change=discharged, by=trust.coordinator)
    proposed = reported(trust, text="CRITICAL ALERT")
    unread, ended = unreported(trust), unreported(trust)
    expect_report(unread), expect_report(ended)
    reason = NoReport.Reason.CANCELLED
    no_report_expected(ended, reason=reason, because="Cancelled.", by=trust.coordinator)
    on = add_entry(post=post, person=trust.colleague, shift=night, by=trust.coordinator)
    record_viewing(by=trust.referrer, page="finding", patients=[examination.patient_id])
    seen = Viewing.objects.latest("pk")
    view = keep_view(by=trust.referrer, path="/findings/mine/", query="state=ended", name="Ended")
    around = {"began_at": step.due_at - timedelta(hours=8), "content": {}, "patients": []}
    until = timezone.now() + timedelta(hours=8)
    sheet = hand_over_shift(by=trust.coordinator, until_at=until, **around)
    review, cause, step = _review(trust, finding)
    meeting, case, point = _meeting(trust, review)
    load_recommendations()
    progress = make_report(by=trust.governance)
    draft = make_draft(policy_id="DEF-URG", by=trust.governance, because="To see.")
    replay = replay_draft(version=draft.versions.get(), by=trust.governance)
    run = ask_for_replay(version=draft.versions.get(), by=trust.governance)
    return World(
        trust,
        people,
        finding,
        {
            "reference": finding.reference,
            "public_id": examination.public_id,
            "api-report.public_id": finding.report.public_id,
            "open-notification.public_id": told.public_id,
            "message.public_id": told.public_id,
            "fhir-communication.public_id": told.public_id,
            "fhir-patient.public_id": examination.patient.public_id,
            "fhir-audit-event.pk": seen.pk,
            "version": 1,
            "rest": "Observation",
            "receipt_id": held.pk,
            "number": Document.objects.get().pk,
            "not-a-finding.pk": proposed.proposals.get().pk,
            "pk": BankHoliday.objects.counting("ENG").latest("on").pk,
            "measure": "open",
            **dict.fromkeys([f"{name}.code" for name in OF_A_MEASURE], "acknowledged"),
            "category": "critical",
            "clock": "acknowledge",
            "level": 1,
            "other-message.name": "offered",
            **dict.fromkeys(
                ("person.pk", "leave.pk", "let-leave.pk", "come-back.pk", "routes.pk"),
                trust.referrer.pk,
            ),
            **dict.fromkeys(
                (f"{name}.pk" for name in ROUTE_PAGES),
                trust.referrer.routes.get(channel=Channel.EMAIL).pk,
            ),
            "review": review.reference,
            **dict.fromkeys((f"{name}.pk" for name in MEETING_PAGES), meeting.pk),
            "prepare-case.number": case.pk,
            **dict.fromkeys(("read-point.pk", "withdraw-point.pk"), point.pk),
            "improvement": _improvement(trust, review).reference,
            "take-cause-back.pk": cause.pk,
            "take-candour-back.pk": step.pk,
            "undo-merge.pk": merge.pk,
            "saved-view.pk": view.pk,
            "shift-sheet.pk": sheet.pk,
            **dict.fromkeys((f"{name}.pk" for name in DRAFT_PAGES), draft.pk),
            "recommendation.code": "PHSO-1",
            "progress-report.pk": progress.pk,
            **dict.fromkeys(("policy-replay.pk", "replayed-cases.pk"), replay.pk),
            "lab-run.pk": run.pk,
            **dict.fromkeys(("sender.pk", "feed.pk", "link-keys.pk"), trust.sender.pk),
            "stored-message.pk": held.message_id,
            "undo-patient-change.pk": change.pk,
            "no-report.public_id": unread.public_id,
            "report-expected.public_id": ended.public_id,
            "cancel-leave.pk": leave.pk,
            **dict.fromkeys(("post.pk", "end-post.pk", "add-to-rota.pk"), post.pk),
            **dict.fromkeys(("change-routing-rule.pk", "remove-routing-rule.pk"), rule.pk),
            **dict.fromkeys(("change-shift.pk", "remove-shift.pk"), on.pk),
        },
    )


def _review(trust: Trust, finding: Finding) -> tuple[Review, ReviewCause, CandourStep]:
    """Raised by the radiologist, with a cause and a step of the duty of candour."""
    said = "Seen a week later by a colleague."
    kind, by = Review.Kind.DISCREPANCY, trust.governance
    review = start_review(by=trust.radiologist, kind=kind, happened=said, finding=finding)
    review = assess(review=review, by=by, theme=None, harm="moderate", lfpse_reference="")
    cause = add_cause(review=review, by=by, cause=Cause.objects.get(code="capacity"))
    which, today = CandourStep.Which.IN_PERSON, timezone.localdate()
    return review, cause, record_candour(review=review, by=by, step=which, done_on=today)


def _meeting(trust: Trust, review: Review) -> tuple[Meeting, Case, LearningPoint]:
    """To come, with one case; and a point that radiologists are to read."""
    kind, by = Meeting.Kind.REALM, trust.governance
    held_at = timezone.now() + timedelta(days=3)
    meeting = call_meeting(by=by, kind=kind, held_at=held_at, cases=[review])
    given = {"title": "Look twice.", "text": "At the apices.", "roles": [Role.RADIOLOGIST]}
    return meeting, meeting.cases.get(), share_point(by=by, meeting=meeting, **given)


def _improvement(trust: Trust, review: Review) -> Improvement:
    return ask_for_improvement(
        by=trust.governance,
        what="A second reader at night.",
        owner=trust.referrer,
        due_on=timezone.localdate(),
        measure="acknowledged",
        review=review,
    )


def _message(step: Step, recipient: Person, **fields: Any) -> Notification:
    return Notification.objects.create(
        step=step,
        finding=step.finding,
        recipient=recipient,
        route=recipient.routes.get(channel=Channel.IN_APP),
        channel=Channel.IN_APP,
        priority=step.priority,
        **fields,
    )


@cache
def addresses() -> dict[str, URLPattern]:
    """Every named address of the URLconf."""

    def walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                inside = f"{pattern.namespace}:" if pattern.namespace else ""
                yield from walk(pattern.url_patterns, prefix + inside)
            else:
                assert pattern.name, f"{pattern} has no name"
                yield prefix + pattern.name, pattern

    return {
        name: pattern
        for name, pattern in walk(get_resolver().url_patterns)
        if not name.startswith(DIRECTORY)
    }


def names_of(name: str) -> list[str]:
    """The arguments that an address takes."""
    return list(addresses()[name].pattern.converters)


def signed_in(world: World, name: str) -> Client:
    client = Client()
    person = world.people[name]
    if person is not None:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    if name == "left":  # while they are signed in
        person.is_active = False
        person.save()
    return client


# Rows in which a GET may leave a trace: who looked, and that they were signed in.
TRACES = {"findings_viewing", "django_session", "axes_accessattempt", "axes_accesslog"}
READING = "findings_event"


def clinical_state() -> dict[str, str]:
    """A checksum of every table that a GET must not change; of events, all but readings, and lines
    that an answer was refused."""
    state = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if table in TRACES:
                continue
            only_these = "WHERE kind NOT IN ('read', 'refused')" if table == READING else ""
            cursor.execute(
                f'SELECT count(*), coalesce(md5(string_agg(t::text, "\\n" ORDER BY t::text)), "")'
                f' FROM (SELECT * FROM "{table}" {only_these}) t'.replace(
                    '"\\n"', "chr(10)"
                ).replace('""', "''")
            )
            state[table] = str(cursor.fetchone())
    return state


def test_every_address_has_its_row() -> None:
    assert set(addresses()) == set(TABLE)


def test_every_row_names_everybody() -> None:
    for name, expected in TABLE.items():
        assert set(expected) == set(PEOPLE), name


@pytest.mark.long
def test_everybody_gets_what_the_table_says_and_looking_changes_nothing(world: World) -> None:
    """One walk for three questions, since each page takes a while to draw."""
    clients = {who: signed_in(world, who) for who in PEOPLE}
    for client in clients.values():
        client.get("/")
    secret = words_of_the_patient(world)
    before = clinical_state()
    wrong, telling = {}, {}
    for who, client in clients.items():
        for name, expected in TABLE.items():
            answer = client.get(world.address(name))
            if answer.status_code != expected[who]:
                wrong[f"{name} as {who}"] = f"{answer.status_code} instead of {expected[who]}"
            if held := [link for link in links(answer) if any(word in link for word in secret)]:
                telling[f"{name} as {who}"] = held
    for name in TABLE:  # what a mail scanner sends first; here with somebody's session
        clients["referrer"].head(world.address(name))
    after = clinical_state()
    assert not wrong
    assert not telling
    assert not {table for table in before if before[table] != after[table]}


def words_of_the_patient(world: World) -> list[str]:
    """What stands in no address: number, name, accession and every identifier."""
    patient = world.finding.examination.patient
    said = [patient.nhs_number, patient.family_name, world.finding.examination.accession]
    said += [identifier.value for identifier in patient.identifiers.all()]
    return [word for word in said if word]


def links(answer: HttpResponse) -> list[str]:
    """Where a page leads to; nothing for an answer that is not a page."""
    if not answer.headers.get("Content-Type", "").startswith("text/html"):
        return []
    return re.findall(r'(?:href|action)="([^"]*)"', answer.content.decode())


def test_mail_scanners_and_strangers_change_nothing_by_looking(world: World) -> None:
    before = clinical_state()
    client = Client()
    for name in TABLE:
        client.get(world.address(name))
        client.head(world.address(name))
    assert clinical_state() == before
    assert not world.finding.events.filter(kind="read").exists()


def test_nobody_writes_to_what_is_not_theirs(world: World) -> None:
    """Whatever they send, and however well it is filled in."""
    clients = {who: signed_in(world, who) for who in PEOPLE}
    before = clinical_state()
    wrong = {}
    for who, client in clients.items():
        for name, may in POSTED.items():
            if who in may.split():
                continue
            answer = client.post(world.address(name), FILLED_IN, **_kind(name))
            if not _is_refused(answer, name, who):
                wrong[f"{name} as {who}"] = answer.status_code
    assert not wrong
    assert clinical_state() == before


def _is_refused(answer: HttpResponse, name: str, who: str) -> bool:
    if answer.status_code == AWAY:
        return who in ("nobody", "left") and answer["Location"].startswith(reverse("sign-in"))
    return answer.status_code in ({UNKNOWN, NO, NONE} if name.startswith("api-") else {NO, NONE})


FILLED_IN = {
    "plan": "I will see the patient.",
    "because": "Because of a reason.",
    "answer": "mine",
    "kind": "imaging",
    "text": "CT requested.",
    "outcome": "nothing",
    "how": "telephone",
    "do": "set-aside",
}


def _kind(name: str) -> dict[str, str]:
    return {"content_type": "application/json"} if name.startswith("api-") else {}


def test_no_form_that_was_sent_empty_answers_as_if_all_were_well(world: World) -> None:
    """422 and what is wrong; or it was done, or is not possible now."""
    clients = {who: signed_in(world, who) for who in IN_THE_TRUST}
    wrong = []
    for name, expected in TABLE.items():
        may = [who for who in IN_THE_TRUST if expected[who] == OK]
        if not may or name.startswith("api-"):
            continue
        with transaction.atomic():
            answer = clients[may[0]].post(world.address(name), {})
            transaction.set_rollback(True)
        if answer.status_code == OK:
            wrong.append(name)
    assert not wrong


def test_every_page_with_an_object_is_closed_to_nobody(world: World) -> None:
    for name in TABLE:
        if not names_of(name):
            continue
        answer = Client().get(world.address(name))
        assert answer.status_code in (AWAY, UNKNOWN), name


def test_no_address_holds_a_number_or_a_name(world: World) -> None:
    secret = words_of_the_patient(world)
    for name in TABLE:
        address = world.address(name)
        assert not [word for word in secret if word.lower() in address.lower()], name
        # A random id may have ten digits in a row by chance.
        assert not re.search(r"\d{10}", re.sub(r"[0-9a-f-]{36}", "", address)), name


def test_an_address_that_cannot_be_is_not_found(world: World) -> None:
    client = signed_in(world, "coordinator")
    stems = ["/findings/{}/", "/reports/{}/", "/held/{}/", "/api/v1/findings/{}/", "/messages/{}/"]
    odd = ["F-%00%00%00%00%00", "%00", "F-000000000'", "x" * 300, "%ff", "9" * 30]
    for address in (stem.format(word) for stem in stems for word in odd):
        assert client.get(address).status_code == NONE, address


# With the directory, which only some installations serve.
urlpatterns = [*urls.urlpatterns, path("directory/", directory.urls)]


@pytest.mark.urls(__name__)
def test_the_directory_is_for_administrators(world: World) -> None:
    for who in PEOPLE:
        client = signed_in(world, who)
        for address in ("/directory/", "/directory/findings/person/"):
            status = client.get(address).status_code
            is_open = status == OK
            assert is_open is (who == "administrator"), (who, address, status)
