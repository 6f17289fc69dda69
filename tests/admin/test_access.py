"""Who may open which page, and who may do what: every address of ours in one table."""

from __future__ import annotations

import pytest

from recognition.models import ApiKey, Decision, Identity, Photo
from recognition.services import keys
from recognition.services.gallery import index
from recognition.services.recognition import recognise
from tests.admin.conftest import person
from tests.digests import without_digests
from tests.fakes import person_jpeg

PAGES = [
    "/admin/",
    "/admin/recognition/identity/",
    "/admin/recognition/identity/{person}/change/",
    "/admin/recognition/photo/",
    "/admin/recognition/decision/",
    "/admin/recognition/decision/{decision}/change/",
    "/admin/recognition/decision/recognise/",
    "/admin/recognition/apikey/",
    "/admin/recognition/apikey/{key}/change/",
    "/admin/recognition/gallerybuild/",
    "/admin/recognition/gallerybuild/{build}/change/",
    "/admin/recognition/thresholdpolicy/",
    "/admin/recognition/thresholdpolicy/{policy}/change/",
    "/admin/recognition/modelversion/",
    "/admin/recognition/modelversion/{version}/change/",
]
# Address and the right without which staff are turned away.
DEEDS = [
    ("/admin/recognition/identity/add/", "add_identity"),
    ("/admin/recognition/identity/{person}/delete/", "delete_identity"),
    ("/admin/recognition/identity/{person}/suspend/", "change_identity"),
    ("/admin/recognition/identity/{person}/resume/", "change_identity"),
    ("/admin/recognition/identity/{person}/merge/?into={other}", "delete_identity"),
    ("/admin/recognition/identity/{person}/merge/?into={other}", "change_identity"),
    ("/admin/recognition/identity/{person}/photos/", "add_photo"),
    ("/admin/recognition/photo/{photo}/choose/", "change_photo"),
    ("/admin/recognition/photo/{photo}/accept/", "change_photo"),
    ("/admin/recognition/photo/{photo}/remove/", "delete_photo"),
    ("/admin/recognition/photo/{photo}/delete/", "delete_photo"),
    ("/admin/recognition/apikey/add/", "add_apikey"),
    ("/admin/recognition/apikey/{key}/revoke/", "change_apikey"),
    ("/admin/recognition/gallerybuild/rebuild/", "add_gallerybuild"),
]
ALL_RIGHTS = [
    f"{verb}_{model}"
    for verb in ("view", "add", "change", "delete")
    for model in ("identity", "photo", "apikey", "gallerybuild")
]


@pytest.fixture
def numbers(ann) -> dict[str, int]:
    other = person("Ben", 5)
    key, _ = keys.issue_key(name="Door", scopes=["identify"])
    recognise.identify(person_jpeg(3, variant=2))
    decision = Decision.objects.get()
    return {
        "person": ann.pk,
        "other": other.pk,
        "photo": ann.photos.get().pk,
        "key": key.pk,
        "decision": decision.pk,
        "build": index.rebuild_index().pk,
        "policy": decision.policy_id,
        "version": decision.model_version_id,
    }


def state() -> tuple[object, ...]:
    return (
        list(Identity.objects.order_by("pk").values_list("pk", "name", "status")),
        list(Photo.objects.order_by("pk").values_list("pk", "state", "chosen_face")),
        list(ApiKey.objects.values_list("pk", "revoked_at")),
    )


@pytest.mark.parametrize("page", PAGES)
def test_owner_and_colleague_see_it_and_others_do_not(page, numbers, owner, colleague, outsider, client):
    url = page.format(**numbers)
    assert owner.get(url).status_code == 200
    assert colleague.get(url).status_code == 200
    for stranger in (outsider, client):
        response = stranger.get(url)
        assert response.status_code in (302, 403)
        assert "Ann" not in without_digests(response.text)


def test_staff_without_any_right_see_none_of_it(numbers, staff):
    clerk = staff()
    assert {page: clerk.get(page.format(**numbers)).status_code for page in PAGES[1:]} == dict.fromkeys(
        PAGES[1:], 403
    )


@pytest.mark.parametrize("page", sorted({page for page, _ in DEEDS}))
def test_whoever_may_only_look_changes_nothing(page, numbers, colleague, outsider, client):
    before = state()
    url = page.format(**numbers)
    for ask in (colleague.get, colleague.post):
        assert ask(url, {"post": "yes", "face": "0"}).status_code == 403
    for ask in (outsider.get, outsider.post, client.get, client.post):
        assert ask(url).status_code in (302, 403)
    assert state() == before


@pytest.mark.parametrize(("page", "right"), DEEDS)
def test_all_other_rights_are_not_enough(page, right, numbers, staff):
    before = state()
    others = [name for name in ALL_RIGHTS if name != right]
    assert staff(*others).post(page.format(**numbers), {"post": "yes", "face": "0"}).status_code == 403
    assert state() == before


@pytest.mark.parametrize(
    "page",
    [
        "/admin/recognition/identity/{n}/photos/",
        "/admin/recognition/identity/{n}/photos/state/",
        "/admin/recognition/identity/{n}/suspend/",
        "/admin/recognition/identity/{n}/merge/",
        "/admin/recognition/identity/{person}/merge/?into={n}",
        "/admin/recognition/photo/{n}/choose/",
        "/admin/recognition/photo/{n}/accept/",
        "/admin/recognition/photo/{n}/remove/",
        "/admin/recognition/apikey/{n}/revoke/",
    ],
)
def test_unknown_numbers_are_not_found(page, numbers, owner):
    for number in ("0", "987654", "99999999999999999999999"):
        url = page.format(**numbers | {"n": number})
        statuses = {owner.get(url).status_code, owner.post(url).status_code}
        assert statuses <= {404, 405}
        assert 404 in statuses


@pytest.mark.parametrize("model", ["identity", "photo", "apikey", "decision", "gallerybuild"])
def test_unknown_rows_lead_back_to_the_overview(model, numbers, owner):
    for number in ("0", "987654", "99999999999999999999999", "x", "%00", "_", "1_3B"):
        response = owner.get(f"/admin/recognition/{model}/{number}/change/")
        assert (response.status_code, response["Location"]) == (302, "/admin/"), number


@pytest.mark.parametrize(
    "page",
    [
        "/admin/recognition/identity/{person}/suspend/",
        "/admin/recognition/identity/{person}/photos/",
        "/admin/recognition/photo/{photo}/remove/",
        "/admin/recognition/photo/{photo}/choose/",
        "/admin/recognition/photo/{photo}/accept/",
        "/admin/recognition/apikey/{key}/revoke/",
        "/admin/recognition/decision/recognise/",
    ],
)
def test_a_foreign_page_cannot_post(page, numbers, owner):
    before = state()
    owner.handler.enforce_csrf_checks = True
    assert owner.post(page.format(**numbers), {"face": "0"}).status_code == 403
    assert state() == before


@pytest.mark.parametrize("model", ["identity", "photo", "apikey", "decision", "thresholdpolicy"])
def test_a_nul_in_the_address_of_a_list_finds_nothing_and_breaks_nothing(model, numbers, owner):
    for query in ("q=%00", "status__exact=%00", "kind=%00", "state__exact=a%00b", "p=%00", "o=%00"):
        assert owner.get(f"/admin/recognition/{model}/?{query}", follow=True).status_code == 200
