"""People from a file: every change is shown first, all or nothing, and twice is once."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from findings.models import Membership, Person, Role
from findings.services.staff_import import Outcome, dry_run, import_people
from findings.states import State
from notifications.delivery import deliver_due
from notifications.models import Channel, Route, RouteChange
from notifications.routes import add_route, confirm_code, remove_route, send_code
from tests.factories import (
    OrganisationFactory,
    TeamFactory,
    Trust,
    a_trust,
    acknowledged,
    flagged,
)
from tests.integration.telling import fired
from tests.pages import hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def written(*rows: dict[str, Any]) -> bytes:
    """As a spreadsheet saves it: with a byte order mark and both line ends."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def row(person: Person, **more: Any) -> dict[str, Any]:
    """Somebody as they are, but for what is given."""
    return {
        "username": person.username,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "organisation": person.organisation.ods_code,
    } | more


def newcomer(trust: Trust, **more: Any) -> dict[str, Any]:
    given = {"username": "sian", "given_name": "Siân", "family_name": "O'Brien"}
    given |= {"organisation": trust.organisation.ods_code, "roles": "referrer"}
    return given | {"teams": f"{trust.team}=responsible"} | more


def kinds(outcome: Outcome) -> list[tuple[str, str]]:
    return [(change.kind, change.who) for change in outcome.changes]


def test_somebody_new_is_made_with_roles_and_teams(trust: Trust) -> None:
    outcome = import_people(written(newcomer(trust)), by=trust.administrator)
    assert kinds(outcome) == [("new", "Siân O'Brien")]
    person = Person.objects.get(username="sian")
    assert person.roles == ["referrer"]
    assert not person.has_usable_password()
    assert person.memberships.get().duty == Membership.Duty.RESPONSIBLE


def test_the_same_file_twice_changes_nothing(trust: Trust) -> None:
    raw = written(newcomer(trust, email="sian@trust.example", leaves=""))
    import_people(raw, by=trust.administrator)
    again = import_people(raw, by=trust.administrator)
    assert (again.changes, again.mistakes, again.unchanged) == ([], [], 1)


def test_a_dry_run_shows_what_then_happens_and_changes_nothing(trust: Trust) -> None:
    held = flagged(trust)
    other = TeamFactory(organisation=trust.organisation, name="Ward 7")
    raw = written(
        newcomer(trust, job_title="", leaves=""),
        row(trust.colleague, roles="referrer", teams="Ward 7", job_title="Consultant", leaves=""),
        row(trust.referrer, roles="referrer", teams=str(trust.team), job_title="", leaves="now"),
    )
    before = list(Person.objects.order_by("pk").values())
    shown = dry_run(raw, by=trust.administrator)
    assert list(Person.objects.order_by("pk").values()) == before
    assert Membership.objects.get(person=trust.colleague).team == trust.team
    assert [kind for kind, _ in kinds(shown)] == ["new", "changed", "leaves"]
    assert shown.changes[1].details == (
        "job_title: nothing becomes Consultant",
        f"leaves the team {trust.team}",
        "joins the team Ward 7, member",
    )
    assert f"1 open finding will go to {trust.team}" in shown.changes[2].details[0]

    done = import_people(raw, by=trust.administrator, seen=shown.fingerprint)
    assert done.changes == shown.changes
    held.refresh_from_db()
    assert (held.owner, held.state) == (trust.team, State.AWAITING)
    assert Membership.objects.get(person=trust.colleague).team == other
    assert not Person.objects.get(pk=trust.referrer.pk).is_active


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"roles": "wizard"}, "Line 3: There is no role wizard."),
        ({"teams": "Nowhere"}, "has no team Nowhere."),
        ({"teams": "TEAM=king"}, "There is no duty king in a team."),
        ({"organisation": "ZZZ"}, "There is no organisation ZZZ."),
        ({"given_name": ""}, "given_name is empty."),
        ({"email": "not an address"}, "email: Enter a valid email address."),
        ({"professional_code": "CODE"}, "professional_code CODE is"),
        ({"leaves": "soon"}, "leaves is soon: write now, or the last day"),
        ({"username": "first"}, "username first is in line 2 already."),
    ],
)
def test_one_wrong_line_changes_nothing_and_says_which(
    trust: Trust, change: dict[str, str], says: str
) -> None:
    Person.objects.filter(pk=trust.colleague.pk).update(professional_code="CODE")
    if change.get("teams", "").startswith("TEAM"):
        change = {"teams": f"{trust.team}=king"}
    extra = {"email": "", "professional_code": "", "leaves": ""}
    raw = written(newcomer(trust, username="first", **extra), newcomer(trust, **extra) | change)
    outcome = import_people(raw, by=trust.administrator)
    assert [str(one) for one in outcome.mistakes if says in str(one)], outcome.mistakes
    assert all(one.line == 3 for one in outcome.mistakes)
    assert not Person.objects.filter(username__in=["first", "sian"]).exists()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "There is no column username."),
        (b"username,given_name\nx,y\n", "There is no column family_name."),
        (b"username,given_name,family_name,organisation,shoe\n", "The column shoe is not known."),
        (b"username,given_name,family_name,organisation\na,b\n", "Line 2: There are more or fewer"),
        ("username\nSi\u00e2n".encode("latin-1"), "Line 2: This is not UTF-8."),
        (b'username,given_name,family_name,organisation\na,"b\n', "This is not CSV"),
    ],
)
def test_what_is_no_staff_list_is_refused_in_a_sentence(
    trust: Trust, raw: bytes, says: str
) -> None:
    outcome = import_people(raw, by=trust.administrator)
    assert any(says in str(one) for one in outcome.mistakes), outcome.mistakes
    assert outcome.changes == []


