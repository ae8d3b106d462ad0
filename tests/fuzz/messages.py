"""What the fuzzer sends: messages shaped like HL7, and real ones with something broken in them.

Seeds are our own; where IMAGING_SAFETY_CASES names a directory of messages, those too.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from findings.intake.batch import RawMessage, split
from tests.messages import oru

LARGEST_SEED = 200_000  # bytes
NAMES = ["MSH", "PID", "PV1", "ORC", "OBR", "OBX", "NTE", "EVN", "MRG", "ZDS", "DSC", "PD1"]
TYPES = [
    *("ORU^R01", "ORU^R01^ORU_R01", "ORU", "ORM^O01", "OMI^O23"),
    *("ADT^A08", "ADT^A40", "ADT^A60", "ACK", "XXX"),
]
# What breaks programs that read HL7.
BROKEN = [
    *(
        b"\x00",
        b"\x0b",
        b"\x1c",
        b"\x1c\r",
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0bMSH",
        b"\xff\xfe",
        b"\xc3",
    ),
    *(b"|", b"^", b"~", b"\\", b"&", b'""', b"\\X", b"\\X0D\\", b"\\X0\\", b"\\.sp99999999\\"),
    *(b"MSH|^~\\&|", b"MSH|", b"PID|", b"OBR|", b"OBX|1|ED|", b"9" * 400, b"\xef\xbb\xbf"),
    *(
        "\N{LATIN SMALL LETTER E WITH ACUTE}\u202e\ud7ff\U0001f4a3".encode(),
        b"20260230",
        b"T" * 9000,
    ),
]


def _own_seeds() -> list[bytes]:
    adt = b"MSH|^~\\&|RIS|RXX01|IS|RXX|20260630||ADT^A40|7|P|2.4\rEVN|A40|20260630\r"
    return [
        oru(),
        oru(status="C", text="A\\T\\E\\.br\\Second line~~Third", more=("NTE|1||A remark",)),
        oru(accession="A2", more=("OBR|2||A3|CT^CT||||||||||||||||||20260630||CT|P", "OBX|1|TX")),
        oru(more=("OBX|2|ED|PDF||^application^pdf^Base64^JVBERi0xLjQK||||||F",)),
        oru().decode().encode("utf-16"),
        oru().replace(b"\r", b"\n"),
        oru().replace(b"ORU^R01", b"ORM^O01").replace(b"OBR|1", b"ORC|NW|1\rOBR|1"),
        adt + b"PID|1||N1^^^RXX^MR||ALDER^ANN\rMRG|N2^^^RXX^MR\r",
        b"HELLO",
    ]


@cache
def seeds() -> list[bytes]:
    """Messages to break."""
    found = _own_seeds()
    if folder := os.environ.get("IMAGING_SAFETY_CASES"):
        for file in sorted(Path(folder, "files").glob("*hl7*/*")):
            found += _messages_of(file.read_bytes())
    return found


def _messages_of(raw: bytes) -> list[bytes]:
    whole = [raw] if len(raw) < LARGEST_SEED else []
    pieces = (piece.content for piece in split(raw) if isinstance(piece, RawMessage))
    return [one for one in [*whole, *pieces] if len(one) < LARGEST_SEED]


# --- Shaped ------------------------------------------------------------------------------------

_words = st.one_of(
    st.sampled_from(["", "F", "P", "C", "9990000018", "20260630103000", '""', "ALDER^ANN", "A1"]),
    st.text(max_size=12),
    st.from_regex(r"[A-Z0-9^~&\\|.]{0,20}", fullmatch=True),
)
_segments = st.builds(
    lambda name, fields: "|".join([name, *fields]),
    st.sampled_from(NAMES),
    st.lists(_words, max_size=28),
)


def _message(type_: str, version: str, segments: list[str], end: str) -> bytes:
    header = f"MSH|^~\\&|RIS|RXX01|IS|RXX|20260630||{type_}|9|P|{version}"
    return end.join([header, *segments]).encode("utf-8", "replace")


shaped = st.builds(
    _message,
    st.sampled_from(TYPES),
    st.sampled_from(["2.1", "2.3", "2.4", "2.5.1", "2.9", "", "3"]),
    st.lists(_segments, max_size=8),
    st.sampled_from(["\r", "\n", "\r\n"]),
)

# --- Broken ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One thing done to the bytes of a message, at a place between 0 and 1."""

    how: str
    at: float
    length: int
    put: bytes

    def to(self, data: bytes) -> bytes:
        start = int(self.at * len(data))
        end = min(len(data), start + self.length)
        middle = {
            "put": self.put + data[start:end],
            "replace": self.put,
            "remove": b"",
            "repeat": data[start:end] * 3,
            "flip": bytes(byte ^ (1 << self.length % 8) for byte in data[start : start + 1])
            + data[start + 1 : end],
            "end": b"",
        }[self.how]
        return data[:start] + middle + (b"" if self.how == "end" else data[end:])


_changes = st.builds(
    Change,
    st.sampled_from(["put", "replace", "remove", "repeat", "flip", "end"]),
    st.floats(0, 1),
    st.integers(0, 60),
    st.sampled_from(BROKEN) | st.binary(max_size=4),
)


def _broken(seed: int, changes: list[Change]) -> bytes:
    data = seeds()[seed % len(seeds())]
    for change in changes:
        data = change.to(data)
    return data


broken = st.builds(_broken, st.integers(0, 2**16), st.lists(_changes, min_size=1, max_size=6))
messages = shaped | broken | broken
