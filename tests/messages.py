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


def pid(
    numbers: str = f"{NUMBER}^^^NHS^NH",
    name: str = ALDER,
    born: str = "19500212",
    died: str = "",
    has_died: str = "",
) -> str:
    """A PID; `numbers` is PID-3 as it is sent."""
    tail = "|" * 21 + f"{died}|{has_died}" if died or has_died else ""
    return f"PID|1||{numbers}||{name}||{born}|F{tail}"


def orm(
    control: str = "NW",
    *,
    accession: str = "A1",
    said: str = "20260630080000",
    order: str = "",
    result: str = "",
    performed: str = "",
    patient: str = "",
    requester: str = "C0000001",
    location: str = "",
    patient_class: str = "O",
    examination: str = "XCHES^XR Chest",
    application: str = "RIS",
    facility: str = "RXX01",
    type_: str = "ORM^O01",
    more: tuple[str, ...] = (),
) -> bytes:
    """One order of one examination, said at MSH-7; `order` is ORC-5, `result` OBR-25."""
    segments = [
        f"MSH|^~\\&|{application}|{facility}|IS|RXX|{said}||{type_}|{control}{said}|P|2.4",
        patient or pid(),
        f"PV1|1|{patient_class}|{location}",
        f"ORC|{control}|P1^EPR|{accession}^RIS||{order}",
        f"OBR|1|P1^EPR|{accession}^RIS|{examination}|||{performed}|||||||||{requester}^REFER^REX"
        f"||||||||CR|{result}",
        *more,
    ]
    return "\r".join(segments).encode() + b"\r"


def adt(
    event: str,
    *segments: str,
    said: str = "20260630120000",
    happened: str = "",
    visit: str = "",
    application: str = "PAS",
    facility: str = "RXX01",
) -> bytes:
    """News of a patient: PID, and MRG where there is one, in `segments`."""
    return (
        "\r".join(
            [
                f"MSH|^~\\&|{application}|{facility}|IS|RXX|{said}||ADT^{event}|{event}{said}|P|2.4",
                f"EVN|{event}|{said}||||{happened}",
                *(segments or (pid(),)),
                *([visit] if visit else []),
            ]
        ).encode()
        + b"\r"
    )
