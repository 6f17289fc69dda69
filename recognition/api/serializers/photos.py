from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recognition.api.images import PictureFile, PictureText
from recognition.api.serializers.common import Input, Page, PageQuery, Text
from recognition.api.serializers.recognise import Face, ProbeInput, Quality
from recognition.models import Photo as PhotoRow
from recognition.services.wording import reason_text

MAX_FILES = 20


class PhotosQuery(PageQuery):
    state = serializers.ChoiceField(required=False, choices=PhotoRow.State.choices)


class PhotosForm(ProbeInput):
    image = serializers.ListField(
        child=PictureFile(),
        required=False,
        min_length=1,
        max_length=MAX_FILES,
        help_text=f"One or several files, at most {MAX_FILES}: repeat the field.",
    )


class PhotoJson(ProbeInput):
    image = PictureText(required=False)
    filename = Text(required=False, allow_blank=True, max_length=255, default="")


class ChooseFace(Input):
    face = serializers.IntegerField(
        min_value=0, max_value=10_000, help_text="Position in the photo's list of faces, from 0."
    )


class Photo(serializers.Serializer):
    id = serializers.IntegerField()
    external_id = serializers.CharField(source="identity.external_id", help_text="Whose photo it is.")
    filename = serializers.CharField()
    state = serializers.ChoiceField(
        choices=PhotoRow.State.choices, help_text="waiting and processing: ask again in a moment."
    )
    reason = serializers.CharField(help_text="Why it was rejected: no_face, several_faces, too_blurred ...")
    message = serializers.SerializerMethodField(help_text="The reason as a sentence.")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    faces = Face(many=True, help_text="Every face found, largest first, in pixels of the stored photo.")
    chosen_face = serializers.IntegerField(allow_null=True)
    quality = serializers.SerializerMethodField(help_text="Of the chosen face.")
    added_at = serializers.DateTimeField(source="created_at")
    processed_at = serializers.DateTimeField(allow_null=True)

    def get_message(self, photo: PhotoRow) -> str:
        return reason_text(photo.reason)

    @extend_schema_field(Quality(allow_null=True))
    def get_quality(self, photo: PhotoRow) -> dict[str, Any] | None:
        return photo.quality or None


class PhotosPage(Page):
    results = Photo(many=True)


class Refused(serializers.Serializer):
    filename = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class PhotosAdded(serializers.Serializer):
    photos = Photo(many=True, help_text="Those that were taken; they are processed soon.")
    refused = Refused(many=True, help_text="Those that were not, and why. Nothing of them was kept.")
