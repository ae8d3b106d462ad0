"""One shift hands over to the next: what the sheet says, who signed it, and that it stays so."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Role, ShiftSheet, Viewing
from findings.services.acknowledge import acknowledge_finding
from findings.services.hold import set_aside
from findings.services.shift_sheets import hand_over_shift
from findings.services.timeline import add_note
from tests.factories import Trust, a_trust, flagged
from tests.integration.desk_scene import ago, held
from tests.pages import hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db

NEW, SHEETS = reverse("hand-over-shift"), reverse("shift-sheets")


@pytest.fixture
def desk(trust: Trust) -> Client:
    return signed_in(trust.coordinator)


def typed(began: Any, until: Any, **more: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for name, at in (("began_at", began), ("until_at", until)):
        here = timezone.localtime(at)
        parts |= {
            f"{name}-day": f"{here.day}",
            f"{name}-month": f"{here.month}",
            f"{name}-year": f"{here.year}",
            f"{name}-time": f"{here:%H:%M}",
        }
    return parts | more


def in_hours(hours: float) -> Any:
    return timezone.now() + timedelta(hours=hours)


def test_a_shift_is_handed_over_read_and_taken_over(trust: Trust, desk: Client) -> None:
    late, soon = flagged(trust, at=ago(minutes=90)), flagged(trust, at=ago(minutes=10))
    flagged(a_trust(), at=ago(minutes=90))
    item = held("Nodule.")
    set_aside(receipt=item, by=trust.coordinator, because="Sent twice.")
    add_note(finding=late, by=trust.coordinator, text="Rang the ward; nobody came.")
    before = flagged(trust, category="cancer")
    add_note(finding=before, by=trust.coordinator, text="An old note.")
    page = words_of(desk.get(NEW))
    assert "1 on the desk: 1 late and not opened." in page
    assert f"{trust.coordinator}, {late.reference}: Note. Rang the ward; nobody came." in page
    assert f"Held item {item.pk}: Set aside: Sent twice." in page
    assert f"Critical {soon.reference}, {trust.referrer}" in page, "falls due in the next shift"
    seen = Viewing.objects.filter(person=trust.coordinator, page="hand-over-shift")
    assert late.examination.patient_id in seen.latest("pk").patients
    given = typed(ago(hours=8), in_hours(8), note="The registrar is on 01632 960999.")
    signed = desk.post(NEW, hidden_in(desk.get(NEW)) | given, follow=True)
    sheet = ShiftSheet.objects.get()
    assert "Rang the ward; nobody came." in str(sheet.content["rows"])
    assert "today" not in str(sheet.content), "nor will it be when it is read"
    assert "01632 960999" in words_of(signed)
    assert "Nobody has taken it over yet." in words_of(signed)
    acknowledge_finding(finding=late, by=trust.referrer, plan="Now.")
    address = reverse("shift-sheet", args=[sheet.pk])
    assert "late and not opened" in words_of(desk.get(address)), "as it was signed"
    assert desk.post(address).status_code == 403, "nobody takes over from themselves"
    _taken_over(trust, address, sheet)


def _taken_over(trust: Trust, address: str, sheet: ShiftSheet) -> None:
    night, third = (signed_in(trust.add(Role.COORDINATOR)) for _ in range(2))
    assert "I have read it and take over" in words_of(night.get(address))
    assert "Signed: the shift is yours now." in words_of(night.post(address, follow=True))
    second = words_of(third.post(address, follow=True))
    assert "has taken this shift over already. Nothing has been changed." in second
    sheet.refresh_from_db()
    assert str(sheet.taken_by) in words_of(signed_in(trust.governance).get(address))
    assert signed_in(trust.governance).post(address).status_code == 403
    assert str(sheet.taken_by) in words_of(night.get(SHEETS))
    assert signed_in(a_trust().coordinator).get(address).status_code == 404


def test_times_that_make_no_shift_are_said_and_nothing_is_signed(
    trust: Trust, desk: Client
) -> None:
    long_ago = desk.post(NEW, typed(ago(days=5), in_hours(8)))
    assert long_ago.status_code == 422
    assert "A shift began within the last two days." in words_of(long_ago)
    backwards = desk.post(NEW, typed(ago(hours=8), ago(hours=1)))
    assert "is in the past" in words_of(backwards)
    looked = desk.post(NEW, typed(ago(hours=2), in_hours(4), do="look"))
    assert looked.status_code == 200
    assert not ShiftSheet.objects.exists()
    assert signed_in(trust.governance).get(NEW).status_code == 403


def test_the_next_shift_begins_where_the_last_sheet_ended(trust: Trust, desk: Client) -> None:
    sheet = _signed(trust)
    page = words_of(desk.get(NEW))
    assert f"From {timezone.localtime(sheet.given_at):%-d %B %Y at %H:%M}" in page
    few = queries_without_banner(desk, NEW)
    for _ in range(3):
        flagged(trust, at=ago(minutes=90))
        add_note(finding=flagged(trust), by=trust.coordinator, text="A note.")
    assert queries_without_banner(desk, NEW) <= few + 8, "what a kind of row is read with"
    more = queries_without_banner(desk, NEW)
    flagged(trust, at=ago(minutes=90))
    assert queries_without_banner(desk, NEW) == more <= 25


def _signed(trust: Trust) -> ShiftSheet:
    return hand_over_shift(
        by=trust.coordinator,
        began_at=ago(hours=8),
        until_at=in_hours(8),
        content={"total": 0},
        patients=[],
    )


def test_what_was_signed_cannot_be_altered(trust: Trust) -> None:
    sheet = _signed(trust)
    rows = ShiftSheet.objects.filter(pk=sheet.pk)
    now = timezone.now()
    for change in ({"note": "Else."}, {"content": {}}, {"given_by": trust.governance}):
        with pytest.raises(InternalError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError, match="nobody_takes_over"), transaction.atomic():
        rows.update(taken_at=now, taken_by=trust.coordinator)
    rows.update(taken_at=now, taken_by=trust.governance)
    with pytest.raises(IntegrityError, match="was taken over"), transaction.atomic():
        rows.update(taken_by=trust.radiologist)
    with pytest.raises(InternalError), transaction.atomic():
        rows.delete()
