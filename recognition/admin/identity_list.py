"""The list of people: columns without a query per row, and filters."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from recognition.models import Consent, Decision, Identity, Photo

LOOKUPS = list[tuple[str, str]]


def with_columns(people: QuerySet[Identity], *, faces: bool = True) -> QuerySet[Identity]:
    """Adds ready, waiting, rejected (numbers of photos), face (a photo with a crop) and last_recognised."""
    mine = Photo.objects.filter(identity=OuterRef("pk")).order_by()
    seen = Decision.objects.filter(identity=OuterRef("pk"), outcome=Decision.Outcome.MATCH).order_by("-id")
    return people.annotate(
        ready=_count(mine.filter(state=Photo.State.READY)),
        waiting=_count(mine.filter(state__in=[Photo.State.WAITING, Photo.State.PROCESSING])),
        rejected=_count(mine.filter(state=Photo.State.REJECTED)),
        face=face_of() if faces else Value(None, IntegerField()),
        last_recognised=Subquery(seen.values("created_at")[:1]),
    )


def face_of(owner: str = "pk") -> Subquery:
    """The photo whose crop stands for the person: one that is ready, else any that has a crop."""
    photos = Photo.objects.filter(identity=OuterRef(owner)).exclude(crop="")
    ready_first = Case(When(state=Photo.State.READY, then=0), default=1)
    return Subquery(photos.order_by(ready_first, "id").values("pk")[:1])


def _count(photos: QuerySet[Photo]) -> Coalesce:
    counted = photos.values("identity").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0, output_field=IntegerField())


class PhotosFilter(SimpleListFilter):
    title = _("photos")
    parameter_name = "photos"

    def lookups(self, request: HttpRequest, model_admin: Any) -> LOOKUPS:
        return [
            ("none", _("No photo ready")),
            ("waiting", _("Some waiting")),
            ("rejected", _("Some rejected")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Identity]) -> QuerySet[Identity]:
        mine = Photo.objects.filter(identity=OuterRef("pk"))
        match self.value():
            case "none":
                return queryset.filter(~Exists(mine.filter(state=Photo.State.READY)))
            case "waiting":
                return queryset.filter(
                    Exists(mine.filter(state__in=[Photo.State.WAITING, Photo.State.PROCESSING]))
                )
            case "rejected":
                return queryset.filter(Exists(mine.filter(state=Photo.State.REJECTED)))
        return queryset


class ConsentFilter(SimpleListFilter):
    title = _("consent")
    parameter_name = "consent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> LOOKUPS:
        return [("given", _("Given")), ("none", _("None on record")), ("withdrawn", _("Withdrawn"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Identity]) -> QuerySet[Identity]:
        given = Exists(Consent.objects.filter(identity=OuterRef("pk"), withdrawn_at=None))
        match self.value():
            case "given":
                return queryset.filter(given)
            case "none":
                return queryset.filter(~given, withdrawn_at=None)
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
        return queryset


class AccountFilter(SimpleListFilter):
    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> LOOKUPS:
        return [("yes", _("With an account")), ("no", _("Without"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Identity]) -> QuerySet[Identity]:
        match self.value():
            case "yes":
                return queryset.filter(user__isnull=False)
            case "no":
                return queryset.filter(user__isnull=True)
        return queryset
