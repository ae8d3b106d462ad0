"""A real server for whatever posts JSON, and for the heartbeat; it can be slow, busy and away.

What is below `/heartbeat/` is only noted. GOV.UK Notify's path and every other one take messages.
"""

import contextlib
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.engine.mail import SECOND, SECOND_TEXT

SMS, TRUST, HEARTBEAT = "/v2/notifications/sms", "/messages", "/heartbeat/"


@dataclass(frozen=True)
class Posted:
    """One message that the server had in full, whatever it answered."""

    path: str
    at: float  # time.time()
    raw: str

    @property
    def public_id(self) -> str:
        """By which every copy of a message is known."""
        said = json.loads(self.raw)
        return said["reference"] if self.path == SMS else said["id"].strip("<>").partition("@")[0]

    @property
    def may_be_second(self) -> bool:
        said = json.loads(self.raw)
        if self.path == SMS:
            return SECOND_TEXT in said["personalisation"]["text"]
        return SECOND in said["text"]


@dataclass
class PostServer:
    """Listens on a port of its own. What it does to a path is changed while it runs."""

    arrived: list[Posted] = field(default_factory=list)
    # Calls of the heartbeat: the rest of the path, and when.
    beats: list[tuple[str, float]] = field(default_factory=list)
    # By path: the number of an answer that takes nothing over.
    answers: dict[str, int] = field(default_factory=dict)
    # By path, how many more times: have it all, then close without an answer.
    hang_up_on: Counter[str] = field(default_factory=Counter)
    # Seconds before each answer.
    pause: float = 0.0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "PostServer":
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.posts = self
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuses connections until it is started again, on the same port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    posts: PostServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.posts.beats.append((self.path.removeprefix(HEARTBEAT), time.time()))
        self._answer(200)

    def do_POST(self) -> None:
        posts, path = self.server.posts, self.path
        length = int(self.headers["Content-Length"])
        read = self.rfile.read(length)
        if len(read) < length:  # whoever sent it was killed in the middle: nothing arrived
            self.close_connection = True
            return
        raw = read.decode()
        time.sleep(posts.pause)
        if path in posts.answers:
            self._answer(posts.answers[path])
            return
        posts.arrived.append(Posted(path, time.time(), raw))
        if posts.hang_up_on[path] > 0:
            posts.hang_up_on[path] -= 1
            self.close_connection = True
            return
        self._answer(201)

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args: Any) -> None: ...

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # whoever asked was killed
            super().handle()
