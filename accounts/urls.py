"""Home, face login, the account page, and guards in front of two of allauth's pages."""

from __future__ import annotations

from allauth.account import views as allauth_views
from django.urls import include, path

from accounts import consent, copy, enrol, stages, views
from accounts.decorators import more_than_a_face

own = [
    path("face/", views.FaceLoginView.as_view(), name="face-login"),
    path("face/challenge/", views.start_challenge, name="face-challenge"),
    path("face/challenge/<uuid:challenge>/", views.add_frames, name="face-frames"),
    path("face/password/", stages.after_face, name="after-face"),
    path("face/alike/", stages.lookalike, name="lookalike"),
    path("profile/", views.profile, name="profile"),
    path("consent/", consent.OwnConsentView.as_view(), name="consent"),
    path("consent/<str:token>/", consent.LinkedConsentView.as_view(), name="consent-link"),
    path("enrol/<str:invitation>/", enrol.EnrolView.as_view(), name="enrol"),
    path("enrol/<str:invitation>/look/", enrol.LookView.as_view(), name="enrol-look"),
    path("copy/", copy.copy, name="copy"),
    # The same addresses as allauth's, found first.
    path("email/", more_than_a_face(allauth_views.email), name="email"),
    path("password/set/", more_than_a_face(allauth_views.password_set), name="set-password"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include((own, "accounts"))),
]
