"""Consent: the text to show, that a person agreed to it, and that it was withdrawn."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api import queries
from recognition.api.schema import BODY, PERSON_ID, answers
from recognition.api.serializers import consent as shapes
from recognition.api.serializers.people import Person
from recognition.api.views.base import KioskView, Scope
from recognition.models import Consent, Identity
from recognition.services import identities
from recognition.services.errors import Conflict


class ConsentTextView(KioskView):
    scopes = {"GET": ()}

    @extend_schema(
        operation_id="consent_text",
        tags=["consent"],
        summary="Read the consent text in force",
        responses=answers(200, shapes.ConsentText),
    )
    def get(self, request: Request) -> Response:
        text = identities.consent_text()
        shown = {"version": text.version, "text": text.text, "required": identities.consent_required()}
        return Response(shapes.ConsentText(shown).data)


class PersonConsentView(KioskView):
    scopes = {"POST": (Scope.ENROL,), "DELETE": (Scope.ADMIN,)}

    @extend_schema(
        operation_id="consent_give",
        tags=["consent"],
        summary="Record that a person agreed",
        parameters=[PERSON_ID],
        request={"application/json": shapes.ConsentInput, "multipart/form-data": shapes.ConsentInput},
        responses=answers(200, Person, *BODY, 404, 409),
    )
    def post(self, request: Request, external_id: str) -> Response:
        """Show the text in force first; an older version is refused. Sent again it changes nothing."""
        identity = identities.get_identity(external_id)
        wanted = self.read_json(shapes.ConsentInput)
        take_consent(identity, wanted["version"], request, note=wanted.get("note", ""))
        return Response(Person(queries.person(external_id)).data)

    @extend_schema(
        operation_id="consent_withdraw",
        tags=["consent"],
        summary="Withdraw a person's consent",
        parameters=[PERSON_ID],
        responses=answers(200, Person, 404),
    )
    def delete(self, request: Request, external_id: str) -> Response:
        """Not recognised from the next request on, and erased after the days that the site states."""
        identity = identities.get_identity(external_id)
        identities.withdraw_consent(identity, by=request.auth.name)
        return Response(Person(queries.person(external_id)).data)


def take_consent(identity: Identity, version: int, request: Request, *, note: str = "") -> None:
    """Raises Conflict when the person was not shown the text in force."""
    in_force = identities.consent_text()
    if version != in_force.version:
        raise Conflict(
            "old_text",
            f"Version {in_force.version} of the consent text is in force. Show that to the person.",
        )
    identities.give_consent(identity, way=Consent.Way.API, by=request.auth.name, version=version, note=note)
