"""Form fields: what is typed is kept, and what is wrong is said in words."""

import contextlib
from datetime import UTC, date, datetime, timedelta

import pytest
from django import forms
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from findings import form_fields as nhs
from findings.moment_fields import Typed, in_local_time, read_date, read_time

WALL_CLOCKS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001  no zone


def a_form(field: forms.Field, data: dict[str, object] | None = None, **options: object):
    made = type("AForm", (forms.Form,), {"answer": field})
    return made(data, **options)


def typed(**parts: str) -> dict[str, str]:
    return {f"answer-{part}": value for part, value in parts.items()}


def moment(day: str, month: str, year: str, time: str) -> dict[str, str]:
    return typed(day=day, month=month, year=year, time=time)


def cleaned(field: forms.Field, data: dict[str, object]) -> object:
    form = a_form(field, data)
    assert form.is_valid(), form.errors
    return form.cleaned_data["answer"]


def complaint(field: forms.Field, data: dict[str, object]) -> str:
    form = a_form(field, data)
    assert not form.is_valid()
    return " ".join(form.errors["answer"])


# --- Dates ---------------------------------------------------------------------------------


def test_a_date_is_day_first():
    assert cleaned(nhs.DateField(), typed(day="5", month="11", year="2026")) == date(2026, 11, 5)


@pytest.mark.parametrize("month", ["11", "Nov", "november", "NOVEMB"])
def test_a_month_may_be_a_word(month):
    assert cleaned(nhs.DateField(), typed(day="5", month=month, year="2026")).month == 11


@pytest.mark.parametrize(
    ("day", "month", "year", "said"),
    [
        ("31", "11", "2026", "November 2026 has 30 days: enter a day from 1 to 30"),
        ("29", "2", "2026", "February 2026 has 28 days: enter a day from 1 to 28"),
        ("0", "2", "2026", "February 2026 has 28 days: enter a day from 1 to 28"),
        ("5", "13", "2026", "Enter the month as a number from 1 to 12"),
        ("5", "Brumaire", "2026", "Enter the month as a number from 1 to 12"),
        ("5", "11", "26", "Enter the year with 4 figures, for example 2026"),
        ("5", "11", "0026", "Enter the year with 4 figures, for example 2026"),
        ("five", "11", "2026", "Enter the day in figures"),
        ("²", "11", "2026", "Enter the day in figures"),
        ("-5", "11", "2026", "Enter the day in figures"),
        ("", "11", "2026", "Enter a day"),
        ("5", "", "", "Enter a month and a year"),
    ],
)
def test_a_date_that_is_none_is_refused_in_words(day, month, year, said):
    assert complaint(nhs.DateField(), typed(day=day, month=month, year=year)) == said


def test_an_empty_date_is_missing_or_none():
    nothing = typed(day="", month="", year="")
    assert complaint(nhs.DateField(label="By when"), nothing) == "Enter by when"
    assert cleaned(nhs.DateField(required=False), nothing) is None


def test_a_wrong_date_comes_back_as_it_was_typed():
    page = str(a_form(nhs.DateField(), typed(day="31", month="Nov", year="2026"))["answer"].value())
    assert "'31'" in page
    assert "'Nov'" in page


@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_no_typing_breaks_a_date(day, month, year):
    with contextlib.suppress(forms.ValidationError):
        assert isinstance(read_date(Typed(day, month, year)), date)


@given(st.text(max_size=10))
def test_no_typing_breaks_a_time(text):
    with contextlib.suppress(forms.ValidationError):
        assert 0 <= read_time(text)[0].hour <= 23


def test_a_date_that_was_there_is_shown():
    form = a_form(nhs.DateField(), initial={"answer": date(2026, 11, 5)})
    assert form["answer"].value()[:3] == ("5", "11", "2026")


def test_limits_in_time_say_the_date():
    tomorrow = timezone.localdate() + timedelta(days=1)
    data = typed(day=str(tomorrow.day), month=str(tomorrow.month), year=str(tomorrow.year))
    field = nhs.DateField(validators=[nhs.not_in_the_future])
    assert complaint(field, data).endswith("is in the future")
    assert cleaned(nhs.DateField(validators=[nhs.not_in_the_past]), data) == tomorrow


