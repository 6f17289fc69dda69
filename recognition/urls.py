"""Addresses of enrolment photos."""

from __future__ import annotations

from django.urls import path

from recognition import views

app_name = "recognition"
urlpatterns = [
    path("<int:pk>/image", views.photo_image, name="photo-image"),
    path("<int:pk>/crop", views.photo_crop, name="photo-crop"),
]
