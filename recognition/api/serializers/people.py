from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recognition.api.serializers.common import WITHOUT_NULL, Input, Page, PageQuery, PersonIdField, Text
from recognition.models import Identity

# Something can be seen of it. What Python takes for a space is more than what other languages do.
VISIBLE = RegexValidator(r"^[^\u0000]*[^\s\u0000-\u001f][^\u0000]*$", "This field may not be blank.", "blank")
NAME_LENGTH = Identity._meta.get_field("name").max_length


class PeopleQuery(PageQuery):
    search = serializers.CharField(
        required=False,
        max_length=200,
        validators=[WITHOUT_NULL],
        help_text="A part of the name or of the external ID.",
    )
    status = serializers.ChoiceField(required=False, choices=Identity.Status.choices)


class PersonInput(Input):
    name = Text(min_length=1, max_length=NAME_LENGTH, validators=[VISIBLE])
    external_id = PersonIdField(
        required=False, help_text="Your own number for this person; made up when left out. No slashes."
    )


class NewPersonInput(PersonInput):
    consent_version = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Version of the consent text that the person was shown and agreed to.",
    )


class EraseQuery(Input):
    receipt = serializers.BooleanField(default=False, help_text="Answer 200 with a signed receipt.")


class Erasure(serializers.Serializer):
    receipt = serializers.DictField(
        help_text="Counts, digests and times, signed; it names nobody. Keep it as it is."
    )


class Consent(serializers.Serializer):
    version = serializers.IntegerField(source="text.version", help_text="Of the text that was agreed to.")
    given_at = serializers.DateTimeField()


class Person(serializers.Serializer):
    # The photos are counted by `recognition.api.queries.people`.
    external_id = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Identity.Status.choices)
    photos = serializers.IntegerField(source="photo_count")
    ready_photos = serializers.IntegerField(
        source="ready_count", help_text="A person without ready photos is not recognised."
    )
    consent = serializers.SerializerMethodField(help_text="The consent in force, null without one.")
    consent_withdrawn_at = serializers.DateTimeField(
        source="withdrawn_at", allow_null=True, help_text="Since when the person is suspended for it."
    )
    enrolled_at = serializers.DateTimeField(source="created_at")
    updated_at = serializers.DateTimeField()

    @extend_schema_field(Consent(allow_null=True))
    def get_consent(self, person: Identity) -> dict[str, Any] | None:
        in_force = [consent for consent in person.consents.all() if consent.withdrawn_at is None]
        return Consent(in_force[-1]).data if in_force else None


class PeoplePage(Page):
    results = Person(many=True)
