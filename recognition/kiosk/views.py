"""What the app on the tablet asks. Errors have the shape of the API's."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api.serializers.common import Input, Text
from recognition.api.throttles import StrangerThrottle
from recognition.api.views.attendance import AttendanceView
from recognition.api.views.base import KioskView, Scope
from recognition.api.views.liveness import LivenessFramesView, LivenessView
from recognition.kiosk import device
from recognition.models import ApiKey
from recognition.services import keys, liveness


class Code(Input):
    code = Text(max_length=40)


class PairView(KioskView):
    """Takes the code that the admin shows, and gives the tablet a key that nobody else has seen."""

    schema = None  # the app's own affair, like all of this
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    http_method_names = ["post"]

    def post(self, request: Request) -> Response:
        if device.OWN not in request.headers:
            raise PermissionDenied("This address is for the kiosk's own page.")
        strangers = StrangerThrottle()
        if not strangers.allow_request(request, self):
            raise Throttled(strangers.wait())
        key, text = keys.pair(self.read_json(Code)["code"])
        response = Response(about(key))
        device.hand_over(response, text)
        return response


class StatusView(KioskView):
    """Whether the tablet is paired and the server answers, and how the kiosk is set."""

    schema = None
    authentication_classes = (device.DeviceAuthentication,)
    scopes = {"GET": (Scope.ATTENDANCE,), "DELETE": ()}

    def get(self, request: Request) -> Response:
        response = Response(about(request.auth))
        device.hand_over(response, request.COOKIES[device.COOKIE])
        return response

    def delete(self, request: Request) -> Response:
        """Forget the key on this tablet. In the admin the kiosk stays, and can be paired again."""
        response = Response(status=204)
        device.take_away(response)
        return response


class ReadView(AttendanceView):
    schema = None
    authentication_classes = (device.DeviceAuthentication,)


class ChallengeView(LivenessView):
    """The tablet's screen is beside its camera, so that it can light the face."""

    schema = None
    authentication_classes = (device.DeviceAuthentication,)
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        return Response(liveness.start(owner=self.owner, light=True), 201)


class ChallengeFramesView(LivenessFramesView):
    schema = None
    authentication_classes = (device.DeviceAuthentication,)


class About(serializers.ModelSerializer):
    now = serializers.SerializerMethodField()
    time_zone = serializers.SerializerMethodField()

    class Meta:
        model = ApiKey
        fields = ("name", "place", "direction", "pause_seconds", "liveness", "now", "time_zone")

    def get_now(self, key: ApiKey) -> Any:
        return timezone.now()

    def get_time_zone(self, key: ApiKey) -> str:
        return timezone.get_default_timezone_name()


def about(key: ApiKey) -> dict[str, Any]:
    found: dict[str, Any] = About(key).data
    return found
