"""People: list, enrol, read, change, suspend, erase."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api import queries
from recognition.api.schema import BODY, PERSON_ID, answers
from recognition.api.serializers import people as shapes
from recognition.api.views.base import KioskView, Scope
from recognition.api.views.consent import take_consent
from recognition.services import identities


class PeopleView(KioskView):
    scopes = {"GET": (Scope.READ,), "POST": (Scope.ENROL,)}

    @extend_schema(
        operation_id="people_list",
        tags=["people"],
        summary="List people",
        parameters=[shapes.PeopleQuery],
        responses=answers(200, shapes.PeoplePage, 400),
    )
    def get(self, request: Request) -> Response:
        """Ordered by name."""
        wanted = self.read_query(shapes.PeopleQuery)
        page, page_size = wanted.pop("page"), wanted.pop("page_size")
        found = queries.page_of(request, queries.find_people(**wanted), page, page_size)
        return Response(shapes.PeoplePage(found).data)

    @extend_schema(
        operation_id="people_create",
        tags=["people"],
        summary="Enrol a person",
        request={"application/json": shapes.NewPersonInput, "multipart/form-data": shapes.NewPersonInput},
        responses=answers(201, shapes.Person, *BODY, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """The person is recognised once one of the photos, which are added separately, is ready.

        Where the site demands consent, no photo is taken without: send the version of the text (`GET /consent`) that
        the person agreed to as `consent_version`, or record it later at `/people/{external_id}/consent`.
        """
        wanted = self.read_json(shapes.NewPersonInput)
        version = wanted.pop("consent_version", None)
        with transaction.atomic():
            identity = identities.create_identity(**wanted)
            if version is not None:
                take_consent(identity, version, request)
        where = reverse("api:person", kwargs={"external_id": identity.external_id})
        return Response(_person(identity.external_id), 201, headers={"Location": where})


class PersonView(KioskView):
    scopes = {"GET": (Scope.READ,), "PATCH": (Scope.ADMIN,), "DELETE": (Scope.ADMIN,)}

    @extend_schema(
        operation_id="people_read",
        tags=["people"],
        summary="Read a person",
        parameters=[PERSON_ID],
        responses=answers(200, shapes.Person, 404),
    )
    def get(self, request: Request, external_id: str) -> Response:
        return Response(_person(external_id))

    @extend_schema(
        operation_id="people_update",
        tags=["people"],
        summary="Change the name or the ID",
        parameters=[PERSON_ID],
        request={"application/json": shapes.PersonInput, "multipart/form-data": shapes.PersonInput},
        responses=answers(200, shapes.Person, *BODY, 404, 409, 422),
    )
    def patch(self, request: Request, external_id: str) -> Response:
        """What is left out stays as it is."""
        identity = identities.get_identity(external_id)
        changed = identities.update_identity(identity, **self.read_json(shapes.PersonInput, partial=True))
        return Response(_person(changed.external_id))

    @extend_schema(
        operation_id="people_erase",
        tags=["people"],
        summary="Erase a person",
        parameters=[PERSON_ID, shapes.EraseQuery],
        responses={204: OpenApiResponse(None, "Erased.")} | answers(200, shapes.Erasure, 400, 404),
    )
    def delete(self, request: Request, external_id: str) -> Response:
        """Removes the person with all photos and vectors, at once and for good.

        With `?receipt=true` the answer is a signed receipt, which `manage.py verify_erasure` checks.
        """
        wanted = self.read_query(shapes.EraseQuery)
        receipt = identities.erase(identities.get_identity(external_id), by=request.auth.name)
        if wanted["receipt"] and receipt is not None:
            return Response({"receipt": receipt})
        return Response(status=204)


class SuspendView(KioskView):
    scopes = {"POST": (Scope.ADMIN,)}

    @extend_schema(
        operation_id="people_suspend",
        tags=["people"],
        summary="Suspend a person",
        parameters=[PERSON_ID],
        request=None,
        responses=answers(200, shapes.Person, 404),
    )
    def post(self, request: Request, external_id: str) -> Response:
        """Not recognised any more from the next request on; nothing is lost."""
        identities.suspend(identities.get_identity(external_id))
        return Response(_person(external_id))


class ResumeView(KioskView):
    scopes = {"POST": (Scope.ADMIN,)}

    @extend_schema(
        operation_id="people_resume",
        tags=["people"],
        summary="Let a suspended person be recognised again",
        parameters=[PERSON_ID],
        request=None,
        responses=answers(200, shapes.Person, 404, 409),
    )
    def post(self, request: Request, external_id: str) -> Response:
        """From the next request on. Refused for whoever has withdrawn consent and not given it again."""
        identities.resume(identities.get_identity(external_id))
        return Response(_person(external_id))


def _person(external_id: str) -> Any:
    return shapes.Person(queries.person(external_id)).data
