"""Which scope a request needs."""

from __future__ import annotations

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from recognition.services import keys


class WrongScope(PermissionDenied):
    """``extra`` goes into the detail of the error."""

    def __init__(self, needed: tuple[str, ...], owned: list[str]) -> None:
        super().__init__(
            f"This key lacks the scope {' or '.join(needed)}. An administrator can issue a key that has it.",
            "wrong_scope",
        )
        self.extra = {"needed": list(needed), "scopes": list(owned)}


class HasScope(BasePermission):
    """The key has one of the scopes that the view names for the method; with none named, any key will do."""

    def has_permission(self, request: Request, view: object) -> bool:
        needed = scopes_of(view, request.method)
        if needed and not any(keys.allows(request.auth, scope) for scope in needed):
            raise WrongScope(needed, request.auth.scopes)
        return True


def scopes_of(view: object, method: str | None) -> tuple[str, ...]:
    """Empty for a method that the view does not have; the answer is then 405."""
    scopes: dict[str, tuple[str, ...]] = getattr(view, "scopes", {})
    return scopes.get("GET" if method == "HEAD" else method or "", ())
