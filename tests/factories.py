"""A trust with its people, and reports and findings in it. The case goes through the real services.

    trust = a_trust()
    finding = flagged(trust, category="critical", at=now - timedelta(hours=1))

`a_trust()` holds one person for each place on the ladder. Everybody has two verified routes, in
the application and by e-mail; `person(…, reachable=False)` has none. Nothing is random.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import factory
from django.db import connection
from django.db.models import F
from django.utils import timezone

from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
)
from findings.models import (
    Audience,
    Category,
    Clock,
    Examination,
    Finding,
    Membership,
    Organisation,
    Patient,
    Person,
    Report,
    Role,
    Rule,
    Sender,
    Site,
    Step,
    Team,
)
from findings.models.clock import REPORT_BY_PRIORITY
from findings.services.acknowledge import acknowledge_finding
from findings.services.flag import flag_finding
from findings.services.policy import load_policy, sign_rule
from findings.services.receive import receive_report
from findings.states import ClockKind
from notifications.models import Channel, Route

TEXT = "Nodule of 14 mm in the right upper lobe. CT advised."


class OrganisationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Organisation

    ods_code = factory.Sequence(lambda n: f"T{n:03}")
    name = factory.Sequence(lambda n: f"Trust {n}")
    kind = Organisation.Kind.TRUST


class SiteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Site

    organisation = factory.SubFactory(OrganisationFactory)
    ods_code = factory.Sequence(lambda n: f"S{n:04}")
    name = factory.Sequence(lambda n: f"Hospital {n}")


class TeamFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Team

    organisation = factory.SubFactory(OrganisationFactory)
    name = factory.Sequence(lambda n: f"Team {n}")
    kind = Team.Kind.CLINICAL
    specialty = "Respiratory medicine"
    location_code = factory.Sequence(lambda n: f"WARD{n}")


class PersonFactory(factory.django.DjangoModelFactory):
    """With `password=…` they can sign in by the form; without, by `client.force_login`."""

    class Meta:
        model = Person

    username = factory.Sequence(lambda n: f"person{n}")
    title = "Dr"
    given_name = "Ada"
    family_name = factory.Sequence(lambda n: f"Example{n}")
    professional_code = factory.Sequence(lambda n: f"C{n:06}")
    email = factory.LazyAttribute(lambda person: f"{person.username}@trust.example")
    organisation = factory.SubFactory(OrganisationFactory)
    roles = factory.LazyFunction(list)

    @classmethod
    def _create(cls, model_class: type[Person], *args: Any, **fields: Any) -> Person:
        return Person.objects.create_user(
            fields.pop("username"), fields.pop("password", None), **fields
        )


class RouteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Route

    person = factory.SubFactory(PersonFactory)
    channel = Channel.EMAIL
    address = factory.LazyAttribute(
        lambda route: route.person.email if route.channel == Channel.EMAIL else ""
    )
    position = factory.LazyAttribute(lambda route: 2 if route.channel == Channel.EMAIL else 1)
    verified_at = factory.LazyFunction(timezone.now)


class SenderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Sender

    code = factory.Sequence(lambda n: f"RIS{n}|TRUST")
    name = factory.Sequence(lambda n: f"RIS {n}")
    site = factory.SubFactory(SiteFactory)
    organisation = factory.LazyAttribute(lambda sender: sender.site.organisation)


def person(
    *roles: Role,
    team: Team | None = None,
    duty: Membership.Duty = Membership.Duty.MEMBER,
    reachable: bool = True,
    **fields: Any,
) -> Person:
    """Somebody with these roles, in this team, who can be reached by both routes or by none."""
    made = PersonFactory(roles=list(roles), **fields)
    if team is not None:
        Membership.objects.create(person=made, team=team, duty=duty)
    if reachable:
        RouteFactory(person=made, channel=Channel.IN_APP)
        RouteFactory(person=made)
    return made


@dataclass(frozen=True)
class Trust:
    """One trust with one site, one clinical team and somebody on every rung of the ladder."""

    organisation: Organisation
    site: Site
    sender: Sender
    team: Team
    coordination: Team
    radiologist: Person
    # Asks for the images and so owns what is found in them; a plain member of `team`.
    referrer: Person
    # Another plain member of `team`.
    colleague: Person
    responsible: Person
    director: Person
    coordinator: Person
    governance: Person
    administrator: Person

    def add(self, *roles: Role, **more: Any) -> Person:
        """Another person of this trust, as `person` makes them."""
        return person(*roles, **{"organisation": self.organisation, **more})


def a_trust(**people: dict[str, Any]) -> Trust:
    """A trust that can flag at once: policy loaded and signed, everybody reachable.

    Keywords change one person: `a_trust(referrer={"reachable": False})`.
    """
    policy_in_force()
    site = SiteFactory()
    organisation = site.organisation
    team = TeamFactory(organisation=organisation, site=site)
    coordination = TeamFactory(
        organisation=organisation, kind=Team.Kind.COORDINATION, specialty="", location_code=""
    )
    duty = Membership.Duty
    wanted: dict[str, dict[str, Any]] = {
        "radiologist": {"roles": [Role.RADIOLOGIST], "site": site},
        "referrer": {"roles": [Role.REFERRER], "team": team},
        "colleague": {"roles": [Role.REFERRER], "team": team},
        "responsible": {"roles": [Role.REFERRER], "team": team, "duty": duty.RESPONSIBLE},
        "director": {"roles": [Role.REFERRER], "team": team, "duty": duty.DIRECTOR},
        "coordinator": {"roles": [Role.COORDINATOR], "team": coordination},
        "governance": {"roles": [Role.GOVERNANCE]},
        "administrator": {"roles": [Role.ADMINISTRATOR]},
    }
    made = _people(
        {
            name: {"organisation": organisation, **fields, **people.get(name, {})}
            for name, fields in wanted.items()
        }
    )
    return Trust(
        organisation=organisation,
        site=site,
        sender=SenderFactory(site=site),
        team=team,
        coordination=coordination,
        **made,
    )


def leaves_unseen(person: Person) -> None:
    """As when a goodbye and a flag meet and neither sees the other: what they hold stays with them
    until the engine's next round. Any other way the database refuses."""
    held = list(Finding.objects.open().filter(owner_person=person))
    rows = Finding.objects.filter(pk__in=[finding.pk for finding in held])
    rows.update(owner_person=None, owner_team=F("team"))
    Person.objects.filter(pk=person.pk).update(is_active=False)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    rows.update(owner_person=person, owner_team=None)


