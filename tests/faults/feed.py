"""A RIS that sends reports by MLLP while the listener and its database are killed: whatever was not
answered AA it sends again, the very same bytes, until it is."""

import random
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.client import Somebody
from tests.faults.history import NobodyKnows, Refused
from tests.messages import oru
from tests.ris import Ris

PATIENCE = 8.0  # seconds
TRIES, AFTER_NO_ANSWER = 12, 0.8  # seconds


class Feed(Somebody):
    """One report at a time, on one connection as long as it holds."""

    def __init__(self, room: Path, name: str, chance: random.Random) -> None:
        super().__init__(room, name, chance)
        self.ris: Ris | None = None

    def act(self) -> None:
        key = self.new_key()
        message = self._a_report(key)
        for _ in range(TRIES):
            with self.written("hl7", key) as written:
                self._send(key, message)
            if not written.is_unknown:
                return
            self._hang_up()
            time.sleep(AFTER_NO_ANSWER)

    def _a_report(self, key: str) -> bytes:
        application, _, facility = self.trust.sender.code.partition("|")
        number = f"{key}^^^{self.trust.organisation.ods_code}^MR"
        sent = oru(
            accession=key,
            control_id=key,
            name="STORMCASE^TEST",
            born="19700101",
            application=application,
            facility=facility,
        )
        return sent.replace(b"9990000018^^^NHS^NH", number.encode())

    def _send(self, key: str, message: bytes) -> None:
        if self.ris is None:
            self.ris = Ris(self.cast.hl7_port)
            self.ris.socket.settimeout(PATIENCE)
        (answer,) = self.ris.send(message)
        if answer.control_id != key or answer.code == "AE":
            raise NobodyKnows
        if answer.code != "AA":
            raise Refused

    def _hang_up(self) -> None:
        with suppress(OSError):
            if self.ris:
                self.ris.socket.close()
        self.ris = None
