"""Papers: what they say, in a page and in a workbook alike; who may make them; what leaves."""

import io
import zipfile
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from findings.measures.audit import MOST_OF_AN_AREA, SAMPLE, sample
from findings.measures.period import last_days
from findings.models import Action, Finding, Viewing
from findings.presenters.paper_file import write_paper
from findings.presenters.papers import Paper, Section, table
from findings.services.act import record_action
from notifications.firing import fire_due_steps
from tests.factories import TeamFactory, Trust, a_trust, acknowledged, flagged
from tests.pages import queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
TYPED = table("typed", "What was typed", ["Words"], [["=SUM(A1)"], ["999 123"]])
HOUR = timedelta(hours=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def some(trust: Trust, number: int) -> list:
    found = []
    for nth in range(number):
        finding = flagged(trust, at=timezone.now() - (20 + nth) * HOUR)
        if nth % 2:
            acknowledged(trust, finding, at=finding.flagged_at + HOUR / 2)
        found.append(finding)
    return found


def workbook(client: Client, address: str) -> dict[str, list[list[Any]]]:
    joint = "&" if "?" in address else "?"
    answer = client.get(f"{address}{joint}as=xlsx")
    content = b"".join(answer.streaming_content)
    assert zipfile.is_zipfile(io.BytesIO(content))
    book = load_workbook(io.BytesIO(content))
    return {
        sheet.title: [
            ["" if cell is None else cell for cell in row]
            for row in sheet.iter_rows(values_only=True)
        ]
        for sheet in book.worksheets
    }


def test_the_board_paper_hides_what_is_small_and_shows_the_rest(trust: Trust) -> None:
    some(trust, 9)
    client = signed_in(trust.governance)
    few = words_of(client.get(reverse("paper-board")))
    assert "too few to show" in few
    assert "of 9" not in few
    some(trust, 12)
    page = words_of(client.get(reverse("paper-board")))
    assert "47 % of about 20" in page
    for title in ("The numbers", "The charts", "The learning"):
        assert title in page
    numbers = workbook(client, reverse("paper-board"))["Measures"]
    row = next(row for row in numbers if row[0] == "Acknowledged in time")
    assert row[1:4] == [0.47, 10, 20], "numbers, as rounded as on the page"
    assert numbers[0][2].endswith(": met")


def test_a_number_of_a_workbook_is_one_and_what_is_hidden_stays_in_words(trust: Trust) -> None:
    some(trust, 9)
    client = signed_in(trust.governance)
    few = workbook(client, reverse("paper-board"))["Measures"]
    assert next(row[1] for row in few if row[0] == "Acknowledged in time") == "too few to show"
    some(trust, 12)
    answer = client.get(f"{reverse('paper-board')}?as=xlsx")
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))["Measures"]
    cell = next(row[1] for row in sheet.iter_rows() if row[0].value == "Acknowledged in time")
    assert (cell.value, cell.number_format) == (0.47, "0%")
    typed = Paper("=1+1", "", "", timezone.now(), "", "", [Section("A", (), [TYPED])])
    book = io.BytesIO()
    write_paper(book, typed)
    (first, *_), (second, *_) = load_workbook(book)["What was typed"].iter_rows(min_row=2)
    assert (first.value, first.data_type) == ("=SUM(A1)", "s"), "text is never a formula"
    assert (second.value, second.data_type) == ("999 123", "s"), "nor is what looks like a number"


def test_every_team_has_its_list_in_one_press(trust: Trust) -> None:
    late, other = flagged(trust, at=timezone.now() - 3 * HOUR), flagged(a_trust())
    second = TeamFactory(organisation=trust.organisation)
    fine = flagged(trust, category="urgent")
    Finding.objects.filter(pk=fine.pk).update(team=second)
    idle = TeamFactory(organisation=trust.organisation)
    client = signed_in(trust.coordinator)
    address = f"{reverse('paper-weekly')}?team=all"
    page = words_of(client.get(address))
    assert late.reference in page
    assert fine.reference in page
    assert other.reference not in page
    assert idle.name in page.partition("Nothing is open with: ")[2].partition(".")[0]
    assert "1 finding open, 1 of them past the limit." in page
    seen = Viewing.objects.filter(page="paper-weekly").latest("pk")
    assert set(seen.patients) == {one.examination.patient_id for one in (late, fine)}
    sheets = workbook(client, address)
    assert [row[0] for row in sheets[trust.team.name][1:]] == [late.reference]
    assert [row[0] for row in sheets[second.name][1:]] == [fine.reference]


