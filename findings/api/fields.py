"""Fields that accept only what cannot be misunderstood."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from findings.nhs_numbers import read_nhs_number

EARLIEST_BIRTH = date(1850, 1, 1)


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantField(serializers.DateTimeField):
    """A moment with its offset: 2026-06-30T14:30:00+01:00. Without one it could be any hour."""

    default_error_messages = {
        "no_zone": "Give the time with its offset, such as 2026-06-30T14:30:00+01:00.",
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_zone")
        try:
            return value.astimezone(UTC)
        except (OverflowError, ValueError):
            self.fail("overflow", timezone="UTC")


@extend_schema_field({"type": "string", "maxLength": 30, "example": "999 000 0018"})
class NhsNumberField(serializers.CharField):
    """Ten digits with a valid check digit, spaced in any way."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=30, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text:
            return ""
        read = read_nhs_number(text)
        if read.fault:
            raise serializers.ValidationError(read.hint, code=f"nhs_number_{read.fault}")
        return read.number


def not_in_the_future(at: datetime) -> None:
    if at > timezone.now() + timedelta(days=1):
        raise serializers.ValidationError("This lies in the future.", code="future")


def a_possible_birth(on: date) -> None:
    if not EARLIEST_BIRTH <= on <= timezone.localdate() + timedelta(days=1):
        raise serializers.ValidationError("Nobody alive was born then.", code="birth_date")
