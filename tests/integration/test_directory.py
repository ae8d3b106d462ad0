"""The first rows of an installation, and the pages on which administrators keep the directory."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import clear_url_caches

from findings.models import DirectoryChange, Person, Role, Team
from tests.factories import a_trust, flagged
from tests.pages import hidden_in, words_of

pytestmark = pytest.mark.django_db

TRUST = {
    "ods_code": "X9Z",
    "name": "Invented trust",
    "site_ods_code": "X9Z01",
    "site_name": "Invented hospital",
    "administrator": "ada",
    "given_name": "Ada",
    "family_name": "Example",
}


@pytest.fixture
def directory(settings):
    """The URLs as they are where ADMIN_SITE=on."""
    import importlib

    from imaging_safety import urls

    settings.ADMIN_SITE = True
    importlib.reload(urls)
    clear_url_caches()
    yield "/directory/"
    settings.ADMIN_SITE = False
    importlib.reload(urls)
    clear_url_caches()


def test_a_new_trust_has_coordinators_and_an_administrator_who_can_sign_in(capsys) -> None:
    call_command("set_up_trust", **TRUST)
    password = capsys.readouterr().out.split(" with ")[1].split(" and ")[0]
    person = Person.objects.get(username="ada")
    assert person.has_role(Role.ADMINISTRATOR)
    assert person.check_password(password)
    assert Team.objects.filter(organisation=person.organisation, kind="coordination").exists()


def test_a_taken_name_is_refused_in_a_sentence() -> None:
    call_command("set_up_trust", **TRUST)
    with pytest.raises(CommandError, match="is taken"):
        call_command("set_up_trust", **TRUST)


def test_administrators_keep_the_directory_and_delete_nothing(directory, client: Client) -> None:
    trust = a_trust()
    client.force_login(trust.administrator)
    assert client.get(directory).status_code == 200
    address = f"{directory}findings/person/{trust.referrer.pk}/"
    assert client.get(f"{address}change/").status_code == 200
    assert client.get(f"{address}delete/").status_code == 403
    assert client.get(f"{directory}findings/person/add/").status_code == 200
    assert client.get(f"{directory}notifications/route/").status_code == 200


@pytest.mark.parametrize("name", ["referrer", "radiologist", "coordinator", "governance"])
def test_nobody_else_sees_the_directory(directory, client: Client, name: str) -> None:
    client.force_login(getattr(a_trust(), name))
    assert client.get(f"{directory}findings/person/").status_code == 302


def test_nothing_clinical_is_in_the_directory() -> None:
    from findings.admin import directory as site

    registered = {model.__name__ for model in site._registry}
    assert not registered & {"Finding", "Event", "Clock", "Step", "Report", "Patient", "Rule"}


def test_the_directory_is_not_served_by_default(client: Client) -> None:
    client.force_login(a_trust().administrator)
    assert client.get("/directory/").status_code == 404


def test_a_change_of_a_team_and_of_a_place_in_it_is_shown_first_and_leaves_a_line(
    directory,
) -> None:
    trust = a_trust()
    finding = flagged(trust, category="significant_unexpected")
    client = Client()
    client.force_login(trust.administrator)
    page = f"{directory}findings/team/{trust.team.pk}/change/"
    context = client.get(page).context
    form, places = context["adminform"].form, context["inline_admin_formsets"][0].formset
    typed = {name: form[name].value() or "" for name in form.fields} | {"name": "Ward 70"}
    typed |= {f"{places.prefix}-{name}": n for name, n in places.management_form.initial.items()}
    duties = {trust.referrer.pk: "responsible", trust.responsible.pk: "member"}
    for one in places.initial_forms:
        typed |= {one.add_prefix(name): one[name].value() or "" for name in one.fields}
        if duty := duties.get(one.instance.person_id):
            typed |= {one.add_prefix("duty"): duty}
    first = client.post(page, typed)
    assert first.status_code == 200
    said = words_of(first)
    assert "1 open finding would be told to other people than now" in said
    assert finding.reference in said
    assert not DirectoryChange.objects.exists()
    trust.team.refresh_from_db()
    assert trust.team.name != "Ward 70"
    confirmed = {**typed, **hidden_in(first)}
    assert client.post(page, {**confirmed, "foreseen": "other"}).status_code == 409
    assert client.post(page, confirmed).status_code == 302
    assert "was changed successfully" in client.get(directory).content.decode()
    rows = DirectoryChange.objects.order_by("pk").select_related("person", "by")
    assert {one.by for one in rows} == {trust.administrator}
    assert {one.source for one in rows} == {"directory"}
    told = "Responsible consultant"
    assert {(one.what, one.before, one.after, one.person) for one in rows} == {
        ("Name", trust.team.name, "Ward 70", None),
        ("Team Ward 70", "Member", told, trust.referrer),
        ("Team Ward 70", told, "Member", trust.responsible),
    }
