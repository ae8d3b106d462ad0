"""Real messages, imported twice, where IMAGING_SAFETY_CASES names a folder of them."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from findings.arrivals import HeldReason
from findings.models import IncomingMessage, Receipt, Report
from tests.factories import a_trust
from tests.integration.test_import_hl7 import check_sums, number


def run(path: Path, site: str) -> str:
    out = StringIO()
    try:
        call_command("import_hl7", str(path), make_sender=True, site=site, stdout=out)
    except CommandError as error:
        if error.returncode not in (1, 3):
            raise
    return out.getvalue()


@pytest.mark.parametrize(
    "folder", ["radiology-hl7", "hl7-uk-emap", "hl7-uk-other", "hl7-batch", "hl7-general"]
)
def test_every_message_becomes_a_report_or_a_held_item(db: None, cases: Path, folder: str) -> None:
    trust = a_trust()
    path = next(iter(cases.rglob(folder)), None)
    if path is None:
        pytest.skip(f"IMAGING_SAFETY_CASES has no folder {folder}")
    printed = run(path, trust.site.ods_code)
    check_sums(printed)
    assert IncomingMessage.objects.filter(receipts=None).count() == 0
    assert not Receipt.objects.filter(reason=HeldReason.OUR_FAULT).exists()
    assert Report.objects.filter(text="").exclude(status="withdrawn").count() == 0
    before = list(Receipt.objects.order_by("pk").values())
    again = run(path, trust.site.ods_code)
    assert number("New", again) == 0
    assert number("Already received, nothing changed", again) == number("Messages", printed)
    assert list(Receipt.objects.order_by("pk").values()) == before


def test_the_radiology_feed_is_read_whole(db: None, cases: Path) -> None:
    trust = a_trust()
    path = next(iter(cases.rglob("radiology-hl7")), None)
    if path is None:
        pytest.skip("IMAGING_SAFETY_CASES has no folder radiology-hl7")
    printed = run(path, trust.site.ods_code)
    files = len([file for file in path.iterdir() if file.is_file()])
    assert number("Files", printed) == files
    assert Report.objects.count() > files / 2
    escapes = [text for text in Report.objects.values_list("text", flat=True) if "\\.br\\" in text]
    assert not escapes
    assert not [
        text
        for text in Report.objects.values_list("text", flat=True)
        if re.search(r"\\[FSTRE]\\", text)
    ]
