from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recognition.api.images import PictureFile
from recognition.api.serializers.common import Input, Page, PageQuery
from recognition.models import Import as ImportJob
from recognition.models import ImportRow as Row
from recognition.models import Photo
from recognition.services import enrolment
from recognition.services.wording import reason_text


@extend_schema_field({"type": "string", "format": "binary"})
class HandedIn(PictureFile):
    default_error_messages = {"not_a_file": "Send it as a file of the form."}


class ImportForm(Input):
    # At least one of them is to be sent.
    any_of = ("archive", "table")

    archive = HandedIn(
        required=False, help_text="A zip with one folder of photos per person, or with a CSV and its photos."
    )
    table = HandedIn(
        required=False,
        help_text="The CSV of person_id, name, path and perhaps consent where it is not in the zip, paths as in there.",
    )
    consent = serializers.BooleanField(
        default=False,
        help_text="Everybody agreed to the consent text in force, unless a column of the CSV says it.",
    )
    start = serializers.BooleanField(
        default=False, help_text="Start at once, without a look at what was understood."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() & set(self.any_of):
            raise serializers.ValidationError("Send a zip as archive, a CSV as table, or both.")
        return attrs


class Results(serializers.Serializer):
    planned = serializers.IntegerField()
    missing = serializers.IntegerField()
    unused = serializers.IntegerField()
    taken = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = serializers.IntegerField()


class PhotoStates(serializers.Serializer):
    waiting = serializers.IntegerField()
    processing = serializers.IntegerField()
    ready = serializers.IntegerField()
    review = serializers.IntegerField()
    rejected = serializers.IntegerField()


class Import(serializers.Serializer):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(
        choices=ImportJob.Stage.choices, help_text="prepared: look at its rows, then start it."
    )
    progress = serializers.IntegerField(help_text="Percent of the photos that are handed on to be processed.")
    message = serializers.CharField(help_text="Why it failed.")
    kiosk = serializers.CharField(source="api_key.name", default=None, allow_null=True)
    filename = serializers.CharField()
    understood = serializers.CharField(help_text="How the CSV was read, as a sentence.")
    people = serializers.SerializerMethodField(help_text="How many are meant.")
    new_people = serializers.SerializerMethodField(help_text="How many of them were not enrolled before.")
    results = serializers.SerializerMethodField(help_text="How many rows have which result.")
    photos = serializers.SerializerMethodField(help_text="How many of its photos are in which state now.")
    stopped = serializers.SerializerMethodField(
        help_text="It was given up while it ran: some rows are still planned."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: ImportJob) -> dict[str, Any]:
        self.counts = enrolment.counts_of(instance)
        shown: dict[str, Any] = super().to_representation(instance)
        return shown

    def get_people(self, job: ImportJob) -> int:
        return self.counts.people

    def get_new_people(self, job: ImportJob) -> int:
        return self.counts.new_people

    @extend_schema_field(Results)
    def get_results(self, job: ImportJob) -> dict[str, int]:
        return self.counts.results

    @extend_schema_field(PhotoStates)
    def get_photos(self, job: ImportJob) -> dict[str, int]:
        return self.counts.photos

    def get_stopped(self, job: ImportJob) -> bool:
        return bool(job.report.get("stopped", False))


class ImportRowsQuery(PageQuery):
    result = serializers.ChoiceField(required=False, choices=Row.Result.choices)


class ImportRow(serializers.Serializer):
    external_id = serializers.CharField(
        help_text="Whose photo it is said to be; empty for one that nobody named."
    )
    name = serializers.CharField()
    known = serializers.BooleanField(help_text="The person was enrolled before.")
    agreed_at = serializers.DateTimeField(allow_null=True, help_text="To the consent text, as the CSV says.")
    path = serializers.CharField(help_text="In the zip; empty for a person without photos.")
    result = serializers.ChoiceField(choices=Row.Result.choices)
    reason = serializers.CharField(help_text="Why it was refused, or its photo rejected.")
    message = serializers.CharField(help_text="The reason as a sentence.")
    photo = serializers.IntegerField(source="photo_id", allow_null=True, help_text="Number of the photo.")
    photo_state = serializers.ChoiceField(
        source="photo.state", choices=Photo.State.choices, default=None, allow_null=True
    )

    def to_representation(self, instance: Row) -> dict[str, Any]:
        """What became of a photo that was taken is said by the photo."""
        shown: dict[str, Any] = super().to_representation(instance)
        if instance.photo is not None and instance.photo.reason:
            shown |= {"reason": instance.photo.reason, "message": reason_text(instance.photo.reason)}
        return shown


class ImportRowsPage(Page):
    results = ImportRow(many=True)
