"""Examinations that have no report yet, by hand or from a list of the RIS: kept as rows that wait.

Shown before it is done (`shown_first.py`). A line that the list itself calls reported is passed
over: its report is on its way, or missing (`reconcile.py`). The same list twice changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from findings.arrivals import ArrivingIdentifier, ArrivingPatient, HeldReason, as_compared
from findings.models import Clock, Examination, NoReport, Person, Sender, Site
from findings.nhs_numbers import read_nhs_number
from findings.services.filing import LONGEST_ACCESSION, AccessionHeld
from findings.services.identity import Held, identify
from findings.services.policy import PolicyError
from findings.services.reconcile import ACCESSION, REPORTED, moment_in
from findings.services.report_by import VERIFIED, Limits, expect_locked, lock_examination
from findings.services.shown_first import Outcome, done, tried
from findings.services.table_file import Mistake, Row, day_in, read_table
from findings.services.timeline import database_now
from findings.services.turns import take_turns

PERFORMED = "performed_at"
COLUMNS = (ACCESSION, PERFORMED)
PATIENT = ("nhs_number", "hospital_number", "family_name", "given_name", "birth_date", "sex")
OPTIONAL = (REPORTED, "modality", "examination", "site", "setting", *PATIENT)
# Of what is new: each is locked until all are kept.
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class ArrivingExamination:
    """An examination without a report, at the door."""

    accession: str
    patient: ArrivingPatient
    # UTC; None where only an examination that is known here may be meant.
    performed_at: datetime | None
    site: Site | None = None
    modality: str = ""
    description: str = ""
    setting: str = ""


@dataclass(frozen=True)
class Change:
    """What one line adds: an examination that waits now. No patient is named here."""

    line: int
    accession: str
    # "New", or "Known" where it was here without a clock, or with a later limit.
    what: str
    site: str
    counts_from: datetime
    due_at: datetime
    # Whose limit: "UK-TAT-MAX v1".
    rule: str


def dry_run(raw: bytes, *, sender: Sender, by: Person | None = None) -> Outcome[Change]:
    """What keeping the list would change."""
    return tried(lambda outcome: _carry_out(raw, sender, outcome))


def keep_waiting(
    raw: bytes, *, sender: Sender, by: Person | None = None, seen: str = ""
) -> Outcome[Change]:
    """Keep what the list has without a report, where no line is wrong and the changes are those
    that were `seen`."""
    return done(lambda outcome: _carry_out(raw, sender, outcome), seen)


def enter_waiting(
    arriving: ArrivingExamination, *, sender: Sender
) -> tuple[Examination, Clock | None]:
    """Keep one. Raises `Held` where the identifiers do not lead to one patient or the accession is
    another's, ValueError and `PolicyError` as `expect_report`."""
    with transaction.atomic():
        take_turns(sender, [arriving])
        return _enter(arriving, sender, Limits())


def _enter(
    arriving: ArrivingExamination, sender: Sender, limits: Limits
) -> tuple[Examination, Clock | None]:
    """The caller has taken its turn."""
    examination = _known(arriving, sender) or _new(arriving, sender)
    clock = expect_locked(
        examination,
        performed_at=arriving.performed_at,
        setting=arriving.setting,
        limits=limits,
    )
    return examination, clock


def _known(arriving: ArrivingExamination, sender: Sender) -> Examination | None:
    """Under its accession, locked. Where a patient is named, too, it must be that one's."""
    rows = Examination.objects.filter(sender=sender.keeper, accession=arriving.accession)
    named = rows.first()
    examination = lock_examination(named) if named else None
    if examination is None or not _names_somebody(arriving.patient):
        return examination
    if identify(arriving.patient).patient.pk != examination.patient_id:
        raise AccessionHeld(
            HeldReason.ACCESSION_CONFLICT,
            "This accession belongs to an examination of another patient.",
            "Find out at the sender whose examination it is.",
        )
    return examination


