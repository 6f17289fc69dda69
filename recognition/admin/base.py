"""What all admin pages of recognition share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from recognition.engine.types import ModelFileError
from recognition.services.errors import ServiceError
from recognition.services.thresholds import active_policy

Deleted = tuple[list[Any], dict[str, int], set[str], list[str]]
NO_SAVE = {"show_save": False, "show_save_and_continue": False, "show_save_and_add_another": False}


class Labelled(tuple[str, Any]):
    """A state and its name: in lists a label in the colour of the state, on the page of a row the name."""

    def __new__(cls, state: str, name: Any) -> Labelled:
        return super().__new__(cls, (state, name))

    def __str__(self) -> str:
        return str(self[1])


class SiteAdmin(ModelAdmin):  # type: ignore[misc]
    """A wish that a service refuses becomes a message on the same page, never an error page."""

    list_per_page = 50

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Postgres has no text with a null byte, so nothing can be found by it.
        if any("\x00" in value for values in request.GET.lists() for value in values[1]):
            return HttpResponseRedirect(request.path)
        title = {"title": capfirst(str(self.opts.verbose_name_plural))}
        return super().changelist_view(request, title | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ServiceError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def attempt(self, request: HttpRequest, wish: Callable[[], Any], success: str = "") -> bool:
        """Do it and say so, or say why not."""
        try:
            wish()
        except ServiceError as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        if success:
            self.message_user(request, success, messages.SUCCESS)
        return True

    def demand(self, allowed: bool) -> None:
        if not allowed:
            raise PermissionDenied

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        """A page of our own inside the admin's frame."""
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        frame = self.admin_site.each_context(request)
        return TemplateResponse(request, template, {**frame, "title": title, "model_admin": self, **context})

    def confirm(
        self,
        request: HttpRequest,
        *,
        title: str,
        button: str,
        back: str,
        points: Sequence[str] = (),
        danger: bool = False,
        hidden: Mapping[str, object] | None = None,
    ) -> TemplateResponse:
        """Ask before something is done. The page posts to its own address, and `hidden` with it."""
        context = {
            "button": button,
            "back": back,
            "points": points,
            "danger": danger,
            "hidden": hidden or {},
        }
        return self.page(request, "admin/recognition/confirm.html", title, **context)

    def own_path(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """An address below this model's, for staff only; the view checks the permission."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(view), name=full_name)


class ReadOnlyAdmin(SiteAdmin):
    """For what the site writes by itself: to be looked at only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ShippedAdmin(ReadOnlyAdmin):
    """For what comes with the site. On a new one nothing asked for it yet, and its list would look empty."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with suppress(ModelFileError):  # the system checks and `doctor` tell what is wrong with the files
            active_policy()
        return super().changelist_view(request, extra_context)


def number_of(text: str) -> int:
    """A primary key from an address; 0, which nobody has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
