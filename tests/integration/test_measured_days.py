"""Days that are kept: a number is the same with them and without, at every moment."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings import measures
from findings.measures.period import Period, last_days
from findings.models import MeasuredDay, MeasuredUpTo, Patient
from findings.services.measured_days import keep_up
from notifications import watchdog
from tests.factories import Trust, a_trust, acknowledged, flagged
from tests.integration.test_measures import CASE, SOME, happened, today

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def everything(trust: Trust) -> dict:
    """Every number of every measure, whichever way it is asked for."""
    period, now, of = last_days(75, today()), timezone.now(), trust.organisation
    found: dict = {
        "all": measures.read_many(measures.MEASURES, of, [period, period.before], now),
        "site": measures.read_many(measures.MEASURES, of, [period], now, site=str(trust.site.pk)),
    }
    for code, measure in measures.MEASURES.items():
        dimensions = [one.code for one in measures.dimensions_of(measure)]
        found[code] = (
            measures.series(code, of, period, now=now),
            measures.series(code, of, period, "week", now=now),
            measures.by_each(code, of, period, dimensions, now),
            measures.across(code, of, period, "hour", "weekday", now),
        )
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


def from_rows(trust: Trust) -> dict:
    kept = list(MeasuredUpTo.objects.all())
    MeasuredUpTo.objects.all().delete()
    found = everything(trust)
    MeasuredUpTo.objects.bulk_create(kept)
    return found


def all_from_kept(trust: Trust) -> bool:
    """No day of last week is counted from its rows."""
    period = Period(today() - timedelta(days=7), today() - timedelta(days=1))
    asked = []
    with connection.execute_wrapper(
        lambda run, sql, *rest: (asked.append(sql), run(sql, *rest))[1]
    ):
        measures.read_many(measures.MEASURES, trust.organisation, [period])
    return not any("UNION ALL" in sql for sql in asked)


def test_kept_days_say_what_the_rows_say(trust: Trust) -> None:
    for case in SOME:
        happened(trust, *case)
    before = everything(trust)
    keep_up()
    assert MeasuredDay.objects.exists()
    assert all_from_kept(trust)
    assert everything(trust) == before
    call_command("rebuild_measures", verbosity=0)
    assert all_from_kept(trust)
    assert everything(trust) == before


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


def test_a_patient_of_another_sex_is_no_alarm(trust: Trust, monkeypatch) -> None:
    finding = flagged(trust, at=timezone.now() - 50 * HOUR)
    keep_up()
    of_finding = Patient.objects.filter(pk=finding.examination.patient_id)
    of_finding.update(sex="M" if finding.examination.patient.sex != "M" else "F")
    at_night(monkeypatch)
    keep_up()
    assert not MeasuredUpTo.objects.exclude(wrong=0).exists()
    assert everything(trust) == from_rows(trust)


def test_a_measure_that_is_defined_anew_has_no_days(trust: Trust) -> None:
    flagged(trust, at=timezone.now() - 200 * HOUR)
    keep_up()
    MeasuredDay.objects.update(form=1)
    assert not all_from_kept(trust)
    assert everything(trust) == from_rows(trust)
    keep_up()
    assert all_from_kept(trust)
