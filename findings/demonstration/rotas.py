"""Who is on call in respiratory medicine, with a night and a weekend that nobody has taken, and a
routing rule: what a coordinator has to look after."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from findings.demonstration.people import Hospital
from findings.models import Post
from findings.services.rota import add_entry, make_post
from findings.services.routing import add_rule
from findings.shifts import Shift
from findings.words import local

ON_CALL = ("margaret.ashworth", "samuel.adeyemi", "leila.haddad")
KEEPER = "shabnam.iqbal"
DAYS = 32
# Counted from the day of loading: one night of next week, and the first weekend after the other.
FREE_NIGHT, FREE_WEEKEND_AFTER = 9, 14
DAY, NIGHT = time(9), time(21)


def make_rotas(hospital: Hospital, now: datetime) -> None:
    keeper, team = hospital.people[KEEPER], hospital.teams["respiratory"]
    post = make_post(
        team=team,
        by=keeper,
        name="On-call respiratory consultant, Royal Infirmary",
        stands_for=Post.StandsFor.RESPONSIBLE,
    )
    for number, shift in _shifts(local(now).date()):
        person = hospital.people[ON_CALL[number % len(ON_CALL)]]
        add_entry(post=post, person=person, shift=shift, by=keeper)
    add_rule(organisation=hospital.trust, by=keeper, team=team, specialty="resp")


def _shifts(today: date) -> Iterator[tuple[int, Shift]]:
    """By day and by night from yesterday on, but for what nobody has taken."""
    after = today + timedelta(days=FREE_WEEKEND_AFTER)
    saturday = after + timedelta(days=(5 - after.weekday()) % 7)
    for number in range(-1, DAYS):
        on = today + timedelta(days=number)
        if on in (saturday, saturday + timedelta(days=1)):
            continue
        yield number + 1, Shift(on, DAY, on, NIGHT)
        if number != FREE_NIGHT:
            yield number + 2, Shift(on, NIGHT, on + timedelta(days=1), DAY)
