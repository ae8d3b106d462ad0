"""What we write of an e-mail is what every other program reads of it."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from notifications.channels.mime import LONGEST_LINE, Mail

TEXT = "Critical. A finding needs your answer.\n.\nFrom here on: a line\n\nEnd.\n"


def read(
    subject: str = "Critical: please answer", text: str = TEXT, html: str = "<p>A</p>", **more
):
    mail = Mail(subject, text, to=["ada@trust.example"], **more)
    mail.attach_alternative(html, "text/html")
    raw = mail.message().as_bytes(linesep="\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert all(len(line) <= LONGEST_LINE for line in raw.split(b"\r\n"))
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> list[str]:
    part = message.get_body((kind,))
    assert part is not None
    assert not part.defects
    return str(part.get_content()).rstrip("\n").splitlines()


@pytest.mark.parametrize(
    "text", [TEXT, "You stand in for Dr Zoë Ó Briain.\n", "x" * 5000, "a\r\nb\rc\n", "😀 " * 400]
)
def test_both_texts_are_read_as_they_were_written(text: str) -> None:
    message = read(text=text, html=f"<p>{text}</p>")
    assert message.get_content_type() == "multipart/alternative"
    assert body(message, "plain") == text.splitlines()
    assert body(message, "html") == f"<p>{text}</p>".splitlines()


@pytest.mark.parametrize(
    "subject", ["Critical: please answer", "Finding: Zoë's answer", "long " * 39 + "end", "ä" * 200]
)
def test_a_subject_of_any_length_and_letters_is_read_as_it_was_written(subject: str) -> None:
    assert str(read(subject)["Subject"]) == subject


def test_headers_are_there_once(settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Imaging Sàfety <imaging@trust.example>"
    message = read(headers={"Message-ID": "<1@imaging-safety>", "Importance": "high"})
    assert message["From"].addresses[0].display_name == "Imaging Sàfety"
    assert message["To"] == "ada@trust.example"
    assert message["Message-ID"] == "<1@imaging-safety>"
    assert message["Date"].datetime is not None
    assert len(message.keys()) == len(set(message.keys()))


@pytest.mark.parametrize(
    "headers", [{"Message-ID": "<1@x>\nBcc: thief@x"}, {"Importance": "high\rBcc: thief@x"}]
)
def test_no_line_break_makes_another_header(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        read(headers=headers)