# --- An address that changed ---------------------------------------------------------------------


def usable(person: Person) -> list[str]:
    """The addresses to which their messages go by e-mail, in order."""
    routes = Route.objects.usable().filter(person=person, channel=Channel.EMAIL)
    return list(routes.order_by("position").values_list("address", flat=True))


def verified(person: Person, address: str) -> None:
    """The code that came there is typed."""
    route = person.routes.get(address=address)
    send_code(route=route, by=person)
    (code,) = re.findall(r"\b\d{6}\b", mail.outbox[-1].body)
    confirm_code(route=route, code=code, by=person)


def test_the_dry_run_says_where_messages_go_until_a_new_address_is_verified(trust: Trust) -> None:
    old, new = trust.referrer.email, "married.name@trust.example"
    raw = written(row(trust.referrer, email=new))
    (change,) = dry_run(raw, by=trust.administrator).changes
    said = f"messages still go to {old}, until {new} has been verified"
    assert change.details == (f"email: {old} becomes {new}", said)
    assert usable(trust.referrer) == [old]


def test_the_old_address_is_told_until_the_new_one_is_verified_and_never_again(
    trust: Trust,
) -> None:
    old, new = trust.referrer.email, "married.name@trust.example"
    import_people(written(row(trust.referrer, email=new)), by=trust.administrator)
    assert usable(trust.referrer) == [old]
    person_page = reverse("person", args=[trust.referrer.pk])
    assert "Address has changed" in words_of(signed_in(trust.coordinator).get(person_page))
    place = trust.referrer.routes.get(address=old).position
    verified(trust.referrer, new)
    assert usable(trust.referrer) == [new]
    assert trust.referrer.routes.get(address=new).position == place
    removed = trust.referrer.routes.get(address=old).changes.first()
    assert (removed.what, removed.by) == (RouteChange.What.REMOVED, trust.referrer)
    assert "Address has changed" not in words_of(signed_in(trust.coordinator).get(person_page))


def test_a_new_address_that_is_vouched_for_takes_the_old_ones_place_at_once(trust: Trust) -> None:
    old, new = trust.referrer.email, "married.name@trust.example"
    raw = written(row(trust.referrer, email=new))
    (shown,) = dry_run(raw, by=trust.administrator, addresses_verified=True).changes
    assert f"messages will go to {new} without a code, and no more to {old}" in shown.details
    import_people(raw, by=trust.administrator, addresses_verified=True)
    assert usable(trust.referrer) == [new]


