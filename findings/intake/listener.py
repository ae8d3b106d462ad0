"""MLLP over TCP: connections in, answers out in the order of the messages. See taking.py for what
becomes of a message, frames.py for where it begins and ends.

One thread reads and writes; another one, alone, asks the database, and takes at once what has come
from all connections by then. A sender that sends faster than we file waits for its answers.
"""

import asyncio
import contextlib
import ctypes
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import structlog

from findings.intake.answers import Code
from findings.intake.frames import Frame, Framer, framed
from findings.intake.peers import AllowList, Peer
from findings.intake.taking import Answered, Arrived, take, trouble

log = structlog.get_logger(__name__)

PIECE = 256 * 1024  # bytes read at once
MOST_AT_ONCE = 128  # messages in one batch
MOST_BYTES_AT_ONCE = 4 * 1024 * 1024
LARGE = 1024 * 1024  # bytes after which memory is given back
MOST_UNANSWERED = 64  # messages of one connection
# Seconds to wait for those who sent just before to send again: they share what a commit costs.
GATHERED_WITHIN = 0.002
QUIET = 0.25  # seconds after which an end without its CR is an end
WRITTEN_WITHIN = 30.0  # seconds: a peer that does not read its answers
STOPS_WITHIN = 8.0  # seconds for what is being filed to be answered
HANDSHAKE_WITHIN = 15.0  # seconds: whoever has not said who they are has no place yet
PROBES = 4  # unanswered ones after which a peer is gone


@dataclass(frozen=True)
class Limits:
    """What one sender may ask of us."""

    message_bytes: int = 10 * 1024 * 1024
    connections: int = 64
    of_one_address: int = 16  # of those
    idle: float = 3600.0  # seconds from one message to the next, whatever comes in between
    message: float = 300.0  # seconds from the beginning of a message to its end
    byte: float = 60.0  # seconds without a byte in the middle of a message
    answer: float = 20.0  # seconds until AE
    # Seconds without a packet after which a peer is asked whether it is there; one that is gone
    # without a word is found after twice that.
    probe: int = 60


@dataclass
class Door:
    """Where to listen and who may come in."""

    host: str
    port: int
    allowed: AllowList
    tls: ssl.SSLContext | None = None


