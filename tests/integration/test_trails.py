"""Who changed what about people and teams: every way of changing leaves a line."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from findings.models import DirectoryChange, Membership, Person, Role
from findings.services.leave import cancel_leave, set_leave
from findings.services.leavers import leave_team, plan_goodbye, say_goodbye, welcome_back
from findings.services.staff_import import import_people
from tests.factories import Trust, a_trust, flagged
from tests.pages import queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

CHANGES = reverse("directory-changes")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def lines(about: Person) -> list[tuple[str, str, str, Person | None]]:
    """The earliest first."""
    rows = DirectoryChange.objects.filter(person=about).order_by("pk").select_related("by")
    return [(one.what, one.before, one.after, one.by) for one in rows]


def test_leaving_and_leave_leave_lines(trust: Trust) -> None:
    person, by, today = trust.referrer, trust.coordinator, timezone.localdate()
    leave = set_leave(person=person, by=by, first_on=today, last_on=today, deputy=trust.colleague)
    cancel_leave(leave=leave, by=by)
    cancel_leave(leave=leave, by=by)
    plan_goodbye(person=person, by=by, last_day=today + timedelta(days=3), because="Moves.")
    person.refresh_from_db()
    say_goodbye(person=person, by=by, because="Moves.")
    person.refresh_from_db()
    welcome_back(person=person, by=by)
    leave_team(person=person, team=trust.team, by=by)
    found = [(what, bool(before), bool(after)) for what, before, after, _ in lines(person)]
    assert found == [
        ("Leave", False, True),
        ("Leave", True, False),
        ("Last day", False, True),
        ("Works here", True, True),
        ("Works here", True, True),
        ("Last day", True, False),
        (f"Team {trust.team}", True, False),
    ]
    assert {who for *_, who in lines(person)} == {by}
    page = words_of(signed_in(by).get(reverse("person", args=[person.pk])))
    assert f"{trust.colleague} instead" in page
    assert "No: Moves." in page
    own = words_of(signed_in(person).get(reverse("me")))
    assert "Who changed what" not in own, "whoever keeps no directory reads none of it"


def test_a_staff_list_leaves_lines_and_twice_no_more(trust: Trust) -> None:
    person, by = trust.referrer, trust.administrator
    head = "username,given_name,family_name,organisation,job_title,roles"
    row = [person.username, person.given_name, "Newname", trust.organisation.ods_code]
    raw = f"{head}\n{','.join([*row, 'Consultant', 'referrer'])}\n".encode()
    for _ in range(2):
        assert import_people(raw, by=by).mistakes == []
    found = {what: (after, who) for what, _, after, who in lines(person)}
    assert found == {"Family name": ("Newname", by), "Job": ("Consultant", by)}
    new = f"{head}\nnew.one,New,One,{trust.organisation.ods_code},Registrar,referrer\n".encode()
    assert import_people(new, by=by).mistakes == []
    (made,) = lines(Person.objects.get(username="new.one"))
    assert made == ("In the directory", "", "Referring clinician", by)


def test_the_page_is_of_ones_own_trust_and_costs_the_same(trust: Trust) -> None:
    elsewhere = a_trust()
    for one in (trust, elsewhere):
        leave_team(person=one.referrer, team=one.team, by=one.coordinator)
    client = signed_in(trust.coordinator)
    few = queries_without_banner(client, CHANGES)
    said = words_of(client.get(CHANGES))
    assert f"{trust.referrer}: Team {trust.team}" in said
    assert str(elsewhere.referrer) not in said
    file = client.get(CHANGES, {"as": "csv"}).getvalue().decode()
    assert f"{trust.referrer}: Team {trust.team}" in file
    assert str(elsewhere.referrer) not in file
    for _ in range(4):
        person = trust.add(Role.REFERRER, team=trust.team)
        leave_team(person=person, team=trust.team, by=trust.coordinator)
    assert queries_without_banner(client, CHANGES) == few <= 12
    assert signed_in(trust.referrer).get(CHANGES).status_code == 403


def test_a_line_is_never_changed(trust: Trust) -> None:
    flagged(trust)
    leave_team(person=trust.referrer, team=trust.team, by=None)
    assert not Membership.objects.filter(person=trust.referrer, team=trust.team).exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        DirectoryChange.objects.update(after="")
    with pytest.raises(DatabaseError), transaction.atomic():
        DirectoryChange.objects.all().delete()