def _people(wanted: dict[str, dict[str, Any]]) -> dict[str, Person]:
    """As `person` makes them, but all at once: nearly every test begins with a trust."""
    made, places, reachable = {}, [], []
    for name, fields in wanted.items():
        team, duty = fields.pop("team", None), fields.pop("duty", Membership.Duty.MEMBER)
        is_reachable, password = fields.pop("reachable", True), fields.pop("password", None)
        one = made[name] = PersonFactory.build(**fields)
        one.set_password(password)
        if team is not None:
            places.append(Membership(person=one, team=team, duty=duty))
        if is_reachable:
            reachable.append(one)
    Person.objects.bulk_create(made.values())
    Membership.objects.bulk_create(places)
    Route.objects.bulk_create(
        RouteFactory.build(person=one, channel=channel)
        for one in reachable
        for channel in (Channel.IN_APP, Channel.EMAIL)
    )
    return made


def policy_in_force() -> None:
    """The policy that ships, with every local rule signed by an invented medical director.

    Already there in most tests: `django_db_setup` in conftest.py loads it once.
    """
    if not Rule.objects.exists():
        load_policy()
    for rule in Rule.objects.in_force().filter(basis=Rule.Basis.LOCAL, signatures=None):
        sign_rule(policy_id=rule.policy_id, name="Dr Sign Example", role="Medical director")


def nhs_number(number: int) -> str:
    """The nth NHS number from the 999 range that has a valid check digit."""
    while len(_numbers) <= number:
        _numbers.append(next(_valid))
    return _numbers[number]


def _valid_numbers() -> Iterator[str]:
    for nine in count(999_000_001):
        total = sum(int(digit) * (10 - place) for place, digit in enumerate(str(nine)))
        check = (11 - total % 11) % 11
        if check != 10:
            yield f"{nine}{check}"


_valid = _valid_numbers()
_numbers: list[str] = []
_last = iter(range(1, 1_000_000))


