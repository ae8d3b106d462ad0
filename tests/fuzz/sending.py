"""Sends what was made up to a real listener, and judges what comes back.

Every frame has one answer, in its order; whatever was answered AA is kept, with what became of it;
a good report on the same connection is accepted afterwards; the process is the one that it was.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from django.db import connection

from findings.arrivals import HeldReason
from findings.intake import hl7
from findings.intake.frames import Framer, Kind, framed
from findings.models import Receipt
from tests.engine.listening import Listening
from tests.messages import oru
from tests.ris import Answer, Ris

LIMIT = 10 * 1024 * 1024
KEPT = """
    SELECT fingerprint FROM findings_incomingmessage m WHERE fingerprint = ANY (%s)
    AND EXISTS (SELECT 1 FROM findings_receipt r WHERE r.message_id = m.id)
"""


@dataclass
class Fuzzer:
    """One listener, and what it was sent so far."""

    listening: Listening
    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    _probes: count = field(default_factory=lambda: count(1))

    def send(self, messages: Sequence[bytes], pieces: int) -> None:
        """All of them on one connection, in so many packets, and then a good report."""
        probe = oru(accession="PROBE", control_id=f"probe{next(self._probes)}")
        stream = b"".join(map(framed, messages)) + framed(probe)
        contents = _frames(stream)
        step = len(stream) // pieces + 1
        with Ris(self.listening.port) as ris:
            for start in range(0, len(stream), step):
                ris.write(stream[start : start + step])
            answers = _until(ris, probe, most=len(contents))
        self.sent += len(contents)
        self.answers += Counter(answer.code for answer in answers)
        self._judge(contents, answers)

    def judge_in_the_end(self) -> None:
        """No error of ours is hidden in what is held."""
        ours = Receipt.objects.filter(reason=HeldReason.OUR_FAULT).values_list("message", "detail")
        assert list(ours) == []

    def _judge(self, contents: list[bytes], answers: list[Answer]) -> None:
        assert self.listening.child.poll() is None, "it ended"
        assert not {"AE", "CE"}.intersection(one.code for one in answers), "no trouble of ours"
        assert answers[-1].code == "AA", "a good report is accepted after anything"
        if any(_says_which_answers_it_wants(content) for content in contents):
            return
        assert len(answers) == len(contents), "one answer for each"
        accepted = {
            hashlib.sha256(content).hexdigest()
            for content, answer in zip(contents, answers, strict=True)
            if answer.code == "AA"
        }
        with connection.cursor() as cursor:
            cursor.execute(KEPT, [list(accepted)])
            assert {kept for (kept,) in cursor.fetchall()} == accepted, "no AA without a row"


def _frames(stream: bytes) -> list[bytes]:
    """What is to be answered. Some of what is sent ends frames, or begins others."""
    framer = Framer(LIMIT)
    return [one.content for one in framer.feed(stream) if one.kind is not Kind.CUT_OFF]


def _until(ris: Ris, probe: bytes, most: int) -> list[Answer]:
    """All answers up to that of the good report. Raises when the listener is silent."""
    wanted = (hl7.header_of(probe) or [])[10]
    answers = [ris.answer()]
    while answers[-1].control_id != wanted:
        assert len(answers) < most, "more answers than messages"
        answers.append(ris.answer())
    return answers


def _says_which_answers_it_wants(content: bytes) -> bool:
    header = hl7.header_of(content)
    return bool(hl7.field(header, 15).strip() or hl7.field(header, 16).strip())
