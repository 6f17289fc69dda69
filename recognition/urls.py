"""Addresses of enrolment photos, faces of visitors and kept pictures of probes."""

from __future__ import annotations

from django.urls import path

from recognition import views

app_name = "recognition"
urlpatterns = [
    path("<int:pk>/image", views.photo_image, name="photo-image"),
    path("<int:pk>/crop", views.photo_crop, name="photo-crop"),
    path("visitors/<int:appearance>/crop", views.appearance_crop, name="appearance-crop"),
    path("visitors/<int:appearance>/picture", views.appearance_picture, name="appearance-picture"),
    path("probes/<uuid:probe>", views.probe_picture, name="probe-picture"),
]
