"""The page on which people enrol by themselves, by a link from staff: they agree, take photos, and save them, once."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View
from django.views.decorators.cache import never_cache

from accounts.consent import THEMSELVES
from accounts.services import ALLAUTH
from recognition.engine.types import EngineError
from recognition.models import Invitation
from recognition.services import enrolment, identities
from recognition.services.errors import Invalid, NotFound, ServiceError
from recognition.services.wording import reason_text


class InvitedView(View):
    """Whatever does not count any more, for whatever reason, gets one answer."""

    invitation: Invitation

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.allowed(request):
            return self.too_many(request)
        try:
            self.invitation = enrolment.invitation_of(self.kwargs["invitation"])
            return super().dispatch(request, *args, **kwargs)
        except NotFound:
            return self.lost(request)

    def allowed(self, request: HttpRequest) -> bool:
        """Counted before the link is looked at."""
        raise NotImplementedError

    def too_many(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError

    def lost(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError


class EnrolView(InvitedView):
    """First the text and the question, then the camera. POST does what ``do`` says."""

    def allowed(self, request: HttpRequest) -> bool:
        return bool(ratelimit.consume(request, app=ALLAUTH, action="enrol_link", limit_get=True))

    def too_many(self, request: HttpRequest) -> HttpResponse:
        return render(request, "429.html", status=429)

    def lost(self, request: HttpRequest) -> HttpResponse:
        text = _("This link does not count any more. Ask whoever gave it to you for a new one.")
        return render(request, "accounts/consent_lost.html", {"text": text}, status=404)

    def get(self, request: HttpRequest, **__: Any) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest, **__: Any) -> HttpResponse:
        match request.POST.get("do"):
            case "agree":
                return self._agree(request)
            case "decline":
                return self._decline(request)
            case "save":
                return self._save(request)
        return self._page(request, [_("Choose what to do.")], status=400)

    def _agree(self, request: HttpRequest) -> HttpResponse:
        text = identities.consent_text()
        if request.POST.get("version") != str(text.version):
            return self._page(
                request, [_("The text was changed just now. Read the new one, please.")], status=400
            )
        if not request.POST.get("agreed"):
            return self._page(request, [_("Tick that you have read the text and agree.")], status=400)
        enrolment.agree(self.invitation, version=text.version, by=THEMSELVES)
        return HttpResponseRedirect(request.path)

    def _decline(self, request: HttpRequest) -> HttpResponse:
        enrolment.decline(self.invitation)
        # Whoever agreed a moment ago can withdraw at once.
        consent = identities.consent_of(self.invitation.identity) and self._consent_page()
        return render(request, "accounts/enrol_declined.html", {"consent": consent})

    def _consent_page(self) -> str:
        """Empty where the link does not reach as far as that."""
        if not enrolment.knows_all(self.invitation):
            return ""
        token = identities.consent_token(self.invitation.identity)
        return reverse("accounts:consent-link", args=[token])

    def _save(self, request: HttpRequest) -> HttpResponse:
        files = request.FILES.getlist("photos")
        if not files:
            return self._page(request, [_("Take or choose at least one photo.")], status=400)
        if len(files) > enrolment.MOST_PHOTOS:
            text = ngettext(
                "Hand in at most %(count)s photo.",
                "Hand in at most %(count)s photos.",
                enrolment.MOST_PHOTOS,
            )
            return self._page(request, [text % {"count": enrolment.MOST_PHOTOS}], status=400)
        uploads = enrolment.read_uploads(files)
        try:
            kept = enrolment.take_photos(self.invitation, uploads)
        except NotFound:
            raise
        except ServiceError as error:
            return self._page(request, [str(error)], status=400)
        problems = [str(refusal) for refusal in uploads.refused]
        if not kept:
            return self._page(request, problems, status=400)
        context = {
            "count": len(kept),
            "problems": problems,
            "consent": self._consent_page(),
        }
        return render(request, "accounts/enrol_done.html", context)

    def _page(
        self, request: HttpRequest, problems: list[str] | None = None, status: int = 200
    ) -> HttpResponse:
        agreed = enrolment.has_agreed(self.invitation)
        context = {
            "person": self.invitation.identity,
            "text": identities.consent_text(),
            "problems": problems or [],
            "zone": {
                "name": "photos",
                "id": "photos",
                "multiple": True,
                "max_files": enrolment.MOST_PHOTOS,
                "max_bytes": settings.MAX_UPLOAD_BYTES,
                "look": reverse("accounts:enrol-look", args=[self.kwargs["invitation"]]),
            },
        }
        template = "accounts/enrol_photos.html" if agreed else "accounts/enrol.html"
        return render(request, template, context, status=status)


class LookView(InvitedView):
    """What is seen in a frame of the camera of whoever has agreed. Nobody is looked for, nothing is kept."""

    http_method_names = ["post"]

    def allowed(self, request: HttpRequest) -> bool:
        link = hashlib.sha256(str(self.kwargs["invitation"]).encode(errors="replace")).hexdigest()
        return bool(ratelimit.consume(request, app=ALLAUTH, action="enrol_look", key=link))

    def too_many(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse({"message": _("Wait a minute, then try again.")}, status=429)

    def lost(self, request: HttpRequest) -> HttpResponse:
        text = _("This link does not count any more. Ask whoever gave it to you for a new one.")
        return JsonResponse({"message": text}, status=404)

    def post(self, request: HttpRequest, **__: Any) -> HttpResponse:
        if not enrolment.has_agreed(self.invitation):
            return JsonResponse({"message": _("Read the text and agree first, please.")}, status=403)
        frame = request.FILES.get("frame")
        try:
            if frame is None:
                raise Invalid("empty", reason_text("empty"))
            seen = enrolment.guide(frame.read())
        except (ServiceError, EngineError) as error:
            status = 400 if isinstance(error, Invalid) else 503
            return JsonResponse({"message": str(error)}, status=status)
        return JsonResponse(seen.as_answer())
