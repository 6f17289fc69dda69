"""Users of the site, and what a face opens."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser, Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """Somebody who signs in. A custom model from the start, because it cannot be changed to one later."""


class FaceOpens(models.TextChoices):
    """What a face is worth at sign-in, from the least careful to the most."""

    ALONE = "alone", _("a face alone")
    PASSWORD = "password", _("a face and the password")
    FACTOR = "factor", _("a face and a second factor (app with codes, or passkey)")
    NEVER = "never", _("a face opens nothing; password only")


def check_paths(text: str) -> None:
    """Raises ValidationError unless each line is the beginning of an address of this site."""
    for line in text.split():
        if not line.startswith("/") or line.startswith("//"):
            raise ValidationError(
                _("“%(line)s” is no address of this site. Write it as /accounts/profile/.") % {"line": line}
            )


class SignInRule(models.Model):
    """What a face opens for the members of a group. Of several groups the most careful rule counts.

    paths: beginnings of addresses, one a line.
    """

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="sign_in_rule")
    face = models.CharField(
        _("sign-in with"),
        max_length=8,
        choices=FaceOpens,
        default=FaceOpens.ALONE,
        help_text=_("Staff are never signed in by a face alone: for them that is a face and the password."),
    )
    paths = models.TextField(
        _("pages for a face alone"),
        blank=True,
        validators=[check_paths],
        help_text=_(
            "Where somebody whom only a face signed in may go, such as /accounts/profile/, one a line. Everything"
            " else asks for the password first. Empty: everywhere."
        ),
    )

    class Meta:
        verbose_name = _("rule of sign-in by face")
        verbose_name_plural = _("rules of sign-in by face")

    def __str__(self) -> str:
        return f"{self.group}: {self.get_face_display()}"
