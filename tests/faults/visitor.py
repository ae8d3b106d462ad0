"""Clients over HTTP: a report by the API, a flag by its page, an answer by the API.

The web server is killed and frozen meanwhile. Whoever hears no answer asks again in the same
words, as a sender and a person do; the history says how often, and the checker that it is one.
"""

import http.client
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.utils import timezone

from tests.calling import REPORTS, body
from tests.faults.client import PLAN, Somebody, described
from tests.faults.history import NobodyKnows, Refused

PATIENCE = 8.0  # seconds
TRIES, AFTER_NO_ANSWER = 12, 0.8  # seconds
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CSRF = "s" * 32  # what the cookie and the form have in common; any letters do
SEEN = re.compile(r'name="seen" value="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """What the web server said."""

    status: int
    words: str
    location: str


class Visitor(Somebody):
    """One case at a time, from its report to its answer, as far as it gets."""

    def act(self) -> None:
        key = self.new_key()
        given = json.dumps(self._a_report(key))  # the very same each time
        report = self._until_told("report", key, lambda: self._send(key, given))
        if report is None:
            return
        category = self.chance.choice(["critical", "urgent"])
        finding = self._until_told(
            "flag", key, lambda: self._flag(key, category, report["examination"])
        )
        if finding is not None and self.chance.random() < 0.5:
            reference = finding["reference"]
            self._until_told("acknowledge", reference, lambda: self._acknowledge(reference))

    def _until_told(
        self, act: str, key: str, ask: Callable[[], dict[str, str]]
    ) -> dict[str, str] | None:
        """What was said; None when it was refused, or nothing was heard however often."""
        for _ in range(TRIES):
            with self.written(act, key, by="http") as written:
                said = ask()
                written.said |= said
            if written.is_ok:
                return said
            if not written.is_unknown:
                break
            time.sleep(AFTER_NO_ANSWER)
        return None

    def _a_report(self, key: str) -> dict[str, Any]:
        patient = self.patient(key)
        number = {"value": key, "authority": patient.identifiers[0].authority}
        return body(
            accession=key,
            reported_at=(timezone.now() - timedelta(hours=1)).isoformat(),
            patient={
                "family_name": patient.family_name,
                "given_name": patient.given_name,
                "birth_date": str(patient.birth_date),
                "sex": patient.sex,
                "identifiers": [number],
            },
            requester={"code": self.trust.referrer.professional_code},
            requesting_location=self.trust.team.location_code,
        )

    def _send(self, key: str, given: str) -> dict[str, str]:
        token = _token(self.cast.tokens[0])
        filed = self._ask("POST", REPORTS, token | JSON | {"Idempotency-Key": key}, given)
        report = self._ask("GET", f"{REPORTS}{json.loads(filed.words)['id']}/", token)
        return {"examination": json.loads(report.words)["examination"]}

    def _flag(self, key: str, category: str, examination: str) -> dict[str, str]:
        address = f"/reports/{examination}/flag/"
        cookies = {"Cookie": f"sessionid={self.cast.session}; csrftoken={CSRF}"}
        seen = SEEN.search(self._ask("GET", address, cookies).words)
        if seen is None:
            raise Refused
        typed = {
            "seen": unescape(seen[1]),
            "csrfmiddlewaretoken": CSRF,
            "category": category,
            "description": described(key),
            "action": "review",
            "holder": "order",
            "do": "flag",
        }
        saved = self._ask("POST", address, cookies | FORM, urlencode(typed))
        if saved.status != http.client.FOUND:
            raise Refused  # the page again, with what is wrong
        return {"reference": saved.location.rstrip("/").rpartition("/")[2]}

    def _acknowledge(self, reference: str) -> dict[str, str]:
        address = f"/api/v1/findings/{reference}/acknowledge/"
        self._ask("POST", address, _token(self.cast.tokens[1]) | JSON, json.dumps({"plan": PLAN}))
        return {}

    def _ask(self, method: str, address: str, headers: dict[str, str], sent: str = "") -> Answer:
        where = urlsplit(self.cast.web)
        web = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
        try:
            web.request(method, address, sent or None, headers)
            got = web.getresponse()
            answer = Answer(got.status, got.read().decode(), got.getheader("Location", ""))
        except (http.client.HTTPException, UnicodeDecodeError) as error:
            raise NobodyKnows from error
        finally:
            web.close()
        if answer.status >= http.client.INTERNAL_SERVER_ERROR:
            raise NobodyKnows
        if answer.status >= http.client.BAD_REQUEST:
            raise Refused
        return answer


def _token(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}
