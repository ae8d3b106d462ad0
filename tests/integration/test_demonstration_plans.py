"""When the demonstration refuses to load, and that its texts and stories always fit."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from findings import demonstration
from findings.demonstration.ladders import Ladder
from findings.demonstration.people import make_hospital
from findings.demonstration.scenarios import TABLE, stories
from findings.demonstration.texts import flaggable, kinds
from findings.models import Category, Patient, Person
from tests.factories import OrganisationFactory, policy_in_force

pytestmark = pytest.mark.django_db


def run(command: str) -> None:
    call_command(command, stdout=StringIO())


# --- When it refuses ---------------------------------------------------------------------------


def test_it_refuses_outside_demonstration_mode(settings):
    settings.DEMONSTRATION = False
    with pytest.raises(CommandError, match="DEMONSTRATION=on"):
        run("load_demonstration")
    assert not Person.objects.exists()


def test_it_refuses_beside_rows_that_it_did_not_make(settings):
    settings.DEMONSTRATION = True
    OrganisationFactory()
    with pytest.raises(CommandError, match="empty one only"):
        run("load_demonstration")
    assert not Patient.objects.exists()


def test_nobody_is_shown_to_sign_in_as_where_it_is_not_loaded():
    assert demonstration.people_to_show() == []


def test_the_sign_ins_are_not_told_outside_demonstration_mode(settings):
    settings.DEMONSTRATION = False
    with pytest.raises(CommandError, match="outside demonstration mode"):
        run("demonstration_sign_ins")


# --- Texts and stories -----------------------------------------------------------------------


def test_every_category_can_be_seen_in_several_kinds_of_examination():
    for category in (
        "critical",
        "urgent",
        "cancer",
        "significant_unexpected",
        "follow_up_recommended",
    ):
        assert len({kind.key for kind, _ in flaggable(category)}) >= 5


def test_no_abnormality_leaves_a_gap_in_its_words():
    for kind in kinds():
        for one in kind.abnormal:
            known = {**kind.values, **one.values}
            said = [*one.findings.values(), one.conclusion, one.description, one.action]
            named = {name for text in said for name in re.findall(r"{(\w+)}", text)}
            assert named <= set(known), (kind.key, one.name)
            assert set(one.findings) <= {*kind.normal, *kind.female, *kind.male}
            assert bool(one.category) == bool(one.description and one.action)


MOMENTS = [
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # the hour that happens twice
    datetime(2027, 3, 28, 0, 59, tzinfo=UTC),  # just before the hour that is left out
    datetime(2027, 1, 1, 0, 5, tzinfo=UTC),
    datetime(2026, 12, 28, 9, 0, tzinfo=UTC),  # between bank holidays
    datetime(2028, 2, 29, 17, 0, tzinfo=UTC),
    datetime(2027, 8, 15, 23, 58, tzinfo=UTC),  # a Sunday night
]


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_the_stories_fit_whenever_the_hospital_is_loaded(now):
    policy_in_force()
    hospital = make_hospital(now)
    ladders = {category.code: Ladder(category) for category in Category.objects.all()}
    told = list(stories(hospital, ladders, now))
    assert len(told) == sum(count for _, _, count, _ in TABLE)
    for story in told:
        moments = [story.flagged_at, *(deed.at for deed in story.deeds)]
        assert moments == sorted(moments)
        assert now - timedelta(days=120) < moments[0] <= moments[-1] < now
