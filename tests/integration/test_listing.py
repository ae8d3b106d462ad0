"""What every list does alike: places that do not shift, files, views that are kept, and news."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.intake.importing import take_in
from findings.models import Finding, Person, Receipt, SavedView, Viewing
from findings.services.close import withdraw_finding
from findings.services.report_by import expect_report
from findings.services.saved_views import MOST_OF_A_LIST, keep_view
from findings.views import listing
from tests.factories import Trust, a_trust, acknowledged, flagged, reported, unreported
from tests.messages import oru
from tests.pages import queries_without_banner, signed_in, turn, words_of
from tests.unit.test_list_file import sheets

pytestmark = pytest.mark.django_db

MINE, OPEN, FLAGS = reverse("my-findings"), reverse("open-findings"), reverse("my-flags")


@pytest.fixture
def trust() -> Trust:
    return a_trust()


@pytest.fixture
def three_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "ROWS_ON_A_PAGE", 3)


def on_page(response: Any) -> list[str]:
    """References in their order."""
    html = response.content.decode()
    places = {
        one.reference: html.find(f"/findings/{one.reference}/") for one in Finding.objects.all()
    }
    return sorted((ref for ref, place in places.items() if place >= 0), key=places.__getitem__)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


# --- Places ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("three_a_page")
@pytest.mark.parametrize("address", [MINE, OPEN, FLAGS])
def test_what_comes_and_goes_meanwhile_neither_repeats_nor_hides_a_row(
    trust: Trust, address: str
) -> None:
    person = {MINE: trust.referrer, OPEN: trust.governance, FLAGS: trust.radiologist}[address]
    at = timezone.now() - timedelta(minutes=10)
    made = [flagged(trust, category="cancer", at=at) for _ in range(8)]
    client = signed_in(person)
    first = client.get(address)
    assert "Showing 1 to 3 of 8." in words_of(first)
    # One more before the first page, and one that was on it ends.
    new = flagged(trust, category="critical", at=at)
    withdraw_finding(finding=made[0], by=trust.radiologist, because="In error.")
    second = client.get(turn(first))
    third = client.get(turn(second))
    seen = [*on_page(first), *on_page(second), *on_page(third)]
    assert [ref for ref in seen if ref != made[0].reference] == [one.reference for one in made[1:]]
    assert "Showing 4 to 6 of" in words_of(second)
    back = client.get(turn(third, "prev"))
    assert on_page(back) == on_page(second)
    assert new.reference in on_page(client.get(turn(back, "prev"))), "the first page, and full"
    everything = [*on_page(third)]
    while following := turn(third):
        third = client.get(following)
        everything += on_page(third)
    assert len(everything) == len(set(everything))


@pytest.mark.usefixtures("three_a_page")
def test_a_mark_that_makes_no_sense_is_the_beginning(trust: Trust) -> None:
    for _ in range(5):
        flagged(trust)
    client = signed_in(trust.governance)
    first = on_page(client.get(OPEN))
    of_another_list = turn(signed_in(trust.referrer).get(MINE)).partition("?after=")[2]
    for mark in ("", "x", "999", "²", of_another_list):
        for name in ("after", "before"):
            assert on_page(client.get(OPEN, {name: mark})) == first


@pytest.mark.parametrize(
    ("asked", "is_open"), [("", False), ("critical", False), ("cancer", True), ("none such", True)]
)
def test_the_filter_is_folded_unless_it_leaves_nothing(
    trust: Trust, asked: str, is_open: bool
) -> None:
    flagged(trust, category="critical")
    page = signed_in(trust.governance).get(OPEN, {"category": asked})
    assert ('app-filter-details" open>' in page.content.decode()) == is_open
    said = "(Category: Critical)"
    assert (f"Filter by state, category, site, team or owner {said}" in words_of(page)) == (
        asked == "critical"
    )


# --- Files -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("three_a_page")
def test_a_file_holds_all_pages_of_what_is_on_screen_and_who_took_it_is_recorded(
    trust: Trust,
) -> None:
    mine = [flagged(trust, category="critical") for _ in range(4)]
    flagged(trust, category="cancer"), flagged(a_trust(), category="critical")
    client = signed_in(trust.governance)
    page = client.get(OPEN, {"category": "critical", "page": "7", "name": "SMITH"})
    assert 'href="/findings/?category=critical&amp;as=xlsx"' in page.content.decode()
    response = client.get(OPEN, {"category": "critical", "as": "xlsx"})
    assert response.headers["Content-Disposition"].startswith(
        'attachment; filename="open-findings-'
    )
    assert response.headers["Cache-Control"] == "no-store"
    about, (head, *rows) = sheets(io.BytesIO(body(response)))
    assert [row[0][1] for row in rows] == [one.reference for one in mine]
    number = [words for _, words in head].index("NHS number")
    assert [row[number] for row in rows] == [
        ("inlineStr", one.examination.patient.nhs_number) for one in mine
    ]
    assert ("inlineStr", "Category: Critical") in [row[1] for row in about]
    assert ("inlineStr", str(trust.governance)) in [row[1] for row in about]
    seen = Viewing.objects.get(person=trust.governance, page="open-findings.xlsx")
    assert seen.patients == sorted(one.examination.patient_id for one in mine)
    text = body(client.get(OPEN, {"category": "critical", "as": "csv"})).decode("utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == [row[0][1] for row in rows]


LISTS = {
    "my-findings": "referrer",
    "open-findings": "governance",
    "my-flags": "radiologist",
    "reports": "radiologist",
    "waiting": "coordinator",
    "to-confirm": "radiologist",
    "held-items": "coordinator",
    "desk": "coordinator",
    "people": "administrator",
    "governance-rows": "governance",
}


def address_of(name: str) -> str:
    return reverse(name, args=["open"] if name == "governance-rows" else None)


def one_of_each(trust: Trust) -> None:
    flagged(trust), acknowledged(trust), reported(trust, text="CRITICAL ALERT")
    expect_report(unreported(trust))
    number = str(Receipt.objects.count())
    take_in(oru(status="Odd", control_id=number, accession=number), number, trust.sender)


def test_every_list_is_saved_asked_and_read_at_a_flat_cost(trust: Trust) -> None:
    clients = {name: signed_in(getattr(trust, role)) for name, role in LISTS.items()}

    def costs() -> dict[str, int]:
        return {
            name: queries_without_banner(client, address_of(name))
            for name, client in clients.items()
        }

    one_of_each(trust)
    few = costs()
    for _ in range(3):
        one_of_each(trust)
        trust.add(team=trust.team)
    assert costs() == few
    assert max(few.values()) <= 25, few
    for name, client in clients.items():
        address = address_of(name)
        assert f"{address}?as=xlsx" in client.get(address).content.decode()
        for kind in ("xlsx", "csv"):
            assert len(body(client.get(address, {"as": kind}))) > 100, name
        assert client.get(address, {"as": "news"}).json()["changed"] >= 4, name


def test_a_list_that_is_too_long_is_no_file(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_IN_A_FILE", 1)
    flagged(trust), flagged(trust)
    client = signed_in(trust.governance)
    assert "2 rows are too many for one file" in words_of(client.get(OPEN))
    response = client.get(OPEN, {"as": "xlsx", "category": "critical"}, follow=True)
    assert response.redirect_chain == [(f"{OPEN}?category=critical", 302)]
    assert "Choose filters that show fewer." in words_of(response)
    assert not Viewing.objects.filter(page="open-findings.xlsx").exists()


def test_a_list_that_somebody_may_not_see_is_no_file_either(trust: Trust) -> None:
    for kind in ("xlsx", "csv", "news"):
        assert signed_in(trust.referrer).get(OPEN, {"as": kind}).status_code == 403


def test_a_file_of_a_search_that_was_forgotten_is_not_one_of_everything(trust: Trust) -> None:
    reported(trust)
    client = signed_in(trust.radiologist)
    response = client.get(reverse("reports"), {"search": "gone", "as": "xlsx"})
    assert response.status_code == 302


# --- News ------------------------------------------------------------------------------------


def asks(page: Any, client: Client) -> dict[str, Any]:
    html = page.content.decode()
    address = html.partition('data-fresh="')[2].partition('"')[0].replace("&amp;", "&")
    return client.get(address).json()


def test_a_page_is_told_how_many_of_its_rows_changed(trust: Trust) -> None:
    one, other = flagged(trust), flagged(trust)
    client = signed_in(trust.governance)
    page = client.get(OPEN)
    before = Viewing.objects.count()
    assert asks(page, client) == {"changed": 0, "said": ""}
    acknowledged(trust, one)
    assert asks(page, client) == {"changed": 1, "said": "1 row has changed."}
    withdraw_finding(finding=other, by=trust.radiologist, because="In error.")
    flagged(trust)
    assert asks(page, client) == {"changed": 2, "said": "2 rows have changed."}
    assert Viewing.objects.count() == before, "it shows nobody anything"


def test_a_page_that_asks_keeps_nobody_signed_in(trust: Trust) -> None:
    client = signed_in(trust.governance)
    page = client.get(OPEN)
    session = client.session
    session["seen_at"] = 0.0
    session.save()
    ends = Session.objects.get().expire_date
    asks(page, client)
    assert Session.objects.get().expire_date == ends
    client.get(OPEN)
    assert Session.objects.get().expire_date > ends


# --- Views that are kept ---------------------------------------------------------------------


def link(page: Any, words: str) -> str:
    before, _, _ = page.content.decode().partition(f">{words}</a>")
    return before.rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")


def test_filters_are_kept_under_a_name_renamed_removed_and_put_back(trust: Trust) -> None:
    client = signed_in(trust.governance)
    plain = client.get(OPEN)
    assert "Keep these filters as a view" not in words_of(plain)
    page = client.get(OPEN, {"state": "acknowledged", "late": "yes", "name": "SMITH"})
    keep = link(page, "Keep these filters as a view")
    assert "State: " in words_of(client.get(keep))
    for name, wrong in (
        ("", "Enter a name"),
        ("About 999 000 0018", "that holds no number of a patient"),
    ):
        refused = client.post(keep, {"name": name})
        assert refused.status_code == 422
        assert wrong in words_of(refused)
    kept = client.post(keep, {"name": " Late  ones "})
    assert kept.url == f"{OPEN}?state=acknowledged&late=yes"
    assert link(client.get(OPEN), "Late ones") == kept.url
    twice = client.post(keep, {"name": "late ONES"})
    assert "You keep a view of this list as “late ONES” already." in words_of(twice)
    own = link(client.get(kept.url), "Rename or remove this view")
    assert client.post(own, {"do": "rename", "name": ""}).status_code == 422
    client.post(own, {"do": "rename", "name": "Forgotten"})
    assert link(client.get(OPEN), "Forgotten") == kept.url
    assert "This view was removed." in words_of(client.post(own, {"do": "remove"}, follow=True))
    assert "Forgotten" not in words_of(client.get(OPEN))
    client.post(own, {"do": "put-back"})
    assert link(client.get(OPEN), "Forgotten") == kept.url
    assert "Forgotten" not in words_of(signed_in(trust.coordinator).get(OPEN))
    for do in ("rename", "remove", "put-back"):
        assert signed_in(trust.coordinator).post(own, {"do": do}).status_code == 404


def test_only_a_list_can_be_kept_and_only_so_many(trust: Trust) -> None:
    keep = reverse("keep-view")
    client = signed_in(trust.governance)
    for of in ("", "x", "WyIvIl0:1"):
        assert client.post(f"{keep}?of={of}", {"name": "A"}).status_code == 404
    for number in range(MOST_OF_A_LIST):
        keep_view(by=trust.governance, path=OPEN, query=f"team={number}", name=f"Team {number}")
    page = client.get(OPEN, {"late": "yes"})
    full = client.post(link(page, "Keep these filters as a view"), {"name": "One more"})
    assert "which is as many as there may be" in words_of(full)
    assert not SavedView.objects.filter(name="One more").exists()


def test_a_search_for_a_patient_is_not_kept(trust: Trust) -> None:
    reported(trust), reported(trust)
    client = signed_in(trust.radiologist)
    found = client.post(reverse("reports"), {"words": "test"}, follow=True)
    assert "Keep these filters" not in words_of(found)


def test_filters_that_are_wrong_are_not_kept(trust: Trust) -> None:
    person: Person = trust.governance
    assert "Keep these" not in words_of(signed_in(person).get(OPEN, {"state": "lost"}))
