"""Finding a report by what a person has in their hand: a number in any format, or a name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, Q, TextField, Value
from django.db.models.functions import Replace

from findings.models import Examination, Finding, Patient, PatientIdentifier, Person
from findings.models.examination import ExaminationQuerySet
from findings.models.folding import Squeezed
from findings.services.identity import survivor
from findings.states import State


@dataclass(frozen=True)
class SearchResult:
    """The examinations found, and whether a number named them; names are never that sure."""

    examinations: ExaminationQuerySet
    by_number: bool

    def only_one(self) -> Examination | None:
        """The one examination that a number leads to, if it leads to just one."""
        first_two = list(self.examinations[:2]) if self.by_number else []
        return first_two[0] if len(first_two) == 1 else None


def latest_reports(person: Person) -> ExaminationQuerySet:
    """Examinations with a report that this person may read, the latest report first.

    Each carries `flagged_as`: the categories of what is flagged in it, by whomever.
    """
    flags = Finding.objects.filter(examination=OuterRef("pk")).exclude(state=State.WITHDRAWN)
    return (
        Examination.objects.visible_to(person)
        .filter(current_report__isnull=False)
        .select_related("patient", "site", "current_report")
        .annotate(flagged_as=ArraySubquery(flags.order_by("pk").values("category__name")))
        .order_by("-current_report__reported_at", "-pk")
    )


def search_reports(person: Person, typed: str) -> SearchResult:
    """By accession, NHS number or hospital number, however it is spaced and whether or not it says
    which of them it is; else by name."""
    folded, squeezed = _as_stored(typed)
    reports = latest_reports(person)
    for number, kinds in _numbers_in(typed, squeezed):
        numbered = reports.filter(_has_number(number, kinds))
        if numbered.exists():
            return SearchResult(numbered, by_number=True)
    return SearchResult(reports.filter(_has_name(folded)), by_number=False)


# What may stand before a number, as it is copied from other systems.
ACCESSION, NHS, HOSPITAL = "accession", "nhs", "hospital"
ANY = frozenset({ACCESSION, NHS, HOSPITAL})
_LABEL = re.compile(
    r"\s*(?:(?P<accession>accession|acc(?=\s*(?:number|no|id)?[.\s]*[:#]))|(?P<nhs>nhs)"
    r"|(?P<hospital>mrn|hospital|hosp))(?:\s*(?:number|no|id))?[.\s]*(?:[:#]|\s)\s*",
    re.IGNORECASE,
)


def _numbers_in(typed: str, squeezed: str) -> Iterator[tuple[str, frozenset[str]]]:
    """As a whole: letters may be a part of it. Then without what it is called, and only as that:
    a wrong accession number must not lead to the hospital number of somebody else."""
    if squeezed:
        yield squeezed, ANY
    label = _LABEL.match(typed)
    number = _as_stored(typed[label.end() :])[1] if label else ""
    if label and number:
        yield number, frozenset({str(label.lastgroup)})


def _as_stored(typed: str) -> tuple[str, str]:
    """What was typed, folded as names are and squeezed as numbers are, by the same functions."""
    typed = typed.replace("\x00", "")
    with connection.cursor() as cursor:
        cursor.execute("SELECT findings_folded(%s), findings_squeezed(%s)", [typed, typed])
        return cursor.fetchone()


def _has_number(squeezed: str, kinds: frozenset[str]) -> Q:
    """Examinations by their accession, or by a number of their patient.

    The ids are fetched first: three indexes are used, where one OR over joins uses none.
    """
    patients: set[int] = set()
    if NHS in kinds:
        patients |= {*Patient.objects.filter(nhs_number=squeezed).values_list("pk", flat=True)}
    if HOSPITAL in kinds:
        identifiers = PatientIdentifier.objects.annotate(squeezed=Squeezed("value"))
        found = identifiers.filter(squeezed=squeezed)
        patients |= {*found.values_list("patient", flat=True)}
    retired = Patient.objects.filter(pk__in=patients, merged_into__isnull=False)
    patients |= {survivor(patient).pk for patient in retired}
    by_patient = Q(patient__in=patients)
    if ACCESSION not in kinds:
        return by_patient
    accessions = Examination.objects.annotate(squeezed=Squeezed("accession"))
    examinations = accessions.filter(squeezed=squeezed).values_list("pk", flat=True)
    return Q(pk__in=list(examinations)) | by_patient


def _has_name(folded: str) -> Q:
    """Every word typed begins a part of the name, in any order, whatever is written as one."""
    typed = folded.split()
    if not typed:
        return Q(pk__in=[])
    run = Replace("folded_name", Value(" "), Value(""), output_field=TextField())
    together = Patient.objects.annotate(run=run).filter(run__startswith="".join(typed))
    found = Q(patient__in=together)
    for words in with_two_joined(typed):
        found |= _begins_parts(words)
    return found


def with_two_joined(typed: list[str]) -> Iterator[list[str]]:
    """The words, then with two neighbours as one: "mary o brien" is also "mary obrien"."""
    yield typed
    for place in range(len(typed) - 1):
        yield [*typed[:place], typed[place] + typed[place + 1], *typed[place + 2 :]]


def _begins_parts(words: list[str]) -> Q:
    every = Q()
    for word in words:
        begins_first = Q(patient__folded_name__startswith=word)
        every &= begins_first | Q(patient__folded_name__contains=f" {word}")
    return every


@dataclass(frozen=True)
class Flags:
    """What is flagged in an examination: findings to open, and categories of the others'."""

    visible: list[Finding]
    others: list[str]


def flags_in(examination: Examination, person: Person) -> Flags:
    """Whoever reads a report sees what is flagged in it; whose it is only if it is theirs."""
    visible = list(Finding.objects.visible_to(person).filter(examination=examination).for_list())
    others = (
        Finding.objects.filter(examination=examination)
        .exclude(pk__in=[finding.pk for finding in visible])
        .exclude(state=State.WITHDRAWN)
        .order_by("pk")
    )
    return Flags(visible, list(others.values_list("category__name", flat=True)))
