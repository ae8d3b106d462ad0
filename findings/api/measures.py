"""What governance measures, for a trust's own dashboards: the same selections as the pages.

An answer stays inside the organisation: it goes to whoever may open the page of the measure, and
has the same numbers. So it flags what is small and hides nothing; whoever hands numbers on hides
them (docs/adr/0052).
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from findings import measures, rules
from findings.api.access import REFUSALS, Stable, person_of, saw
from findings.api.measure_fields import (
    MET,
    AnswerSerializer,
    AskedRowsSerializer,
    AskedSerializer,
    CaseSerializer,
    MeasureSerializer,
    PeriodSerializer,
)
from findings.models import Examination, Person
from findings.presenters.columns import examination_of

WHICH = OpenApiParameter(
    "code", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(measures.MEASURES)
)
NARROWING = [
    OpenApiParameter(
        one.code,
        OpenApiTypes.STR,
        description=f"{one.name}: only this key of its parts; none for what is not known",
    )
    for one in measures.DIMENSIONS.values()
    if not one.is_of_groups
]
OF_ANY_LIST = {Stable.cursor_query_param, Stable.page_size_query_param}


class MeasureView(generics.GenericAPIView):
    """What the addresses of measures have in common."""

    queryset = Examination.objects.none()
    filter_backends: list = []

    def overseer(self) -> Person:
        person = person_of(self.request)
        rules.check_can_see_measures(person)
        return person

    def measure(self, code: str) -> measures.Measure:
        if code not in measures.MEASURES:
            raise NotFound("There is no such measure.")
        return measures.MEASURES[code]

    def asked(self, of: type[PeriodSerializer]) -> Any:
        given = of(data=self.request.query_params)
        given.is_valid(raise_exception=True)
        return given

    def narrow(self, measure: measures.Measure, asked: PeriodSerializer) -> dict[str, str]:
        """What is asked for that cannot be asked is refused: without it the number would be that
        of something else."""
        given = self.request.query_params
        odd = given.keys() - measures.DIMENSIONS.keys() - asked.fields.keys() - OF_ANY_LIST
        if odd:
            raise _cannot_be(measure, *sorted(odd))
        by = asked.validated_data.get("by")
        if by is not None and by not in {one.code for one in measures.dimensions_of(measure)}:
            raise _cannot_be(measure, "by")
        try:
            return measures.narrowing(measure, given.dict())
        except KeyError as odd_ones:
            raise _cannot_be(measure, *odd_ones.args) from None


def _cannot_be(measure: measures.Measure, *names: str) -> serializers.ValidationError:
    said = f"{measure.name} cannot be asked for so."
    return serializers.ValidationError(dict.fromkeys(names, said), code="unknown")


def no_such_key(narrow: dict[str, str]) -> serializers.ValidationError:
    return serializers.ValidationError(
        dict.fromkeys(narrow, "This is no key of its parts."), code="invalid"
    )


class Measures(MeasureView):
    """Every measure: what it asks, counts and leaves out, and what it can be broken down by."""

    serializer_class = MeasureSerializer
    pagination_class = None

    @extend_schema(responses={200: MeasureSerializer(many=True), **REFUSALS})
    def get(self, request: Request) -> Response:
        self.overseer()
        return Response(MeasureSerializer(measures.MEASURES.values(), many=True).data)


class OneMeasure(MeasureView):
    """What a measure says of some days of the trust, both ends included. The numbers are those of
    its page, and stay inside the organisation as these do: what `is_small` is not hidden here, and
    is not to be shown outside."""

    serializer_class = AnswerSerializer
    pagination_class = None

    @extend_schema(
        parameters=[WHICH, AskedSerializer, *NARROWING],
        responses={200: AnswerSerializer, **REFUSALS},
    )
    def get(self, request: Request, code: str) -> Response:
        trust, measure = self.overseer().organisation, self.measure(code)
        asked = self.asked(AskedSerializer)
        narrow, period, now = self.narrow(measure, asked), asked.period, timezone.now()
        by, step = (asked.validated_data.get(name) for name in ("by", "series"))
        changes = measures.Changes([code], trust, now)
        try:
            answer = {
                "at": now,
                "narrowed": narrow,
                "reading": measures.read(code, trust, period, now, changes, **narrow),
                "took": measures.took(code, trust, period, now, **narrow),
                "parts": by and measures.by(code, trust, period, by, now, changes, **narrow),
                "series": step
                and measures.series(code, trust, period, step, now, changes, **narrow),
            }
        except (ValueError, ValidationError, DataError):
            raise no_such_key(narrow) from None
        return Response(AnswerSerializer(answer).data)


class MeasureRows(MeasureView):
    """The cases behind a number, by reference, the last recorded first. Looking at them is
    recorded for their patients."""

    serializer_class = CaseSerializer
    pagination_class = Stable

    @extend_schema(
        parameters=[WHICH, AskedRowsSerializer, *NARROWING],
        responses={200: CaseSerializer(many=True), **REFUSALS},
    )
    def get(self, request: Request, code: str) -> Response:
        trust, measure = self.overseer().organisation, self.measure(code)
        asked = self.asked(AskedRowsSerializer)
        narrow, met = self.narrow(measure, asked), MET.get(asked.validated_data.get("met", ""))
        try:
            found = measures.rows(code, trust, asked.period, met, timezone.now(), **narrow)
            page = self.paginate_queryset(found.select_related(*measure.cases.shown))
        except (ValueError, ValidationError, DataError):
            raise no_such_key(narrow) from None
        body = CaseSerializer(page, many=True, context={"measure": measure}).data
        saw(self, [examination_of(row).patient_id for row in page or []])
        return self.get_paginated_response(body)
