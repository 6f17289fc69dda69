"""Users and groups in the admin. Signing in there goes through allauth, so its rate limits hold as well."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddressAdmin as BaseEmailAddressAdmin
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.models import SignInRule, User

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister([Group, EmailAddress, Authenticator])


class Checklists:
    """Groups and permissions as boxes to tick: two lists side by side fit no telephone and no screen reader."""

    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        return super().formfield_for_manytomany(  # type: ignore[misc]
            db_field, request, **kwargs
        )


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
        ("Face", {"fields": ("person",), "description": "Set on the person's page."}),
    )

    @admin.display(description="person")
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

    @admin.display(description="sign-in by face")
    def face(self, group: Group) -> str:
        rule: SignInRule | None = getattr(group, "sign_in_rule", None)
        return rule.get_face_display() if rule else "as the site says"


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
