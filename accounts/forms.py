"""The forms of the sign-in pages."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from recognition.engine.types import REASONS
from recognition.services.errors import Invalid
from recognition.services.liveness import frames_of
from recognition.services.wording import reason_text


class FaceLoginForm(forms.Form):
    """One picture, from the camera or from a file, or the token of a passed liveness challenge. What is on it
    is judged by `services.sign_in_by_face`."""

    token = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    photo = forms.FileField(
        label=_("Photo of your face"),
        required=False,
        error_messages={
            "required": _("Choose a photo."),
            "empty": _(REASONS["empty"]),
            "invalid": _("Choose a photo."),
        },
        widget=forms.FileInput(attrs={"accept": "image/*", "capture": "user"}),
    )

    def clean_photo(self) -> UploadedFile | None:
        photo: UploadedFile | None = self.cleaned_data["photo"]
        if photo is not None and (photo.size or 0) > settings.MAX_UPLOAD_BYTES:
            raise forms.ValidationError(reason_text("too_large"), code="too_large")
        return photo

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if "photo" in found and not found["photo"] and not found.get("token"):
            self.add_error("photo", forms.ValidationError(_("Choose a photo."), code="required"))
        return found

    def picture(self) -> bytes:
        """The bytes of the photo, none beside a token."""
        photo = self.cleaned_data.get("photo")
        return photo.read() if photo else b""

    def refuse(self, code: str, message: str) -> None:
        self.add_error(None, forms.ValidationError(message, code=code))

    @property
    def first_error(self) -> tuple[str, str]:
        """Code and sentence of what is wrong."""
        for errors in self.errors.as_data().values():
            for error in errors:
                return error.code or "invalid", str(error.message)
        raise ValueError("the form has no error")


class Numbers(forms.Field):
    """Several numbers in fields of the same name."""

    widget = forms.MultipleHiddenInput

    def __init__(self, least: float, most: float) -> None:
        super().__init__()
        self.least, self.most = least, most

    def to_python(self, value: list[str] | None) -> list[float]:
        try:
            numbers = [float(text) for text in value or ()]
        except ValueError:
            raise forms.ValidationError("Send numbers.") from None
        if not all(self.least <= number <= self.most for number in numbers):
            raise forms.ValidationError("Send numbers in their range.")
        return numbers


class FramesForm(forms.Form):
    """Frames of a liveness challenge, with the time and the colour of each."""

    nonce = forms.CharField(max_length=100)
    at = Numbers(0, 1e15)
    shown = Numbers(-1, 1e6)

    def clean(self) -> dict[str, Any]:
        """``frames`` is what came, as the service takes it."""
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            pictures = [file.read() for file in self.files.getlist("frame")]
            try:
                found["frames"] = frames_of(pictures, found["at"], found["shown"])
            except Invalid as error:
                raise forms.ValidationError(str(error)) from None
        return found


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class LoginForm(allauth_forms.LoginForm):
    """allauth's password form with labels in place of placeholders."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = _("User name or e-mail")
        login.widget.attrs.pop("placeholder", None)
        login.widget.attrs |= {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        self.fields["password"].widget.attrs.pop("placeholder", None)
        self.fields["remember"].label = _("Stay signed in on this device")


class AccountForm(forms.ModelForm):
    """An account for somebody who is enrolled. Without an address staff hand over the link themselves."""

    class Meta:
        model = User
        fields = ("username", "email")
        labels = {"username": _("User name"), "email": _("E-mail")}
        help_texts = {
            "username": "",
            "email": _("Gets the link to choose a password. Without it you hand it over."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "id-input"
