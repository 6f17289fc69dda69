"""Users in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from accounts.models import User


@pytest.fixture
def boss(client, db) -> User:
    user = User.objects.create_superuser("boss", password="a long enough secret")
    client.force_login(user)
    return user


def test_the_list_names_the_linked_person_in_a_fixed_number_of_queries(
    client, boss, enrol, django_assert_max_num_queries
):
    for number in (5, 6, 7):
        enrol(number)
    with django_assert_max_num_queries(12):
        page = client.get("/admin/accounts/user/").text
    assert "Fake Person 6 (F6)" in page


def test_a_user_is_added_with_a_password_that_works(client, boss):
    client.post(
        "/admin/accounts/user/add/",
        {
            "username": "ada",
            "usable_password": "true",
            "password1": "a long enough secret",
            "password2": "a long enough secret",
            "_save": "",
        },
    )
    client.logout()
    client.post("/accounts/login/", {"login": "ada", "password": "a long enough secret"})
    assert client.session["_auth_user_id"] == str(User.objects.get(username="ada").pk)


def test_the_page_of_a_user_shows_the_person_but_does_not_change_it(client, boss, enrol):
    identity = enrol(6)
    url = f"/admin/accounts/user/{identity.user_id}/change/"
    page = client.get(url)
    assert "Fake Person 6 (F6)" in page.text
    assert "identity" not in page.context["adminform"].form.fields


@pytest.mark.parametrize("path", ["auth/group/", "auth/group/add/", "account/emailaddress/"])
def test_groups_and_addresses_are_there(client, boss, path):
    Group.objects.create(name="clerks")
    assert client.get(f"/admin/{path}").status_code == 200
