"""People whom cameras confuse, such as twins: at sign-in a face alone opens neither of their accounts."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from recognition.admin.base import Labelled, SiteAdmin
from recognition.models import Lookalikes
from recognition.services import identities

WHY = {Lookalikes.Source.CORRECTION: "warning", Lookalikes.Source.STAFF: "info"}


def _has_more(user: Any) -> bool:
    factors = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return user.has_usable_password() or any(own.type in factors for own in user.authenticator_set.all())


class PersonSelect(AutocompleteSelect):
    """Says what to type."""

    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return super().build_attrs(base_attrs, extra_attrs) | {"data-placeholder": _("Name or ID")}


class PairForm(ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        """In the order in which pairs are kept, whichever was chosen first."""
        chosen: dict[str, Any] = super().clean() or {}
        if (one := chosen.get("first")) and (other := chosen.get("second")):
            if one.pk == other.pk:
                raise ValidationError(_("Choose two different people."))
            chosen["first"], chosen["second"] = sorted((one, other), key=lambda person: person.pk)
        return chosen


@admin.register(Lookalikes)
class LookalikesAdmin(SiteAdmin):
    list_display = ("__str__", "shown_source", "left_outside", "by", "created_at")
    list_select_related = ("first__user", "second__user", "by")
    search_fields = (
        "first__name__spelled",
        "second__name__spelled",
        "first__external_id",
        "second__external_id",
    )
    search_help_text = _("Person or ID")
    form = PairForm
    fields = ("first", "second")
    autocomplete_fields = ("first", "second")

    @display(description=_("why"), ordering="source", label=WHY)
    def shown_source(self, pair: Lookalikes) -> Labelled:
        return Labelled(pair.source, pair.get_source_display())

    @display(description=_("neither password nor second factor"), empty_value="–")
    def left_outside(self, pair: Lookalikes) -> str | None:
        """Whom the face alone signs in no more, and who has nothing else to sign in with."""
        people = (pair.first, pair.second)
        return ", ".join(one.name for one in people if one.user and not _has_more(one.user)) or None

    class Media:
        js = ("admin_recognition/names.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lookalikes]:
        factors = ("first__user__authenticator_set", "second__user__authenticator_set")
        found: QuerySet[Lookalikes] = super().get_queryset(request).prefetch_related(*factors)
        return found

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = PersonSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Lookalikes, form: ModelForm[Any], change: bool) -> None:
        saved = identities.add_lookalikes(obj.first, obj.second, by_id=request.user.pk)
        obj.pk, obj.first, obj.second = saved.pk, saved.first, saved.second

    def delete_model(self, request: HttpRequest, obj: Lookalikes) -> None:
        identities.remove_lookalikes(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for pair in queryset:
            identities.remove_lookalikes(pair)
