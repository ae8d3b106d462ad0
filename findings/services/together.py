"""Filing many messages at once: what the rules ask is read before for all of them, and what they
write is written afterwards in one go.

The rules are those of filing one by one, and know nothing of this. What they ask beyond what was
read here, or would have to lock, makes a message unusual: it is then filed by itself. So this room
needs to know the usual case only, and a rule that is new costs time and is never left out.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from django.db import connection, models, transaction

from findings.arrivals import ArrivingIdentifier, ArrivingPatient, ArrivingReport
from findings.models import (
    Examination,
    Finding,
    NoReport,
    Patient,
    PatientIdentifier,
    Person,
    Receipt,
    Report,
    Sender,
    Site,
    Team,
)
from findings.prepared import Prepared
from findings.services import bulk
from findings.services.circumstances import Said, keep
from findings.services.filing import Described, fingerprint_of, locations, spellings
from findings.services.identity import Held
from findings.services.records import Records, Unusual
from findings.services.report_by import VERIFIED, Limits, settle, stop_reported

Row = TypeVar("Row", bound=models.Model)


class NotYet(Unusual):
    """It has to come after what is before it in the same batch, and cannot come with it."""


class Part(NamedTuple):
    """One report or order, and who sent it."""

    sender: Sender
    arriving: Described


class Together(Records):
    """The records of one batch. The caller has taken all turns, in a transaction."""

    def __init__(
        self, parts: Sequence[Part], patients: Sequence[ArrivingPatient], receipts: int
    ) -> None:
        """Reads what these parts may ask, and who the patients are of all that came with them; up
        to so many receipts will be added."""
        self._undo: list[Callable[[], object]] = []
        self._new: dict[type[models.Model], list[models.Model]] = {model: [] for model in MODELS}
        self._changed: dict[Examination, set[str]] = {}
        self._reported: dict[int, Examination] = {}
        self._unsettled: dict[int, Examination] = {}
        self._said: list[Said] = []
        numbers = sum(len(one.arriving.patient.identifiers) for one in parts)
        reports = sum(isinstance(one.arriving, ArrivingReport) for one in parts)
        counts = (len(parts), numbers, len(parts), reports, receipts)
        tables = [model._meta.db_table for model in MODELS]
        ((self._now, keys),) = KEYS.rows(tables=tables, counts=list(counts))
        given = iter(keys)
        self._keys = {
            model: iter(list(islice(given, count)))
            for model, count in zip(MODELS, counts, strict=True)
        }
        for sender in {one.sender for one in parts}:
            _ = sender.site, sender.keeper  # whoever reads them below must not ask for them
        self._read_patients(patients)
        self._read_examinations(parts)
        self._read_directory(parts)

    # --- Reading

    def _read_patients(self, patients: Sequence[ArrivingPatient]) -> None:
        numbers = {(one.authority, one.value) for who in patients for one in who.identifiers}
        authorities, values = zip(*numbers, strict=True) if numbers else ((), ())
        nhs = list({who.nhs_number for who in patients if who.nhs_number})
        self._by_number: dict[tuple[str, str], Patient] = {}
        # Further records with a number that differs in capitals alone, from before they were one.
        self._also_by_number: dict[tuple[str, str], list[Patient]] = defaultdict(list)
        self._by_nhs: dict[str, Patient] = {}
        self._advised: set[int] = set()
        known: dict[int, Patient] = {}
        for authority, value, is_advised, *columns in _ask(
            PATIENTS, authorities=list(authorities), numbers=list(values), nhs=nhs
        ):
            patient = known.setdefault(columns[0], _made(Patient, columns))
            if is_advised:
                self._advised.add(patient.pk)
            if authority:
                if self._by_number.setdefault((authority, value), patient) is not patient:
                    self._also_by_number[authority, value].append(patient)
            else:
                self._by_nhs[value] = patient

    def _read_examinations(self, parts: Sequence[Part]) -> None:
        self._examinations: dict[tuple[int, str], Examination] = {}
        self._newest: dict[int, int] = {}
        self._with_findings: set[int] = set()
        self._excused: set[int] = set()
        self._versions: dict[tuple[int, str], Report] = {}
        accessions = {(one.sender.keeper.pk, one.arriving.accession) for one in parts}
        senders, names = zip(*accessions, strict=True) if accessions else ((), ())
        size = len(_columns(Examination))
        for organisation_id, newest, has_findings, is_excused, *columns in _ask(
            EXAMINATIONS, senders=list(senders), accessions=list(names)
        ):
            examination = _made(Examination, columns[:size])
            examination.site = _partly(Site, examination.site_id, organisation_id=organisation_id)
            current = columns[size:]
            if current[0]:
                examination.current_report = _made(Report, current)
                examination.current_report.examination = examination
            self._examinations[examination.sender_id, examination.accession] = examination
            self._newest[examination.pk] = newest or 0
            if has_findings:
                self._with_findings.add(examination.pk)
            if is_excused:
                self._excused.add(examination.pk)
        if self._examinations:
            self._read_versions(parts)

    def _read_versions(self, parts: Iterable[Part]) -> None:
        """Those that say what has come again."""
        sought = {
            (examination.pk, fingerprint_of(one.arriving))
            for one in parts
            if isinstance(one.arriving, ArrivingReport)
            and (
                examination := self._examinations.get(
                    (one.sender.keeper.pk, one.arriving.accession)
                )
            )
        }
        if not sought:
            return
        examinations, fingerprints = zip(*sought, strict=True)
        by_key = {one.pk: one for one in self._examinations.values()}
        current = {one.current_report_id: one for one in by_key.values()}
        for columns in _ask(
            VERSIONS, examinations=list(examinations), fingerprints=list(fingerprints)
        ):
            report = _made(Report, columns)
            known = current.get(report.pk)
            report = known.current_report if known and known.current_report else report
            report.examination = by_key[report.examination_id]
            self._versions[report.examination_id, report.fingerprint] = report

    def _read_directory(self, parts: Iterable[Part]) -> None:
        sites, people, places = set[str](), set[str](), set[str]()
        for _, arriving in parts:
            sites.add(arriving.site_code.strip())
            people.update(spellings(arriving.requester.code))
            if isinstance(arriving, ArrivingReport):
                people.update(spellings(arriving.reporter.code))
            places.update(locations(arriving))
        self._sites: dict[tuple[int, str], Site] = {}
        self._people: dict[str, Person] = {}
        self._places: dict[str, list[Team]] = {}
        self._teams: dict[int, list[Team]] = {}
        for kind, name, key, one, other in _ask(
            DIRECTORY,
            sites=list(sites - {""}),
            people=list(people),
            places=list(places),
            kinds=list(map(str, Team.CLINICAL)),
        ):
            if kind == "site":
                site = _partly(Site, key, organisation_id=one)
                self._sites.setdefault((one, name), site)
            elif kind == "person":
                self._people.setdefault(name, _partly(Person, key))
            elif kind == "place":
                team = _partly(Team, key, organisation_id=one, kind=other)
                self._places.setdefault(name, []).append(team)
            else:
                team = _partly(Team, key, site_id=one)
                self._teams.setdefault(int(other), []).append(team)

    # --- What the rules ask

    @contextmanager
    def part(self) -> Iterator[None]:
        with self._all_or_nothing():
            yield

    @contextmanager
    def message(self) -> Iterator[None]:
        """What a message would write, or nothing; in here no question reaches the database."""
        try:
            with connection.execute_wrapper(_refuse), self._all_or_nothing():
                yield
        except Unusual:
            # A rule may have been inside a transaction of its own; nothing of it was carried out.
            transaction.set_rollback(False)
            raise

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        mark = len(self._undo)
        try:
            yield
        except Exception as error:
            while len(self._undo) > mark:
                self._undo.pop()()
            if isinstance(error, Held | Unusual):
                raise
            # Whatever it is, it has to happen again where nothing else is harmed by it.
            raise Unusual from error

    def now(self) -> datetime:
        return self._now

    def patients(self, arriving: ArrivingPatient) -> list[Patient]:
        return [self._lent(one) for one in self._known(arriving)]

    def _known(self, arriving: ArrivingPatient) -> Iterable[Patient]:
        found = [self._by_nhs.get(arriving.nhs_number)]
        found += [self._by_number.get((one.authority, one.value)) for one in arriving.identifiers]
        for one in arriving.identifiers:
            found += self._also_by_number.get((one.authority, one.value), [])
        return dict.fromkeys(one for one in found if one is not None)

    def names_of_patients(self, patients: Iterable[ArrivingPatient]) -> set[str]:
        """Two messages may be about one patient under different numbers."""
        return {f"patient|{one.pk}" for who in patients for one in self._known(who)}

    def has_number(self, identifier: ArrivingIdentifier) -> bool:
        return (identifier.authority, identifier.value) in self._by_number

    def examination(self, sender: Sender, accession: str) -> Examination | None:
        found = self._examinations.get((sender.pk, accession))
        if found is not None and found.pk in self._unsettled:
            raise NotYet
        return found and self._lent(found)

    def version_with(self, examination: Examination, fingerprint: str) -> Report | None:
        return self._versions.get((examination.pk, fingerprint))

    def newest_version(self, examination: Examination) -> int:
        return self._newest.get(examination.pk, 0)

    def findings(self, examination: Examination) -> Iterable[Finding]:
        return super().findings(examination) if examination.pk in self._with_findings else ()

    def may_be_advised(self, examination: Examination) -> bool:
        return examination.patient_id in self._advised

    def excuse(self, examination: Examination) -> NoReport | None:
        return super().excuse(examination) if examination.pk in self._excused else None

    def settle(self, examination: Examination, at: datetime | None) -> None:
        """When all is written; one that is not reported keeps what comes after it waiting. Of what
        was only ordered there is nothing to settle."""
        current = examination.current_report
        is_new = examination._state.adding
        if is_new and current is None and examination.performed_at is None:
            return
        if current is None or current.status not in VERIFIED:
            self._put(self._unsettled, examination.pk, examination)
        elif not is_new:  # a new one has no clock that could run
            self._put(self._reported, examination.pk, examination)

    def site(self, organisation_id: int, code: str) -> Site | None:
        return self._sites.get((organisation_id, code))

    def person(self, code: str) -> Person | None:
        return self._people.get(code)

    def team_at(self, location: str, organisation_id: int) -> Team | None:
        there = self._places.get(location, [])
        own = (team for team in there if team.organisation_id == organisation_id)
        return next(own, None) or next((t for t in there if t.kind == Team.Kind.PRACTICE), None)

    def team_of(self, person: Person, site: Site) -> Team | None:
        teams = self._teams.get(person.pk, [])
        return next((t for t in teams if t.site_id == site.pk), None) or next(iter(teams), None)

    # --- What they write

    def said_of(self, patient: Patient, arriving: ArrivingPatient, at: datetime) -> None:
        said = Said(patient.pk, arriving, at)
        if said.is_something:
            self._said.append(said)
            self._undo.append(self._said.pop)

    def add(self, row: models.Model) -> None:
        row.pk = next(self._keys[type(row)])
        rows = self._new[type(row)]
        rows.append(row)
        self._undo.append(rows.pop)
        if isinstance(row, Patient) and row.nhs_number:
            self._put(self._by_nhs, row.nhs_number, row)
        elif isinstance(row, PatientIdentifier):
            self._put(self._by_number, (row.authority, row.value), row.patient)
        elif isinstance(row, Examination):
            self._put(self._examinations, (row.sender_id, row.accession), row)
        elif isinstance(row, Report):
            self._put(self._newest, row.examination_id, row.version)
            self._put(self._versions, (row.examination_id, row.fingerprint), row)

    def change(self, row: models.Model, *names: str) -> None:
        if not isinstance(row, Examination):
            raise Unusual
        if row._state.adding:
            return  # it is written as it is in the end
        before = self._changed.get(row, set())
        self._put(self._changed, row, before | set(names))

    def _put(self, where: dict, key: Any, value: Any) -> None:
        missing = object()
        before = where.get(key, missing)
        where[key] = value
        if before is missing:
            self._undo.append(lambda: where.pop(key))
        else:
            self._undo.append(lambda: where.__setitem__(key, before))

    def _lent(self, row: Row) -> Row:
        """Whoever gets it may set its fields, and may have to give up what they did."""
        fields, related = dict(row.__dict__), dict(row._state.fields_cache)

        def give_back() -> None:
            row.__dict__.clear()
            row.__dict__.update(fields)
            row._state.fields_cache = related

        self._undo.append(give_back)
        return row

    def write(self) -> None:
        """All of it, in one go, and then what follows from it."""
        names = set().union(*self._changed.values())
        bulk.write(self._new.values(), list(self._changed), *names)
        keep(self._said)
        if self._reported:
            stop_reported(self._reported, at=self._now)
        limits = Limits()
        for examination in self._unsettled.values():
            settle(examination, limits=limits)


def _refuse(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
    raise Unusual


def _made(model: type[Row], columns: Sequence[Any]) -> Row:
    row = model.from_db(connection.alias, _columns(model), columns)
    for name in _json(model):
        setattr(row, name, json.loads(getattr(row, name)))  # the driver leaves it to Django
    return row


def _partly(model: type[Row], key: Any, **known: Any) -> Row:
    """A row of which only this is known. Whoever asks it for more makes the message unusual."""
    return model.from_db(connection.alias, ["id", *known], [key, *known.values()])


@dataclass(frozen=True, eq=False)
class _Question:
    """A statement, and the names and types of what is given with it."""

    name: str
    sql: str
    types: dict[str, str]

    @cached_property
    def prepared(self) -> Prepared:
        return Prepared(self.name, _named(self.sql), **self.types)


def _ask(question: _Question, **values: Any) -> list[tuple[Any, ...]]:
    return question.prepared.rows(**values)


@cache
def _columns(model: type[models.Model]) -> list[str]:
    return [one.attname for one in model._meta.concrete_fields]


@cache
def _json(model: type[models.Model]) -> list[str]:
    return [one.attname for one in model._meta.concrete_fields if type(one) is models.JSONField]


@cache
def _named(sql: str) -> str:
    """Whole rows with each column named, in the order of the model's fields."""
    for alias, model in {"p": Patient, "e": Examination, "r": Report}.items():
        columns = ", ".join(f"{alias}.{one.column}" for one in model._meta.concrete_fields)
        sql = sql.replace(f"{alias}.*", columns)
    return sql