def test_today_is_neither_past_nor_future():
    today = timezone.localdate()
    data = typed(day=str(today.day), month=str(today.month), year=str(today.year))
    for limit in (nhs.not_in_the_past, nhs.not_in_the_future):
        assert cleaned(nhs.DateField(validators=[limit]), data) == today


# --- Moments -------------------------------------------------------------------------------


@pytest.mark.parametrize("time", ["14:05", "14.05", "1405", "2:05pm", "2:05 PM"])
def test_a_time_may_be_written_in_the_usual_ways(time):
    found = cleaned(nhs.DateTimeField(), moment("25", "11", "2026", time))
    assert found == datetime(2026, 11, 25, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "time", ["24:00", "14:60", "14", "13:05pm", "0:05am", "noon", "14:5", "²²:²²"]
)
def test_a_time_that_is_none_is_refused(time):
    said = complaint(nhs.DateTimeField(), moment("25", "11", "2026", time))
    assert said == "Enter the time on a 24-hour clock, for example 14:05"


def test_summer_time_is_an_hour_ahead_of_utc():
    found = cleaned(nhs.DateTimeField(), moment("25", "7", "2026", "14:05"))
    assert found == datetime(2026, 7, 25, 13, 5, tzinfo=UTC)


def test_a_time_that_the_clocks_leave_out_is_refused_with_the_time_that_there_is():
    said = complaint(nhs.DateTimeField(), moment("29", "3", "2026", "01:30"))
    assert said == (
        "There is no 01:30 on 29 March 2026, because the clocks go forward. Did you mean 02:30?"
    )


def test_a_time_that_happens_twice_asks_which():
    said = complaint(nhs.DateTimeField(), moment("25", "10", "2026", "01:30"))
    assert said == (
        "01:30 happens twice on 25 October 2026, because the clocks go back."
        " Enter 01:30 BST for the first or 01:30 GMT for the second"
    )


@pytest.mark.parametrize(("zone", "utc_hour"), [("BST", 0), ("GMT", 1), ("gmt", 1)])
def test_a_time_that_happens_twice_may_be_said_with_its_zone(zone, utc_hour):
    found = cleaned(nhs.DateTimeField(), moment("25", "10", "2026", f"01:30 {zone}"))
    assert found.astimezone(UTC) == datetime(2026, 10, 25, utc_hour, 30, tzinfo=UTC)


@pytest.mark.parametrize("time", ["00:59", "02:00"])
def test_the_hours_around_the_autumn_change_are_asked_nothing(time):
    assert cleaned(nhs.DateTimeField(), moment("25", "10", "2026", time))


def test_a_zone_that_the_clocks_do_not_show_is_refused():
    said = complaint(nhs.DateTimeField(), moment("25", "7", "2026", "14:05 GMT"))
    assert said == "Clocks show BST on 25 July 2026: enter the time without GMT"


@given(WALL_CLOCKS)
def test_every_moment_survives_being_shown_and_typed_again(naive):
    at = naive.replace(second=0, microsecond=0, tzinfo=UTC)
    field = nhs.DateTimeField()
    assert field.clean(field.prepare_value(at)) == at


@given(WALL_CLOCKS)
def test_a_local_time_is_one_moment_or_is_refused(naive):
    try:
        at = in_local_time(naive)
    except forms.ValidationError:
        assert naive.month in (3, 10)
        assert naive.hour == 1
    else:
        assert timezone.localtime(at).replace(tzinfo=None) == naive


def test_a_moment_without_a_time_asks_for_it():
    said = complaint(nhs.DateTimeField(), moment("25", "11", "2026", ""))
    assert said == "Enter a time, for example 14:05"


# --- Words and choices ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (nhs.TextField(label="Your plan"), "Enter your plan"),
        (nhs.TextField(label="NHS number"), "Enter NHS number"),
        (nhs.TextField(label="x", missing="Say what you will do"), "Say what you will do"),
        (nhs.RadiosField(label="Your answer", choices=[("a", "A")]), "Select your answer"),
        (nhs.CheckboxField(label="I have read it"), "Tick the box: i have read it"),
    ],
)
def test_a_missing_answer_is_asked_for_by_its_name(field, said):
    assert complaint(field, {}).lower() == said.lower()


