"""A mail server that does nothing but take mail, so that it costs as little as possible.

`python -m tests.bench.sink FILE` prints its port; a line in the file says when each message came,
whether it was marked as urgent, and its Message-ID.
"""

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TextIO

ID = re.compile(rb"^Message-ID: *(?:\r?\n )?(\S+)", re.MULTILINE | re.IGNORECASE)
URGENT = re.compile(rb"^Subject: Critical", re.MULTILINE)
END = b"\r\n.\r\n"
ANSWERS = {b"EHLO": b"250 sink\r\n", b"DATA": b"354 Go on\r\n", b"QUIT": b"221 Bye\r\n"}


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, kept: TextIO) -> None:
        self.kept = kept
        self.buffer = b""
        self.in_text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        ending = END if self.in_text else b"\r\n"
        part, found, rest = self.buffer.partition(ending)
        if not found:
            return False
        self.buffer = rest
        self.transport.write(self._text(part) if self.in_text else self._command(part))
        return True

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        self.in_text = verb == b"DATA"
        return ANSWERS.get(verb, b"250 OK\r\n")

    def _text(self, text: bytes) -> bytes:
        self.in_text = False
        found = ID.search(text)
        message_id = found[1].decode() if found else "-"
        self.kept.write(f"{time.time():.6f} {int(bool(URGENT.search(text)))} {message_id}\n")
        return b"250 Kept\r\n"


async def listen(path: Path) -> None:
    with path.open("w") as kept:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Sink(kept), "127.0.0.1", 0)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        async with server:
            while True:
                await asyncio.sleep(0.1)
                kept.flush()


if __name__ == "__main__":
    asyncio.run(listen(Path(sys.argv[1])))
