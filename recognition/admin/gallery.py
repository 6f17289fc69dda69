"""Index builds: read-only, with a button to rebuild the index."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from recognition.admin.base import ReadOnlyAdmin
from recognition.models import GalleryBuild
from recognition.services import queue
from recognition.services.wording import decimal


@admin.register(GalleryBuild)
class GalleryBuildAdmin(ReadOnlyAdmin):
    list_display = (
        "__str__",
        "created_at",
        "identities",
        "vectors",
        "shown_seconds",
        "change_number",
        "model_version",
    )
    list_select_related = ("model_version",)
    fields = (
        "created_at",
        "model_version",
        "identities",
        "vectors",
        "shown_seconds",
        "change_number",
        "file",
    )
    readonly_fields = ("shown_seconds",)
    actions_list = ("rebuild",)

    def has_rebuild_permission(self, request: HttpRequest) -> bool:
        """Django's right to add a build. (The theme would look a right's name up in a database not yet migrated.)"""
        return bool(request.user.has_perm("recognition.add_gallerybuild"))

    @display(description=_("took"), ordering="seconds")
    def shown_seconds(self, build: GalleryBuild) -> str:
        return f"{decimal(build.seconds, 2)} s"

    @action(description=_("Rebuild now"), permissions=["rebuild"], icon="refresh")
    def rebuild(self, request: HttpRequest) -> HttpResponse:
        back = reverse("admin:recognition_gallerybuild_changelist")
        if request.method == "POST":
            queue.enqueue(queue.REBUILD_INDEX)
            self.message_user(
                request,
                _("A worker was asked to rebuild the index. Reload this page in a moment."),
                messages.SUCCESS,
            )
            return HttpResponseRedirect(back)
        return self.confirm(
            request,
            title=_("Rebuild the index?"),
            button=_("Rebuild now"),
            back=back,
            points=[
                _("A worker reads all vectors from the database and writes a new index file."),
                _(
                    "Recognition goes on meanwhile. Changes count at once even without a new file, "
                    "so this is needed only when the file is suspected to be wrong."
                ),
            ],
        )