def test_the_audit_draws_the_same_sample_with_the_same_word(trust: Trust) -> None:
    some(trust, 14)
    client, address = signed_in(trust.governance), reverse("paper-audit")
    first, again = (workbook(client, f"{address}?seed=spring") for _ in range(2))
    rows = first["Each finding of the sample"]
    assert rows == again["Each finding of the sample"]
    assert rows != workbook(client, f"{address}?seed=autumn")["Each finding of the sample"]
    assert len(rows) - 1 == MOST_OF_AN_AREA <= SAMPLE


def test_the_audit_counts_what_is_documented(trust: Trust) -> None:
    waiting, taken, done = (
        some(trust, 3)[0],
        *(acknowledged(trust, flagged(trust, at=timezone.now() - 9 * HOUR)) for _ in range(2)),
    )
    record_action(
        finding=done,
        by=trust.referrer,
        kind=Action.Kind.DISCUSSION,
        text="Seen.",
        result_expected_on=timezone.localdate() + timedelta(days=9),
    )
    drawn = {
        one.finding.pk: one
        for one in sample(trust.organisation, last_days(7, timezone.localdate()), "a")
    }
    assert not drawn[waiting.pk].was_read
    assert drawn[taken.pk].was_read
    assert drawn[taken.pk].acted_at is None
    assert drawn[done.pk].acted_at is not None
    page = words_of(signed_in(trust.governance).get(reverse("paper-audit")))
    assert "Read: 60 % (3 of 5)" in page
    assert "Acted upon: 20 % (1 of 5)" in page


def test_the_weekly_list_names_patients_and_says_who_saw_them(trust: Trust) -> None:
    late, fine = flagged(trust, at=timezone.now() - 3 * HOUR), flagged(trust, category="urgent")
    client = signed_in(trust.coordinator)
    address = f"{reverse('paper-weekly')}?team={trust.team.pk}"
    page = words_of(client.get(address))
    assert page.index(late.reference) < page.index(fine.reference)
    assert late.examination.patient.display_name in page
    patients = {late.examination.patient_id, fine.examination.patient_id}
    assert set(Viewing.objects.get().patients) == patients
    workbook(client, address)
    assert Viewing.objects.latest("pk").page == "paper-weekly.xlsx"
    assert client.get(f"{reverse('paper-weekly')}?team={a_trust().team.pk}").status_code == 200
    assert "Choose" in words_of(client.get(reverse("paper-weekly")))


def test_the_pack_of_a_case_holds_everything_and_proves_it(trust: Trust) -> None:
    finding = acknowledged(trust, flagged(trust, at=timezone.now() - 9 * HOUR))
    fire_due_steps()
    client, address = signed_in(trust.governance), reverse("case-pack", args=[finding.reference])
    page = unescape(client.get(address).content.decode())
    for event in finding.events.all():
        assert event.hash in page
    assert finding.report.text[:40] in page
    assert "The timeline is whole" in page
    assert "Clock started: act by" in page
    lines = workbook(client, address)["Lines"]
    assert [row[0] for row in lines[1:]] == [one.number for one in finding.events.all()]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE findings_event DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE findings_event SET at = at - interval '1 hour'"
            " WHERE finding_id = %s AND number = 2",
            [finding.pk],
        )
        cursor.execute("ALTER TABLE findings_event ENABLE TRIGGER USER")
    assert "Line 2 is not as it was written" in words_of(client.get(address))


def test_who_may_make_which(trust: Trust) -> None:
    finding = flagged(trust)
    governance_only = [reverse(f"paper-{name}") for name in ("board", "audit")]
    governance_only.append(reverse("case-pack", args=[finding.reference]))
    for address in governance_only:
        assert signed_in(trust.coordinator).get(address).status_code == 403
    assert signed_in(trust.referrer).get(reverse("papers")).status_code == 403
    elsewhere = signed_in(a_trust().governance)
    assert elsewhere.get(reverse("case-pack", args=[finding.reference])).status_code == 404


@pytest.mark.parametrize("name", ["paper-board", "paper-audit"])
def test_a_paper_asks_the_same_however_many_findings_there_are(trust: Trust, name: str) -> None:
    client = signed_in(trust.governance)
    some(trust, 2)
    few = queries_without_banner(client, reverse(name))
    some(trust, 6)
    assert queries_without_banner(client, reverse(name)) == few <= 25
