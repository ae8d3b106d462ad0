"""A sender at the other end of a connection: frames out, acknowledgements in."""

import ctypes
import socket
import ssl
import struct
import time
from types import TracebackType
from typing import NamedTuple

from findings.intake.frames import framed

WITHIN = 30.0  # seconds
SO_ATTACH_FILTER = 26  # of Linux


class Answer(NamedTuple):
    """An acknowledgement, taken apart."""

    code: str
    control_id: str
    segments: dict[str, list[str]]

    def __str__(self) -> str:
        return f"{self.code} {self.control_id}"


def read_answer(message: bytes) -> Answer:
    """By its own field separator."""
    try:
        text = message.decode()
    except UnicodeDecodeError:
        text = message.decode("latin-1")  # the sender's number comes back as it was sent
    lines = [line.split(text[3]) for line in text.split("\r") if line]
    segments = {fields[0]: fields for fields in lines}
    msa = segments["MSA"] + [""] * 3
    return Answer(msa[1], msa[2], segments)


class Ris:
    """Speaks MLLP as exactly, or as badly, as the test wants."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, come_from: str = "") -> None:
        source = (come_from, 0) if come_from else None
        self.socket = socket.create_connection(("127.0.0.1", port), WITHIN, source)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._came = b""

    def __enter__(self) -> "Ris":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, *messages: bytes) -> list[Answer]:
        """All at once, and then their answers."""
        self.write(b"".join(map(framed, messages)))
        return [self.answer() for _ in messages]

    def code(self, message: bytes) -> str:
        """The answer to one message: AA, AE or AR."""
        return self.send(message)[0].code

    def answer(self) -> Answer:
        """The next one. Raises `ConnectionError` when the listener has hung up."""
        while b"\x1c\r" not in self._came:
            if not (data := self.socket.recv(65536)):
                raise ConnectionError("the listener hung up")
            self._came += data
        message, _, self._came = self._came.partition(b"\x1c\r")
        assert message.startswith(b"\x0b")
        return read_answer(message[1:])

    def drip(self, data: bytes, *, every: float) -> float:
        """One byte after the other, until the listener hangs up; after how many seconds."""
        began = time.monotonic()
        self.socket.settimeout(every)
        for byte in data:
            try:
                self.socket.send(bytes([byte]))
                if not self.socket.recv(1):
                    return time.monotonic() - began
            except TimeoutError:
                continue
            except ConnectionError:
                return time.monotonic() - began
        raise AssertionError("the listener has listened to all of it")

    def vanish(self) -> None:
        """As if this machine were cut off: no packet reaches it, so nothing is ever acknowledged,
        and no end is sent. A filter of the socket that lets nothing through does it."""
        nothing = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
        program = struct.pack("HP", 1, ctypes.addressof(nothing))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def is_hung_up(self) -> bool:
        """Waits for the other end to close."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
