"""Many people at once: a zip is handed in, looked at, started, followed."""

from __future__ import annotations

import re

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api import queries
from recognition.api.errors import ApiError
from recognition.api.parsers import check_size
from recognition.api.schema import BODY, IMPORT_ID, answers
from recognition.api.serializers import imports as shapes
from recognition.api.views.base import KioskView, Scope
from recognition.models import ApiKey, Import
from recognition.services import enrolment, keys
from recognition.services.errors import Conflict

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,100}$"},
    OpenApiParameter.HEADER,
    description="A text that you make for this import. Sent again with the same one, nothing is handed in twice: the "
    "answer is 200 with the import of before.",
)
ROOM = 2**20  # for what the form holds beside the zip


class ImportsView(KioskView):
    scopes = {"POST": (Scope.ENROL,)}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="imports_create",
        tags=["imports"],
        summary="Hand in people and photos as a zip",
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": shapes.ImportForm},
        responses={200: OpenApiResponse(shapes.Import, "It was handed in before.")}
        | answers(201, shapes.Import, *BODY, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """Nobody is enrolled until it is started; look at its rows first, or send `start`. A zip that is damaged,
        locked, too large or reaches out of its folder is refused whole."""
        _demand_no_liveness(request.auth)
        number = request.headers.get("Idempotency-Key", "")
        if number and not re.fullmatch(r"[!-~]{1,100}", number):
            raise ApiError(
                400, "invalid_request", "Idempotency-Key: 1 to 100 letters, digits and signs, no spaces."
            )
        job = enrolment.handed_in_before(api_key=request.auth, idempotency_key=number)
        if job is not None:
            return Response(shapes.Import(job).data)
        enrolment.demand_room()
        check_size(request, settings.MAX_IMPORT_BYTES + ROOM)
        sent = self._valid(shapes.ImportForm, request.data)
        archive, table = sent.get("archive"), sent.get("table")
        job = enrolment.prepare_import(
            archive=archive,
            table=table,
            filename=(archive or table).name,
            everybody_agreed=sent["consent"],
            api_key=request.auth,
            idempotency_key=number,
        )
        if sent["start"]:
            enrolment.start_import(job)
        where = reverse("api:import", kwargs={"import_id": job.pk})
        return Response(shapes.Import(job).data, 201, headers={"Location": where})


class OneImport(KioskView):
    throttle_group = "read"  # it is asked for again and again

    def job(self, import_id: int) -> Import:
        key: ApiKey = self.request.auth
        return enrolment.get_import(import_id, api_key=key, all_of_them=keys.allows(key, Scope.ADMIN))


class ImportView(OneImport):
    scopes = {"GET": (Scope.ENROL,), "DELETE": (Scope.ENROL,)}

    @extend_schema(
        operation_id="imports_read",
        tags=["imports"],
        summary="How an import goes on",
        parameters=[IMPORT_ID],
        responses=answers(200, shapes.Import, 404),
    )
    def get(self, request: Request, import_id: int) -> Response:
        """Of this key; of any with the scope `admin`."""
        return Response(shapes.Import(self.job(import_id)).data)

    @extend_schema(
        operation_id="imports_delete",
        tags=["imports"],
        summary="Give up an import",
        parameters=[IMPORT_ID],
        responses=answers(204, None, 404, description="Removed, or told to stop."),
    )
    def delete(self, request: Request, import_id: int) -> Response:
        """With all that was handed in. One that runs ends before the next person and can be read afterwards. People and
        photos that are in stay."""
        enrolment.give_up_import(self.job(import_id))
        return Response(status=204)


class StartImportView(OneImport):
    scopes = {"POST": (Scope.ENROL,)}
    throttle_group = "enrol"

    @extend_schema(
        operation_id="imports_start",
        tags=["imports"],
        summary="Start an import",
        parameters=[IMPORT_ID],
        request=None,
        responses=answers(200, shapes.Import, 404, 409),
    )
    def post(self, request: Request, import_id: int) -> Response:
        """Sent again it changes nothing. One that failed can be started again; who is in is not added twice."""
        _demand_no_liveness(request.auth)
        job = self.job(import_id)
        enrolment.start_import(job)
        return Response(shapes.Import(job).data)


class ImportRowsView(OneImport):
    scopes = {"GET": (Scope.ENROL,)}

    @extend_schema(
        operation_id="imports_rows",
        tags=["imports"],
        summary="Who is meant, and what became of each photo",
        parameters=[IMPORT_ID, shapes.ImportRowsQuery],
        responses=answers(200, shapes.ImportRowsPage, 400, 404),
    )
    def get(self, request: Request, import_id: int) -> Response:
        """A row for each photo, and for each person without one. Before the start it says what was understood."""
        wanted = self.read_query(shapes.ImportRowsQuery)
        page, page_size = wanted.pop("page"), wanted.pop("page_size")
        rows = self.job(import_id).rows.filter(**wanted).select_related("photo")
        return Response(shapes.ImportRowsPage(queries.page_of(request, rows, page, page_size)).data)


def _demand_no_liveness(key: ApiKey) -> None:
    """Photos in a zip show no living person."""
    if key.liveness != ApiKey.Liveness.OFF:
        raise Conflict("liveness_required", "This key has to see living people. Import with another one.")