def _names_somebody(patient: ArrivingPatient) -> bool:
    return bool(patient.nhs_number or patient.identifiers)


def _new(arriving: ArrivingExamination, sender: Sender) -> Examination:
    return Examination.objects.create(
        sender=sender.keeper,
        accession=arriving.accession,
        patient=identify(arriving.patient).patient,
        site=arriving.site or sender.site,
        modality=arriving.modality[:16],
        description=arriving.description[:200],
        performed_at=arriving.performed_at,
        setting=arriving.setting,
    )


# --- A list ---------------------------------------------------------------------------------------


def _carry_out(raw: bytes, sender: Sender, outcome: Outcome[Change]) -> None:
    rows, outcome.mistakes = read_table(raw, COLUMNS, others=True)
    lines = _still_to_keep(list(_lines(rows, sender, outcome)), sender, outcome)
    if len(lines) > MOST_AT_ONCE:
        words = f"More than {MOST_AT_ONCE} examinations are new here: split the list."
        outcome.mistakes.append(Mistake(lines[MOST_AT_ONCE][0], words))
        return
    take_turns(sender, (arriving for _, arriving in lines))
    before, limits = _waiting_here(sender, [one.accession for _, one in lines]), Limits()
    for line, arriving in lines:
        try:
            with transaction.atomic():
                examination, clock = _enter(arriving, sender, limits)
        except Held as held:
            outcome.mistakes.append(Mistake(line, f"{held.detail} {held.suggestion}"))
        except (ValueError, PolicyError) as error:
            outcome.mistakes.append(Mistake(line, str(error)))
        else:
            _note(outcome, line, examination, clock, before)
    outcome.mistakes.sort(key=lambda mistake: mistake.line)


def _still_to_keep(
    lines: list[tuple[int, ArrivingExamination]], sender: Sender, outcome: Outcome[Change]
) -> list[tuple[int, ArrivingExamination]]:
    """Without those of which nothing is new here: of a list that comes each night nearly all."""
    known = Examination.objects.filter(
        sender=sender.keeper, accession__in=[arriving.accession for _, arriving in lines]
    )
    waiting = Q(pk__in=known.waiting().filter(performed_at__isnull=False).values("pk"))
    reported = Q(current_report__status__in=VERIFIED)
    excused = Q(pk__in=NoReport.objects.standing().values("examination"))
    read = known.filter(waiting | reported | excused).select_related("patient")
    by_accession = {one.accession: one for one in read.prefetch_related("patient__identifiers")}
    left = [
        (line, arriving)
        for line, arriving in lines
        if not _says_nothing_new(arriving, by_accession.get(arriving.accession))
    ]
    outcome.unchanged += len(lines) - len(left)
    return left


def _says_nothing_new(arriving: ArrivingExamination, known: Examination | None) -> bool:
    """The same patient, by a number on this very record, and no class that was not known."""
    if known is None or (arriving.setting and not known.setting):
        return False
    numbers = {as_compared(one.value) for one in known.patient.identifiers.all()}
    numbers |= {known.patient.nhs_number or ""}
    sent = [one.value for one in arriving.patient.identifiers]
    sent += [arriving.patient.nhs_number] if arriving.patient.nhs_number else []
    return numbers.issuperset(sent)


def _waiting_here(sender: Sender, accessions: Sequence[str]) -> dict[str, int | None]:
    """What is known already, with the clock that runs."""
    known = Examination.objects.filter(sender=sender.keeper, accession__in=accessions)
    found: dict[str, int | None] = dict.fromkeys(known.values_list("accession", flat=True))
    running = Clock.objects.running().filter(examination__in=known)
    return found | dict(running.values_list("examination__accession", "pk"))


def _note(
    outcome: Outcome[Change],
    line: int,
    examination: Examination,
    clock: Clock | None,
    before: dict[str, int | None],
) -> None:
    if clock is None or before.get(examination.accession) == clock.pk:
        outcome.unchanged += 1
        return
    what = "Known" if examination.accession in before else "New"
    outcome.changes.append(
        Change(
            line,
            examination.accession,
            what,
            str(examination.site),
            clock.started_at,
            clock.due_at,
            str(clock.rule),
        )
    )