def arriving(trust: Trust, **fields: Any) -> ArrivingReport:
    """A final report of a new examination of a new patient, asked for by the trust's referrer."""
    number = next(_last)
    given = {
        "accession": f"ACC{number:07}",
        "patient": ArrivingPatient(
            family_name=f"Patient{number}",
            given_name="Test",
            birth_date=date(1950, 1, 1) + timedelta(days=number),
            sex="F",
            nhs_number=nhs_number(number % 5000),
            identifiers=(ArrivingIdentifier(f"H{number:07}", trust.organisation.ods_code, "MR"),),
        ),
        "status": ArrivingStatus.FINAL,
        "reported_at": timezone.now() - timedelta(hours=1),
        "text": TEXT,
        "modality": "DX",
        "examination_code": "XCHES",
        "examination_description": "XR Chest",
        "performed_at": timezone.now() - timedelta(hours=3),
        "requester": ArrivingPerson(code=trust.referrer.professional_code),
        "reporter": ArrivingPerson(code=trust.radiologist.professional_code),
        "requesting_location": trust.team.location_code,
        "site_code": trust.site.ods_code,
    }
    return ArrivingReport(**{**given, **fields})


def reported(trust: Trust, **fields: Any) -> Examination:
    """An examination with its report, received as from the trust's RIS."""
    return report(trust, **fields).examination


def report(trust: Trust, **fields: Any) -> Report:
    """A report, received as from the trust's RIS; the same accession again is a new version."""
    _, received = receive_report(sender=trust.sender, arriving=arriving(trust, **fields))
    return received


def unreported(trust: Trust, **fields: Any) -> Examination:
    """An examination of a new patient of which no report came; nobody waits for it yet."""
    number = next(_last)
    given = {
        "sender": trust.sender,
        "accession": f"WAIT{number:07}",
        "patient": Patient.objects.create(family_name=f"Waiting{number}", given_name="Test"),
        "site": trust.site,
        "modality": "CT",
        "description": "CT Chest",
        "performed_at": timezone.now(),
    }
    return Examination.objects.create(**{**given, **fields})


# Days after the images, and who is told then that there is no report.
WAITS = ((21, Audience.TEAM), (28, Audience.DEPARTMENT), (28, Audience.GOVERNANCE))


def waiting_examination(
    trust: Trust,
    *,
    performed_at: datetime | None = None,
    waits: Sequence[tuple[int, Audience]] = WAITS,
    **fields: Any,
) -> Examination:
    """An examination whose report is waited for: 28 days from when it was performed."""
    start = performed_at or timezone.now()
    examination = unreported(trust, performed_at=start, **fields)
    clock = Clock.objects.create(
        examination=examination,
        kind=ClockKind.REPORT_BY,
        rule=Rule.objects.in_force().get(policy_id="UK-TAT-MAX"),
        started_at=start,
        due_at=start + timedelta(days=28),
    )
    Step.objects.bulk_create(
        Step(
            clock=clock,
            examination=examination,
            level=level,
            audience=audience,
            words=f"no report after {days} days",
            priority=REPORT_BY_PRIORITY,
            due_at=start + timedelta(days=days),
        )
        for level, (days, audience) in enumerate(waits, 1)
    )
    return examination


def flagged(
    trust: Trust,
    *,
    category: str = "critical",
    at: datetime | None = None,
    examination: Examination | None = None,
    **fields: Any,
) -> Finding:
    """A finding that the trust's radiologist flagged; nobody has been told of it yet."""
    given = {
        "description": "Nodule of 14 mm, right upper lobe.",
        "recommended_action": "CT chest within two weeks.",
        "primary_site": "Lung" if category == "cancer" else "",
    }
    return flag_finding(
        examination=examination or reported(trust),
        by=trust.radiologist,
        category=Category.objects.get(code=category),
        at=at,
        **{**given, **fields},
    )


def acknowledged(trust: Trust, finding: Finding | None = None, **fields: Any) -> Finding:
    """A finding that the referrer has taken on."""
    return acknowledge_finding(
        finding=finding or flagged(trust),
        by=fields.pop("by", trust.referrer),
        plan="I will see the patient in clinic this week.",
        **fields,
    )
