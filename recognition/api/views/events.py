from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from recognition.api import queries
from recognition.api.schema import answers
from recognition.api.serializers import events as shapes
from recognition.api.views.base import KioskView, Scope
from recognition.services import identities


class EventsView(KioskView):
    scopes = {"GET": (Scope.READ,)}

    @extend_schema(
        operation_id="events_list",
        tags=["events"],
        summary="What was decided, newest first",
        parameters=[shapes.EventsQuery],
        responses=answers(200, shapes.EventsPage, 400, 404),
    )
    def get(self, request: Request) -> Response:
        """Every face that was looked at, by kiosks and at the login page. Never with a picture.

        The pages do not shift when new events arrive: each starts before an event's number.
        """
        wanted = self.read_query(shapes.EventsQuery)
        page_size = wanted.pop("page_size")
        if external_id := wanted.pop("external_id", None):
            wanted["identity"] = identities.get_identity(external_id)
        rows = list(queries.find_events(**wanted)[: page_size + 1])
        more = len(rows) > page_size
        rows = rows[:page_size]
        here = request.build_absolute_uri()
        following = replace_query_param(here, "before", rows[-1].pk) if more else None
        return Response(shapes.EventsPage({"results": rows, "next": following}).data)
