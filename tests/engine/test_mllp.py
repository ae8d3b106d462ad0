"""The listener as a process of its own, on a real PostgreSQL: what a RIS gets for what it sends."""

import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings.intake.frames import framed
from findings.models import IncomingMessage, Patient, Receipt, Report, Sender
from findings.services.senders import make_sender
from imaging_safety import children
from notifications import pulse, tally, watchdog
from tests.engine.listening import Listening
from tests.engine.world import test_database_url, wait_until
from tests.factories import Trust
from tests.fuzz.messages import messages
from tests.fuzz.sending import Fuzzer
from tests.messages import oru
from tests.ris import Ris

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

Outcome = Receipt.Outcome


@pytest.fixture(scope="module")
def listening(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Listening]:
    """One for all, since it takes a second to start."""
    log = tmp_path_factory.mktemp("mllp") / "log"
    one = Listening(log, DATABASE_URL=test_database_url())
    yield one
    children.stop(one.child)


@pytest.fixture
def ris(listening: Listening, trust: Trust) -> Iterator[Ris]:
    """A RIS that is set up, connected."""
    make_sender(code="RIS|RXX01", site=trust.site)
    with Ris(listening.port) as one:
        yield one


def outcomes() -> list[str]:
    return list(Receipt.objects.order_by("pk").values_list("outcome", flat=True))


# --- Framing (cases 01, 04) --------------------------------------------------------------------


def test_a_message_has_one_answer_whatever_the_packets(ris: Ris) -> None:
    """Case 01: the start byte alone, byte by byte, the end apart, an end without its CR."""
    first, *others = (oru(accession=f"A{number}", control_id=f"M{number}") for number in range(5))
    ris.write(b"\x0b")
    ris.write(first + b"\x1c\r")
    for one in b"\x0b" + others[0] + b"\x1c\r":
        ris.write(bytes([one]))
    ris.write(b"\x0b" + others[1])
    ris.write(b"\x1c\r\x0b" + others[2] + b"\x1c")  # and nothing more
    assert [str(ris.answer()) for _ in range(4)] == [f"AA M{number}" for number in range(4)]
    ris.write(b"\r")
    assert ris.code(others[3]) == "AA"
    assert Report.objects.count() == IncomingMessage.objects.count() == 5


def test_many_at_once_are_answered_in_their_order(ris: Ris, listening: Listening) -> None:
    def send(number: int) -> list[str]:
        with Ris(listening.port) as one:
            given = [oru(accession=f"B{number}-{i}", control_id=f"{number}-{i}") for i in range(40)]
            return [str(answer) for answer in one.send(*given)]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(send, range(4))) == [
            [f"AA {number}-{i}" for i in range(40)] for number in range(4)
        ]
    assert Report.objects.count() == 160


