"""The addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog, set_language

urlpatterns = [
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("words.js", JavaScriptCatalog.as_view(packages=["recognition"]), name="javascript-catalog"),
    # Before allauth's, two of which it guards.
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("photos/", include("recognition.urls")),
    path("cameras/", include("recognition.cameras.urls")),
    path("kiosk/", include("recognition.kiosk.urls")),
    path("api/", include("recognition.api.urls")),
]
# Devices get JSON, people their page.
handler400 = "recognition.api.views.pages.bad_request"
