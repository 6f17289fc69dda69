"""The pages of the people who sign in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.mixins import NextRedirectMixin, RedirectAuthenticatedUserMixin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from accounts import policies, services
from accounts.decorators import face_login_required_on
from accounts.forms import FaceLoginForm, FramesForm
from recognition.models import Photo
from recognition.services import identities, liveness
from recognition.services.recognition import recent_sign_ins
from recognition.services.wording import reason_text

# Where the sentence of `REASONS` speaks to those who enrol.
OWN_PHOTO = {
    "several_faces": _("There are several people in it. An administrator has to say which one is you."),
    "duplicate": _("It is the same as another photo of yours."),
    "failed": _("It could not be looked at. An administrator can add it again."),
}


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html")


@method_decorator([face_login_required_on, never_cache], name="dispatch")
class FaceLoginView(RedirectAuthenticatedUserMixin, NextRedirectMixin, FormView):  # type: ignore[misc]
    """Takes one picture. The camera script asks for JSON; the plain form gets a page or a redirect."""

    form_class = FaceLoginForm
    template_name = "accounts/face_login.html"
    status = 200
    wait = 0
    extra_context = {"challenged": lambda: liveness.of_sign_in() == "challenge"}

    def form_valid(self, form: FaceLoginForm) -> HttpResponse:
        try:
            response = services.sign_in_by_face(
                self.request, form.picture(), token=form.cleaned_data["token"]
            )
        except services.FaceRefused as refusal:
            self.status, self.wait = refusal.status, refusal.wait
            form.refuse(refusal.code, str(refusal))
            return self.form_invalid(form)
        if get_adapter().is_ajax(self.request) and "Location" in response:
            return JsonResponse({"location": response["Location"]})
        return response

    def form_invalid(self, form: FaceLoginForm) -> HttpResponse:
        status = self.status if self.status != 200 else 400
        response: HttpResponse
        if get_adapter().is_ajax(self.request):
            code, message = form.first_error
            response = JsonResponse({"code": code, "message": message}, status=status)
        else:
            response = self.render_to_response(self.get_context_data(form=form), status=status)
        if self.wait:
            response["Retry-After"] = str(self.wait)
        return response


@require_POST
@face_login_required_on
@never_cache
def start_challenge(request: HttpRequest) -> HttpResponse:
    """A liveness challenge for the camera of the face login page."""
    try:
        return JsonResponse(services.start_challenge(request), status=201)
    except services.FaceRefused as refusal:
        return _refused(refusal)


@require_POST
@face_login_required_on
@never_cache
def add_frames(request: HttpRequest, challenge: UUID) -> HttpResponse:
    """The next frames of it; the answer says what to tell the person."""
    form = FramesForm(request.POST, request.FILES)
    if not form.is_valid():
        return JsonResponse(
            {"code": "invalid", "message": str(_("These frames cannot be read."))}, status=400
        )
    try:
        sent = form.cleaned_data
        answer = services.add_frames(request, challenge, sent["nonce"], sent["frames"])
    except services.FaceRefused as refusal:
        return _refused(refusal)
    return JsonResponse(answer)


def _refused(refusal: services.FaceRefused) -> HttpResponse:
    response = JsonResponse({"code": refusal.code, "message": str(refusal)}, status=refusal.status)
    if refusal.wait:
        response["Retry-After"] = str(refusal.wait)
    return response


@never_cache
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """One's own account: how one signed in, and what is enrolled of oneself."""
    user = request.user
    identity = getattr(user, "identity", None)
    context: dict[str, Any] = {
        "how": services.signed_in_how(get_authentication_records(request, user)),
        "face_opens": policies.face_opens(user).value,
        "second_factor": policies.has_second_factor(user),
        "identity": identity,
        "consent": identities.consent_of(identity) if identity else None,
        "erase_on": identities.erase_on(identity) if identity else None,
        "photos": [{"photo": photo, "advice": advice(photo)} for photo in identity.photos.all()]
        if identity
        else [],
        "sign_ins": recent_sign_ins(user_id=user.pk),
    }
    return render(request, "accounts/profile.html", context)


def advice(photo: Photo) -> str:
    """Why a photo of one's own is not used. What staff have to do about it is not said to oneself."""
    return str(OWN_PHOTO.get(photo.reason) or reason_text(photo.reason, otherwise=""))
