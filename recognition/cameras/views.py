"""A camera as it is seen at this moment, with names, for staff who may see both."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recognition.models import Camera
from recognition.services import audit, cameras
from recognition.streams import Places, Stream

BOUNDARY = "frame"
PATIENCE = 15.0  # seconds without a picture until the stream ends
MOST = 4  # who look on through one web process: each takes a thread of it
RIGHTS = ("recognition.view_camera", "recognition.view_identity")

_places = Places(MOST)
View = Callable[[HttpRequest, Camera], HttpResponse | StreamingHttpResponse]


def for_staff(view: View) -> Callable[..., HttpResponse | StreamingHttpResponse]:
    """Gives the view its camera. For whoever may not see it there is none."""

    @require_safe
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, name: str) -> HttpResponse | StreamingHttpResponse:
        user = request.user
        if not (user.is_authenticated and user.is_staff and user.has_perms(RIGHTS)):
            raise Http404
        camera = Camera.objects.filter(name=name).first()
        if camera is None:
            raise Http404
        return view(request, camera)

    return guarded


@for_staff
def page(request: HttpRequest, camera: Camera) -> HttpResponse:
    return render(request, "cameras/camera.html", {"camera": camera, "state": cameras.state_of(camera.pk)})


@for_staff
def stream(request: HttpRequest, camera: Camera) -> HttpResponse | StreamingHttpResponse:
    """Motion JPEG; 503 when as many look on as there is room for."""
    if not _places.take():
        return HttpResponse("Too many look on at present.", status=503, content_type="text/plain")
    audit.record("camera.seen", kind="camera", number=camera.pk)
    content_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
    return StreamingHttpResponse(Stream(_parts(camera.pk), _places), content_type=content_type)


@for_staff
def state(request: HttpRequest, camera: Camera) -> HttpResponse:
    return JsonResponse({"state": cameras.state_of(camera.pk), "enabled": camera.enabled})


def _parts(camera_id: int) -> Generator[bytes, None, None]:
    for picture in cameras.pictures_of(camera_id, patience=PATIENCE):
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        yield head.encode() + picture + b"\r\n"
