"""Addresses of the API, below ``/api/``."""

from __future__ import annotations

from django.urls import include, path, re_path, register_converter
from django.urls.converters import StringConverter
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from recognition.api.views.attendance import AttendanceView
from recognition.api.views.consent import ConsentTextView, PersonConsentView
from recognition.api.views.event_stream import EventStreamView
from recognition.api.views.events import EventsView
from recognition.api.views.imports import ImportRowsView, ImportsView, ImportView, StartImportView
from recognition.api.views.liveness import LivenessFramesView, LivenessView
from recognition.api.views.pages import DocsView, SchemaView, unknown_address
from recognition.api.views.people import PeopleView, PersonView, ResumeView, SuspendView
from recognition.api.views.photos import ChooseFaceView, PersonPhotosView, PhotoImageView, PhotoView
from recognition.api.views.recognise import IdentifyView, VerifyView
from recognition.api.views.status import StatusView

app_name = "api"


class PersonId(StringConverter):
    """Without null bytes, which Postgres does not take."""

    regex = r"[^/\x00]+"


register_converter(PersonId, "person")

v1 = [
    path("identify", IdentifyView.as_view(), name="identify"),
    path("attendance", AttendanceView.as_view(), name="attendance"),
    path("verify", VerifyView.as_view(), name="verify"),
    path("people", PeopleView.as_view(), name="people"),
    path("people/<person:external_id>", PersonView.as_view(), name="person"),
    path("people/<person:external_id>/suspend", SuspendView.as_view(), name="suspend"),
    path("people/<person:external_id>/resume", ResumeView.as_view(), name="resume"),
    path("people/<person:external_id>/consent", PersonConsentView.as_view(), name="person-consent"),
    path("people/<person:external_id>/photos", PersonPhotosView.as_view(), name="person-photos"),
    path("photos/<int:photo_id>", PhotoView.as_view(), name="photo"),
    path("photos/<int:photo_id>/choose_face", ChooseFaceView.as_view(), name="choose-face"),
    path("photos/<int:photo_id>/image", PhotoImageView.as_view(), name="photo-image"),
    path("consent", ConsentTextView.as_view(), name="consent"),
    path("imports", ImportsView.as_view(), name="imports"),
    path("imports/<int:import_id>", ImportView.as_view(), name="import"),
    path("imports/<int:import_id>/start", StartImportView.as_view(), name="import-start"),
    path("imports/<int:import_id>/rows", ImportRowsView.as_view(), name="import-rows"),
    path("liveness/sessions", LivenessView.as_view(), name="liveness"),
    path(
        "liveness/sessions/<uuid:challenge_id>/frames", LivenessFramesView.as_view(), name="liveness-frames"
    ),
    path("events", EventsView.as_view(), name="events"),
    path("events/stream", EventStreamView.as_view(), name="event-stream"),
    path("status", StatusView.as_view(), name="status"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    # Else a body sent to it would be read in search of a CSRF token.
    path("docs", csrf_exempt(RedirectView.as_view(pattern_name="api:docs"))),
]
# Whatever is in the address, a line break, too, the answer is the API's.
urlpatterns = [path("v1/", include(v1)), re_path(r"^(?P<rest>[\s\S]*)$", unknown_address)]
