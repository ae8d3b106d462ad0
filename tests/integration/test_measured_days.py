"""Days that are kept: a number is the same with them and without, at every moment."""

import json
import subprocess
import sys
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings import measures
from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingOrder,
    ArrivingPatient,
    OrderStep,
    ReadMessage,
)
from findings.measures.counting import form
from findings.measures.definitions import MEASURES
from findings.measures.period import Period, last_days
from findings.models import (
    Action,
    Examination,
    MeasuredDay,
    MeasuredUpTo,
    NoReport,
    Patient,
    Rating,
)
from findings.services.act import record_action
from findings.services.filing import file_report
from findings.services.identity import identify
from findings.services.measured_days import keep_up, rebuild
from findings.services.merge import merge_patients, undo_merge
from findings.services.messages import receive_message
from findings.services.policy import load_policy, sign_rule
from findings.services.rate import rate_finding
from findings.services.report_by import expect_report, no_report_expected, take_back
from notifications import watchdog
from tests.factories import (
    Trust,
    a_trust,
    acknowledged,
    arriving,
    flagged,
    unreported,
)
from tests.integration.policy_files import with_inpatient_limit
from tests.integration.test_measures import CASE, SOME, happened, today

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


# One measure of each kind of cases, for what is not about each definition: whether a day is still
# what it was asks the cases alone.
OF_EACH_KIND = (
    *("closed", "acknowledged", "corrected", "useful"),
    *("reported", "reported_pathway", "alerts"),
)


@pytest.fixture
def few(monkeypatch) -> None:
    """Days are kept of these alone."""
    kept = {code: MEASURES[code] for code in OF_EACH_KIND}
    monkeypatch.setattr("findings.services.measured_days.MEASURES", kept)


def everything(trust: Trust, looked_at: Collection[str] = OF_EACH_KIND) -> dict:
    """Every number of every measure, by months and weeks; of some with every part."""
    period, now, of = last_days(75, today()), timezone.now(), trust.organisation
    changes = measures.Changes(measures.MEASURES, of, now)
    site = {"site": str(trust.site.pk)}
    found: dict = {
        "all": measures.read_many(measures.MEASURES, of, [period, period.before], now, changes),
        "site": measures.read_many(measures.MEASURES, of, [period], now, changes, **site),
        "months": measures.series_many(measures.MEASURES, of, period, "month", now, changes),
        "weeks": measures.series_many(measures.MEASURES, of, period, "week", now, changes),
    }
    for code in looked_at:
        look = measures.look(code, of, period, now, changes)
        found[code] = (look.whole, look.parts, look.hours)
    return frozen(found, now)


def frozen(found: dict, now) -> dict:
    """Of an age the moment since when: two looks are not at the same moment."""
    if isinstance(found, dict):
        return {key: frozen(one, now) for key, one in sorted(found.items(), key=str)}
    if isinstance(found, (list, tuple)):
        return [frozen(one, now) for one in found]
    if isinstance(found, measures.Part):
        return (found.key, found.label, frozen(found.reading, now))
    oldest = found.oldest and now - found.oldest
    return (found.period, found.numerator, found.denominator, found.open, oldest)


def weeks(trust: Trust) -> dict:
    """The numbers alone, of each week."""
    period, now = last_days(75, today()), timezone.now()
    return frozen(
        measures.series_many(measures.MEASURES, trust.organisation, period, "week", now), now
    )


def from_rows(trust: Trust, numbers: Callable[[Trust], dict] = everything) -> dict:
    kept = list(MeasuredUpTo.objects.all())
    MeasuredUpTo.objects.all().delete()
    found = numbers(trust)
    MeasuredUpTo.objects.bulk_create(kept)
    return found


def all_from_kept(trust: Trust, codes: Collection[str] = MEASURES) -> bool:
    """No day of last week is counted from its rows."""
    period = Period(today() - timedelta(days=7), today() - timedelta(days=1))
    asked = []
    with connection.execute_wrapper(
        lambda run, sql, *rest: (asked.append(sql), run(sql, *rest))[1]
    ):
        measures.read_many(codes, trust.organisation, [period])
    return not any("UNION ALL" in sql for sql in asked)


def test_one_measure_of_each_kind_is_looked_at() -> None:
    kinds = {one.cases for one in MEASURES.values()}
    assert {MEASURES[code].cases for code in OF_EACH_KIND} == kinds


