"""Photos of a person: list, add, follow their processing, choose a face, see, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api import queries
from recognition.api.errors import ApiError
from recognition.api.images import Picture
from recognition.api.schema import BODY, BODY_IS_PICTURE, PERSON_ID, PHOTO_ID, answers
from recognition.api.serializers import photos as shapes
from recognition.api.views.base import KioskView, PictureView, Scope
from recognition.models import ApiKey, Decision
from recognition.services import audit, enrolment, identities
from recognition.services.errors import NotFound


class PersonPhotosView(PictureView):
    scopes = {"GET": (Scope.READ,), "POST": (Scope.ENROL,)}

    @extend_schema(
        operation_id="photos_list",
        tags=["photos"],
        summary="List the photos of a person",
        parameters=[PERSON_ID, shapes.PhotosQuery],
        responses=answers(200, shapes.PhotosPage, 400, 404),
    )
    def get(self, request: Request, external_id: str) -> Response:
        """In the order in which they were added."""
        wanted = self.read_query(shapes.PhotosQuery)
        page, page_size = wanted.pop("page"), wanted.pop("page_size")
        identity = identities.get_identity(external_id)
        found = queries.page_of(request, queries.photos_of(identity, **wanted), page, page_size)
        return Response(shapes.PhotosPage(found).data)

    @extend_schema(
        operation_id="photos_add",
        tags=["photos"],
        summary="Add photos to a person",
        parameters=[PERSON_ID],
        request={"multipart/form-data": shapes.PhotosForm, "application/json": shapes.PhotoJson}
        | BODY_IS_PICTURE,
        responses=answers(201, shapes.PhotosAdded, *BODY, 404, 409, 422),
    )
    def post(self, request: Request, external_id: str) -> Response:
        """Each file is taken or refused for itself. The error of a request of which no file was taken has
        the list in its detail. Photos are processed in the background: read one to learn its state.

        A single picture can also be the whole body; its name then stands in the address: `?filename=ada.jpg`.
        """
        identity = identities.get_identity(external_id)
        sent = self.read_picture(shapes.PhotosForm, shapes.PhotoJson)
        files = sent.get("image", [])
        if isinstance(files, Picture):
            files = [Picture(files.data, sent["filename"])]
        if "liveness_token" in sent:
            files = [self._live(sent)]
        elif self.request.auth.liveness != ApiKey.Liveness.OFF:
            files = [self._live({"image": file}) for file in files]
        read = enrolment.read_uploads(files)
        kept = enrolment.keep_uploads(identity, read)
        refused = [{"filename": r.filename, "code": r.code, "message": r.message} for r in read.refused]
        if not kept:
            raise _all_refused(refused)
        return Response(shapes.PhotosAdded({"photos": kept, "refused": refused}).data, 201)

    def _live(self, sent: dict[str, Any]) -> Picture:
        return Picture(self.live_probe(sent, Decision.Kind.VERIFY)[0], "camera.jpg")


def _all_refused(refused: Sequence[dict[str, Any]]) -> ApiError:
    codes = {each["code"] for each in refused}
    status = {
        "duplicate": 409,
        "consent_missing": 409,
        "consent_withdrawn": 409,
        "too_large": 413,
        "unknown_person": 404,
    }.get(codes.pop(), 422)
    if codes:  # for several reasons
        status = 422
    first = refused[0]
    message = (
        first["message"]
        if len(refused) == 1
        else f"No file was taken. {first['filename']}: {first['message']}"
    )
    return ApiError(status, first["code"], message, {"refused": refused})


class PhotoView(KioskView):
    scopes = {"GET": (Scope.READ, Scope.ENROL), "DELETE": (Scope.ADMIN,)}

    @extend_schema(
        operation_id="photos_read",
        tags=["photos"],
        summary="Read the state of a photo",
        parameters=[PHOTO_ID],
        responses=answers(200, shapes.Photo, 404),
    )
    def get(self, request: Request, photo_id: int) -> Response:
        """Ask again while the state is `waiting` or `processing`."""
        return Response(shapes.Photo(queries.photo(photo_id)).data)

    @extend_schema(
        operation_id="photos_delete",
        tags=["photos"],
        summary="Delete a photo",
        parameters=[PHOTO_ID],
        responses=answers(204, None, 404, description="Deleted."),
    )
    def delete(self, request: Request, photo_id: int) -> Response:
        """The person is recognised without it from the next request on."""
        enrolment.delete_photo(queries.photo(photo_id))
        return Response(status=204)


class ChooseFaceView(KioskView):
    scopes = {"POST": (Scope.ENROL,)}

    @extend_schema(
        operation_id="photos_choose_face",
        tags=["photos"],
        summary="Say which of several faces is the person's",
        parameters=[PHOTO_ID],
        request={"application/json": shapes.ChooseFace, "multipart/form-data": shapes.ChooseFace},
        responses=answers(200, shapes.Photo, *BODY, 404, 409, 422),
    )
    def post(self, request: Request, photo_id: int) -> Response:
        """For a photo that was rejected with `several_faces`. It is then processed again."""
        photo = queries.photo(photo_id)
        enrolment.choose_face(photo=photo, face=self.read_json(shapes.ChooseFace)["face"])
        return Response(shapes.Photo(queries.photo(photo_id)).data)


class PhotoImageView(KioskView):
    scopes = {"GET": (Scope.READ,)}

    @extend_schema(
        operation_id="photos_image",
        tags=["photos"],
        summary="See a photo",
        parameters=[PHOTO_ID],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY} | answers(404, None, 404),
    )
    def get(self, request: Request, photo_id: int) -> HttpResponse:
        """The stored JPEG."""
        photo = queries.photo(photo_id)
        image = photo.image
        if not image:
            raise NotFound("no_picture", "The picture is not kept any more, only its face.")
        try:
            with image.open("rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise NotFound("unknown_photo", "The picture was deleted meanwhile.") from None
        audit.record("photo.seen", kind="photo", number=photo_id, person=photo.identity_id)
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type="image/jpeg", headers=headers)
