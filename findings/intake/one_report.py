"""Examinations of one message that share an accession number, or the words of one report."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from findings.arrivals import ArrivingPatient, ArrivingReport, ArrivingStatus, Problem
from findings.intake.statuses import least_finished

_PERHAPS_OF_BOTH = (
    "Look whether the text of another examination in this message is about this one, too; if not,"
    " wait for the report, or ask the sender for it."
)


@dataclass(frozen=True)
class WithoutWords(Problem):
    """An examination without words of its own; those of another may be of it, too."""

    patient: ArrivingPatient = field(default_factory=ArrivingPatient)
    title: str = ""
    # Values, notes and links: all there is.
    text: str = ""
    codes: tuple[str, ...] = ()


def together(parts: list[ArrivingReport | Problem]) -> Iterator[ArrivingReport | Problem]:
    """Examinations reported under one accession number are one report: neither may replace
    the other as if it were its next version."""
    if len(parts) == 1:  # nearly every message
        yield from parts
        return
    same: dict[tuple[str, object], list[ArrivingReport]] = {}
    silent: dict[tuple[str, object], list[WithoutWords]] = {}
    for part in parts:
        if isinstance(part, ArrivingReport):
            same.setdefault((part.accession, part.patient), []).append(part)
        elif isinstance(part, WithoutWords):
            silent.setdefault((part.accession, part.patient), []).append(part)
    reported = set(same)
    for part in parts:
        if isinstance(part, ArrivingReport):
            key = part.accession, part.patient
            if reports := same.pop(key, None):
                whole = reports[0] if len(reports) == 1 else _joined(reports)
                yield _with_silent(whole, silent.get(key, []))
        elif not isinstance(part, WithoutWords) or not reported:
            yield part
        elif (part.accession, part.patient) not in reported:
            yield replace(part, suggestion=_PERHAPS_OF_BOTH)


def _with_silent(report: ArrivingReport, silent: list[WithoutWords]) -> ArrivingReport:
    """With what was done under this accession number and has no words of its own."""
    if not silent:
        return report
    titles = [report.examination_description, *(one.title for one in silent)]
    notice = f"{len(silent) + 1} examinations (OBR) share this accession number and one text."
    return replace(
        report,
        text="\n\n".join(filter(None, [report.text, *(one.text for one in silent)])),
        examination_description="; ".join(dict.fromkeys(filter(None, titles))),
        notices=(*report.notices, notice),
        codes=tuple(dict.fromkeys(chain(report.codes, *(one.codes for one in silent)))),
    )


def _joined(reports: list[ArrivingReport]) -> ArrivingReport:
    valid = [r for r in reports if r.status is not ArrivingStatus.WITHDRAWN] or reports
    titles = list(dict.fromkeys(filter(None, (r.examination_description for r in valid))))
    texts = list(dict.fromkeys(r.text for r in valid))
    if len(texts) > 1 and len(titles) > 1:
        texts = [f"{r.examination_description}:\n{r.text}".lstrip(":\n") for r in valid]
    notice = f"{len(reports)} examinations (OBR) share this accession number and are shown as one."
    return replace(
        valid[0],
        status=least_finished([r.status for r in valid]),
        reported_at=max(r.reported_at for r in valid),
        text="\n\n".join(texts),
        examination_description="; ".join(titles),
        notices=tuple(dict.fromkeys([*chain(*(r.notices for r in reports)), notice])),
        documents=tuple(dict.fromkeys(chain(*(r.documents for r in valid)))),
        codes=tuple(dict.fromkeys(chain(*(r.codes for r in valid)))),
    )
