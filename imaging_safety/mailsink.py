"""The demonstration's mail server: it keeps every message as a file and sends none.

`python -m imaging_safety.mailsink PORT DIRECTORY`
"""

import asyncio
import signal
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Kept:
    """Writes each message to a file of its own, whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        received_at = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%f")
        name = f"{received_at}-{uuid.uuid4().hex[:8]}"
        unfinished = self.directory / f".{name}"
        unfinished.write_bytes(envelope.original_content or b"")
        unfinished.rename(self.directory / f"{name}.eml")
        return "250 Kept"


async def listen(port: int, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(
        lambda: SMTP(Kept(directory), enable_SMTPUTF8=True), "127.0.0.1", port
    )
    async with server:
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1]), Path(sys.argv[2])))