MODELS = (Patient, PatientIdentifier, Examination, Report, Receipt)
# This moment, and so many keys for each table, in the order in which they are named.
KEYS = Prepared(
    "next_keys",
    """
    SELECT clock_timestamp(), ARRAY(
        SELECT nextval(sequence) FROM unnest(%(tables)s, %(counts)s) AS n (name, count),
            LATERAL (SELECT pg_get_serial_sequence(name, 'id')::regclass OFFSET 0) s (sequence),
            generate_series(1, count)
    )
    """,
    tables="text[]",
    counts="integer[]",
)


# By number and authority, then by NHS number; and whether a finding of this very record waits for
# another examination.
PATIENTS = _Question(
    "filing_patients",
    """
    WITH named AS (
        SELECT n.authority, n.value, i.patient_id
        FROM unnest(%(authorities)s, %(numbers)s) n (authority, value)
        JOIN findings_patientidentifier i ON i.authority = n.authority
            AND upper(i.value COLLATE "C") = n.value
        UNION ALL
        SELECT '', nhs_number, id FROM findings_patient WHERE nhs_number = ANY (%(nhs)s)
    )
    SELECT named.authority, named.value, EXISTS (
            SELECT 1 FROM findings_examination x
            JOIN findings_finding f ON f.examination_id = x.id
            JOIN findings_recommendation o ON o.finding_id = f.id AND o.ended_at IS NULL
            WHERE x.patient_id = p.id
        ), p.*
    FROM named JOIN findings_patient p ON p.id = named.patient_id
""",
    {"authorities": "text[]", "numbers": "text[]", "nhs": "varchar[]"},
)
EXAMINATIONS = _Question(
    "filing_examinations",
    """
    SELECT s.organisation_id,
        (SELECT max(version) FROM findings_report v WHERE v.examination_id = e.id),
        EXISTS (SELECT 1 FROM findings_finding f
            WHERE f.examination_id = e.id AND f.state <> 'withdrawn'),
        EXISTS (SELECT 1 FROM findings_noreport n
            WHERE n.examination_id = e.id AND n.undone_at IS NULL),
        e.*, r.*
    FROM unnest(%(senders)s, %(accessions)s) n (sender, accession)
    JOIN findings_examination e ON e.sender_id = n.sender AND e.accession = n.accession
    JOIN findings_site s ON s.id = e.site_id
    LEFT JOIN findings_report r ON r.id = e.current_report_id
    ORDER BY e.id FOR NO KEY UPDATE OF e
""",
    {"senders": "bigint[]", "accessions": "text[]"},
)
VERSIONS = _Question(
    "filing_versions",
    """
    SELECT r.* FROM unnest(%(examinations)s, %(fingerprints)s) n (examination, fingerprint)
    JOIN findings_report r ON r.examination_id = n.examination AND r.fingerprint = n.fingerprint
""",
    {"examinations": "bigint[]", "fingerprints": "text[]"},
)
# Letters as `iexact` compares them; in the order in which the first one is taken.
DIRECTORY = _Question(
    "filing_directory",
    """
    SELECT kind, asked, key, one, other FROM (
        SELECT 'site' AS kind, n.name AS asked, s.id AS key, s.organisation_id AS one, '' AS other,
            '' AS first
        FROM unnest(%(sites)s) n (name) JOIN findings_site s
            ON upper(s.ods_code) = upper(n.name) OR upper(s.name) = upper(n.name)
        UNION ALL
        SELECT 'person', n.name, p.id, 0, '', ''
        FROM unnest(%(people)s) n (name)
        JOIN findings_person p ON upper(p.professional_code) = upper(n.name)
        UNION ALL
        SELECT 'place', n.name, t.id, t.organisation_id, t.kind, t.name
        FROM unnest(%(places)s) n (name)
        JOIN findings_team t ON upper(t.location_code) = upper(n.name)
        UNION ALL
        SELECT DISTINCT 'team', '', t.id, t.site_id, m.person_id::text, ''
        FROM unnest(%(people)s) n (name)
        JOIN findings_person p ON upper(p.professional_code) = upper(n.name)
        JOIN findings_membership m ON m.person_id = p.id
        JOIN findings_team t ON t.id = m.team_id AND t.kind = ANY (%(kinds)s)
    ) found ORDER BY first, key
""",
    {"sites": "text[]", "people": "text[]", "places": "text[]", "kinds": "text[]"},
)
