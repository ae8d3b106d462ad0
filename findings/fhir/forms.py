"""The words of a report: presentedForm and conclusion, as a person reads them."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser

from findings.fhir.names import Json
from findings.fhir.outcome import wrong

# Elements after which a new line begins; and those whose words nobody reads.
_BLOCKS = frozenset(
    (
        "address", "article", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset",
        "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
        "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul",
    )
)  # fmt: skip
_SILENT = frozenset(["script", "style", "title"])
_TEXT, _HTML = "text/plain", ("text/html", "application/xhtml+xml")
_LINKED_NOTICE = "A document is linked in this report and is not fetched; open it at the sender's."


@dataclass(frozen=True)
class Words:
    """What the report says, and what a reader should know about it."""

    text: str
    notices: tuple[str, ...] = ()
    # Those forms that are no text, decoded.
    documents: tuple[bytes, ...] = ()


def words_of(report: Json, path: str) -> Words:
    """Every form that is text, then the conclusion unless a form has it already."""
    texts, notices, documents = [], [], []
    for number, form in enumerate(report.get("presentedForm", [])):
        place = f"{path}.presentedForm[{number}]"
        if "data" not in form:
            notices.append(_LINKED_NOTICE)
            texts.append("[linked document, not shown here]")
            continue
        raw = _decoded(form, place)
        text = _text(form, raw, place)
        if text is None:
            documents.append(raw)
        else:
            texts.append(text)
    conclusion = report.get("conclusion", "")
    if conclusion and not any(_squeezed(conclusion) in _squeezed(text) for text in texts):
        texts.append(conclusion)
    text = "\n\n".join(one.strip("\n") for one in texts if one.strip())
    return Words(text, tuple(dict.fromkeys(notices)), tuple(documents))


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _text(form: Json, raw: bytes, path: str) -> str | None:
    """Its words; None where it is no text."""
    kind = Message()
    kind["content-type"] = form.get("contentType", _TEXT)
    if kind.get_content_type() == _TEXT:
        return _lines(_read(raw, kind, path))
    if kind.get_content_type() in _HTML:
        text = stripped(_read(raw, kind, path))
        if text is None:
            said = "A script, style or title in it never ends, so its words cannot be told apart."
            raise wrong(f"{path}.data", said, "value")
        return text
    return None


def _decoded(form: Json, path: str) -> bytes:
    try:
        raw = base64.b64decode("".join(form["data"].split()), validate=True)
    except (binascii.Error, ValueError):
        raise wrong(f"{path}.data", "This is not base64.", "value") from None
    if "size" in form and form["size"] != len(raw):
        raise wrong(f"{path}.size", "The data are of another size: something was lost.", "value")
    if "hash" in form and not _has_hash(raw, form["hash"]):
        raise wrong(f"{path}.hash", "The data have another hash: something was changed.", "value")
    return raw


def _has_hash(raw: bytes, said: str) -> bool:
    """SHA-1, as R4 has it: against accidents, not against anybody. Some write its digits instead of
    base64, which can be mistaken for nothing else: it would have another length."""
    digest = hashlib.sha1(raw, usedforsecurity=False)
    encoded = base64.b64encode(digest.digest()).decode()
    return said == encoded or said.lower() == digest.hexdigest()


def _read(raw: bytes, kind: Message, path: str) -> str:
    charset = str(kind.get_param("charset", "utf-8"))
    try:
        text = raw.decode(charset).removeprefix("\ufeff")
    except LookupError:
        raise wrong(
            f"{path}.contentType", "Its character set is not known here.", "value"
        ) from None
    except ValueError:
        said = "The data are not in the character set that contentType names, or UTF-8."
        raise wrong(f"{path}.data", said, "value") from None
    if "\x00" in text:
        raise wrong(f"{path}.data", "The text has NUL characters in it.", "value")
    return text


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def stripped(html: str) -> str | None:
    """The words of a page, a line for each block, without anything that a browser would run. None
    where something silent never ends: it might hide the rest of the report."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.silent:
        return None
    lines = [_squeezed(line) for line in "".join(reader.words).split("\n")]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip("\n")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent += 1
        elif tag in _BLOCKS:
            self.words.append("\n")
        elif tag in ("td", "th"):
            self.words.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in _BLOCKS and tag != "br":
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data if "\n" not in data else " ".join(data.split("\n")))
