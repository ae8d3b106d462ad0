"""Pages on which a category changes, and after a patient died or was transferred, in a browser."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Category, PatientChange
from findings.services.change_category import change_category
from findings.services.patient_change import Change, record_change
from tests.factories import Trust, a_trust, flagged
from tests.functional.browser import DESKTOP, check

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Kind = PatientChange.Kind
PLACE = {Kind.TRANSFERRED: "Ward 7", Kind.DIED: ""}


@pytest.fixture
def trust(transactional_db: None) -> Trust:
    return a_trust()


def test_the_pages_are_whole_at_every_width(browser, trust: Trust) -> None:
    finding = flagged(trust, category="urgent")
    patient, hour_ago = finding.examination.patient, timezone.now() - timedelta(hours=1)
    change_category(
        finding=finding,
        by=trust.radiologist,
        category=Category.objects.get(code="significant_unexpected"),
        because="As the chest physicians say.",
    )
    for kind in PLACE:
        change = record_change(
            patient=patient, change=Change(kind, hour_ago, PLACE[kind]), by=trust.coordinator
        )
    own = [finding.reference]
    seen = {
        trust.coordinator: {
            "change category": reverse("change-category", args=own),
            "patient changes": reverse("patient-changes"),
            "undo patient change": reverse("undo-patient-change", args=[change.pk]),
        },
        trust.referrer: {
            "finding of the dead": reverse("finding", args=own),
            "told of the dead": reverse("patient-told", args=own),
            "still mine": reverse("still-mine", args=own),
        },
    }
    for person, pages in seen.items():
        page = browser.new_page(DESKTOP, person=person)
        for name, address in pages.items():
            page.goto(browser.address + address)
            check(page, f"deadlines {name}", browser)
