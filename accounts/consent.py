"""The pages on which people read the consent text, agree, and withdraw: with their account, or by a link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from recognition.models import Consent, Identity
from recognition.services import identities
from recognition.services.errors import NotFound, ServiceError

THEMSELVES = "the person"


class ConsentView(View):
    """GET shows the page, with ?withdraw a question first; POST does what ``do`` says."""

    def whose(self) -> Identity:
        raise NotImplementedError

    def get(self, request: HttpRequest, **__: Any) -> HttpResponse:
        return self._page(request, self.whose())

    def post(self, request: HttpRequest, **__: Any) -> HttpResponse:
        identity = self.whose()
        match request.POST.get("do"):
            case "give":
                problem = self._give(request, identity)
                if problem:
                    return self._page(request, identity, problem, status=400)
            case "withdraw":
                identities.withdraw_consent(identity, by=THEMSELVES)
                messages.success(request, _("Your consent is withdrawn. You are not recognised any more."))
            case _:
                return self._page(request, identity, _("Choose what to do."), status=400)
        return HttpResponseRedirect(request.path)

    def _give(self, request: HttpRequest, identity: Identity) -> str:
        """What is wrong, or nothing when it is on record."""
        text = identities.consent_text()
        if request.POST.get("version") != str(text.version):
            return _("The text was changed just now. Read the new one, please.")
        if not request.POST.get("agreed"):
            return _("Tick that you have read the text and agree.")
        try:
            identities.give_consent(identity, way=Consent.Way.SELF, by=THEMSELVES, version=text.version)
        except ServiceError as error:
            return str(error)
        messages.success(request, _("Thank you. Your consent is on record."))
        return ""

    def _page(
        self, request: HttpRequest, identity: Identity, problem: str = "", status: int = 200
    ) -> HttpResponse:
        consent = identities.consent_of(identity)
        text = identities.consent_text()
        context = {
            "person": identity,
            "consent": consent,
            "text": text,
            "outdated": consent is not None and consent.text != text,
            "erase_on": identities.erase_on(identity),
            "when_erased": identities.when_erased(),
            "problem": problem,
            "asks": "withdraw" in request.GET and not identity.withdrawn_at,
        }
        return render(request, "accounts/consent.html", context, status=status)


@method_decorator(never_cache, name="dispatch")
class OwnConsentView(LoginRequiredMixin, ConsentView):
    def whose(self) -> Identity:
        identity: Identity | None = getattr(self.request.user, "identity", None)
        if identity is None:
            raise Http404("Nobody is linked with this account.")
        return identity


@method_decorator(never_cache, name="dispatch")
class LinkedConsentView(ConsentView):
    """For whoever has the link that staff handed out; it needs no account."""

    def whose(self) -> Identity:
        try:
            return identities.identity_of_token(self.kwargs["token"])
        except NotFound:
            raise Http404 from None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Http404:
            text = _("This link does not count any more. Ask whoever gave it to you for a new one.")
            return render(request, "accounts/consent_lost.html", {"text": text}, status=404)
