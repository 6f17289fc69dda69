"""The forms of a person: enrolment with photos in one step, and changing the details."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, linebreaks
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldBooleanSwitchWidget

from recognition.models import Identity
from recognition.services import identities
from recognition.services.enrolment import Uploads, read_uploads
from recognition.services.errors import Invalid
from recognition.services.wording import reason_text

MAX_FILES = settings.MAX_UPLOAD_FILES


class DropZone(forms.FileInput):
    """Choose files, drop them, or take a photo with the camera."""

    allow_multiple_selected = True

    def __init__(self, attrs: Any = None, *, multiple: bool = True) -> None:
        super().__init__(attrs)
        self.multiple = multiple

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        context = {
            "name": name,
            "id": (attrs or {}).get("id", f"id_{name}"),
            "multiple": self.multiple,
            "max_files": MAX_FILES if self.multiple else 1,
            "max_bytes": settings.MAX_UPLOAD_BYTES,
            "look": reverse("admin:recognition_identity_look"),
            "icons": True,
        }
        return render_to_string("site/drop_zone.html", context)


class PhotosField(forms.FileField):
    """Many files. The value is `Uploads`: what was read, and what was refused with the reason."""

    widget = DropZone

    def clean(self, data: Any, initial: Any = None) -> Uploads:
        files = data if isinstance(data, list | tuple) else [data]
        files = [file for file in files if file]
        if self.required and not files:
            raise forms.ValidationError(_("Choose at least one photo."))
        return read_files(files)


def read_files(files: list[UploadedFile]) -> Uploads:
    """Raises ValidationError when there are too many, or when none of them can be used."""
    if len(files) > MAX_FILES:
        raise forms.ValidationError(
            _("These are %(number)s files. Hand in at most %(most)s at a time; more can follow afterwards.")
            % {"number": len(files), "most": MAX_FILES}
        )
    uploads = read_uploads(files)
    if uploads.refused and not uploads.prepared:
        raise forms.ValidationError([str(refusal) for refusal in uploads.refused])
    return uploads


def bytes_of(file: UploadedFile | None) -> bytes:
    """Of one picture that was handed in. Raises Invalid when there is none, or a larger one than is taken."""
    if file is None:
        raise Invalid("empty", reason_text("empty"))
    if (file.size or 0) > settings.MAX_UPLOAD_BYTES:
        raise Invalid("too_large", reason_text("too_large"))
    return bytes(file.read())


class EnrolForm(forms.ModelForm):
    consent = forms.BooleanField(label=_("Has agreed"), required=False, widget=UnfoldBooleanSwitchWidget)
    photos = PhotosField(
        label=_("Photos"),
        required=False,
        help_text=_("A few photos from the front in different light are best. One face in each."),
    )

    class Meta:
        model = Identity
        fields = ("name", "external_id", "user")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text = identities.consent_text()
        self.consent_version = text.version
        note = (
            _("No photo is taken without.")
            if identities.consent_required()
            else _("It can be recorded later, too.")
        )
        self.fields["consent"].help_text = format_html(
            '{} {}<details><summary class="text-link">{}</summary>{}</details>',
            _("The person has read version %(version)s of the consent text and agreed to it.")
            % {"version": text.version},
            note,
            _("The text"),
            mark_safe(linebreaks(text.text, autoescape=True)),  # noqa: S308 - it escapes
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["consent_version"] = self.consent_version
        photos = cleaned.get("photos")
        if photos and photos.prepared and not cleaned.get("consent") and identities.consent_required():
            self.add_error("consent", _("Photos are taken with the person's consent only."))
        return cleaned

    def full_clean(self) -> None:
        super().full_clean()
        if self.errors and self.files and not self.has_error("photos"):
            self.add_error("photos", _("Choose the photos again: the browser does not keep them."))


class UploadForm(forms.Form):
    photos = PhotosField(required=True)