def test_a_line_end_counts_as_one_character():
    field = nhs.TextareaField(max_length=5)
    assert cleaned(field, {"answer": "a\r\nb\r\nc"}) == "a\nb\nc"


def test_too_long_says_how_much():
    said = complaint(nhs.TextareaField(max_length=5), {"answer": "123456789"})
    assert said == "Shorten this to 5 characters or fewer. It has 9"


def test_a_choice_that_is_not_on_the_page_is_refused():
    said = complaint(nhs.SelectField(choices=[("a", "A")]), {"answer": "b"})
    assert said == "Select one of the choices on this page"


class Answer(forms.Form):
    answer = nhs.RadiosField(
        choices=[("mine", "Mine"), ("other", "Not mine")], reveals={"other": ["because"]}
    )
    because = nhs.TextField(missing="Say why", required=False)

    def clean(self) -> None:
        nhs.missing_if_chosen(self, "answer")


def test_a_field_under_the_chosen_answer_must_be_filled_in():
    assert Answer({"answer": "other"}).errors == {"because": ["Say why"]}
    assert Answer({"answer": "mine"}).is_valid()
    assert Answer({"answer": "other", "because": "left"}).is_valid()


# --- As they are drawn ---------------------------------------------------------------------

FIELDS = {
    "text": nhs.TextField(label="A", help_text="Hint"),
    "textarea": nhs.TextareaField(label="A", help_text="Hint"),
    "counted": nhs.TextareaField(label="A", help_text="Hint", max_length=100),
    "search": nhs.SearchField(label="A", help_text="Hint", required=True),
    "email": nhs.EmailField(label="A", help_text="Hint"),
    "select": nhs.SelectField(label="A", help_text="Hint", choices=[("a", "B")]),
    "radios": nhs.RadiosField(label="A", help_text="Hint", choices=[("a", "B")]),
    "checkboxes": nhs.CheckboxesField(label="A", help_text="Hint", choices=[("a", "B")]),
    "checkbox": nhs.CheckboxField(label="A", help_text="Hint"),
    "date": nhs.DateField(label="A", help_text="Hint"),
    "moment": nhs.DateTimeField(label="A", help_text="Hint"),
    "password": nhs.PasswordField(label="A", help_text="Hint"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_drawn_with_its_label_hint_and_error(name):
    fresh = a_form(FIELDS[name])["answer"].as_field_group()
    assert "nhsuk-form-group" in fresh
    assert "Hint" in fresh
    assert "nhsuk-error-message" not in fresh
    wrong = a_form(FIELDS[name], {})["answer"].as_field_group()
    assert "nhsuk-error-message" in wrong
    assert "nhsuk-form-group--error" in wrong
    assert "style=" not in wrong


@pytest.mark.parametrize("name", ["text", "textarea", "counted", "search", "email"])
def test_what_was_typed_is_drawn_and_never_run(name):
    form = a_form(FIELDS[name], {"answer": "<script>'\"&"})
    drawn = form["answer"].as_field_group()
    assert "<script>" not in drawn
    assert "&lt;script&gt;&#39;&#34;&amp;" in drawn


def test_a_password_never_comes_back():
    assert (
        "secret" not in a_form(FIELDS["password"], {"answer": "secret"})["answer"].as_field_group()
    )


def test_what_was_chosen_stays_chosen():
    choices = [("1", "One"), ("2", "Two")]
    for field, word in (
        (nhs.SelectField(choices=choices), "selected"),
        (nhs.RadiosField(choices=choices), "checked"),
        (nhs.CheckboxesField(choices=choices), "checked"),
    ):
        drawn = a_form(
            field,
            {
                "answer": ["2"]
                if word == "checked" and isinstance(field, nhs.CheckboxesField)
                else "2"
            },
        )
        html = drawn["answer"].as_field_group()
        assert html.count(f" {word}") == 1
        assert html.index(f" {word}") > html.index('value="2"')