def tls_context(certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    """TLS 1.2 or newer; with `client_ca`, only for certificates that it has signed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key or None)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def give_back_memory() -> None:
    """What a large message has used, where the system's library would keep it (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class _Filer:
    """The one thread that asks the database."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting: asyncio.Queue[tuple[Arrived, asyncio.Future[Answered]]] = asyncio.Queue()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="filing")
        self.is_busy = False
        # Messages that were on their way at once, by the last batch and what had come after it;
        # and how many of so many have not come.
        self.usual, self.missing = 1, 0
        self.all_came = asyncio.Event()

    def submit(self, arrived: Arrived) -> asyncio.Future[Answered]:
        """Its answer, some time. Cancelled before its turn has come, it is not filed."""
        future = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait((arrived, future))
        self.missing -= 1
        if self.missing == 0:
            self.all_came.set()
        return future

    async def run(self) -> None:
        while True:
            if not (batch := await self._batch()):
                continue  # whoever waited has been answered AE
            given = [arrived for arrived, _ in batch]
            answers = await self.ask(partial(take, given, self.limits.message_bytes))
            self.usual = min(len(batch) + self.waiting.qsize(), MOST_AT_ONCE)
            for (_, future), answered in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answered)
            if sum(arrived.frame.size for arrived in given) > LARGE:
                del batch, given
                give_back_memory()

    async def ask(self, do: Callable[[], Sequence[Answered]]) -> Sequence[Answered]:
        def busy() -> Sequence[Answered]:
            self.is_busy = True
            try:
                return do()
            finally:
                self.is_busy = False

        return await asyncio.get_running_loop().run_in_executor(self.thread, busy)

    async def _batch(self) -> list[tuple[Arrived, asyncio.Future[Answered]]]:
        batch, size = [await self.waiting.get()], 0
        await self._gather()
        while len(batch) < MOST_AT_ONCE and not self.waiting.empty():
            size += len(batch[-1][0].frame.content)
            if size > MOST_BYTES_AT_ONCE:
                break
            batch.append(self.waiting.get_nowait())
        return [one for one in batch if not one[1].cancelled()]

    async def _gather(self) -> None:
        """A sender that has its answer sends its next message in a moment. One alone waits for
        nobody."""
        self.missing = self.usual - 1 - self.waiting.qsize()
        if self.missing > 0:
            self.all_came.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.all_came.wait(), GATHERED_WITHIN)


@dataclass(eq=False)
class _Connection:
    """One sender's connection: a reader, and a writer that waits for the answers in turn."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: Peer
    senders: frozenset[str]
    listener: "Listener"
    framer: Framer = field(init=False)
    unanswered: asyncio.Queue[tuple[Arrived, asyncio.Future[Answered]] | None] = field(
        default_factory=lambda: asyncio.Queue(MOST_UNANSWERED)
    )
    # Bytes of the messages that wait for their answers, and whether more may be read.
    waiting_bytes: int = 0
    has_room: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Task[None] | None = None
    is_stopping: bool = False
    # On the loop's clock: when the open message began, or the last one ended.
    since: float = 0.0

    def __post_init__(self) -> None:
        self.framer = Framer(self.listener.limits.message_bytes)

    async def run(self) -> None:
        answering = asyncio.create_task(self._answer())
        self.reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait([self.reading])
            if not self.is_stopping:
                for frame in self.framer.close():
                    await self._take(frame)
            await self.unanswered.put(None)
            await answering
        finally:
            answering.cancel()
            self.reading.cancel()
            self.writer.close()

    def stop(self) -> None:
        """Read no more; what has come is answered."""
        self.is_stopping = True
        if self.reading:
            self.reading.cancel()

    async def _read(self) -> None:
        now = asyncio.get_running_loop().time
        self.since = now()
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            while data := await self._piece():
                was_open = self.framer.is_open
                frames = self.framer.feed(data)
                for frame in frames:
                    await self._take(frame)
                if frames or self.framer.is_open != was_open:
                    self.since = now()

    async def _piece(self) -> bytes:
        if self.framer.seems_ended:
            try:
                return await asyncio.wait_for(self.reader.read(PIECE), QUIET)
            except TimeoutError:
                for frame in self.framer.quiet():
                    await self._take(frame)
                self.since = asyncio.get_running_loop().time()
        return await asyncio.wait_for(self.reader.read(PIECE), self._patience())

    def _patience(self) -> float:
        """Seconds for the next byte. A byte now and then keeps nobody's place for ever."""
        limits, spent = self.listener.limits, asyncio.get_running_loop().time() - self.since
        if self.framer.is_open:
            return min(limits.byte, limits.message - spent)
        return limits.idle - spent

    async def _take(self, frame: Frame) -> None:
        while self.waiting_bytes > self.listener.limits.message_bytes:
            self.has_room.clear()
            await self.has_room.wait()
        arrived = Arrived(frame, self.peer, self.senders)
        self.waiting_bytes += len(frame.content)
        await self.unanswered.put((arrived, self.listener.filer.submit(arrived)))

    async def _answer(self) -> None:
        """In the order in which they came. A peer that is gone does not stop the filing."""
        is_there = True
        while (one := await self.unanswered.get()) is not None:
            answered = await self._wait_for(*one)
            self.listener.count(answered)
            self.waiting_bytes -= len(one[0].frame.content)
            self.has_room.set()
            if is_there and answered.text is not None:
                is_there = await self._write(framed(answered.text))

    async def _wait_for(self, arrived: Arrived, future: asyncio.Future[Answered]) -> Answered:
        try:
            return await asyncio.wait_for(future, self.listener.limits.answer)
        except TimeoutError:
            log.error("not answered in time", peer=str(self.peer))
            return trouble(arrived)

    async def _write(self, data: bytes) -> bool:
        try:
            self.writer.write(data)
            await asyncio.wait_for(self.writer.drain(), WRITTEN_WITHIN)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.stop()
            return False
        return True


class Listener:
    """All of it. `each_round` is called in the filing thread with the answers given since."""

    def __init__(
        self,
        door: Door,
        limits: Limits,
        each_round: Callable[[Counter[Code], int], None] = lambda answers, skipped: None,
        round_seconds: float = 10.0,
    ) -> None:
        self.door, self.limits = door, limits
        self.each_round, self.round_seconds = each_round, round_seconds
        self.connections: dict[_Connection, asyncio.Task[None]] = {}
        self.answers: Counter[Code] = Counter()
        self.skipped = 0

    async def run(self, ready: Callable[[str, int], None]) -> None:
        """Until SIGTERM or SIGINT. `ready` is told where it listens. Raises `OSError` when the
        port cannot be had."""
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        self.filer = _Filer(self.limits)
        server = await asyncio.start_server(
            self._serve,
            self.door.host,
            self.door.port,
            ssl=self.door.tls,
            ssl_handshake_timeout=HANDSHAKE_WITHIN if self.door.tls else None,
            reuse_address=True,
        )
        tasks = [asyncio.create_task(self.filer.run()), asyncio.create_task(self._rounds())]
        ready(*server.sockets[0].getsockname()[:2])
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        server.close()
        await self._finish()
        for task in tasks:
            task.cancel()
        self.filer.thread.shutdown(wait=False, cancel_futures=True)
        # Neither ends by itself. Without them nothing is filed: better no listener, which is
        # missed and started again.
        for task in tasks:
            if task.done():
                task.result()

    @property
    def is_stuck(self) -> bool:
        """Whether the thread that asks the database waits for it still."""
        return self.filer.is_busy

    def count(self, answered: Answered) -> None:
        self.answers[answered.code] += 1

    async def _finish(self) -> None:
        """What is being filed is answered, then everybody is sent home."""
        for connection in self.connections:
            connection.stop()
        if self.connections:
            await asyncio.wait(list(self.connections.values()), timeout=STOPS_WITHIN)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._round(), 1)

    async def _rounds(self) -> None:
        while True:
            await self._round()
            await asyncio.sleep(self.round_seconds)

    async def _round(self) -> None:
        answers, self.answers = self.answers, Counter()
        skipped, self.skipped = self.skipped, 0

        def tell() -> list[Answered]:
            self.each_round(answers, skipped)
            return []

        try:
            await self.filer.ask(tell)
        except Exception as error:
            # The database is away, say: they are told next time.
            log.error("round failed", error=type(error).__name__)
            self.answers += answers
            self.skipped += skipped

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _peer(writer)
        senders = self.door.allowed.senders_of(peer)
        if not senders or not self._has_room_for(peer):
            log.warning("not let in", peer=str(peer), known=bool(senders))
            writer.close()
            return
        _keep_alive(writer, self.limits.probe)
        connection = _Connection(reader, writer, peer, senders, self)
        task = asyncio.current_task()
        assert task is not None
        self.connections[connection] = task
        log.info("connected", peer=str(peer))
        try:
            await connection.run()
        finally:
            del self.connections[connection]
            self.skipped += connection.framer.skipped
            log.info("disconnected", peer=str(peer), skipped=connection.framer.skipped)

    def _has_room_for(self, peer: Peer) -> bool:
        """One address cannot keep all the others out."""
        its = sum(one.peer.address == peer.address for one in self.connections)
        everybodys = len(self.connections)
        return its < self.limits.of_one_address and everybodys < self.limits.connections


def _peer(writer: asyncio.StreamWriter) -> Peer:
    address = writer.get_extra_info("peername")[0]
    certificate = writer.get_extra_info("peercert") or {}
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for name, value in subject if name == "commonName"]
    names += [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return Peer(address, tuple(dict.fromkeys(names)))


def _keep_alive(writer: asyncio.StreamWriter, probe: int) -> None:
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {
        "TCP_KEEPIDLE": probe,
        "TCP_KEEPINTVL": max(1, probe // PROBES),
        "TCP_KEEPCNT": PROBES,
        # Nobody is asked while an answer waits to be taken, which would be tried for a quarter of
        # an hour.
        "TCP_USER_TIMEOUT": 2 * probe * 1000,
    }.items():
        if option := getattr(socket, name, None):  # not on every system
            held.setsockopt(socket.IPPROTO_TCP, option, value)