def test_kept_days_say_what_the_rows_say(trust: Trust) -> None:
    for case in SOME:
        happened(trust, *case)
    before = everything(trust, MEASURES)
    keep_up()
    assert MeasuredDay.objects.exists()
    assert all_from_kept(trust)
    assert everything(trust, MEASURES) == before
    call_command("rebuild_measures", verbosity=0)
    assert all_from_kept(trust)
    assert everything(trust, MEASURES) == before


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    first=st.lists(CASE, min_size=1, max_size=3),
    later=st.lists(CASE, min_size=1, max_size=2),
    answer=st.booleans(),
)
def test_what_is_written_after_a_round_counts_at_once(first, later, answer) -> None:
    trust = a_trust()
    waiting = flagged(trust, category="urgent", at=timezone.now() - 200 * HOUR)
    for case in first:
        happened(trust, *case)
    keep_up()
    for case in later:
        happened(trust, *case)
    if answer:
        acknowledged(trust, waiting, at=timezone.now())
    assert everything(trust) == from_rows(trust)
    keep_up()
    assert all_from_kept(trust)
    assert everything(trust) == from_rows(trust)


@pytest.mark.usefixtures("few")
def test_a_day_that_is_not_what_its_rows_say_is_told_and_put_right(
    trust: Trust, monkeypatch
) -> None:
    for case in SOME:
        happened(trust, *case)
    right = everything(trust)
    keep_up()
    wrong = MeasuredDay.objects.filter(measure="closed", dimension="").exclude(parts={}).first()
    MeasuredDay.objects.filter(pk=wrong.pk).update(parts={"": [7, 7, 0, None]})
    assert everything(trust) != right
    at_night(monkeypatch)
    keep_up()
    assert everything(trust) == right
    said = [str(one) for one in watchdog.look()]
    assert any("1 day of a measure was not what the rows said" in one for one in said)


def at_night(monkeypatch) -> None:
    """Whenever the test runs; and everything was compared long ago."""
    monkeypatch.setattr("findings.services.measured_days.NIGHT", range(24))
    MeasuredDay.objects.update(counted_at=timezone.now() - timedelta(days=2))


@pytest.mark.usefixtures("few")
def test_a_patient_of_another_sex_is_no_alarm(trust: Trust, monkeypatch) -> None:
    finding = flagged(trust, at=timezone.now() - 50 * HOUR)
    keep_up()
    of_finding = Patient.objects.filter(pk=finding.examination.patient_id)
    of_finding.update(sex="M" if finding.examination.patient.sex != "M" else "F")
    at_night(monkeypatch)
    keep_up()
    assert not MeasuredUpTo.objects.exclude(wrong=0).exists()
    assert everything(trust) == from_rows(trust)


@pytest.mark.usefixtures("few")
def test_a_measure_that_is_defined_anew_has_no_days(trust: Trust) -> None:
    flagged(trust, at=timezone.now() - 200 * HOUR)
    keep_up()
    MeasuredDay.objects.update(form=1)
    assert not all_from_kept(trust, OF_EACH_KIND)
    assert everything(trust) == from_rows(trust)
    keep_up()
    assert all_from_kept(trust, OF_EACH_KIND)


# --- Whatever is written after a round, by its own kind of row ------------------------------------


def _reported(trust: Trust, waits: Examination) -> None:
    sent = arriving(
        trust,
        accession=waits.accession,
        reported_at=timezone.now() - DAY,
        performed_at=waits.performed_at,
    )
    patient = identify(sent.patient).patient
    Examination.objects.filter(pk=waits.pk).update(patient=patient)
    file_report(trust.sender, sent, None, timezone.now() - DAY)


def _not_expected(trust: Trust, waits: Examination) -> NoReport:
    said = {"reason": NoReport.Reason.CANCELLED, "because": "Cancelled."}
    return no_report_expected(waits, by=trust.coordinator, **said)


def _awaited(trust: Trust, waits: Examination) -> None:
    """By a clock of the trust's own limit, of an examination that nobody awaited."""
    expect_report(_without_a_clock(trust), at=timezone.now())


def _without_a_clock(trust: Trust) -> Examination:
    return Examination.objects.get(site=trust.site, clocks=None, description="Not awaited")


def _rated_again(trust: Trust, waits: Examination) -> None:
    """The day of the first rating has none any more."""
    first = Rating.objects.get(finding__organisation=trust.organisation)
    rate_finding(
        finding=first.finding,
        useful=Rating.Useful.NO,
        note="",
        by=first.rated_by,
        at=timezone.now() - DAY,
    )


WRITES = (_reported, _not_expected, _awaited, _rated_again)


@pytest.fixture
def own_limit(trust: Trust, tmp_path: Path) -> None:
    load_policy(with_inpatient_limit(tmp_path))
    sign_rule(policy_id="DEF-TAT-IP", name="Dr A Example", role="Medical director")


