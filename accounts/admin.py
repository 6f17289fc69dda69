"""Users and groups in the admin. Signing in there goes through allauth, so its rate limits hold as well."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddressAdmin as BaseEmailAddressAdmin
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import invitations
from accounts.forms import AccountForm
from accounts.models import SignInRule, User
from recognition.models import Identity
from recognition.services.errors import ServiceError
from recognition.services.wording import noted

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister([Group, EmailAddress, Authenticator])


RIGHTS = {
    "add": _("Can add %(what)s"),
    "change": _("Can change %(what)s"),
    "delete": _("Can delete %(what)s"),
    "view": _("Can view %(what)s"),
}


def _permission(permission: Permission) -> str:
    """As Django says it, in the language of whoever reads it: its own names of permissions lie in the database."""
    model = permission.content_type.model_class()
    right = RIGHTS.get(permission.codename.partition("_")[0])
    if model is None or right is None:
        return str(permission)
    return f"{permission.content_type} | {right % {'what': model._meta.verbose_name}}"


class Checklists:
    """Groups and permissions as boxes to tick: two lists side by side fit no telephone and no screen reader."""

    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        field = super().formfield_for_manytomany(  # type: ignore[misc]
            db_field, request, **kwargs
        )
        if field is not None and db_field.related_model is Permission:
            field.label_from_instance = _permission
        return field


@admin.register(User)
class UserAdmin(Checklists, BaseUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "person", "is_staff", "is_active")
    list_select_related = ("identity",)
    readonly_fields = ("person", "last_login", "date_joined")
    fieldsets = (
        *(BaseUserAdmin.fieldsets or ()),
        (_("Face"), {"fields": ("person",), "description": _("Set on the person's page.")}),
    )

    def get_urls(self) -> list[Any]:
        route = path(
            "for/<int:person>/", self.admin_site.admin_view(self.for_person), name="accounts_user_for_person"
        )
        return [route, *super().get_urls()]

    def for_person(self, request: HttpRequest, person: int) -> HttpResponse:
        """An account for somebody who is enrolled, in one step."""
        if not request.user.has_perms(["accounts.add_user", "recognition.change_identity"]):
            raise PermissionDenied
        identity = get_object_or_404(Identity.objects.filter(user=None), pk=person)
        back = reverse("admin:recognition_identity_change", args=[identity.pk])
        form = AccountForm(
            request.POST if request.method == "POST" else None,
            initial={"username": invitations.free_username(identity.name)},
        )
        made = None
        if request.method == "POST" and form.is_valid():
            try:
                made = invitations.make_account(request, identity, **form.cleaned_data)
            except ServiceError as error:
                form.add_error(None, str(error))
        if made is not None:
            user, link, sent = made
            self.log_addition(request, user, noted("Made the account of %(person)s.", person=identity))
            if sent:
                said = _("%(user)s has an account. A mail with a link to a password is on its way.") % {
                    "user": user.get_username()
                }
                self.message_user(request, said, messages.SUCCESS)
                return HttpResponseRedirect(back)
            return self._page(
                request,
                _("The account of %(name)s") % {"name": identity.name},
                link=link,
                user_name=user.get_username(),
                back=back,
            )
        return self._page(
            request,
            _("An account for %(name)s") % {"name": identity.name},
            form=form,
            person=identity,
            back=back,
        )

    def _page(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        frame = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, "admin/accounts/user/for_person.html", frame | context)

    @admin.display(description=_("person"))
    def person(self, user: User) -> str:
        return str(getattr(user, "identity", None) or "–")


class SignInRuleInline(StackedInline):  # type: ignore[misc]
    model = SignInRule
    extra = 0


@admin.register(Group)
class GroupAdmin(Checklists, BaseGroupAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    list_display = ("name", "face")
    list_select_related = ("sign_in_rule",)
    inlines = (SignInRuleInline,)

    @admin.display(description=_("sign-in by face"))
    def face(self, group: Group) -> str:
        rule: SignInRule | None = getattr(group, "sign_in_rule", None)
        return rule.get_face_display() if rule else str(_("as the site says"))


@admin.register(EmailAddress)
class EmailAddressAdmin(BaseEmailAddressAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(Authenticator)
class AuthenticatorAdmin(ModelAdmin):  # type: ignore[misc]
    """To be removed for somebody who has lost theirs. Secrets are not shown, nothing is made here."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username",)
    fields = (("user", "type"), ("created_at", "last_used_at"))

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False
