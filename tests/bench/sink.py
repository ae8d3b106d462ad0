"""A mail server that does nothing but take mail, so that it costs as little as possible.

`python -m tests.bench.sink FILE` prints its port; a line in the file says when each message came,
whether it was marked as urgent, and its Message-ID.
"""

import os
import re
import sys
import time
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

ID = re.compile(rb"^Message-ID: *(?:\r?\n )?(\S+)", re.MULTILINE | re.IGNORECASE)
URGENT = re.compile(rb"^Subject: Critical", re.MULTILINE)
ANSWERS = {b"EHLO": b"250 sink\r\n", b"DATA": b"354 Go on\r\n", b"QUIT": b"221 Bye\r\n"}


class Sink(StreamRequestHandler):
    """One connection, in a thread of its own: waiting for a line costs less than a loop's turn."""

    kept: int  # the file

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            self.wfile.write(ANSWERS.get(verb, b"250 OK\r\n"))
            if verb == b"DATA":
                self._keep(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.wfile.write(b"250 Kept\r\n")

    def _keep(self, text: bytes) -> None:
        headers = text.partition(b"\r\n\r\n")[0]
        found = ID.search(headers)
        message_id = found[1].decode() if found else "-"
        said = f"{time.time():.6f} {int(bool(URGENT.search(headers)))} {message_id}\n"
        os.write(self.kept, said.encode())


def listen(path: Path) -> None:
    Sink.kept = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    with ThreadingTCPServer(("127.0.0.1", 0), Sink) as server:
        server.daemon_threads = True
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    listen(Path(sys.argv[1]))
