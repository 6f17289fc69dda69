"""How much may be sent to a page at once."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from recognition.services import enrolment
from recognition.services.errors import NotFound

ENROL = re.compile(r"/accounts/enrol/([^/]+)/")
# For what a form holds beside its files.
ROOM = 2**20


class BodySizeMiddleware:
    """413 for a body that no form of ours could have sent, before any of it is read.

    Django writes files to the disk while it looks for the CSRF token, whatever their size and whoever sends them.
    That happens after all middleware was entered, so this one may stand behind those that know the user. A body
    without a length needs no bound: Django reads none of it. The API bounds what it reads by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = _length(request)
        if request.path.startswith("/api/") or size <= settings.MAX_UPLOAD_BYTES + ROOM:
            return self.get_response(request)
        files = _files(request)
        if size <= files * settings.MAX_UPLOAD_BYTES + ROOM:
            return self.get_response(request)
        return _too_large(request, files)


def _length(request: HttpRequest) -> int:
    """As Django reads it: what is no number counts as nothing."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _files(request: HttpRequest) -> int:
    """How many pictures whoever asks may send at once here."""
    if _is_staff_in_the_admin(request):
        return settings.MAX_UPLOAD_FILES
    link = ENROL.fullmatch(request.path)
    return enrolment.MOST_PHOTOS if link and _counts(link[1]) else 1


def _counts(link: str) -> bool:
    try:
        enrolment.invitation_of(link)
    except NotFound:
        return False
    return True


def _is_staff_in_the_admin(request: HttpRequest) -> bool:
    user = request.user
    return request.path.startswith("/admin/") and user.is_active and user.is_staff


def _too_large(request: HttpRequest, files: int) -> HttpResponse:
    megabytes = settings.MAX_UPLOAD_BYTES // 2**20
    most = f"{files} pictures" if files > 1 else "one picture"
    text = f"Send {most} at most, of up to {megabytes} MB{' each' if files > 1 else ''}."
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        # Read by the camera of the face login, and by the uploader of the admin.
        return JsonResponse({"code": "too_large", "message": text, "problems": [text]}, status=413)
    return render(request, "413.html", {"advice": text}, status=413)
