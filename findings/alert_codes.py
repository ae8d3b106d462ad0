"""Alert codes: the words and codes by which a report itself says that somebody must act.

`find` reads a text and the codes that came with it and says which category of finding each match
proposes, where it stands and who says that it means that. It knows no database and no sender.

What is known of the national phrases is known second hand, from makers and trusts who apply them
(docs/adr/0024): so nothing here is called national, and a sender's own words are settings.

A match that is denied ("no critical finding", "CANCER: none") proposes nothing. One that may be
quoted, asked or conditional is not sure: a person looks before anybody is told. In doubt a match
counts: a wrong proposal costs a minute.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

CRITICAL, URGENT, CANCER, SIGNIFICANT = "critical", "urgent", "cancer", "significant_unexpected"
# The most severe first, as in categories.csv.
BY_SEVERITY = (CRITICAL, URGENT, CANCER, SIGNIFICANT)

# Who says so. Shown beside each proposal.
RCR = "RCR BFCR(12)11 as worded by Cris Communicator"
AOMRC = "AoMRC 2022 as applied by Everlight and Barnsley"
COMMON = "Common wording; no list of it is known"
ACR = "ACR actionable findings, a standard of another country"
RADLEX = "RadLex, as in drafts of IHE"
HL7 = "HL7 table 0078, abnormal flags"
SENDER = "Settings of this sender"

# How a line begins that its sender has marked as deleted (intake/report_text.py).
DELETED = "[marked as deleted by the sender]"
LONGEST = 200  # characters of what is quoted from a report
MOST = 200  # matches of one pattern that are looked at: a hostile text may hold a million


@dataclass(frozen=True)
class Alert:
    """One alert code of a report."""

    category: str  # a code of categories.csv
    words: str  # as they stand in the report
    line: str  # the line in which they begin; the code itself where it stands in none
    known_from: str
    primary_site: str = ""
    # False: it may be quoted, asked or conditional, so a person looks first.
    is_sure: bool = True


def find(
    text: str, codes: Iterable[str] = (), trigger_words: Iterable[tuple[str, str]] = ()
) -> tuple[Alert, ...]:
    """What the report proposes, the most severe first and each category once, its surest match.

    `codes`: abnormal flags and RadLex ids that came with it. `trigger_words`: the sender's own,
    each with the category that it means.
    """
    found: dict[str, Alert] = {}
    for alert in _all(text, codes, tuple(trigger_words)):
        known = found.get(alert.category)
        if known is None or (alert.is_sure and not known.is_sure):
            found[alert.category] = alert
        elif alert.primary_site and not known.primary_site:
            found[alert.category] = replace(known, primary_site=alert.primary_site)
    order = {category: place for place, category in enumerate(BY_SEVERITY)}
    return tuple(sorted(found.values(), key=lambda one: order.get(one.category, len(order))))


def most_severe(alerts: Iterable[Alert]) -> str:
    """The category of the first; empty where there is none."""
    return next((alert.category for alert in alerts), "")


def _all(
    text: str, codes: Iterable[str], trigger_words: tuple[tuple[str, str], ...]
) -> Iterator[Alert]:
    if trigger_words:
        yield from _matches(text, _of_sender(trigger_words))
    yield from filter(None, map(_coded, codes))
    yield from _matches(text, PATTERNS)


# --- Codes ---------------------------------------------------------------------------------------

_ABNORMAL = {"AA": True, "HH": False, "LL": False}
_RADLEX = {"RID49480": CRITICAL, "RID49481": URGENT, "RID49482": SIGNIFICANT}


def _coded(code: str) -> Alert | None:
    """AA is critically abnormal; a number beyond its panic limits may be one of many."""
    folded = code.strip().upper()
    if folded in _RADLEX:
        return Alert(_RADLEX[folded], folded, folded, RADLEX)
    if folded in _ABNORMAL:
        return Alert(CRITICAL, folded, f"OBX-8: {folded}", HL7, is_sure=_ABNORMAL[folded])
    return None


def is_code(code: str) -> bool:
    """Whether a code that came with a report says anything here."""
    return _coded(code) is not None


# --- Words ---------------------------------------------------------------------------------------

# What a match means: a category, or none where it means nothing after all.
Meaning = Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class _Pattern:
    # In small letters, or in capitals where only these will do. A text without one of them is not
    # searched: most have none, and looking for a word takes a thousandth of the time.
    needs: tuple[str, ...]
    regex: re.Pattern[str]
    meaning: Meaning
    known_from: str

    def may_be_in(self, text: str, small: str) -> bool:
        return all(word in (text if word.isupper() else small) for word in self.needs)


def _words(source: str) -> re.Pattern[str]:
    """A pattern in which a space stands for any space, a line end too, or a hyphen."""
    return re.compile(source.replace(" ", r"[\s\-_]+"), re.IGNORECASE)


def _always(category: str) -> Meaning:
    return lambda found: category


_NAMED = {
    "c": CRITICAL, "critical": CRITICAL,
    "u": URGENT, "urgent": URGENT,
    "s": SIGNIFICANT, "significant": SIGNIFICANT,
    "cancer": CANCER,
}  # fmt: skip
_BY_NUMBER = {"1": CRITICAL, "2": URGENT, "3": SIGNIFICANT}


def _named(found: re.Match[str]) -> str:
    """The category that is named, or its letter; a letter only as a capital. R is routine."""
    name = found["name"].split()[0].split("-")[0]
    return _NAMED.get(name.lower(), "") if len(name) > 1 or name.isupper() else ""


def _numbered(found: re.Match[str]) -> str:
    return _BY_NUMBER[found["number"]]


_KIND = r"(?: imaging| radiology| radiological)?"
# Of "critical results policy" nothing follows for this patient.
_NOT_ABOUT_IT = r"(?!s?[\s\-]+(?:polic|protocol|pathway|guid|system|procedure|form\b|service))"
_NAME = r"(?P<name>critical|urgent|significant(?: unexpected)?|cancer|[CUSR])\b"
_SITE = r"(?P<site>[^\n.;,()\[\]]{0,60})"
_LEVEL = r"cat(?:egory|\.)?\s*(?P<number>[123])\b"

_ORGANS = (
    "lung", "breast", "colorectal", "bowel", "colon", "rectal", "pancreatic", "renal", "kidney",
    "liver", "gastric", "oesophageal", "bladder", "prostate", "ovarian", "thyroid", "brain",
    "skin", "bone", "testicular", "cervical", "uterine", "endometrial",
)  # fmt: skip
_WHICH = r"(?: code| category| level| urgency)"


def _codes_of(what: str) -> tuple[_Pattern, _Pattern]:
    """ "Alert: critical" and "Alert code C"."""
    named = rf"\b{what}(?: alert)?"
    return (
        _Pattern((what,), _words(rf"{named}{_WHICH}?\s*[:=]\s*{_NAME}"), _named, RCR),
        _Pattern((what,), _words(rf"{named}{_WHICH}\s*\(?\s*{_NAME}"), _named, RCR),
    )


PATTERNS = (
    _Pattern(
        ("emergency",),
        _words(r"\bemergency action (?:is )?required\b"),
        _always(CRITICAL),
        RCR,
    ),
    _Pattern(
        ("evaluation",),
        _words(r"\bmedical evaluation (?:is )?required within 24\s*(?:h|hrs?|hours?)\b"),
        _always(URGENT),
        RCR,
    ),
    _Pattern(
        ("unexpected", "significant"),
        _words(
            r"\b(?:significant[,/]?(?: and| but)?[\s\-_]*unexpected"
            r"|unexpected[,/]?(?: and| but)?[\s\-_]*significant)\b"
            rf"(?: alert| finding| result| abnormalit(?:y|ie))?s?{_NOT_ABOUT_IT}"
        ),
        _always(SIGNIFICANT),
        RCR,
    ),
    *_codes_of("alert"),
    *_codes_of("communicator"),
    *_codes_of("rcr"),
    _Pattern(
        ("cancer", "alert"),
        _words(
            rf"\b(?:(?P<before>{'|'.join(_ORGANS)}) )?cancer{_KIND} alert\b{_NOT_ABOUT_IT}"
            rf"(?:[^\S\n]*[:\-\u2013(][^\S\n]*{_SITE})?"
        ),
        _always(CANCER),
        AOMRC,
    ),
    _Pattern(
        ("CANCER",),
        # At the beginning of a line, with its site or alone.
        re.compile(
            rf"^[\t *#>=!\-\[]*CANCER\b[\t )*#\]]*(?:[:\-\u2013(][ \t]*{_SITE}|$)", re.MULTILINE
        ),
        _always(CANCER),
        AOMRC,
    ),
    _Pattern(
        ("critical",),
        _words(rf"\bcritical{_KIND} (?:alert|finding|result|report)s?\b{_NOT_ABOUT_IT}"),
        _always(CRITICAL),
        COMMON,
    ),
    _Pattern(
        ("urgent",),
        _words(rf"\burgent{_KIND} (?:alert|finding|result)s?\b{_NOT_ABOUT_IT}"),
        _always(URGENT),
        COMMON,
    ),
    _Pattern(
        ("fail", "alert"),
        _words(rf"\bfail[\s\-]?safe{_KIND} alert\b{_NOT_ABOUT_IT}"),
        _always(SIGNIFICANT),
        COMMON,
    ),
    _Pattern(
        ("acr", "cat"),
        _words(rf"\bACR(?: actionable)?(?: findings?)? {_LEVEL}"),
        _numbered,
        ACR,
    ),
    _Pattern(
        ("actionable", "cat"),
        _words(rf"\bactionable(?: imaging)?(?: findings?| results?)?\W{{1,3}}{_LEVEL}"),
        _numbered,
        ACR,
    ),
    _Pattern(("actionable", "cat"), _words(rf"\b{_LEVEL} actionable\b"), _numbered, ACR),
    _Pattern(
        ("rid4948",),
        re.compile(r"\b(?P<code>RID4948[012])\b", re.IGNORECASE),
        lambda found: _RADLEX[found["code"].upper()],
        RADLEX,
    ),
)


@lru_cache(maxsize=256)
def _of_sender(trigger_words: tuple[tuple[str, str], ...]) -> tuple[_Pattern, ...]:
    """A sender's own words, in any case and however they are spaced; never inside a longer word."""
    return tuple(
        _Pattern((words.split()[0].lower(),), _spaced(words), _always(category), SENDER)
        for words, category in trigger_words
        if words.strip()
    )


