"""What a measure is broken down by. A case of which it is not known stands under "Not known", so
that the parts always add up to the whole."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import (
    Case,
    CharField,
    F,
    Func,
    IntegerField,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    When,
)
from django.db.models import Value as V
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Concat, ExtractHour, ExtractIsoWeekDay
from django.db.models.lookups import GreaterThanOrEqual

from findings import words
from findings.arrivals import LanguageNeed
from findings.measures.measure import Measure
from findings.models import (
    DECILES,
    MODALITIES,
    Audience,
    Category,
    Circumstances,
    DeprivationIndex,
    Examination,
    Finding,
    Nation,
    Patient,
    Person,
    PostcodeDecile,
    Rating,
    Site,
    Step,
    Team,
)
from findings.states import WORDS, ClockKind

# The key of what is not known, as it stands in an address.
NOT_KNOWN = "none"
NOT_KNOWN_WORDS = "Not known"

# Of keys as an address has them.
Labels = Callable[[Collection[str]], Mapping[str, str]]


@dataclass(frozen=True)
class Dimension:
    """One way to break a measure down."""

    code: str
    # "By category".
    name: str
    # Of a measure's case; None where its cases have no such thing.
    key: Callable[[Measure], Combinable | None]
    # The words for each key, in the order in which they are shown.
    labels: Labels
    # Said of many and never of one: a part leads to no rows, and is hidden where it has few.
    is_of_groups: bool = False
    # Whose numbers its parts are, where they are somebody else's.
    source: Callable[[], str] = str

    @property
    def title(self) -> str:
        """The name, and the source where it has one."""
        return ": ".join(filter(None, (self.name, self.source())))

    def is_of(self, measure: Measure) -> bool:
        wanted = self.code in measure.also_by or self.code not in ONLY_IF_ASKED
        return wanted and self.key(measure) is not None


def _of_finding(path: str) -> Callable[[Measure], Combinable | None]:
    def key(measure: Measure) -> Combinable | None:
        before = measure.cases.finding
        return None if before is None else F(before + path)

    return key


def _of_examination(path: str) -> Callable[[Measure], Combinable | None]:
    return lambda measure: F(measure.cases.examination + path)


def _site(measure: Measure) -> Combinable:
    before = measure.cases.finding
    return F((measure.cases.examination if before is None else before) + "site_id")


def _named(model: type[Model]) -> Labels:
    """By name; the order of what has an order of its own."""

    def labels(keys: Collection[str]) -> dict[str, str]:
        return {str(one.pk): str(one) for one in model._default_manager.filter(pk__in=keys)}

    return labels


def _categories(keys: Collection[str]) -> dict[str, str]:
    every = Category.objects.filter(pk__in=keys).order_by("priority")
    return {str(pk): name for pk, name in every.values_list("pk", "name")}


def _people(keys: Collection[str]) -> dict[str, str]:
    """By name and never by number: a list of people in order of their numbers would be a table of
    blame."""
    return {str(one.pk): one.full_name for one in Person.objects.filter(pk__in=keys)}


def _chosen(choices: Mapping[Any, str]) -> Labels:
    def labels(keys: Collection[str]) -> dict[str, str]:
        known = {str(key): words for key, words in choices.items() if str(key) in keys}
        return known | {key: key for key in sorted(keys) if key not in known}

    return labels


REFERRERS = {
    Team.Kind.PRACTICE: "General practice",
    Team.Kind.CLINICAL: "Hospital team",
    Team.Kind.COORDINATION: "Nobody found: imaging coordination",
}
_LEVELS = {audience.value: words.capital(audience.label) for audience in Audience}
WEEKDAYS = dict(
    enumerate(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), start=1
    )
)
HOURS = {hour: f"{hour:02}:00 to {hour:02}:59" for hour in range(24)}
# The youngest of each band, in years on the day on which the case began.
AGES = {0: "Under 18", 18: "18 to 39", 40: "40 to 59", 60: "60 to 74", 75: "75 and over"}


def _age(measure: Measure) -> Combinable:
    years = Func(
        F(measure.cases.begun),
        F(f"{measure.cases.examination}patient__birth_date"),
        template="EXTRACT(YEAR FROM AGE(%(expressions)s))::int",
        output_field=IntegerField(),
    )
    oldest_first = sorted(AGES, reverse=True)
    return Case(*(When(GreaterThanOrEqual(years, age), then=V(age)) for age in oldest_first))


def _last_said(measure: Measure, at: str) -> "QuerySet[Circumstances]":
    """Of the patient of a case: what was said last, of whichever of the records that are one."""
    patient = OuterRef(f"{measure.cases.examination}patient")
    said = Circumstances.objects.filter(patient=patient, **{f"{at}__isnull": False})
    return said.order_by(f"-{at}", "-pk")


def _deprivation(measure: Measure) -> Combinable:
    """Nation and decile, ENG-1: deciles of two nations are not the same thing."""
    there = PostcodeDecile.objects.filter(mark=OuterRef("postcode_mark")).values(
        key=Concat("index__nation", V("-"), Cast("decile", CharField()), output_field=CharField())
    )
    said = _last_said(measure, "postcode_at").annotate(key=Subquery(there))
    return Subquery(said.values("key")[:1])


def _deciles(keys: Collection[str]) -> dict[str, str]:
    """With the nation, where there is more than one."""
    nations = [nation for nation in Nation if any(key.startswith(f"{nation}-") for key in keys)]
    found: dict[str, str] = {}
    for nation in nations:
        for decile in DECILES:
            if (key := f"{nation}-{decile}") in keys:
                said = f"Decile {decile}{DECILE_WORDS.get(decile, '')}"
                found[key] = said if len(nations) == 1 else f"{nation.label}: {said}"
    return found


def _indices() -> str:
    """As the files that were loaded name them."""
    return "; ".join(map(str, DeprivationIndex.objects.order_by("nation")))


DECILE_WORDS = {1: ", most deprived", 10: ", least deprived"}


def _language(measure: Measure) -> Combinable:
    return Subquery(_last_said(measure, "language_at").values("language_need")[:1])


def _level(measure: Measure) -> Combinable:
    """Of a finding: whom the highest step that fired told, while nobody had acknowledged it."""
    fired = Step.objects.filter(
        finding=OuterRef("pk"), clock__kind=ClockKind.ACKNOWLEDGE, fired_at__isnull=False
    )
    return Subquery(fired.order_by("-level").values("audience")[:1])


DIMENSIONS = {
    one.code: one
    for one in (
        Dimension("category", "By category", _of_finding("category_id"), _categories),
        Dimension("site", "By site", _site, _named(Site)),
        Dimension("specialty", "By specialty", _of_finding("team__specialty"), _chosen({})),
        Dimension("team", "By team that holds it", _of_finding("team_id"), _named(Team)),
        Dimension(
            "referrer_type",
            "By kind of referrer",
            _of_finding("team__kind"),
            _chosen(REFERRERS),
        ),
        Dimension(
            "setting",
            "By kind of referral",
            _of_examination("setting"),
            _chosen(dict(Examination.Setting.choices)),
        ),
        Dimension(
            "modality", "By kind of imaging", _of_examination("modality"), _chosen(MODALITIES)
        ),
        Dimension(
            "radiologist",
            "By radiologist",
            lambda measure: F(f"{measure.cases.radiologist}_id"),
            _people,
        ),
        Dimension(
            "route",
            "By way of telling",
            lambda _: KT("data__channel"),
            _chosen(
                {
                    "email": "By e-mail",
                    "sms": "By text message",
                    "webhook": "By the trust's messaging",
                }
            ),
        ),
        Dimension("level", "By who was told last", _level, _chosen(_LEVELS)),
        Dimension(
            "outcome",
            "By outcome",
            lambda _: F("outcome"),
            _chosen(dict(Finding.Outcome.choices)),
        ),
        Dimension(
            "state",
            "By where it stands",
            lambda _: F("state"),
            _chosen({state.value: words for state, words in WORDS.items()}),
        ),
        Dimension(
            "useful",
            "By what was said",
            lambda _: F("useful"),
            _chosen(dict(Rating.Useful.choices)),
        ),
        Dimension(
            "hour",
            "By hour of the day in which it began",
            lambda measure: ExtractHour(measure.cases.begun),
            _chosen(HOURS),
        ),
        Dimension(
            "weekday",
            "By day of the week on which it began",
            lambda measure: ExtractIsoWeekDay(measure.cases.begun),
            _chosen(WEEKDAYS),
        ),
        Dimension("age", "By age of the patient", _age, _chosen(AGES)),
        Dimension(
            "sex",
            "By sex of the patient",
            _of_examination("patient__sex"),
            _chosen(dict(Patient.Sex.choices)),
        ),
        Dimension(
            "deprivation",
            "By deprivation where the patient lives",
            _deprivation,
            _deciles,
            is_of_groups=True,
            source=_indices,
        ),
        Dimension(
            "language",
            "By language need of the patient",
            _language,
            _chosen({one.value: one.label for one in LanguageNeed}),
            is_of_groups=True,
        ),
    )
}
# What only some cases have, so that a measure names them.
ONLY_IF_ASKED = {"route", "level", "outcome", "state", "useful"}


@cache
def dimensions_of(measure: Measure) -> Sequence[Dimension]:
    return [one for one in DIMENSIONS.values() if one.is_of(measure)]


def narrowing(measure: Measure, given: Mapping[str, str]) -> dict[str, str]:
    """What a query narrows a measure to. Raises KeyError for what it is not broken down by, and
    for what is said of groups alone."""
    found = {code: given[code] for code in DIMENSIONS if given.get(code)}
    can = {one.code for one in dimensions_of(measure) if not one.is_of_groups}
    if odd := found.keys() - can:
        raise KeyError(*sorted(odd))
    return found
