"""The forms of the sign-in pages."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from recognition.engine.types import REASONS
from recognition.services.wording import reason_text


class FaceLoginForm(forms.Form):
    """One picture, from the camera or from a file. What is on it is judged by `services.sign_in_by_face`."""

    photo = forms.FileField(
        label="Photo of your face",
        error_messages={
            "required": "Choose a photo.",
            "empty": REASONS["empty"],
            "invalid": "Choose a photo.",
        },
        widget=forms.FileInput(attrs={"accept": "image/*", "capture": "user"}),
    )

    def clean_photo(self) -> UploadedFile:
        photo: UploadedFile = self.cleaned_data["photo"]
        if (photo.size or 0) > settings.MAX_UPLOAD_BYTES:
            raise forms.ValidationError(reason_text("too_large"), code="too_large")
        return photo

    def refuse(self, code: str, message: str) -> None:
        self.add_error(None, forms.ValidationError(message, code=code))

    @property
    def first_error(self) -> tuple[str, str]:
        """Code and sentence of what is wrong."""
        for errors in self.errors.as_data().values():
            for error in errors:
                return error.code or "invalid", str(error.message)
        raise ValueError("the form has no error")


class LoginForm(allauth_forms.LoginForm):
    """allauth's password form with labels in place of placeholders."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "User name or e-mail"
        login.widget.attrs.pop("placeholder", None)
        login.widget.attrs |= {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        self.fields["password"].widget.attrs.pop("placeholder", None)
        self.fields["remember"].label = "Stay signed in on this device"
