"""Measures as JSON: their definitions, their numbers, and the rows behind each."""

from datetime import date
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from findings.forms.measures import LONGEST_YEARS, PERIODS, USUAL
from findings.measures import DIMENSIONS, SMALL, Measure, Part, Period, Reading, dimensions_of
from findings.measures.survival import Curve
from findings.presenters.columns import examination_of, finding_of

STEPS = {"month": "By month", "week": "By week, from Monday"}
MET = {"yes": True, "no": False}
ONE_END = "Give both the first and the last day, or neither for the last 90 days."


class PeriodSerializer(serializers.Serializer):
    """Of which days, as the address asks: ?from=2026-06-01&to=2026-06-30."""

    # "from" is a word of Python's own.
    locals()["from"] = serializers.DateField(
        required=False, help_text="The first day, where the trust is; without days the last 90"
    )
    to = serializers.DateField(required=False, help_text="The last day, which belongs to it")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs.get("from"), attrs.get("to")
        if (first is None) != (last is None):
            raise serializers.ValidationError(
                {"to" if last is None else "from": ONE_END}, code="required"
            )
        if first and last:
            _check_days(first, last)
        return attrs

    @property
    def period(self) -> Period:
        given = self.validated_data
        if "to" in given:
            return Period(given["from"], given["to"])
        return PERIODS[USUAL][1](timezone.localdate())


def _check_days(first: date, last: date) -> None:
    if last < first:
        raise serializers.ValidationError(
            {"to": "The last day must not be before the first."}, code="order"
        )
    if last.year - first.year > LONGEST_YEARS or not 1900 < first.year <= last.year < 3000:
        raise serializers.ValidationError(
            {"to": f"Choose {LONGEST_YEARS} years or fewer."}, code="too_long"
        )


class AskedSerializer(PeriodSerializer):
    """And how its number is broken down."""

    by = serializers.ChoiceField(
        choices=[(one.code, one.name) for one in DIMENSIONS.values()],
        required=False,
        help_text="Its parts, too: one of what the measure can be broken down by",
    )
    series = serializers.ChoiceField(
        choices=list(STEPS.items()),
        required=False,
        help_text="Its months or weeks, too, each cut to the days that were asked for",
    )


class AskedRowsSerializer(PeriodSerializer):
    """And which of its cases."""

    met = serializers.ChoiceField(
        choices=[("yes", "The numerator"), ("no", "What is missing to the denominator")],
        required=False,
    )


class DimensionSerializer(serializers.Serializer):
    """What a measure can be broken down by, and narrowed to."""

    code = serializers.CharField()
    name = serializers.CharField(source="title")


class MeasureSerializer(serializers.Serializer):
    """A measure, as it is defined."""

    code = serializers.CharField()
    name = serializers.CharField()
    question = serializers.CharField()
    numerator = serializers.CharField()
    denominator = serializers.CharField()
    exclusions = serializers.CharField()
    clock = serializers.CharField(help_text="From when to when it counts")
    # Names that REST framework has for something else of its own.
    source = serializers.CharField(help_text="Who asks for it")  # type: ignore[assignment]
    unit = serializers.SerializerMethodField()
    better = serializers.CharField(
        source="good", allow_null=True, help_text="up, down; nothing where neither is better"
    )
    target = serializers.IntegerField(allow_null=True)
    target_source = serializers.CharField()
    dimensions = serializers.SerializerMethodField()

    @extend_schema_field(str)
    def get_unit(self, measure: Measure) -> str:
        return f"percent of what is counted: {measure.cases.noun}"

    @extend_schema_field(DimensionSerializer(many=True))
    def get_dimensions(self, measure: Measure) -> Any:
        return DimensionSerializer(dimensions_of(measure), many=True).data


class ReadingSerializer(serializers.Serializer):
    """What a measure says of some of its cases."""

    numerator = serializers.IntegerField()
    denominator = serializers.IntegerField()
    percent = serializers.IntegerField(
        allow_null=True, help_text="Rounded down, so that 100 is said only where none was missed"
    )
    is_small = serializers.BooleanField(
        help_text=f"Fewer than {SMALL} cases: not to be shown outside the organisation"
    )
    open = serializers.IntegerField(help_text="Cases that are not at their end")
    oldest_open_seconds = serializers.SerializerMethodField()

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_oldest_open_seconds(self, reading: Reading) -> int | None:
        return None if reading.oldest is None else int(reading.oldest.total_seconds())


class StepSerializer(ReadingSerializer):
    """One month or week."""

    first = serializers.DateField(source="period.first")
    last = serializers.DateField(source="period.last")


class PartSerializer(serializers.Serializer):
    """One line of a breakdown. `key` narrows the measure to it: ?category=3."""

    reading = serializers.SerializerMethodField()

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]

    @extend_schema_field(ReadingSerializer(allow_null=True))
    def get_reading(self, part: Part) -> Any:
        """Nothing, where so few must not be shown: of what is said of groups alone."""
        return None if part.is_hidden else ReadingSerializer(part.reading).data


class TookSerializer(serializers.Serializer):
    """How long cases take: the product-limit estimate, in which what is open took "at least so
    long"; the earliest moment at which so many were done."""

    median_seconds = serializers.FloatField(
        source="median", allow_null=True, help_text="Nothing where fewer than half are at their end"
    )
    nine_in_ten_seconds = serializers.SerializerMethodField()
    count = serializers.IntegerField()
    open = serializers.IntegerField()

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_nine_in_ten_seconds(self, curve: Curve) -> float | None:
        return curve.percentile(0.9)


class AnswerSerializer(serializers.Serializer):
    """A measure in a time."""

    code = serializers.CharField(source="reading.measure.code")
    first = serializers.DateField(source="reading.period.first")
    last = serializers.DateField(source="reading.period.last")
    time_zone = serializers.SerializerMethodField()
    at = serializers.DateTimeField(help_text="When it was counted; what is open is so until then")
    narrowed = serializers.DictField(child=serializers.CharField())
    reading = ReadingSerializer()
    took = TookSerializer(allow_null=True)
    parts = PartSerializer(many=True, allow_null=True)
    series = StepSerializer(many=True, allow_null=True)

    @extend_schema_field(str)
    def get_time_zone(self, answer: Any) -> str:
        return settings.TIME_ZONE


class CaseSerializer(serializers.Serializer):
    """One case behind a number, by its references alone: each is read at its own address."""

    # Nothing, where the measure is of examinations.
    finding = serializers.SerializerMethodField()
    examination = serializers.SerializerMethodField()
    counts_at = serializers.DateTimeField()
    is_met = serializers.BooleanField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_finding(self, row: Any) -> str | None:
        measure: Measure = self.context["measure"]
        return None if measure.cases.finding is None else finding_of(row).reference

    @extend_schema_field(serializers.UUIDField())
    def get_examination(self, row: Any) -> str:
        return str(examination_of(row).public_id)
