"""A person's page in the admin from which they are invited to enrol by themselves."""

from __future__ import annotations

from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from recognition.admin.base import SiteAdmin, number_of
from recognition.admin.qr import qr_code
from recognition.models import Identity, Invitation
from recognition.services import enrolment
from recognition.services.wording import noted

PUBLIC_PAGE = "accounts:enrol"


class PersonInvitations(SiteAdmin):
    """Mixed into the admin of people."""

    def has_invite_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may take photos and record consent: the link lets the person do both."""
        return bool(
            request.user.has_perms(
                ["recognition.view_identity", "recognition.change_identity", "recognition.add_photo"]
            )
        )

    @action(description=_("Invite to enrol"), permissions=["invite"], icon="send_to_mobile")
    def invite(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What became of earlier links; make one (POST), revoke the open one (POST with revoke)."""
        identity = get_object_or_404(Identity, pk=number_of(object_id))
        if request.method != "POST":
            return self._invitations(request, identity)
        if "revoke" in request.POST:
            invitation = get_object_or_404(identity.invitations, pk=number_of(request.POST["revoke"]))
            said = gettext("The link does not count any more.")
            if self.attempt(request, lambda: enrolment.revoke_invitation(invitation), said):
                self.log_change(request, identity, noted("Revoked an invitation to enrol."))
            return HttpResponseRedirect(request.path)
        made: list[tuple[Invitation, str]] = []
        if not self.attempt(
            request, lambda: made.append(enrolment.invite(identity, user_id=request.user.pk))
        ):
            return HttpResponseRedirect(request.path)
        ((invitation, text),) = made
        link = request.build_absolute_uri(reverse(PUBLIC_PAGE, args=[text]))
        self.log_change(request, identity, noted("Made an invitation to enrol."))
        if "mail" in request.POST and identity.user is not None and identity.user.email:
            self._mail(request, identity, invitation, link)
        return self._invitations(request, identity, link=link)

    def _mail(self, request: HttpRequest, identity: Identity, invitation: Invitation, link: str) -> None:
        """A mail that cannot be sent is no reason to be without the link: it is shown in any case."""
        address = identity.user.email if identity.user else ""
        context = {"name": identity.name, "link": link, "days": enrolment.INVITATION_DAYS}
        try:
            get_adapter().send_mail("account/email/enrol", address, context)
        except (OSError, SMTPException):
            self.message_user(
                request, gettext("The mail could not be sent. Hand the link over."), messages.WARNING
            )
            return
        enrolment.note_mailed(invitation)
        said = gettext("A mail to %(address)s is on its way.") % {"address": address}
        self.message_user(request, said, messages.SUCCESS)

    def _invitations(self, request: HttpRequest, identity: Identity, link: str = "") -> HttpResponse:
        """The answer itself shows a new link, so that its text is kept nowhere."""
        answer = self.page(
            request,
            "admin/recognition/identity/invite.html",
            gettext("Invite %(name)s to enrol") % {"name": identity.name},
            person=identity,
            link=link,
            qr=qr_code(link) if link else "",
            days=enrolment.INVITATION_DAYS,
            address=identity.user.email if identity.user else "",
            may_be_invited=identity.status == Identity.Status.ACTIVE and not identity.withdrawn_at,
            rows=[(row, state_of(row)) for row in identity.invitations.select_related("created_by")],
            back=reverse("admin:recognition_identity_change", args=[identity.pk]),
        )
        answer["Cache-Control"] = "no-store"
        return answer


def state_of(invitation: Invitation) -> tuple[str, Any]:
    """What became of it, in words, and when."""
    states = (
        (invitation.used_at, gettext("photos were handed in")),
        (invitation.declined_at, gettext("declined")),
        (invitation.revoked_at, gettext("revoked")),
    )
    for moment, words in states:
        if moment:
            return words, moment
    if not invitation.is_open:
        return gettext("too old"), invitation.expires_at
    if invitation.agreed_at:
        return gettext("agreed, no photos yet"), invitation.agreed_at
    return gettext("open"), None
