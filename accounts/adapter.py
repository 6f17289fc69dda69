"""Where this site differs from allauth's ways."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Administrators make the accounts, unless the site says that anybody may."""
        return bool(settings.ACCOUNT_SIGNUP_OPEN)

    def get_login_stages(self) -> list[str]:
        """What a face has to be followed by comes first, so that allauth asks whoever has a second factor last."""
        return ["accounts.stages.AfterFaceStage", *super().get_login_stages()]
