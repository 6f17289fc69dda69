"""People whom cameras confuse, such as twins, as staff know them. Sign-in by face asks them for more than a face."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from recognition.models import Identity, Lookalikes
from recognition.services.errors import Invalid
from recognition.services.identities.merging import numbers_of, stand_for


def add_lookalikes(
    one: Identity,
    other: Identity,
    *,
    by_id: int | None = None,
    source: Lookalikes.Source = Lookalikes.Source.STAFF,
) -> Lookalikes:
    """Note that these two are confused; once is enough. Raises Invalid for one and the same person."""
    if one.pk == other.pk:
        raise Invalid("same_person", gettext("Choose two different people."))
    first, second = sorted((one, other), key=lambda identity: identity.pk)
    with transaction.atomic():
        pair, _ = Lookalikes.objects.get_or_create(
            first=first, second=second, defaults={"source": source, "by_id": by_id}
        )
    return pair


def remove_lookalikes(pair: Lookalikes) -> None:
    pair.delete()


def lookalikes_of(identity: Identity) -> list[Identity]:
    """The others with whom this person is confused, also under the names of those who were merged."""
    if not Lookalikes.objects.exists():  # as on most sites
        return []
    own = numbers_of(identity.pk)
    rows = Lookalikes.objects.filter(Q(first__in=own) | Q(second__in=own)).values_list("first", "second")
    others = {number for pair in rows for number in pair} - set(own)
    return stand_for(others)
