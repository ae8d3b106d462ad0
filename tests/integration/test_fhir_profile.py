"""docs/fhir.md shows what really goes over the wire: its examples are sent, and compared with what
comes back. `UPDATE_DOCS=1` writes those that come from here anew."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from findings.fhir import names
from findings.fhir.moves import MOVES
from findings.fhir.shapes import faults
from findings.models import Action, Examination, Finding
from findings.services.senders import account_of
from notifications.delivery import deliver_due
from notifications.firing import fire_due_steps
from tests.calling import calling
from tests.engine.mail import MailServer
from tests.factories import Trust, flagged
from tests.fhir import BASE, REPORTS, TASKS, elsewhere, send

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "fhir.md"
EXAMPLE = re.compile(r"<!-- example: ([\w-]+) -->\n```json\n(.*?)\n```", re.DOTALL)
OUTPUTS = (*Action.Kind.values, *Finding.Outcome.values, *Finding.ToldHow.values)
REFERENCE, DAY = "F-0123456789", "2026-07-14"


def examples() -> dict[str, Any]:
    return {name: json.loads(text) for name, text in EXAMPLE.findall(PAGE.read_text())}


def without_what_differs(value: Any) -> Any:
    """Ids, moments and numbers are of the day; everything else is compared."""
    if isinstance(value, dict):
        return {name: without_what_differs(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_what_differs(one) for one in value]
    if isinstance(value, str):
        value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", value)
        value = re.sub(r"F-[0-9A-Z]{10}", "REF", value)
        value = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "TIME", value)
        return re.sub(r"\d+", "0", value)
    return value


def rewrite(shown: dict[str, Any]) -> None:
    """Put these into the page, with its own placeholders for what differs."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        text = json.dumps(shown[name], indent=2, ensure_ascii=False) if name in shown else found[2]
        return f"<!-- example: {name} -->\n```json\n{text}\n```"

    PAGE.write_text(EXAMPLE.sub(block, PAGE.read_text()))


def test_the_examples_are_true(mail: MailServer, trust: Trust) -> None:
    told = examples()
    came_back = the_loop(trust, told)
    if os.environ.get("UPDATE_DOCS"):
        rewrite(came_back)
        told = examples()
    assert set(told) == {*came_back, "report", "accept", "act"}
    for name, resource in came_back.items():
        assert without_what_differs(told[name]) == without_what_differs(resource), name
    for name in ("report", "report-out", "task", "accept", "act"):
        assert not faults(told[name]), name


def the_loop(trust: Trust, told: dict[str, Any]) -> dict[str, Any]:
    """A report comes in, a finding is flagged in it, its owner is told, answers and acts; and what
    each resource looks like on the way."""
    ris = calling(account_of(trust.sender))
    wrong = send(ris, elsewhere(told["report"], "issued", "2026-06-30T14:30:00"))
    sent = named_as_here(told["report"], trust)
    assert send(ris, sent).status_code == 201
    examination = Examination.objects.get()
    finding = flagged(trust, examination=examination)
    fire_due_steps()
    deliver_due()
    owner = calling(trust.referrer)
    read = owner.get(f"{REPORTS}/{examination.public_id}").json()
    task = owner.get(f"{TASKS}/{finding.reference}").json()
    answered(owner, finding, told["accept"])
    assert finding.plan == told["accept"]["statusReason"]["text"]
    expected = (timezone.localdate() + timedelta(days=7)).isoformat()
    answered(owner, finding, json.loads(json.dumps(told["act"]).replace(DAY, expected)))
    assert Action.objects.get().result_expected_on.isoformat() == expected
    leads = calling(trust.governance)
    about = {"about": f"Task/{finding.reference}", "status": "completed"}
    messages = leads.get(f"{BASE}/Communication", about).json()["entry"]
    seen = leads.get(f"{BASE}/AuditEvent", {"agent": trust.referrer.professional_code})
    return {
        "refusal": wrong.json(),
        "report-out": read,
        "task": task,
        "communication": next(
            one["resource"] for one in messages if "e-mail" in str(one["resource"]["medium"])
        ),
        "audit-event": seen.json()["entry"][-1]["resource"],
    }


def named_as_here(resource: dict[str, Any], trust: Trust) -> dict[str, Any]:
    """With the codes of this trust's people and site in the place of the page's."""
    text = json.dumps(resource)
    for page, here in (
        ("C1000001", trust.referrer.professional_code),
        ("C1000002", trust.radiologist.professional_code),
        ("RXX01", trust.site.ods_code),
    ):
        assert page in text, page
        text = text.replace(page, here)
    return json.loads(text)


def answered(client: Any, finding: Finding, example: dict[str, Any]) -> None:
    task = json.loads(json.dumps(example).replace(REFERENCE, finding.reference))
    answer = send(client, task, f"{TASKS}/{finding.reference}", "PUT")
    assert answer.status_code == 200, answer.json()
    finding.refresh_from_db()


def test_the_page_names_every_move_and_status() -> None:
    page = PAGE.read_text()
    for word in (*MOVES, *names.STATUSES, *OUTPUTS):
        assert f"`{word}`" in page, word
    for state, status in names.TASK_STATUS.items():
        assert re.search(rf"^\| `{status}` \|.*\| `{state.value}` \|$", page, re.MULTILINE), state
