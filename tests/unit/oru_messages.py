"""Messages written for the tests of the HL7 intake: invented people, numbers from 999."""

from findings.arrivals import ArrivingReport, Problem, ReadMessage, SenderProfile
from findings.intake.oru import read_message

NHS = "9990000018"
OTHER_NHS = "9990000026"
PROFILE = SenderProfile()
_HEADER = r"MSH|^~\&|RIS|RR801|ISAFE|RR8|20260630144500||ORU^R01|C1|P|2.4"
_PATIENT = f"PID|1||{NHS}^^^NHS^NH~N501^^^RR8^PI||ALDER^Ann||19500212|F"


def header(**fields: str) -> str:
    """An MSH; `f18="8859/1"` sets MSH-18."""
    return _with(_HEADER, {int(name[1:]) - 1: value for name, value in fields.items()})


def patient(**fields: str) -> str:
    """A PID; `f3=…` sets PID-3."""
    return _with(_PATIENT, _numbers(fields))


def obr(accession: str = "A1", status: str = "F", **fields: str) -> str:
    """An OBR of a CT that was reported on 30 June 2026 at 14:30."""
    default = {3: accession, 4: "CTCHE^CT chest", 22: "20260630143000", 24: "CT", 25: status}
    return _with("OBR|1", default | _numbers(fields))


def obx(value: str, type_: str = "TX", **fields: str) -> str:
    """A result line, without OBX-3 unless it is given."""
    return _with("OBX|1", {2: type_, 5: value, 11: ""} | _numbers(fields)).rstrip("|")


def text_line(value: str = "No acute abnormality.") -> str:
    """A line of report text."""
    return f"OBX|1|TX|&GDT||{value}||||||F"


def message(*segments: str, end: str = "\r") -> bytes:
    """The segments as they are sent, in UTF-8."""
    return (end.join(segments) + end).encode()


def report_message(
    *lines: str, msh: str = "", pid: str = "", request: str = "", extra: tuple[str, ...] = ()
) -> bytes:
    """One patient, one OBR, these result lines."""
    return message(
        msh or header(), pid or patient(), *extra, request or obr(), *(lines or (text_line(),))
    )


def read(raw: bytes, profile: SenderProfile = PROFILE) -> ReadMessage:
    """Read it as this sender's."""
    return read_message(raw, profile)


def report(raw: bytes, profile: SenderProfile = PROFILE) -> ArrivingReport:
    """The only part, which has to be a report."""
    (part,) = read(raw, profile).parts
    assert isinstance(part, ArrivingReport), part
    return part


def problem(raw: bytes, profile: SenderProfile = PROFILE) -> Problem:
    """The only part, which has to be a problem."""
    (part,) = read(raw, profile).parts
    assert isinstance(part, Problem), part
    return part


def _numbers(fields: dict[str, str]) -> dict[int, str]:
    return {int(name[1:]): value for name, value in fields.items()}


def _with(segment: str, fields: dict[int, str]) -> str:
    parts = segment.split("|")
    parts += [""] * (max(fields, default=0) + 1 - len(parts))
    for number, value in fields.items():
        parts[number] = value
    return "|".join(parts)
