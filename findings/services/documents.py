"""Documents of a report: kept as they came, and part of what makes a version another one."""

from collections.abc import Sequence
from dataclasses import replace

from findings.arrivals import ArrivingReport
from findings.documents import PLACE, digest, kind_of
from findings.models import Document, Report


def with_places(arriving: ArrivingReport) -> ArrivingReport:
    """A report whose text says where its documents stand, or at its end that there are some."""
    if not arriving.documents or PLACE in arriving.text:
        return arriving
    places = [f"{PLACE}: {kind_of(one).words}, not shown here]" for one in arriving.documents]
    return replace(arriving, text="\n".join([*arriving.text.splitlines(), "", *places]).strip())


def keep_documents(report: Report, contents: Sequence[bytes]) -> None:
    """Keep these with this version, in their order."""
    Document.objects.bulk_create(
        Document(
            report=report,
            number=number,
            media_type=kind_of(content).media_type,
            size=len(content),
            sha256=digest(content),
            content=content,
        )
        for number, content in enumerate(contents, 1)
    )


def documents_of(report: Report) -> list[Document]:
    """To be named, not read: without their bytes. Nothing is asked where the text has none."""
    return list(report.documents.defer("content")) if PLACE in report.text else []


def has_these(report: Report, contents: Sequence[bytes]) -> bool:
    """Whether exactly these came with that version. As elsewhere here, nothing is asked of a text
    in which no document stands."""
    if PLACE not in report.text:
        return not contents
    known = list(report.documents.values_list("sha256", flat=True))
    return known == [digest(content) for content in contents]


def have_the_same(one: Report, other: Report) -> bool:
    """Whether the same documents came with both."""
    if PLACE not in one.text and PLACE not in other.text:
        return True
    first, second = (list(r.documents.values_list("sha256", flat=True)) for r in (one, other))
    return first == second
