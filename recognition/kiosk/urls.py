"""Addresses of the tablet, below ``/kiosk/``."""

from __future__ import annotations

from django.urls import path

from recognition.kiosk import shell, views

app_name = "kiosk"
urlpatterns = [
    path("", shell.app, name="app"),
    path("worker.js", shell.worker, name="worker"),
    path("manifest.webmanifest", shell.manifest, name="manifest"),
    path("pair", views.PairView.as_view(), name="pair"),
    path("status", views.StatusView.as_view(), name="status"),
    path("liveness/", views.ChallengeView.as_view(), name="liveness"),
    path("liveness/<uuid:challenge_id>/", views.ChallengeFramesView.as_view(), name="liveness-frames"),
    path("read", views.ReadView.as_view(), name="read"),
]
