"""Receipts of erasures: looked at, downloaded, and checked against what is here now."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from recognition.admin.base import NO_SAVE, ReadOnlyAdmin, number_of
from recognition.models import Erasure
from recognition.services import identities
from recognition.services.errors import ServiceError
from recognition.services.wording import kind_text


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "created_at", "by", "shown_counts")
    search_fields = ("=person",)
    search_help_text = _("Number that the person had")
    fields = (("person", "created_at", "by"), "shown_counts", "shown_receipt")
    readonly_fields = ("shown_counts", "shown_receipt")
    actions_detail = ("check_again", "download")

    @display(description=_("erased with the person"))
    def shown_counts(self, erasure: Erasure) -> str:
        counts = erasure.receipt.get("counts", {})
        return ", ".join(f"{kind_text(kind)}: {count}" for kind, count in counts.items() if count) or _(
            "nothing else"
        )

    @display(description=_("receipt"))
    def shown_receipt(self, erasure: Erasure) -> str:
        text = '<pre class="id-pre" tabindex="0" role="group" aria-label="{}">{}</pre>'
        return format_html(text, _("Receipt"), json.dumps(erasure.receipt, indent=1))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **NO_SAVE}
        )
        return response

    @action(description=_("Check now"), permissions=["view"], icon="verified")
    def check_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Is the signature ours, and is anything of the person here?"""
        erasure = get_object_or_404(Erasure, pk=number_of(object_id))
        try:
            traces = identities.traces_of(identities.check_signature(erasure.receipt))
        except ServiceError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            for trace in traces:
                level = messages.WARNING if trace.note else messages.ERROR
                note = f" ({trace.note})" if trace.note else ""
                self.message_user(
                    request,
                    _("Still here: %(count)s × %(kind)s%(note)s.")
                    % {"count": trace.count, "kind": kind_text(trace.kind), "note": note},
                    level,
                )
            if not traces:
                self.message_user(
                    request, _("The receipt is genuine, and nothing is left."), messages.SUCCESS
                )
        return HttpResponseRedirect(reverse("admin:recognition_erasure_change", args=[erasure.pk]))

    @action(description=_("Download"), permissions=["view"], icon="download")
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        erasure = get_object_or_404(Erasure, pk=number_of(object_id))
        answer = HttpResponse(json.dumps(erasure.receipt, indent=1), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="erasure-{erasure.person}.json"'
        answer["Cache-Control"] = "no-store"
        return answer