def test_a_message_that_waits_for_the_old_address_goes_to_the_new_one(trust: Trust) -> None:
    fired(trust)
    old, new = trust.referrer.email, "married.name@trust.example"
    raw = written(row(trust.referrer, email=new))
    import_people(raw, by=trust.administrator, addresses_verified=True)
    for _ in range(2):
        deliver_due()
    assert [message.to for message in mail.outbox] == [[new]]
    assert old not in usable(trust.referrer)


def test_an_address_that_changed_twice_leaves_neither_of_the_old_ones(trust: Trust) -> None:
    old, second, third = (trust.referrer.email, "second@trust.example", "third@trust.example")
    for address in (second, third):
        import_people(written(row(trust.referrer, email=address)), by=trust.administrator)
    assert usable(trust.referrer) == [old]
    verified(trust.referrer, third)
    assert usable(trust.referrer) == [third]
    kept = Route.objects.kept().filter(person=trust.referrer, channel=Channel.EMAIL)
    assert [route.address for route in kept] == [third]


def test_an_address_that_changes_back_is_as_it_was(trust: Trust) -> None:
    old = trust.referrer.email
    for address in ("second@trust.example", old):
        import_people(written(row(trust.referrer, email=address)), by=trust.administrator)
    assert usable(trust.referrer) == [old]
    kept = Route.objects.kept().filter(person=trust.referrer, channel=Channel.EMAIL)
    assert [(route.address, route.gives_way_to) for route in kept] == [(old, None)]


def test_an_old_address_that_somebody_adds_again_stays(trust: Trust) -> None:
    person, old, new = trust.referrer, trust.referrer.email, "second@trust.example"
    import_people(written(row(person, email=new)), by=trust.administrator)
    remove_route(route=person.routes.get(address=old), by=person)
    add_route(person=person, channel=Channel.EMAIL, address=old, by=person)
    verified(person, old)
    verified(person, new)
    assert usable(person) == [new, old]


def test_a_list_without_an_address_leaves_nobody_untold(trust: Trust) -> None:
    old = trust.referrer.email
    raw = written(row(trust.referrer, email=""))
    (change,) = dry_run(raw, by=trust.administrator).changes
    assert f"messages still go to {old}: the list has no other address" in change.details
    import_people(raw, by=trust.administrator)
    assert usable(trust.referrer) == [old]


def test_a_complete_list_lets_whoever_is_not_in_it_leave(trust: Trust) -> None:
    finding = flagged(trust)
    raw = written(*(row(one) for one in (trust.colleague, trust.coordinator)))
    outcome = import_people(raw, by=trust.administrator, complete=True)
    assert not outcome.mistakes
    active = set(Person.objects.active().filter(organisation=trust.organisation))
    assert active == {trust.colleague, trust.coordinator, trust.administrator}
    finding.refresh_from_db()
    assert finding.owner == trust.team


def test_a_list_that_is_not_complete_lets_nobody_leave(trust: Trust) -> None:
    import_people(written(row(trust.colleague)), by=trust.administrator)
    assert Person.objects.get(pk=trust.referrer.pk).is_active


def test_a_last_day_is_planned_and_taken_back(trust: Trust) -> None:
    last = timezone.localdate() + timedelta(days=30)
    leaves = f"{last:%d/%m/%Y}"
    import_people(written(row(trust.referrer, leaves=leaves)), by=trust.administrator)
    assert Person.objects.get(pk=trust.referrer.pk).leaves_on == last
    again = import_people(written(row(trust.referrer, leaves=leaves)), by=trust.administrator)
    assert again.changes == []
    back = import_people(written(row(trust.referrer, leaves="")), by=trust.administrator)
    assert kinds(back) == [("back", str(trust.referrer))]


def test_nobody_of_another_trust_is_touched(trust: Trust) -> None:
    other = a_trust()
    outcome = import_people(written(row(other.referrer, roles="")), by=trust.administrator)
    assert "belongs to a trust whose directory you do not keep" in str(outcome.mistakes[0])
    taken = row(other.referrer) | {"organisation": trust.organisation.ods_code}
    assert import_people(written(taken), by=trust.administrator).mistakes


