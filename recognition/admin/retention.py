"""How long what is kept, and what was removed when. The rules come from settings, so here they are only shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from recognition.admin.base import ReadOnlyAdmin
from recognition.models import RetentionRun
from recognition.services import retention


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    list_display = ("ended_at", "shown_removed")
    list_display_links = None
    list_before_template = "admin/recognition/retention.html"

    @display(description=_("removed"))
    def shown_removed(self, run: RetentionRun) -> str:
        titles = {rule.kind: rule.title for rule in retention.rules()}
        gone = [f"{titles.get(kind, kind)}: {count}" for kind, count in run.removed.items()]
        return "; ".join(gone) or _("nothing was too old")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        shown = [(rule, rule.count(), rule.count_due()) for rule in retention.rules()]
        return super().changelist_view(request, {**(extra_context or {}), "rules": shown})