def _spaced(words: str) -> re.Pattern[str]:
    anyhow = r"\s+".join(map(re.escape, words.split()))
    return re.compile(rf"(?<!\w){anyhow}(?!\w)", re.IGNORECASE)


def _matches(text: str, patterns: Iterable[_Pattern]) -> Iterator[Alert]:
    small = text.lower()
    for pattern in patterns:
        if not pattern.may_be_in(text, small):
            continue
        for found in islice(pattern.regex.finditer(text), MOST):
            category = pattern.meaning(found)
            if not category or _is_denied(text, found):
                continue
            alert = _alert(text, found, category, pattern.known_from)
            yield alert
            if alert.is_sure:
                break


def _alert(text: str, found: re.Match[str], category: str, known_from: str) -> Alert:
    named = found.groupdict()
    site = _site(named.get("site") or "") or named.get("before") or ""
    return Alert(
        category,
        _short(text[found.start() : _end(found)]).rstrip(" :-\u2013("),
        _short(_line(text, _start(text, found))),
        known_from,
        site if category == CANCER else "",
        is_sure=not (_is_doubtful(text, found) or _is_quoted(text, found.start())),
    )


def _end(found: re.Match[str]) -> int:
    """Where the words of the code end, without the site that follows them."""
    return found.start("site") if found.groupdict().get("site") is not None else found.end()