def test_people_of_a_practice_are_imported_by_the_trust(trust: Trust) -> None:
    practice = OrganisationFactory(kind="practice")
    raw = written(newcomer(trust, organisation=practice.ods_code, teams=""))
    assert not import_people(raw, by=trust.administrator).mistakes


def test_nobody_who_holds_a_finding_stops_being_able_to_answer_it(trust: Trust) -> None:
    flagged(trust)
    wrong = written(row(trust.referrer, roles="radiologist"))
    outcome = import_people(wrong, by=trust.administrator)
    assert "holds 1 open finding and must stay" in str(outcome.mistakes[0])
    leaving = written(row(trust.referrer, roles="radiologist", leaves="now"))
    assert not import_people(leaving, by=trust.administrator).mistakes


def test_whoever_leaves_a_team_is_shown_with_what_stays_there(trust: Trust) -> None:
    finding = acknowledged(trust)
    elsewhere = TeamFactory(organisation=trust.organisation)
    moves = written(row(trust.referrer, teams=str(elsewhere)))
    (change,) = dry_run(moves, by=trust.administrator).changes
    assert change.details[0] == (f"leaves the team {trust.team}, with which 1 open finding stays")
    finding.refresh_from_db()
    assert finding.owner == trust.referrer, "so far it is only shown"
    assert not import_people(moves, by=trust.administrator).mistakes
    finding.refresh_from_db()
    assert (finding.owner, finding.state) == (trust.team, State.AWAITING)


def test_the_command_shows_and_then_applies(trust: Trust, tmp_path, capsys) -> None:
    path = tmp_path / "staff.csv"
    path.write_bytes(written(newcomer(trust)))
    call_command("import_people", path)
    assert "new: Siân O'Brien (line 2)" in capsys.readouterr().out
    assert not Person.objects.filter(username="sian").exists()
    call_command("import_people", path, "--apply")
    assert Person.objects.get(username="sian").has_role(Role.REFERRER)
    path.write_bytes(written(newcomer(trust, roles="wizard")))
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("import_people", path, "--apply")


def test_the_page_shows_every_change_and_then_makes_them(trust: Trust) -> None:
    client, address = signed_in(trust.administrator), reverse("import-staff")
    sent = SimpleUploadedFile("staff.csv", written(newcomer(trust)))
    shown = client.post(address, {"file": sent})
    assert "Siân O'Brien" in words_of(shown)
    assert not Person.objects.filter(username="sian").exists()
    hidden = hidden_in(shown)
    Person.objects.filter(pk=trust.colleague.pk).update(username="sian")  # meanwhile
    again = client.post(address, hidden)
    assert again.status_code == 409
    assert "Something changed since you looked" in words_of(again)
    Person.objects.filter(pk=trust.colleague.pk).update(username="other")
    done = client.post(address, hidden)
    assert done.url == reverse("people")
    assert Person.objects.filter(username="sian").exists()


def test_the_page_asks_whether_the_addresses_are_verified(trust: Trust) -> None:
    client, address = signed_in(trust.administrator), reverse("import-staff")
    sent = SimpleUploadedFile("staff.csv", written(newcomer(trust, email="sian@trust.example")))
    shown = client.post(address, {"file": sent, "addresses_verified": "on"})
    assert "messages will go to sian@trust.example without a code" in words_of(shown)
    assert client.post(address, hidden_in(shown)).url == reverse("people")
    siân = Person.objects.get(username="sian")
    assert siân.routes.get(channel="email").verified_at is not None


def test_the_page_names_the_lines_that_are_wrong(trust: Trust) -> None:
    client = signed_in(trust.administrator)
    sent = SimpleUploadedFile("staff.csv", written(newcomer(trust, roles="wizard")))
    shown = client.post(reverse("import-staff"), {"file": sent})
    assert shown.status_code == 422
    assert "Line 2: There is no role wizard." in words_of(shown)
    assert "Choose a file" in words_of(client.post(reverse("import-staff"), {}))
