"""From a RIS to the page on which its report is flagged: what a link opens, for whom, when not."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings import ris_link
from findings.models import Examination, LinkKey, SenderChange
from findings.rules import NotAllowed
from findings.services.ris_links import end_key, make_key, named_by, secrets_of
from tests.factories import Trust, a_trust, reported
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db
ACCESSION = "ACC-2026/0017"


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def examination(trust: Trust) -> Examination:
    reported(trust, accession="ACC-2026/00170")
    return reported(trust, accession=ACCESSION)


@pytest.fixture
def key(trust: Trust) -> LinkKey:
    return make_key(sender=trust.sender, by=trust.administrator)[0]


def link(key: LinkKey, accession: str = ACCESSION, ago: timedelta = timedelta()) -> ris_link.Link:
    return ris_link.make(secrets_of(key)[0], key.pk, accession, timezone.now() - ago)


def follow(by: Any, given: ris_link.Link, **changed: str) -> Any:
    return signed_in(by).get(reverse("from-ris"), {**vars(given), **changed})


def test_the_example_of_the_document_is_what_the_code_makes() -> None:
    words = (Path(settings.BASE_DIR) / "docs" / "ris-link.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| .*`([^`]+)` \|$", words, re.MULTILINE))
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    made = ris_link.make(rows["Secret"], int(rows["Key"]), "ACC-2026-0017", at)
    assert (str(made.issued), made.examination, made.signature) == (
        rows["Now"],
        rows["`examination`"],
        rows["`signature`"],
    )


def test_it_lands_where_the_report_is_flagged(
    trust: Trust, examination: Examination, key: LinkKey
) -> None:
    for accession in (ACCESSION, "acc 2026 0017"):
        answer = follow(trust.radiologist, link(key, accession))
        assert answer.url == reverse("flag", args=[examination.public_id])
    for reader in (trust.referrer, trust.coordinator):
        answer = follow(reader, link(key))
        assert answer.url == reverse("report", args=[examination.public_id])
    assert "2026" not in link(key).query


def test_a_sign_in_stands_between_and_nothing_is_lost(
    trust: Trust, examination: Examination, key: LinkKey, client: Client
) -> None:
    trust.radiologist.set_password("correct horse battery")
    trust.radiologist.save()
    asked = client.get(reverse("from-ris"), vars(link(key)))
    assert asked.url.startswith(reverse("sign-in"))
    onwards = unquote(asked.url.partition("next=")[2])
    typed = {"username": trust.radiologist.username, "password": "correct horse battery"}
    there = client.post(reverse("sign-in"), typed | {"next": onwards}, follow=True)
    assert [to for to, _ in there.redirect_chain] == [
        onwards,
        reverse("flag", args=[examination.public_id]),
    ]


def test_who_may_not_read_the_report_learns_nothing_of_it(
    trust: Trust, examination: Examination, key: LinkKey
) -> None:
    stranger = follow(a_trust().radiologist, link(key))
    unknown = follow(trust.radiologist, link(key, "ACC-2026/0018"))
    for answer in (stranger, unknown):
        assert answer.status_code == 404
        assert "has not come yet" in words_of(answer)
        assert 'name="words"' in answer.content.decode()
    assert follow(trust.administrator, link(key)).status_code == 403


def test_a_link_that_was_not_made_so_says_what_to_do(
    trust: Trust, examination: Examination, key: LinkKey
) -> None:
    good, other = link(key), link(key, "ACC-2026/00170")
    forged: list[dict[str, str]] = [
        {"signature": other.signature},
        {"examination": other.examination},
        {"issued": str(good.issued + 1)},
        {"key": str(key.pk + 1)},
        {"key": "x"},
        {"issued": "9" * 30},
        {"signature": ""},
        {"signature": "\u0661" * 64},
    ]
    for changed in forged:
        answer = follow(trust.radiologist, good, **changed)
        assert answer.status_code == 400, changed
        assert "not made by a system that is set up here" in words_of(answer)
    for ago in (timedelta(minutes=11), timedelta(minutes=-3)):
        answer = follow(trust.radiologist, link(key, ago=ago))
        assert answer.status_code == 400
        assert "more than 10 minutes ago" in words_of(answer)
    assert follow(trust.radiologist, link(key, ago=timedelta(minutes=9))).status_code == 302
    assert follow(trust.radiologist, link(key, ago=timedelta(minutes=-1))).status_code == 302


def test_two_numbers_that_differ_in_their_signs_only_open_neither(
    trust: Trust, examination: Examination, key: LinkKey
) -> None:
    reported(trust, accession="ACC20260017")
    assert named_by({k: str(v) for k, v in vars(link(key)).items()}, trust.radiologist) is None


def test_a_report_of_some_weeks_ago_is_found_too_and_then_no_more(
    trust: Trust, examination: Examination, key: LinkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings.services.ris_links.LATELY", timedelta(0))
    assert follow(trust.radiologist, link(key)).status_code == 302
    monkeypatch.setattr("findings.services.ris_links.AT_ALL", timedelta(0))
    assert follow(trust.radiologist, link(key)).status_code == 404


def test_keys_are_made_shown_once_changed_and_ended_on_their_page(
    trust: Trust, examination: Examination
) -> None:
    client, page = signed_in(trust.administrator), reverse("link-keys", args=[trust.sender.pk])
    shown = client.post(page, {"do": "make"})
    first = LinkKey.objects.get()
    (secret,) = secrets_of(first)
    assert secret in words_of(shown)
    assert secret not in words_of(client.get(page))
    client.post(page, {"do": "make"})
    second = LinkKey.objects.latest("pk")
    assert "Two keys run already" in words_of(client.post(page, {"do": "make"}, follow=True))
    for key in (first, second):
        assert follow(trust.radiologist, link(key)).status_code == 302
    client.post(page, {"end": str(first.pk)})
    client.post(page, {"end": str(first.pk)})
    assert follow(trust.radiologist, link(first)).status_code == 400
    assert follow(trust.radiologist, link(second)).status_code == 302
    assert SenderChange.objects.filter(sender=trust.sender, by=trust.administrator).count() == 3
    for where in (reverse("sender", args=[trust.sender.pk]), page):
        changes = words_of(client.get(where))
        assert f"Before {first.pk}, {second.pk} After {second.pk}" in changes
        assert secret not in changes


def test_a_key_is_only_ended_and_only_by_its_trust(trust: Trust, key: LinkKey) -> None:
    for by in (a_trust().administrator, trust.radiologist):
        with pytest.raises(NotAllowed):
            make_key(sender=trust.sender, by=by)
        with pytest.raises(NotAllowed):
            end_key(key=key, by=by)
    with pytest.raises(IntegrityError, match="only ends"), transaction.atomic():
        LinkKey.objects.filter(pk=key.pk).update(salt="0" * 64)
    end_key(key=key, by=trust.coordinator)
    with pytest.raises(IntegrityError, match="only ends"), transaction.atomic():
        LinkKey.objects.filter(pk=key.pk).update(ended_at=None, ended_by=None)


def test_another_secret_key_of_ours_ends_what_its_fallbacks_do_not_know(
    trust: Trust, examination: Examination, key: LinkKey, settings: Any
) -> None:
    made, before = link(key), settings.SECRET_KEY
    reader = signed_in(trust.radiologist)
    settings.SECRET_KEY = "x" * 60
    settings.SECRET_KEY_FALLBACKS = [before]
    assert reader.get(reverse("from-ris"), vars(made)).status_code == 302
    settings.SECRET_KEY_FALLBACKS = []
    assert follow(trust.radiologist, made).status_code == 400


def test_the_command_prints_a_link_that_opens(
    trust: Trust, examination: Examination, key: LinkKey
) -> None:
    said = StringIO()
    call_command("ris_link", trust.sender.code, "acc 2026 0017", stdout=said)
    address = said.getvalue().strip()
    assert address.startswith(f"{settings.BASE_URL}/reports/from-ris/?key={key.pk}&issued=")
    answer = signed_in(trust.radiologist).get(address.removeprefix(settings.BASE_URL))
    assert answer.url == reverse("flag", args=[examination.public_id])
    end_key(key=key, by=trust.administrator)
    for sender in (trust.sender.code, "NO|ONE"):
        with pytest.raises(CommandError):
            call_command("ris_link", sender, ACCESSION)