def _start(text: str, found: re.Match[str]) -> int:
    """Where its first letter stands: a pattern may begin with signs."""
    shown = found[0]
    return found.start() + len(shown) - len(shown.lstrip())


def _line(text: str, place: int) -> str:
    """The line around a place, as much of it as is quoted."""
    start = text.rfind("\n", 0, place) + 1
    return text[max(start, place - LONGEST // 2) : place + LONGEST].partition("\n")[0]


def _short(words: str) -> str:
    return " ".join(words.split())[:LONGEST]


_FILLING = re.compile(
    r"^(?:\s|[?:*\-\u2013]|suspected\b|suspicious\b|probable\b|possible\b|primary\b"
    r"|tumou?r\b|site\b|of\b)+",
    re.IGNORECASE,
)
# Of unknown primary it is a cancer all the same.
_NO_CANCER = re.compile(
    r"(?:no|none|nil|not|negative|n/?a|absent)\b(?!.*\bprimary\b)", re.IGNORECASE
)


def _site(written: str) -> str:
    return _FILLING.sub("", written).strip(" *-\u2013:?=#!")[:80]


# --- Denied, doubtful, quoted ---------------------------------------------------------------------

_BEFORE = 120  # characters in which a match may be denied
_CLAUSE = re.compile(r"[.!;:•](?=\s)|(?<=\w)\?(?=\s)")
_BETWEEN = (
    r"an?|any|the|of|or|and|nor|other|further|additional|new|acute|recent|evidence|features?|signs?"
    r"|definite|obvious|convincing|suspicion|suggestion|is|are|was|were|be|to|for|there|seen|have"
    r"|has|had|been|critical|urgent|significant|unexpected|immediate|cancer|imaging|radiology"
    r"|considered|deemed|meets?|fulfils?|criteria|constitutes?|represents?|indicated|longer|need"
    r"|require[sd]?|alerts?|findings?|results?|abnormalit(?:y|ies)"
)
_DENIAL = re.compile(
    r"(?:\b(?:no|not|nor|without|nil|never|neither|isn't|wasn't|doesn't|non"
    r"|negative\s+for|absence\s+of|free\s+of|none\s+of)\b"
    rf"(?:[\s,/\-]+(?:{_BETWEEN})\b)*|\[[ \t]?\]|☐)[\s,/\-*\"']*$",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"(?:\(s\))?[ \t]*(?:alerts?|codes?|findings?|results?|present|identified|seen)?[ \t]*"
    r"(?:\(?[ \t]*y(?:es)?[ \t]*/[ \t]*no?[ \t]*\)?)?"
    r"(?:[ \t]*[:=?][ \t]*\n?[ \t]*|[ \t]*[\-\u2013][ \t]*|[ \t]+)?"
    r"(?:(?:is|are|was|were|has\s+been|have\s+been)[ \t]+)?"
    r"(?:(?:none|nil|no|not|negative)\s+"
    r"(?:present|seen|identified|detected|found|noted|required|applicable|demonstrated|raised"
    r"|issued|needed|indicated|alerts?|findings?)"
    r"|none|nil|no|n|negative|n/?a|absent|false|unlikely)"
    r"[ \t]*(?=[.,;)\]\n*]|$)",
    re.IGNORECASE,
)
_DOUBTFUL = re.compile(
    r"(?:\b(?:if|in\s+case\s+of|should|when|whether|unless|known|previous(?:ly)?|prior|earlier|old"
    r"|history\s+of|reported\s+as|called|labelled|exclude|query|please|for)"
    rf"(?:[\s,/\-]+(?:{_BETWEEN})\b)*|\?)[\s\"'(]*$",
    re.IGNORECASE,
)
# "Previous report: …" in the middle of a line, up to the next sentence.
_QUOTES = re.compile(
    r"\b(?:previous|prior|earlier|old|last)\s+(?:report|examination|study|imaging|ct|mri|x-?ray|film"
    r"|scan)s?\b[^.\n]*$",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:no|not|nor|without|never|denie[sd]|denying|negative|free\s+of|rule[sd]?\s+out)\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[ \t>*#]*([A-Za-z][A-Za-z /&()\-]{2,40}?)[ \t]*:", re.MULTILINE)
_HEADING_WITHIN = 4000  # characters
# What stands under these is what was asked or said before, not what was found.
_OF_OTHERS = re.compile(
    r"clinical|history|indication|request|referral|question|comparison|previous|prior|earlier"
    r"|old\s+report|quoted?",
    re.IGNORECASE,
)


def _is_denied(text: str, found: re.Match[str]) -> bool:
    start, end = _start(text, found), _end(found)
    if _NO_CANCER.match(found.groupdict().get("site") or ""):
        return True
    if _DENIED_AFTER.match(text, end) or _DENIED_AFTER.match(text, _before_separator(text, end)):
        return True
    return bool(_DENIAL.search(_clause_before(text, start)))


def _before_separator(text: str, end: int) -> int:
    """Back to before the sign that leads to a site: "CANCER: none"."""
    while end > 0 and text[end - 1] in " \t:-\u2013(":
        end -= 1
    return end


def _clause_before(text: str, start: int) -> str:
    """What comes before it in its sentence. What begins a line in small letters goes on from the
    line before; anything else is a line of its own, and the line before may well end in a no."""
    before = text[max(0, start - _BEFORE) : start]
    lines = before.split("\n")
    goes_on = not lines[-1].strip() and text[start].islower() and len(lines) > 1
    clause = " ".join(lines[-2:] if goes_on else lines[-1:])
    ends = [one.end() for one in _CLAUSE.finditer(clause)]
    return clause[ends[-1] :] if ends else clause


def _is_doubtful(text: str, found: re.Match[str]) -> bool:
    """Asked or conditional; or further back in its clause something is denied, it perhaps with it:
    "no mass, effusion or critical finding"."""
    before = _clause_before(text, _start(text, found))
    return bool(_DOUBTFUL.search(before) or _DENIES.search(before))


def _is_quoted(text: str, place: int) -> bool:
    """Whether it stands under a heading such as "Clinical history:" or behind a mark of quoting."""
    line = text.rfind("\n", 0, place) + 1
    before = text[max(line, place - _BEFORE) : place]
    begins = text[line : line + 40].lstrip()
    if begins.startswith((">", DELETED)) or _QUOTES.search(before):
        return True
    last = None
    for heading in _HEADING.finditer(text, max(0, place - _HEADING_WITHIN), place):
        last = heading
    if last is None or not _OF_OTHERS.search(last[1]):
        return False
    return "\n\n" not in text[last.end() : place].strip(" \t")
