"""Of which time the measures speak, and of which site. It stands in the address."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError

from findings.form_fields import SelectField, TextField
from findings.forms.lists import ListFilter
from findings.measures.period import (
    ONE_DAY,
    Period,
    back,
    financial_year_of,
    last_days,
    last_months,
    month_of,
    quarter_of,
)
from findings.models import Organisation, Site

OWN = "own"
LONGEST_YEARS = 10


def _year_before(today: date) -> Period:
    return financial_year_of(financial_year_of(today).first - ONE_DAY)


PERIODS: dict[str, tuple[str, Callable[[date], Period]]] = {
    "12-months": ("The last 12 months", lambda today: last_months(12, today)),
    "90-days": ("The last 90 days", lambda today: last_days(90, today)),
    "month": ("This month", month_of),
    "last-month": ("Last month", lambda today: month_of(back(today.replace(day=1), 1))),
    "quarter": ("This quarter", quarter_of),
    "last-quarter": (
        "Last quarter",
        lambda today: quarter_of(quarter_of(today).first - ONE_DAY),
    ),
    "year": ("This financial year", financial_year_of),
    "last-year": ("Last financial year", _year_before),
}
USUAL = "90-days"
FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %m %Y", "%d %B %Y", "%d %b %Y")


class DayField(TextField):
    """A day on one line, as people write it: 1/10/2026, 1 October 2026, 2026-10-01."""

    def clean(self, value: Any) -> Any:
        typed = super().clean(value).strip()
        if not typed:
            return None
        for pattern in FORMATS:
            try:
                return datetime.strptime(typed, pattern).date()  # noqa: DTZ007  a day has no zone
            except ValueError:
                continue
        raise ValidationError(f"{self.label} must be a day, like 1/10/2026")


class PeriodForm(ListFilter):
    """?period=last-quarter, or ?period=own&first=2026-10-01&last=2026-10-31; nothing is 90 days."""

    period = SelectField(
        label="Time",
        required=False,
        empty=PERIODS[USUAL][0],
        choices=[
            *((key, words) for key, (words, _) in PERIODS.items() if key != USUAL),
            (OWN, "From one day to another"),
        ],
    )
    site = SelectField(label="Site", required=False, empty="Every site")
    first = DayField(label="From, where you chose days", required=False, width=10)
    last = DayField(label="To, that day included", required=False, width=10)

    def __init__(self, data: Any, *, trust: Organisation, today: date, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.today = today
        self._offer("site", Site.objects.filter(organisation=trust).values_list("pk", "name"))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("period") == OWN and "first" in given and "last" in given:
            self._check_days(given["first"], given["last"])
        return given

    def _check_days(self, first: date | None, last: date | None) -> None:
        if not first:
            self.add_error("first", "Enter the first day")
        elif not last:
            self.add_error("last", "Enter the last day")
        elif last < first:
            self.add_error("last", "The last day must not be before the first")
        elif last.year - first.year > LONGEST_YEARS:
            self.add_error("last", f"Choose {LONGEST_YEARS} years or fewer")

    @property
    def chosen(self) -> Period:
        """What was chosen; the usual where it is wrong or nothing was."""
        given = getattr(self, "cleaned_data", {}) if self.is_valid() else {}
        if given.get("period") == OWN:
            return Period(given["first"], given["last"])
        return PERIODS[given.get("period") or USUAL][1](self.today)

    @property
    def time_query(self) -> str:
        """The time alone, for an address of another page."""
        given = ((name, self.data.get(name)) for name in ("period", "first", "last"))
        return urlencode([(name, value) for name, value in given if value])
