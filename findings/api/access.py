"""What every address of the API has in common: who asks, what they see, and that they saw it."""

import re
from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.views import APIView

from findings.api.errors import ErrorSerializer
from findings.models import Finding, Person
from findings.services.settled import newest_settled
from findings.services.timeline import record_viewing

REFUSALS = {
    400: OpenApiResponse(ErrorSerializer, "What was sent cannot be used; each field is named"),
    401: OpenApiResponse(ErrorSerializer, "No valid token or session"),
    403: OpenApiResponse(ErrorSerializer, "Not for this person"),
    404: OpenApiResponse(ErrorSerializer, "No such thing, or not this person's to see"),
}
WRITING_REFUSALS = REFUSALS | {
    406: OpenApiResponse(ErrorSerializer, "Only JSON is spoken here"),
    409: OpenApiResponse(ErrorSerializer, "Not as things stand: the body says why and what to do"),
    415: OpenApiResponse(ErrorSerializer, "Only JSON is understood here"),
}


class Stable(CursorPagination):
    """Pages that neither repeat nor leave out a row while others are added. Nor does whoever reads
    from the first page down to the row that they have seen last."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    # By a key that no two rows share: where many have the same time, REST framework would count
    # rows instead, and count wrongly when another one arrives.
    ordering = ("-pk",)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        if self.cursor_query_param not in request.query_params:
            queryset = queryset.filter(pk__lte=newest_settled(queryset.model))
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """A cursor that we did not make leads nowhere, and not to an error of the database."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            if not re.fullmatch(r"[0-9]{1,18}", str(cursor.position)):
                raise NotFound(self.invalid_cursor_message)
        return cursor


class Json(JSONParser):
    """JSON whose brackets are not there to exhaust us."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


def person_of(request: Request) -> Person:
    """Who asks; IsAuthenticated let nobody else through."""
    assert isinstance(request.user, Person)
    return request.user


def saw(view: APIView, patients: Iterable[int]) -> None:
    """Record that the person of this request saw these patients' data here."""
    request = view.request
    page = request.resolver_match.view_name if request.resolver_match else ""
    record_viewing(by=person_of(request), page=page, patients=list(patients))


def visible_finding(view: APIView, reference: str) -> Finding:
    """The finding, or 404 when it does not exist or is not this person's to see."""
    found = (
        Finding.objects.visible_to(person_of(view.request), or_told=True)
        .for_list()
        .select_related("report", "flagged_by", "acknowledged_by", "examination__site")
        .filter(reference=reference)
        .first()
    )
    if found is None:
        raise NotFound("There is no such finding, or it is not yours to see.")
    return found
