"""The administrator and the demo people of a new site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model

from identity_site import first_run
from recognition.models import Identity

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


class TestAdmin:
    def test_made_once_with_the_password_that_is_told(self) -> None:
        password = first_run.make_admin()
        assert password is not None
        user = authenticate(username="admin", password=password)
        assert user is not None
        assert user.is_superuser
        assert first_run.make_admin() is None

    def test_not_beside_another_superuser(self) -> None:
        get_user_model().objects.create_superuser("boss", password="x")
        assert first_run.make_admin() is None
        assert not get_user_model().objects.filter(username="admin").exists()

    def test_never_of_somebody_who_has_the_name(self) -> None:
        get_user_model().objects.create_user("admin", password="x")
        assert first_run.make_admin() is None
        assert not get_user_model().objects.get(username="admin").is_superuser


class TestDemo:
    def test_wanted_by_an_empty_site_once(self) -> None:
        assert first_run.wants_demo()
        first_run.demo_enrolled()
        assert not first_run.wants_demo()
        assert first_run.has_demo()

    def test_not_wanted_where_people_are(self) -> None:
        Identity.objects.create(name="Ada")
        assert not first_run.wants_demo()

    def test_the_picture_that_is_named_is_there(self) -> None:
        assert (first_run.DEMO.parent.parent / first_run.PROBE).is_file()

    def test_its_owner_gets_an_account(self) -> None:
        owner = Identity.objects.create(name="Demo Person", external_id=Path(first_run.PROBE).stem)
        first_run.demo_enrolled()
        owner.refresh_from_db()
        assert owner.user is not None
