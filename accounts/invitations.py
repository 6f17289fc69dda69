"""Accounts for people who are enrolled: made in one step, with a link by which they choose their own password."""

from __future__ import annotations

import re
import unicodedata
from smtplib import SMTPException

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from recognition.models import Identity
from recognition.services import identities
from recognition.services.errors import Conflict

NAME_LENGTH = 150


def free_username(name: str) -> str:
    """A user name from a person's name that nobody has yet: "ann.smith", "ann.smith2"."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("đ", "d"))
    wanted = ".".join(re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode()))[:100] or "person"
    taken = {
        found.lower()
        for found in User.objects.filter(username__istartswith=wanted).values_list("username", flat=True)
    }
    names = (wanted if number == 1 else f"{wanted}{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def make_account(
    request: HttpRequest, identity: Identity, *, username: str, email: str = ""
) -> tuple[User, str, bool]:
    """The account, the link by which the person chooses a password, and whether it was mailed to them.

    Raises Conflict when the name is taken, or the person has an account meanwhile.
    """
    first, _, last = identity.name.partition(" ")
    user = User(username=username, email=email, first_name=first[:NAME_LENGTH], last_name=last[:NAME_LENGTH])
    user.set_unusable_password()
    try:
        with transaction.atomic():
            if Identity.objects.select_for_update().get(pk=identity.pk).user_id is not None:
                raise Conflict(
                    "has_account", gettext("%(name)s has an account already.") % {"name": identity.name}
                )
            user.save()
            identities.update_identity(identity, user_id=user.pk)
    except IntegrityError:
        raise Conflict(
            "name_taken", gettext("Somebody has this user name already. Choose another.")
        ) from None
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    link = request.build_absolute_uri(
        reverse(
            "account_reset_password_from_key",
            kwargs=dict(zip(("uidb36", "key"), key.split("-", 1), strict=True)),
        )
    )
    return user, link, bool(email) and _mailed(user, link)


def _mailed(user: User, link: str) -> bool:
    """A mail that cannot be sent is no reason to be without the account: the link is shown instead."""
    try:
        get_adapter().send_mail("account/email/invitation", user.email, {"user": user, "link": link})
    except (OSError, SMTPException):
        return False
    return True
