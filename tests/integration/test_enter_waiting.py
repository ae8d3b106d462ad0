"""A coordinator enters examinations without a report on pages: one by hand, or a list."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from findings.models import Clock, Examination
from tests.factories import Trust, a_trust, nhs_number, reported
from tests.integration.test_waiting_list import line, listed
from tests.pages import fill_in, hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def test_a_coordinator_keeps_a_list_that_was_shown(trust: Trust) -> None:
    client, address = signed_in(trust.coordinator), reverse("import-waiting")
    raw = SimpleUploadedFile("ris.csv", listed(line("A1", 40)))
    form = hidden_in(client.get(address)) | {"sender": str(trust.sender.pk), "file": raw}
    shown = client.post(address, form)
    assert "A1" in words_of(shown)
    assert not Clock.objects.exists()
    assert client.post(address, hidden_in(shown)).status_code == 302
    assert Examination.objects.waiting().get().accession == "A1"


TYPED = {
    "accession": "TYPED1",
    "family_name": "Example",
    "sex": "F",
    "modality": "CT",
    "examination": "CT chest",
}


def typed(trust: Trust, **fields: str) -> dict[str, str]:
    at = timezone.localtime() - timedelta(days=30)
    return {
        **TYPED,
        "sender": str(trust.sender.pk),
        "site": str(trust.site.pk),
        "nhs_number": nhs_number(4001),
        "birth_date-day": "31",
        "birth_date-month": "12",
        "birth_date-year": "1950",
        "performed_at-day": str(at.day),
        "performed_at-month": str(at.month),
        "performed_at-year": str(at.year),
        "performed_at-time": "09:15",
        **fields,
    }


def test_a_coordinator_enters_one_and_sees_that_it_is_late(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    answer = fill_in(client, reverse("enter-waiting"), typed(trust))
    assert answer.status_code == 302, words_of(answer)
    text = words_of(client.get(answer.url))
    assert "Was due " in text
    assert "National guidance" in text


def test_what_was_typed_stays_where_something_is_wrong(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    theirs = reported(trust).accession
    answer = fill_in(client, reverse("enter-waiting"), typed(trust, accession=theirs))
    assert answer.status_code == 422
    assert "another patient" in words_of(answer)
    assert 'value="Example"' in answer.content.decode()