def document(size: int, control_id: str) -> bytes:
    encoded = "JVBERi0xLjQK" + "MDAw" * (size // 4)
    return oru(
        accession=control_id,
        control_id=control_id,
        more=(f"OBX|2|ED|PDF||^application^pdf^Base64^{encoded}||||||F",),
    )


def test_large_messages_are_taken_and_too_large_ones_refused(
    ris: Ris, listening: Listening
) -> None:
    """Case 04. What is too large is read away, and memory comes back."""
    assert ris.code(document(70_000, "L1")) == "AA"
    before = listening.megabytes
    assert ris.code(document(5_000_000, "L2")) == "AA"
    (refused,) = ris.send(document(50_000_000, "L3"))
    assert str(refused) == "AR L3"
    assert "too large" in refused.segments["MSA"][3]
    assert ris.code(oru(accession="L4")) == "AA"
    wait_until(lambda: listening.megabytes - before < 16, 5, what="memory to come back")
    kept = IncomingMessage.objects.get(receipts__outcome=Outcome.REFUSED)
    assert len(kept.body) < 2**17
    assert Report.objects.count() == 3


def test_a_message_cut_off_by_the_next_one_is_held(ris: Ris) -> None:
    lost = oru(accession="C1")
    ris.write(b"\x0b" + lost)
    assert str(ris.send(oru(accession="C2", control_id="2"))[0]) == "AA 2"
    held = Receipt.objects.get(outcome=Outcome.HELD)
    assert held.reason == "cut_off"
    # Nobody knows what its end would have said; once it has come whole, it is a report.
    assert ris.code(lost) == "AA"
    assert Report.objects.count() == 2


# --- Answers (cases 06, 10, 12) ----------------------------------------------------------------


def test_what_is_wrong_is_refused_with_a_reason_and_the_connection_stays(ris: Ris) -> None:
    """Case 06."""
    good = oru(control_id="6")
    for wrong, echoed in (
        (b"MSH|^~\\&|RIS|RXX01|IS|RXX|20260630||ADT^A60|61|P|2.4\rPID|1", "61"),
        (good.replace(b"ORU^R01", b""), "6"),
        (b"HELLO", ""),
        (good.replace(b"|P|2.4", b"|P|V3"), "6"),
        (b"", ""),
    ):
        (answer,) = ris.send(wrong)
        assert (answer.code, answer.control_id) == ("AR", echoed)
        assert answer.segments["ERR"]
        assert "ALDER" not in str(answer.segments)
    assert ris.code(good) == "AA"
    assert set(outcomes()) == {Outcome.REFUSED, Outcome.NEW_REPORT}
    assert not Receipt.objects.waiting().exists()


def test_a_test_message_is_refused_and_somebody_here_hears_of_it(ris: Ris) -> None:
    """It may be live and marked wrongly: once that is said, it is filed when it comes again."""
    marked = oru().replace(b"|P|2.4", b"|T|2.4")
    (answer,) = ris.send(marked)
    assert (answer.code, answer.segments["ERR"][1]) == (
        "AR",
        "MSH^1^11^202&Unsupported processing id&HL70357",
    )
    assert "marks this message as a test" in answer.segments["MSA"][3]
    (said,) = [one.text for one in watchdog.look() if "MSH-11" in one.text]
    assert said.startswith("RIS at RXX01 was refused 1 message in the last 24 hours")
    Sender.objects.update(takes_tests=True)
    assert ris.code(marked) == "AA"
    assert outcomes() == [Outcome.NEW_REPORT]
    assert not [one for one in watchdog.look() if "MSH-11" in one.text]


def test_one_control_id_for_two_patients_is_two_reports(ris: Ris) -> None:
    """Case 10."""
    first = oru(accession="A1", control_id="RR8")
    second = oru(accession="A2", control_id="RR8", nhs_number="9990000026", name="BEECH^BOB")
    assert [str(answer) for answer in ris.send(first, second)] == ["AA RR8", "AA RR8"]
    assert Report.objects.count() == Patient.objects.count() == 2
    assert ris.code(first) == "AA"
    assert Report.objects.count() == 2


def test_line_ends_and_marks_change_nothing(ris: Ris) -> None:
    """Case 12."""
    cr = oru()
    same = (
        cr,
        cr.replace(b"\r", b"\n"),
        cr.replace(b"\r", b"\r\n"),
        cr.replace(b"\r", b"\r\n") + b"\r\n\r\n",
        b"\r\n" + cr,
        b"\xef\xbb\xbf" + cr,
    )
    assert [answer.code for answer in ris.send(*same)] == ["AA"] * 6
    assert IncomingMessage.objects.count() == 6
    assert outcomes() == [Outcome.NEW_REPORT] + [Outcome.DUPLICATE] * 5


def test_identifiers_of_two_patients_are_held_and_not_accepted(ris: Ris) -> None:
    """Case 05, the second: the sender is told, and we keep it."""
    ris.send(
        oru(accession="A1", nhs_number="9990000018"),
        oru(accession="A2", nhs_number="9990000026", name="BEECH^BOB", control_id="2"),
    )
    both = oru(accession="A3", control_id="3").replace(
        b"9990000018^^^NHS^NH", b"9990000018^^^NHS^NH~9990000026^^^NHS^NH"
    )
    (answer,) = ris.send(both)
    assert str(answer) == "AR 3"
    assert "kept for a person" in answer.segments["MSA"][3]
    assert Receipt.objects.waiting().get().reason == "identity_conflict"
    assert ris.code(both) == "AR", "again, as long as it waits"


def test_a_sender_that_is_not_set_up_is_held_and_accepted(ris: Ris) -> None:
    assert ris.code(oru(application="CRIS")) == "AA"
    assert Receipt.objects.waiting().get().reason == "unknown_sender"


@pytest.mark.usefixtures("ris")
def test_whatever_is_sent_is_answered_and_what_is_accepted_is_kept(listening: Listening) -> None:
    """The short form of `make fuzz`."""
    fuzzer = Fuzzer(listening)

    @settings(
        max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(messages, min_size=5, max_size=10), st.integers(1, 4))
    def send(some: list[bytes], pieces: int) -> None:
        fuzzer.send(some, pieces)

    send()
    assert fuzzer.sent > 100
    fuzzer.judge_in_the_end()


# --- The database away, and kills (case 05) ----------------------------------------------------


def sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def database_away() -> Iterator[None]:
    """Ends every session but ours, and lets nobody in."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    elsewhere = psycopg2.connect(urlsplit(test_database_url())._replace(path="/postgres").geturl())
    elsewhere.autocommit = True
    with elsewhere.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        sql(END_SESSIONS)
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    elsewhere.close()


def test_without_a_database_nothing_is_accepted(ris: Ris) -> None:
    """Case 05. And a session that ended meanwhile costs nobody an answer."""
    message = oru(accession="A1")
    assert ris.code(oru(accession="A0", control_id="0")) == "AA"
    with database_away():
        assert [str(one) for one in ris.send(message, b"HELLO")] == ["AE 1", "AE "]
    assert ris.code(message) == "AA"
    sql(END_SESSIONS)
    assert ris.code(oru(accession="A2", control_id="2")) == "AA"
    assert Report.objects.count() == 3


def test_an_error_of_ours_is_ours_and_hurts_nobody_else(ris: Ris) -> None:
    """Case 06 (d): AE once, for it may pass. Sent again it is filed, or waits for a person."""
    sql(
        "CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'ALDER'; END$$",
        "CREATE TRIGGER breaks BEFORE INSERT ON findings_examination FOR EACH ROW"
        " WHEN (NEW.accession LIKE 'BAD%') EXECUTE FUNCTION breaks()",
    )
    try:
        bad = oru(accession="BAD1", control_id="2")
        neighbours = oru(accession="A1"), bad, oru(accession="A3", control_id="3")
        assert [answer.code for answer in ris.send(*neighbours)] == ["AA", "AE", "AA"]
        assert Receipt.objects.waiting().get().reason == "our_fault"
        assert ris.code(bad) == "AA", "it waits, and what comes after it must not"
    finally:
        sql("DROP TRIGGER breaks ON findings_examination", "DROP FUNCTION breaks")
    assert ris.code(bad) == "AA"
    assert not Receipt.objects.waiting().exists()
    assert Report.objects.count() == 3


def test_stopped_it_answers_what_has_come_and_no_silence_is_long(
    trust: Trust, tmp_path: Path
) -> None:
    """A database that hangs is AE in time. SIGTERM: what was sent whole is answered, then it ends.
    The pulse and the counts say what it did."""
    make_sender(code="RIS|RXX01", site=trust.site)
    one = Listening(tmp_path / "log", DATABASE_URL=test_database_url(), MLLP_ANSWER_SECONDS="2")
    try:
        with Ris(one.port) as ris:
            with transaction.atomic():
                sql("LOCK TABLE findings_incomingmessage")
                assert ris.code(oru(accession="K")) == "AE"
            assert ris.code(oru(accession="K")) == "AA"
            given = [oru(accession=f"K{i}", control_id=f"{i}") for i in range(20)]
            with ThreadPoolExecutor(1) as thread:
                answers = thread.submit(ris.send, *given)
                wait_until(lambda: IncomingMessage.objects.count() > 1, what="the first of them")
                assert one.stop() == 0
            assert [str(answer) for answer in answers.result()] == [f"AA {i}" for i in range(20)]
        assert pulse.last(pulse.LISTEN)
        assert tally.counts("hl7_")["aa"] >= 21
        assert "ALDER" not in one.log.read_text()
    finally:
        children.stop(one.child)


# --- Who may come in ---------------------------------------------------------------------------


def made_by_openssl(folder: Path) -> None:
    """A certificate authority, our certificate, and one of a sender."""
    run = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run([*new, "-x509", "-subj", "/CN=CA", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"])
    for name in ("localhost", "ris.trust.example", "other.example"):
        run([*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "csr"])
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
        run(["openssl", "x509", "-req", "-in", "csr", *signed, "-out", f"{name}.pem"])


def as_client(folder: Path, name: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.check_hostname = False
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def test_with_tls_a_sender_is_whom_its_certificate_names(trust: Trust, tmp_path: Path) -> None:
    made_by_openssl(tmp_path)
    one = Listening(
        tmp_path / "log",
        DATABASE_URL=test_database_url(),
        MLLP_TLS_CERT=str(tmp_path / "localhost.pem"),
        MLLP_TLS_KEY=str(tmp_path / "localhost.key"),
        MLLP_CLIENT_CA=str(tmp_path / "ca.pem"),
        MLLP_MAX_CONNECTIONS="1",
        MLLP_IDLE_SECONDS="1",
        MLLP_SENDERS="ris.trust.example=RIS|RXX01; 127.0.0.1=NOBODY|X",
    )
    try:
        make_sender(code="RIS|RXX01", site=trust.site)
        with Ris(one.port, as_client(tmp_path, "ris.trust.example")) as ris:
            assert ris.code(oru()) == "AA"
            (answer,) = ris.send(oru(application="CRIS", control_id="2"))
            assert str(answer) == "AR 2"
            with Ris(one.port, as_client(tmp_path, "ris.trust.example")) as too_many:
                assert too_many.is_hung_up()
            assert ris.is_hung_up(), "idle"
        with Ris(one.port, as_client(tmp_path, "other.example")) as other:
            assert other.code(oru(control_id="3")) == "AR"
        for context in (as_client(tmp_path), None):
            with pytest.raises(OSError), Ris(one.port, context) as nobody:
                nobody.code(oru(control_id="4"))
        assert Report.objects.count() == 1
        assert set(Receipt.objects.filter(reason="wrong_sender").values_list("outcome")) == {
            (Outcome.REFUSED,)
        }
    finally:
        children.stop(one.child)


def have_room(port: int, count: int) -> bool:
    """Whether so many are let in at once."""
    with ExitStack() as stack:
        every = [stack.enter_context(Ris(port)) for _ in range(count)]
        try:
            return [one.code(b"HELLO") for one in every] == ["AR"] * count
        except ConnectionError:
            return False


def test_nobody_keeps_a_place_that_others_need(trust: Trust, tmp_path: Path) -> None:
    """One address cannot have all of them; who drips, or is gone without a word, loses theirs."""
    make_sender(code="RIS|RXX01", site=trust.site)
    limits = {"MLLP_MAX_CONNECTIONS_OF_ONE": "4", "MLLP_MESSAGE_SECONDS": "1.5"}
    more = {"MLLP_IDLE_SECONDS": "5", "MLLP_PROBE_SECONDS": "1"}
    one = Listening(tmp_path / "log", DATABASE_URL=test_database_url(), **limits, **more)
    with ExitStack() as stack:
        stack.callback(children.stop, one.child)
        places = [stack.enter_context(Ris(one.port)) for _ in range(4)]
        with Ris(one.port) as too_many, Ris(one.port, come_from="127.0.0.2") as other:
            assert too_many.is_hung_up()
            assert other.code(oru()) == "AA"
        slow, babbling, gone, gone_asking = places
        gone.vanish()
        gone_asking.vanish()
        gone_asking.write(framed(oru(accession="A2", control_id="2")))
        with ThreadPoolExecutor(2) as threads:
            message = threads.submit(slow.drip, b"\x0b" + oru(), every=0.1)
            no_message = threads.submit(babbling.drip, b"HELLO " * 20, every=0.1)
            assert 1.4 < message.result() < 2.5
            wait_until(lambda: have_room(one.port, 3), what="the places of those who are gone")
            assert not no_message.done(), "long before anybody is idle"
            assert 4.5 < no_message.result() < 6
        assert Report.objects.count() == 2, "of whoever is gone it is filed"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"MLLP_HOST": "0.0.0.0"}, "MLLP_SENDERS is empty"),
        ({"MLLP_HOST": "0.0.0.0", "MLLP_SENDERS": "10.0.0.1=*"}, "MLLP_CLIENT_CA"),
        ({"MLLP_SENDERS": "10.0.0=*"}, "is no address"),
        ({"MLLP_TLS_CERT": "none.pem"}, "cannot be used"),
    ],
)
def test_whatever_would_let_in_too_many_is_refused(wrong: dict[str, str], said: str) -> None:
    with override_settings(**wrong), pytest.raises(CommandError, match=said):
        call_command("mllp")
