"""The addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
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
