"""The least that a listener for HL7 can do: take a message apart, keep it in one row that is on the
disk, acknowledge it. By hand, or with the library that most use.

`python -m tests.bench.naive_mllp URL (by_hand | library)` prints its port.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import psycopg2
from hl7.mllp import start_hl7_server

CONNECTIONS = 8
TABLE = """
    CREATE TABLE taken (id bigserial PRIMARY KEY, control_id text NOT NULL UNIQUE,
        accession text NOT NULL, patient text NOT NULL, body text NOT NULL, raw text NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now())
"""
KEEP = """
    INSERT INTO taken (control_id, accession, patient, body, raw) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (control_id) DO NOTHING
"""


def split(raw: str) -> list[Any]:
    """All that is in it, as lists in lists down to the parts of components."""
    return [
        [
            [[part.split("&") for part in one.split("^")] for one in value.split("~")]
            for value in segment.split("|")
        ]
        for segment in raw.split("\r")
    ]


class Naive:
    """A pool of connections, each with a thread; every message is a commit of its own."""

    def __init__(self, url: str) -> None:
        self.free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(CONNECTIONS):
            connection = psycopg2.connect(url)
            connection.autocommit = True
            self.free.put(connection.cursor())
        self.threads = ThreadPoolExecutor(CONNECTIONS)

    def keep(self, *row: str) -> None:
        cursor = self.free.get()
        try:
            cursor.execute(KEEP, row)
        finally:
            self.free.put(cursor)

    async def kept(self, *row: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self.threads, self.keep, *row)

    async def by_hand(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                raw = (await reader.readuntil(b"\x1c\r"))[1:-2].decode()
                segments = {one[0][0][0][0]: one for one in split(raw)}
                lines = [one for one in raw.split("\r") if one.startswith("OBX")]
                words = "\n".join(line.split("|")[5] for line in lines)
                control_id = segments["MSH"][9][0][0][0]
                accession = segments["OBR"][3][0][0][0]
                await self.kept(control_id, accession, segments["PID"][3][0][0][0], words, raw)
                writer.write(
                    f"\x0bMSH|^~\\&|||||||ACK||P|2.4\rMSA|AA|{control_id}\r\x1c\r".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def library(self, reader: Any, writer: Any) -> None:
        try:
            while True:
                message = await reader.readmessage()
                words = "\n".join(str(line[5]) for line in message.segments("OBX"))
                await self.kept(
                    str(message.segment("MSH")[10]),
                    str(message.segment("OBR")[3]),
                    str(message.segment("PID")[3][0]),
                    words,
                    str(message),
                )
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main(url: str, how: str) -> None:
    naive = Naive(url)
    if how == "library":
        server = await start_hl7_server(naive.library, port=0, host="127.0.0.1", encoding="utf-8")
    else:
        server = await asyncio.start_server(naive.by_hand, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
