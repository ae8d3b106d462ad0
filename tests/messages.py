"""HL7 messages as a RIS writes them, for the tests that need bytes."""

ALDER = "ALDER^ANN"
NUMBER = "9990000018"


def oru(
    *,
    accession: str = "A1",
    control_id: str = "1",
    text: str = "Nodule of 14 mm. CT advised.",
    status: str = "F",
    nhs_number: str = NUMBER,
    name: str = ALDER,
    born: str = "19500212",
    reported: str = "20260630103000",
    requester: str = "C0000001",
    location: str = "",
    application: str = "RIS",
    facility: str = "RXX01",
    examination: str = "XCHES^XR Chest",
    more: tuple[str, ...] = (),
) -> bytes:
    """One report of one examination; `more` are further segments."""
    segments = [
        f"MSH|^~\\&|{application}|{facility}|IS|RXX|20260630104500||ORU^R01|{control_id}|P|2.4",
        f"PID|1||{nhs_number}^^^NHS^NH||{name}||{born}|F",
        f"PV1|1|O|{location}",
        f"OBR|1||{accession}|{examination}|||20260630090000|||||||||{requester}^REFER^REX||||||"
        f"{reported}||CR|{status}",
        f"OBX|1|TX|&GDT||{text}||||||{status}",
        *more,
    ]
    return "\r".join(segments).encode() + b"\r"
