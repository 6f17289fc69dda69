"""What the views read. Everything that writes is in the services."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from recognition.models import Consent, Decision, Identity, Photo
from recognition.services.errors import NotFound
from recognition.services.identities import numbers_of


def people() -> QuerySet[Identity]:
    """With photo_count and ready_count, which are counted for the rows of the page only."""
    counted = Identity.objects.annotate(
        photo_count=_count(Q()), ready_count=_count(Q(state=Photo.State.READY))
    )
    consents = Consent.objects.select_related("text").defer("text__text")
    return counted.prefetch_related(Prefetch("consents", consents))


def _count(condition: Q) -> Coalesce:
    photos = Photo.objects.filter(condition, identity=OuterRef("pk")).order_by().values("identity")
    return Coalesce(Subquery(photos.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


def find_people(search: str | None = None, status: str | None = None) -> QuerySet[Identity]:
    found = people()
    if search:
        found = found.filter(Q(name__spelled=search) | Q(external_id__icontains=search))
    return found.filter(status=status) if status else found


def person(external_id: str) -> Identity:
    found = people().filter(external_id=external_id).first()
    if found is None:
        raise NotFound("unknown_person", f"There is no person with the ID {external_id!r}.")
    return found


def photo(pk: int) -> Photo:
    found = Photo.objects.select_related("identity").filter(pk=pk).first()
    if found is None:
        raise NotFound("unknown_photo", f"There is no photo with the number {pk}.")
    return found


def photos_of(identity: Identity, **same: str) -> QuerySet[Photo]:
    return Photo.objects.filter(identity=identity, **same).select_related("identity")


def find_events(
    *,
    identity: Identity | None = None,
    since: Any = None,
    until: Any = None,
    before: int | None = None,
    after: int | None = None,
    **same: str,
) -> QuerySet[Decision]:
    """Newest first, without what is large and not shown. ``same``: kind and outcome."""
    limits = {"created_at__gte": since, "created_at__lt": until, "pk__lt": before, "pk__gt": after}
    wanted = {name: value for name, value in limits.items() if value is not None} | same
    if identity is not None:
        wanted["identity__in"] = numbers_of(identity.pk)
    return (
        Decision.objects.filter(**wanted)
        .select_related("identity", "api_key", "camera")
        .defer("candidates", "quality", "liveness")
        .order_by("-id")
    )


def page_of(request: Request, rows: QuerySet[Any], page: int, page_size: int) -> dict[str, Any]:
    """One page with its neighbours' addresses; beyond the last page there are no results."""
    count = rows.count()
    start = (page - 1) * page_size
    here = request.build_absolute_uri()
    return {
        "count": count,
        "next": replace_query_param(here, "page", page + 1) if start + page_size < count else None,
        "previous": replace_query_param(here, "page", page - 1) if page > 1 else None,
        "results": rows[start : start + page_size] if start < count else [],
    }