@pytest.mark.usefixtures("own_limit")
@pytest.mark.parametrize("write", WRITES)
def test_each_kind_of_row_makes_its_days_stale(
    trust: Trust, write: Callable[[Trust, Examination], object]
) -> None:
    flagged(trust, at=timezone.now() - 31 * DAY)  # days are kept from the first one on
    made = timezone.now() - 30 * DAY
    waits = unreported(trust, performed_at=made, setting="inpatient")
    unreported(trust, performed_at=made, setting="inpatient", description="Not awaited")
    expect_report(waits, at=made)
    rated = acknowledged(trust, flagged(trust, at=timezone.now() - 9 * DAY))
    said = {"kind": Action.Kind.DISCUSSION, "text": "Seen.", "result_expected_on": today() + DAY}
    record_action(finding=rated, by=trust.referrer, **said)
    Rating.objects.create(
        finding=rated, useful="yes", rated_by=trust.referrer, rated_at=timezone.now() - 5 * DAY
    )
    rebuild()
    before = weeks(trust)
    write(trust, waits)
    assert weeks(trust) != before
    assert weeks(trust) == from_rows(trust, weeks)
    rebuild()
    assert weeks(trust) == from_rows(trust, weeks)


def test_that_a_report_is_expected_after_all_makes_its_days_stale(trust: Trust) -> None:
    flagged(trust, at=timezone.now() - 31 * DAY)
    waits = unreported(trust, performed_at=timezone.now() - 30 * DAY)
    expect_report(waits, at=waits.performed_at)
    said = _not_expected(trust, waits)
    rebuild()
    before = weeks(trust)
    take_back(said, because="It comes.", by=trust.coordinator)
    assert weeks(trust) != before
    assert weeks(trust) == from_rows(trust, weeks)


@pytest.mark.usefixtures("few")
def test_today_is_never_kept(trust: Trust) -> None:
    """It is counted until it is over, whatever was kept of it by mistake."""
    flagged(trust)
    flagged(trust, at=timezone.now() - 2 * DAY)
    keep_up()
    kept = MeasuredDay.objects.filter(measure="closed", dimension="").latest("day")
    assert kept.day < today()
    MeasuredDay.objects.filter(pk=kept.pk).update(day=today(), parts={"": [7, 7, 0, None]})
    assert weeks(trust) == from_rows(trust, weeks)


@pytest.mark.usefixtures("few")
def test_days_are_those_of_the_trust(trust: Trust) -> None:
    """Half past midnight in summer is the day before in UTC."""
    flagged(trust, at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    keep_up()
    july = Period(date(2026, 7, 1), date(2026, 7, 1))
    found = measures.series("closed", trust.organisation, july)
    assert [one.denominator for one in found] == [1]
    kept = MeasuredDay.objects.filter(measure="closed", dimension="").exclude(parts={})
    assert [one.day for one in kept] == [july.first]


def by_sex(trust: Trust) -> dict[str, int]:
    parts = measures.by("reported", trust.organisation, last_days(75, today()), "sex")
    return {part.key: part.reading.denominator for part in parts}


@pytest.mark.usefixtures("few")
def test_a_merge_makes_days_stale_and_so_does_undoing_it(trust: Trust) -> None:
    """Of examinations without a finding, too, which have no timeline."""
    flagged(trust, at=timezone.now() - 31 * DAY)
    one, other = (unreported(trust, performed_at=timezone.now() - 30 * DAY) for _ in range(2))
    Patient.objects.filter(pk=one.patient_id).update(sex="F")
    Patient.objects.filter(pk=other.patient_id).update(sex="M")
    rebuild()
    made = merge_patients(
        keep=one.patient, merged=other.patient, because="One patient.", by=trust.coordinator
    )
    assert by_sex(trust) == {"F": 2}
    rebuild()
    undo_merge(merge=made, because="Two after all.", by=trust.coordinator)
    assert by_sex(trust) == {"F": 1, "M": 1}


@pytest.mark.usefixtures("few")
def test_an_order_makes_the_day_of_its_examination_stale(trust: Trust) -> None:
    """It says where the patient was, which nobody had said."""
    flagged(trust, at=timezone.now() - 31 * DAY)
    waits = unreported(trust, performed_at=timezone.now() - 30 * DAY)
    expect_report(waits, at=waits.performed_at)
    rebuild()
    patient = ArrivingPatient(
        waits.patient.family_name, "Test", identifiers=(ArrivingIdentifier("H1", "RXX"),)
    )
    waits.patient.identifiers.create(authority="RXX", value="H1")
    order = ArrivingOrder(
        accession=waits.accession,
        patient=patient,
        step=OrderStep.PLACED,
        said_at=timezone.now(),
        setting="inpatient",
    )
    raw = {"body": b"an order", "origin": "test"}
    receive_message(
        sender=trust.sender, read=ReadMessage("RIS", "RXX01", "1", "ORM^O01", None, (order,)), **raw
    )
    period = last_days(75, today())
    parts = measures.by("reported", trust.organisation, period, "setting")
    assert [part.key for part in parts] == ["inpatient"]


def test_a_definition_has_one_form_in_every_process() -> None:
    """The worker keeps the days and others read them."""
    asked = (
        "import django, json; django.setup();"
        "from findings.measures.counting import form;"
        "from findings.measures.definitions import MEASURES;"
        "print(json.dumps({code: form(one) for code, one in MEASURES.items()}))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert json.loads(done.stdout) == {code: form(one) for code, one in MEASURES.items()}
