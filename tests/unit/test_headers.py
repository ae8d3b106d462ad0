"""What every answer carries, to the letter: a weaker policy must fail here first."""

import re

import pytest
from django.test import Client

from findings.models import Role
from tests.factories import PersonFactory

POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-{nonce}'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
PUBLIC = ["/sign-in/", "/help/", "/accessibility/", "/nowhere/"]


def policy_of(answer) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return dict(part.strip().split(" ", 1) for part in parts)


def nonces_in(answer) -> set[str]:
    return set(re.findall(r'nonce="([^"]+)"', answer.content.decode()))


@pytest.fixture
def person(db):
    return PersonFactory(roles=[Role.REFERRER], password="correct horse battery")


@pytest.mark.parametrize("path", PUBLIC)
def test_the_whole_content_security_policy(client, db, path):
    answer = client.get(path)
    (nonce,) = nonces_in(answer)
    assert policy_of(answer) == {name: value.format(nonce=nonce) for name, value in POLICY.items()}


def test_every_answer_has_a_nonce_of_its_own(client, db):
    assert nonces_in(client.get("/help/")) != nonces_in(client.get("/help/"))


@pytest.mark.parametrize("path", PUBLIC)
def test_no_page_has_a_script_or_a_style_inside(client, db, path):
    html = client.get(path).content.decode()
    scripts = re.findall(r"<script[^>]*>", html)
    assert scripts
    assert all("nonce=" in script for script in scripts)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)


@pytest.mark.parametrize("path", PUBLIC)
def test_no_page_fetches_from_another_host(client, db, path):
    html = client.get(path).content.decode()
    assert not re.search(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?:https?:)?//', html)


@pytest.mark.parametrize("path", [*PUBLIC, "/", "/health/"])
def test_every_answer_carries_the_headers(client, db, path):
    headers = client.get(path).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_signing_in_starts_a_new_session_and_locks_its_cookie(client, person):
    client.get("/sign-in/?next=/help/")
    client.session["before"] = True
    before = client.session.session_key
    answer = client.post(
        "/sign-in/",
        {"username": person.username, "password": "correct horse battery", "next": "/help/"},
    )
    assert answer.status_code == 302
    assert answer.url == "/help/"
    cookie = answer.cookies["sessionid"]
    assert cookie.value != before
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "/\\x"]
)
def test_next_never_leads_away(client, person, wanted, settings):
    settings.DEMONSTRATION = True
    for path, given in (
        ("/sign-in/", {"username": person.username, "password": "correct horse battery"}),
        ("/sign-in/as/", {"person": person.username}),
    ):
        answer = Client().post(path, given | {"next": wanted})
        assert answer.status_code == 302
        assert answer.url == "/"


def test_nobody_is_told_whether_a_name_exists(client, person):
    def said(username: str) -> str:
        answer = client.post("/sign-in/", {"username": username, "password": "wrong"})
        html = answer.content.decode().replace(username, "NAME")
        return re.sub(r'(nonce|value)="[^"]*"', "", html)

    assert said(person.username) == said("nobody-of-that-name")


def test_somebody_who_has_left_is_told_nothing_more(client, person):
    person.is_active = False
    person.save()
    given = {"username": person.username, "password": "correct horse battery"}
    assert (
        "The sign-in name or the password is not right"
        in client.post("/sign-in/", given).content.decode()
    )


def test_a_name_is_locked_after_eight_wrong_passwords(client, person):
    given = {"username": person.username, "password": "wrong"}
    codes = [client.post("/sign-in/", given).status_code for _ in range(8)]
    assert codes == [200] * 7 + [429]
    right = client.post("/sign-in/", given | {"password": "correct horse battery"})
    assert right.status_code == 429
    assert "too many times" in right.content.decode()


def test_there_is_no_signing_in_without_a_password_in_a_hospital(client, person, settings):
    settings.DEMONSTRATION = False
    assert client.post("/sign-in/as/", {"person": person.username}).status_code == 404
    assert "_auth_user_id" not in client.session


def test_in_a_demonstration_anybody_invented_may_be_signed_in_as(client, person, settings):
    settings.DEMONSTRATION = True
    client.post("/sign-in/as/", {"person": person.username})
    assert client.session["_auth_user_id"] == str(person.pk)


def test_in_a_demonstration_nobody_signs_in_as_a_superuser(client, person, settings):
    settings.DEMONSTRATION = True
    person.is_superuser = True
    person.save()
    assert client.post("/sign-in/as/", {"person": person.username}).status_code == 404


def test_looking_never_signs_in_or_out(client, person, settings):
    settings.DEMONSTRATION = True
    assert client.get("/sign-in/as/").status_code == 405
    client.force_login(person)
    assert client.get("/sign-out/").status_code == 405
    assert "_auth_user_id" in client.session


def test_signing_out_twice_is_no_error(client, person):
    client.force_login(person)
    assert client.post("/sign-out/").url == "/sign-in/"
    assert client.post("/sign-out/").url == "/sign-in/"


def test_a_form_without_its_token_is_refused_with_a_page(person):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/sign-in/", {"username": person.username, "password": "x"})
    assert answer.status_code == 403
    assert "That form could not be sent" in answer.content.decode()


def test_the_admin_site_is_not_there(client, person):
    person.is_superuser = person.is_staff = True
    person.save()
    client.force_login(person)
    assert client.get("/admin/").status_code == 404