def _lines(
    rows: Sequence[Row], sender: Sender, outcome: Outcome[Change]
) -> Iterator[tuple[int, ArrivingExamination]]:
    """Those without a report that can be read; the others are counted, or are mistakes."""
    reader = _Reader(sender)
    seen: dict[str, int] = {}
    for row in rows:
        if row.cells.get(REPORTED):
            outcome.unchanged += 1
            continue
        arriving, wrong = reader.read(row.cells)
        first = seen.setdefault(arriving.accession, row.line)
        if first != row.line and arriving.accession:
            wrong.append(f"{ACCESSION} {arriving.accession} is in line {first} already.")
        outcome.mistakes += [Mistake(row.line, words) for words in wrong]
        if not wrong:
            yield row.line, arriving


class _Reader:
    """Reads the lines of one sender's list."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.zone = ZoneInfo(sender.zone)
        self.now = database_now()
        self.sites = list(Site.objects.filter(organisation=sender.organisation_id))

    def read(self, cells: dict[str, str]) -> tuple[ArrivingExamination, list[str]]:
        """With what is wrong with it."""
        wrong: list[str] = []
        accession = cells[ACCESSION]
        if not accession or len(accession) > LONGEST_ACCESSION:
            wrong.append(f"{ACCESSION} is empty or longer than {LONGEST_ACCESSION} characters.")
        arriving = ArrivingExamination(
            accession,
            self._patient(cells, wrong),
            self._performed_at(cells[PERFORMED], wrong),
            self._site(cells.get("site", ""), wrong),
            cells.get("modality", ""),
            cells.get("examination", ""),
            self._setting(cells.get("setting", ""), wrong),
        )
        return arriving, wrong

    def _performed_at(self, written: str, wrong: list[str]) -> datetime | None:
        try:
            at = moment_in(written, self.zone)
        except ValueError:
            wrong.append(f"{PERFORMED} is not a time, such as 2026-11-25 21:00.")
            return None
        if at is not None and at > self.now:
            wrong.append(f"{PERFORMED} lies in the future: leave out what was not made yet.")
        return at

    def _site(self, written: str, wrong: list[str]) -> Site | None:
        named = written.casefold()
        for site in self.sites:
            if named and named in (site.ods_code.casefold(), site.name.casefold()):
                return site
        if named:
            wrong.append(f"{self.sender.organisation} has no site {written}.")
        return None

    def _setting(self, written: str, wrong: list[str]) -> str:
        setting = written.casefold()
        if setting and setting not in Examination.Setting.values:
            known = ", ".join(Examination.Setting.values)
            wrong.append(f"setting is {written}: write {known}, or leave it empty.")
        return setting

    def _patient(self, cells: dict[str, str], wrong: list[str]) -> ArrivingPatient:
        given = {name: cells.get(name, "") for name in PATIENT}
        number = ""
        if given["nhs_number"]:
            read = read_nhs_number(given["nhs_number"])
            number = read.number
            if read.fault:
                wrong.append(read.hint)
        hospital, authority = given["hospital_number"], self.sender.number_authority
        if hospital and not authority and not number:
            wrong.append("hospital_number names nobody: this sender has no authority for numbers.")
        return ArrivingPatient(
            family_name=given["family_name"],
            given_name=given["given_name"],
            birth_date=_birth_date(given["birth_date"], wrong),
            sex=given["sex"][:1].upper(),
            nhs_number=number,
            identifiers=(ArrivingIdentifier(hospital, authority, "MR"),)
            if hospital and authority
            else (),
        )


def _birth_date(written: str, wrong: list[str]) -> date | None:
    try:
        return day_in(written) if written else None
    except ValueError:
        wrong.append("birth_date is not a day, such as 1950-12-31.")
        return None
