"""Text messages and the trust's own messaging, to a real server that answers as told."""

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import IntegrityError, transaction

from findings.models import Event
from notifications.channels import SENDERS
from notifications.channels.base import Unknown
from notifications.channels.http import Post
from notifications.channels.sms import Sms
from notifications.channels.webhook import Webhook
from notifications.delivery import Delivered, deliver_due
from notifications.models import Channel, DeliveryReceipt, Notification
from notifications.receipts import Told, take_receipt
from tests.engine.mail import MailServer
from tests.factories import TEXT, RouteFactory, Trust
from tests.integration.telling import fired, outcomes

pytestmark = pytest.mark.django_db

SERVICE, SECRET = "8f1a1c1e-0000-4000-8000-000000000001", "8f1a1c1e-0000-4000-8000-000000000002"
NUMBER, BLEEP = "+447700900123", "bleep-4471"
WRONG_NUMBER = json.dumps(
    {"errors": [{"error": "ValidationError", "message": "phone_number Not enough digits"}]}
)


@dataclass
class Sink:
    """What the other side answers, and what came in. Code 0 closes without an answer; -1 hangs."""

    url: str = ""
    code: int = 201
    words: str = "{}"
    location: str = ""
    arrived: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def sink() -> Iterator[Sink]:
    told = Sink()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.arrived.append((self.path, dict(self.headers), body))
            if told.code < 1:
                told.let_go.wait(timeout=10 if told.code else 0)
                self.close_connection = True
                return
            self.send_response(told.code)
            if told.location:
                self.send_header("Location", told.location)
            self.end_headers()
            self.wfile.write(told.words.encode())

        def log_message(self, *_args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield told
    told.let_go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def both(
    sink: Sink, settings: Any, monkeypatch: pytest.MonkeyPatch, mail: MailServer, trust: Trust
) -> Sink:
    """Both channels set up; the referrer has a route of each."""
    settings.NOTIFY_URL, settings.WEBHOOK_URL = sink.url, f"{sink.url}/in"
    settings.NOTIFY_API_KEY = f"wards-{SERVICE}-{SECRET}"
    settings.NOTIFY_TEMPLATE_ID, settings.WEBHOOK_SECRET = "template-1", "s" * 40
    monkeypatch.setitem(SENDERS, Channel.SMS, Sms)
    monkeypatch.setitem(SENDERS, Channel.WEBHOOK, Webhook)
    person = trust.referrer
    RouteFactory(person=person, channel=Channel.SMS, address=NUMBER, position=3)
    RouteFactory(person=person, channel=Channel.WEBHOOK, address=BLEEP, position=4)
    return sink


def _at(sink: Sink, path: str) -> tuple[dict[str, str], bytes]:
    (found,) = [(headers, body) for where, headers, body in sink.arrived if where == path]
    return found


def _part(token: str, number: int) -> Any:
    part = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _sent_by(channel: Channel) -> Notification:
    return Notification.objects.get(channel=channel)


def test_a_text_message_goes_to_notify_with_its_key_and_our_reference(
    both: Sink, trust: Trust
) -> None:
    finding = fired(trust)
    assert deliver_due() == Delivered(sent=4)
    headers, body = _at(both, "/v2/notifications/sms")
    sent = json.loads(body)
    assert (sent["phone_number"], sent["template_id"]) == (NUMBER, "template-1")
    assert sent["reference"] == str(_sent_by(Channel.SMS).public_id)
    assert finding.reference in sent["personalisation"]["subject"]
    scheme, token = headers["Authorization"].split()
    assert scheme == "Bearer"
    assert _part(token, 0) == {"typ": "JWT", "alg": "HS256"}
    assert _part(token, 1)["iss"] == SERVICE
    said, _, signature = token.rpartition(".")
    ours = hmac.new(SECRET.encode(), said.encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(ours).rstrip(b"=").decode()


def test_the_trusts_messaging_can_verify_who_sent_it(both: Sink, trust: Trust) -> None:
    fired(trust)
    deliver_due()
    headers, body = _at(both, "/in")
    said = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    ours = hmac.new(b"s" * 40, said, hashlib.sha256).hexdigest()
    assert headers["Webhook-Signature"] == f"sha256={ours}"
    assert headers["Webhook-Id"] == _sent_by(Channel.WEBHOOK).message_id
    assert json.loads(body)["to"] == BLEEP


@pytest.mark.parametrize("category", ["critical", "urgent", "cancer", "significant_unexpected"])
def test_nothing_about_the_patient_or_the_finding_leaves_the_house(
    both: Sink, trust: Trust, category: str
) -> None:
    finding = fired(trust, category=category)
    deliver_due()
    if category != "critical":  # which goes every way at once; others by the next that works
        for channel in (Channel.EMAIL, Channel.SMS):
            tried = finding.notifications.get(channel=channel, step__level=1)
            take_receipt(Told(str(tried.public_id), DeliveryReceipt.Outcome.FAILED))
            deliver_due()
    patient, examination = finding.examination.patient, finding.examination
    said = " ".join(f"{path} {headers} {body.decode()}" for path, headers, body in both.arrived)
    secrets = [
        patient.family_name,
        patient.given_name,
        patient.nhs_number,
        examination.accession,
        examination.description,
        finding.description,
        finding.recommended_action,
        *TEXT.split(". "),
        *(identifier.value for identifier in patient.identifiers.all()),
    ]
    if category in ("cancer", "significant_unexpected"):  # the others are words of urgency
        secrets.append(finding.category.name)
    assert len(both.arrived) == 2
    assert not [secret for secret in secrets if secret and secret.lower() in said.lower()]


@pytest.mark.parametrize(
    ("code", "words", "sms", "webhook"),
    [
        (400, "{}", "transient", "permanent"),
        (400, WRONG_NUMBER, "permanent", "permanent"),
        (403, "{}", "transient", "transient"),
        (410, "{}", "transient", "permanent"),
        (429, "{}", "transient", "transient"),
        (503, "not json", "transient", "transient"),
        (0, "", "unknown", "unknown"),
    ],
)
def test_the_answer_decides_what_follows(
    both: Sink, trust: Trust, code: int, words: str, sms: str, webhook: str
) -> None:
    finding = fired(trust)
    both.code, both.words = code, words
    deliver_due()
    assert outcomes(_sent_by(Channel.SMS)) == [sms]
    assert outcomes(_sent_by(Channel.WEBHOOK)) == [webhook]
    by_mail = Notification.objects.get(recipient=trust.referrer, channel=Channel.EMAIL)
    assert by_mail.status == Notification.Status.SENT, "a refused route stopped another"
    assert finding.events.filter(kind=Event.Kind.SEND_FAILED).count() == 2
    failed = set(trust.referrer.routes.exclude(failed_at=None).values_list("channel", flat=True))
    bad = {Channel.SMS} if words == WRONG_NUMBER else {Channel.WEBHOOK} if code == 410 else set()
    assert failed == bad


def test_an_answer_that_comes_late_is_never_taken_for_that_of_the_next(settings: Any) -> None:
    """Case 07: each message has a connection of its own, and only what comes on it counts."""
    settings.DELIVERY_LEASE_SECONDS = 1
    with socket.create_server(("127.0.0.1", 0)) as server:
        post = Post(f"http://127.0.0.1:{server.getsockname()[1]}")
        post.open()
        first, _ = server.accept()
        with pytest.raises(Unknown):
            post.send("/1", b"1", {})
        post.open()
        second, _ = server.accept()
        with contextlib.suppress(ConnectionError):
            first.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(Unknown):
            post.send("/2", b"2", {})
        first.close()
        second.close()


def test_a_server_that_hangs_leaves_it_unknown_and_the_copy_is_recognised(
    both: Sink, trust: Trust, settings: Any
) -> None:
    settings.DELIVERY_LEASE_SECONDS, both.code = 3, -1
    fired(trust)
    deliver_due()
    text = _sent_by(Channel.SMS)
    assert outcomes(text) == ["unknown"]
    both.code = 201
    Notification.objects.filter(pk=text.pk).update(next_attempt_at=text.created_at)
    deliver_due()
    copies = [json.loads(body) for path, _, body in both.arrived if path.endswith("/sms")]
    assert {copy["reference"] for copy in copies} == {str(text.public_id)}
    first, second = (copy["personalisation"]["text"] for copy in copies)
    assert first != second


def test_no_redirect_is_followed(both: Sink, trust: Trust) -> None:
    both.code, both.location = 302, f"{both.url}/elsewhere"
    fired(trust)
    deliver_due()
    assert outcomes(_sent_by(Channel.WEBHOOK)) == ["transient"]
    assert {path for path, *_ in both.arrived} == {"/in", "/v2/notifications/sms"}


def test_nobody_counts_on_a_channel_that_is_not_set_up(
    mail: MailServer, trust: Trust, settings: Any
) -> None:
    settings.NOTIFY_API_KEY = ""
    RouteFactory(person=trust.referrer, channel=Channel.SMS, address=NUMBER, position=3)
    fired(trust)
    assert not Notification.objects.filter(channel=Channel.SMS).exists()


@pytest.mark.parametrize("number", ["", "07700 900123", "07700900123", "+0447700900123", "+44"])
def test_a_number_without_its_country_is_refused(trust: Trust, number: str) -> None:
    with pytest.raises(IntegrityError, match="international_number"), transaction.atomic():
        RouteFactory(person=trust.referrer, channel=Channel.SMS, address=number)


def test_a_channel_that_is_half_set_up_says_what_is_missing(settings: Any) -> None:
    settings.DEMONSTRATION = False
    settings.NOTIFY_API_KEY, settings.NOTIFY_TEMPLATE_ID = "key", ""
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = "http://inside", "short"
    found = {error.id: error.msg for error in run_checks() if error.id.startswith("notifications")}
    assert "NOTIFY_TEMPLATE_ID" in found["notifications.E001"]
    assert set(found) == {"notifications.E001", "notifications.E002", "notifications.E003"}
