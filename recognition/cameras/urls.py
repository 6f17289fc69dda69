"""Addresses of cameras, below ``/cameras/``."""

from __future__ import annotations

from django.urls import path

from recognition.cameras import views

app_name = "cameras"
urlpatterns = [
    path("<slug:name>/", views.page, name="page"),
    path("<slug:name>/stream", views.stream, name="stream"),
    path("<slug:name>/state", views.state, name="state"),
]
