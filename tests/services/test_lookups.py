"""Names are found as people type them."""

from __future__ import annotations

import pytest

from recognition.models import Identity
from recognition.services.identities import people

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Nguyễn Văn Đức", "nguyen van duc"),
        ("Nguyễn Văn Đức", "NGUYỄN"),
        ("Nguyen", "nguyễn"),
        ("Søren Åström", "astrom"),
        ("100% sure_thing", "0% s"),
        ("O'Brien", "o'b"),
        ("Ann", "Ann"),
    ],
)
def test_found(name: str, typed: str) -> None:
    people.create_identity(name=name)
    assert Identity.objects.filter(name__spelled=typed).count() == 1


@pytest.mark.parametrize("typed", ["nguyen_", "%", "anh", "'; --"])
def test_not_found(typed: str) -> None:
    people.create_identity(name="Nguyễn Văn Đức")
    assert not Identity.objects.filter(name__spelled=typed).exists()


def test_through_another_table() -> None:
    assert not Identity.objects.filter(photos__identity__name__spelled="x").exists()
