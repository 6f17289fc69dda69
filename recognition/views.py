"""The bytes of enrolment photos, faces of visitors and kept pictures of probes, for those who may see them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import require_safe

from recognition.models import Appearance, Photo, ProbePicture
from recognition.services import audit


@require_safe
def photo_image(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _visible_photo(request, pk)
    return _noted(_answer(request, photo.image), "photo", pk, photo.identity_id)


@require_safe
def photo_crop(request: HttpRequest, pk: int) -> HttpResponse:
    photo = _visible_photo(request, pk)
    return _noted(_answer(request, photo.crop), "crop", pk, photo.identity_id)


@require_safe
def probe_picture(request: HttpRequest, probe: UUID) -> HttpResponse:
    user = request.user
    if not (user.is_staff and user.has_perm("recognition.view_probepicture")):
        raise Http404
    kept = ProbePicture.objects.filter(probe=probe).first()
    if kept is None:
        raise Http404
    return _noted(_answer(request, kept.image), "probe", probe)


@require_safe
def appearance_crop(request: HttpRequest, appearance: int) -> HttpResponse:
    return _face_of_visitor(request, appearance, "crop")


@require_safe
def appearance_picture(request: HttpRequest, appearance: int) -> HttpResponse:
    return _face_of_visitor(request, appearance, "picture")


def _face_of_visitor(request: HttpRequest, number: int, part: str) -> HttpResponse:
    user = request.user
    if not (user.is_staff and user.has_perm("recognition.view_visitor")):
        raise Http404
    row = Appearance.objects.bare().exclude(visitor=None).filter(pk=number).first()
    if row is None or row.key_id is None:
        raise Http404
    answer = _answer_with(request, f"{part}-{number}-{row.key_id}", lambda: getattr(row, part))
    return _noted(answer, "visitor", row.visitor_id)


def _noted(response: HttpResponse, kind: str, number: object, person: int | None = None) -> HttpResponse:
    """Who looks at a face leaves a trace, also when the browser has the picture still."""
    audit.record(f"{kind}.seen", kind=kind, number=number, person=person)
    return response


def _visible_photo(request: HttpRequest, pk: int) -> Photo:
    """The photo if this user may see it. Otherwise 404, as if there were none."""
    user = request.user
    if not user.is_authenticated:
        raise Http404
    photos = Photo.objects.filter(pk=pk)
    if not (user.is_staff and user.has_perm("recognition.view_photo")):
        photos = photos.filter(identity__user=user)
    photo = photos.first()
    if photo is None:
        raise Http404
    return photo


def _answer(request: HttpRequest, stored: FieldFile) -> HttpResponse:
    """A file never changes under its name."""
    if not stored:
        raise Http404

    def read() -> bytes:
        with stored.open("rb") as file:
            return bytes(file.read())

    return _answer_with(request, str(stored.name), read)


def _answer_with(request: HttpRequest, name: str, read: Callable[[], bytes]) -> HttpResponse:
    """Always JPEG: pictures are re-encoded when they are handed in. name: of this very content."""
    etag = quote_etag(name)
    response: HttpResponse
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        try:
            response = HttpResponse(read(), content_type="image/jpeg")
        except FileNotFoundError:
            raise Http404 from None
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = "inline"
    # The browser may keep it but has to ask each time, so that a signed-out or erased person is gone at once.
    patch_cache_control(response, private=True, no_cache=True)
    return response
