"""The page of one person: photos, neighbours, history, details."""

from __future__ import annotations

from unittest import mock
from uuid import uuid4

import pytest

from accounts.models import User
from recognition.engine.types import ModelFileError
from recognition.models import Decision
from recognition.services import attendance, identities, keys
from recognition.services.enrolment import photos
from recognition.services.identities import erasure, people
from recognition.services.recognition import answers, recognise
from tests.admin.conftest import add_photo, person, person_page, said
from tests.fakes import person_jpeg


def state_url(identity) -> str:
    return f"/admin/recognition/identity/{identity.pk}/photos/state/"


def card(response, photo):
    return next(card for card in response.context["cards"] if card.photo == photo)


def test_a_ready_photo_shows_box_crop_and_quality(owner, ann):
    page = owner.get(person_page(ann))
    photo = ann.photos.get()
    shown = card(page, photo)
    left, top, right, _ = photo.faces[0]["box"]
    assert (shown.boxes[0].left, shown.boxes[0].top, shown.boxes[0].width) == (left, top, right - left)
    assert shown.boxes[0].chosen
    assert shown.score == photo.quality["score"]
    assert [figure.name for figure in shown.figures] == ["Size", "Sharpness", "Brightness", "Turned"]
    assert all(figure.fine for figure in shown.figures)
    assert f'viewBox="0 0 {photo.width} {photo.height}"' in page.text
    assert f'<rect x="{left}" y="{top}"' in page.text
    assert f'src="/photos/{photo.pk}/image"' in page.text
    assert f'src="/photos/{photo.pk}/crop"' in page.text
    assert "data-unfinished" not in page.text


def test_a_rejected_photo_says_which_figure_is_to_blame(owner, ann):
    photo = add_photo(ann, person_jpeg(3, size=40))
    shown = card(owner.get(person_page(ann)), photo)
    assert shown.reason == "The face is too small. Come closer, or use a larger photo."
    assert [figure.name for figure in shown.figures if not figure.fine] == ["Size"]


def test_a_waiting_photo_is_marked_for_the_script(owner, ann):
    photos.add_photo(identity=ann, data=person_jpeg(3, variant=1))
    page = owner.get(person_page(ann))
    assert page.text.count("data-unfinished") == 1
    assert "1 of 2 photos looked at (50 %)" in page.text


def test_neighbours_are_the_most_similar_people_first(owner, ann):
    twin = person("Twin", 3, variants=(5,))
    other = person("Ben", 5)
    found = owner.get(person_page(ann)).context["resemblance"].found
    assert [(n.identity, n.alike) for n, _ in found] == [(twin, True), (other, False)]
    assert found[0][0].score > 0.6 > found[1][0].score
    assert found[0][1] == twin.photos.get().pk
    page = owner.get(person_page(ann)).text
    assert "lookalike" in page
    assert f"merge/?into={twin.pk}" in page


def test_who_may_not_merge_is_not_asked_to(colleague, ann):
    person("Twin", 3, variants=(5,))
    page = colleague.get(person_page(ann)).text
    assert "lookalike" in page
    assert "merge/?into=" not in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (people.suspend, "A suspended person is not in the gallery."),
        (lambda p: photos.delete_photo(p.photos.get()), "As soon as a photo is ready"),
        (lambda p: None, "Nobody else is in the gallery yet."),
    ],
)
def test_why_there_are_no_neighbours(owner, ann, change, words):
    change(ann)
    assert words in owner.get(person_page(ann)).text


def test_missing_models_do_not_break_the_page(owner, ann):
    with mock.patch("recognition.admin.identity_page.neighbours", side_effect=ModelFileError("no embedder")):
        page = owner.get(person_page(ann))
    assert page.status_code == 200
    assert "The gallery cannot be searched: no embedder" in page.text


def test_history_names_the_kiosk_and_the_account(owner, ann):
    key, _ = keys.issue_key(name="Front door", scopes=["identify"])
    user = User.objects.create_user("clerk")
    recognise.identify(person_jpeg(3, variant=2), asker=answers.Asker(api_key=key))
    recognise.identify(person_jpeg(3, variant=3), asker=answers.Asker(Decision.Kind.LOGIN, user_id=user.pk))
    page = owner.get(person_page(ann))
    assert [(event.decision.kind, event.where) for event in page.context["history"]] == [
        ("login", "clerk"),
        ("identify", "Front door"),
    ]
    score = ann.decisions.first().score
    assert f"Clearly alike: {score:.2f}, 0.50 is needed" in page.text


def test_history_tells_of_attempts_that_were_nearly_theirs(owner, ann):
    ben = person("Ben", 5)
    recognise.identify(person_jpeg(9, variant=2))
    nearest = Decision.objects.get().candidates[0]["identity"]
    theirs, other = (ann, ben) if nearest == ann.pk else (ben, ann)
    (event,) = owner.get(person_page(theirs)).context["history"]
    assert (event.happened, event.note) == ("not recognised", f"{theirs.name} was the nearest")
    assert f"{theirs.name} was the nearest" in owner.get(person_page(theirs)).text
    assert owner.get(person_page(other)).context["history"] == []


def test_attendance_is_told_to_who_may_see_it(owner, staff, ann):
    door = keys.add_kiosk(name="Front door", place="Gate")[0]
    attendance.read(person_jpeg(3, variant=2), asker=answers.Asker(api_key=door), read=uuid4())
    page = owner.get(person_page(ann))
    assert [row.kind for row in page.context["attendance"]] == ["in"]
    assert "report/?person=ID-Ann" in page.text
    assert "attendance" not in staff("view_identity", "view_decision").get(person_page(ann)).context


def test_history_is_for_those_who_may_see_decisions(staff, ann):
    recognise.identify(person_jpeg(3, variant=2))
    page = staff("view_identity", "view_photo").get(person_page(ann))
    assert "history" not in page.context
    assert "Asked by" not in page.text


def test_who_may_not_see_photos_sees_none(staff, ann):
    page = staff("view_identity").get(person_page(ann)).text
    assert "/photos/" not in page.replace(f"/identity/{ann.pk}/photos/", "")
    assert "Your account may not see photos." in page
    assert staff("view_identity").get(state_url(ann)).status_code == 403


def test_queries_do_not_grow_with_photos_and_history(owner, ann, django_assert_max_num_queries):
    for variant in range(4, 9):
        add_photo(ann, person_jpeg(3, variant=variant))
        person(f"Other {variant}", variant + 2)
        recognise.identify(person_jpeg(3, variant=variant, size=150))
    owner.get(person_page(ann))
    with django_assert_max_num_queries(23):
        owner.get(person_page(ann))


def test_many_photos_are_shown_on_demand(owner, ann, monkeypatch):
    monkeypatch.setattr("recognition.admin.identity_page.SHOWN", 2)
    for variant in range(1, 4):
        photos.add_photo(identity=ann, data=person_jpeg(3, variant=variant))
    page = owner.get(person_page(ann))
    assert len(page.context["cards"]) == 2
    assert "Show the other 2 photos" in page.text
    assert len(owner.get(f"{person_page(ann)}?all=1").context["cards"]) == 4


def test_a_link_to_an_older_photo_shows_it(owner, ann, monkeypatch):
    monkeypatch.setattr("recognition.admin.identity_page.SHOWN", 1)
    photos.add_photo(identity=ann, data=person_jpeg(3, variant=1))
    oldest = ann.photos.earliest("id")
    page = owner.get(owner.get(f"/admin/recognition/photo/{oldest.pk}/change/")["Location"])
    assert f'id="photo-{oldest.pk}"' in page.text
    assert owner.get(f"{person_page(ann)}?photo={'9' * 5000}").status_code == 200


# --- the live state


def test_state_tells_only_what_is_finished(owner, ann):
    done = ann.photos.get()
    waiting = photos.add_photo(identity=ann, data=person_jpeg(3, variant=1))
    url = f"{state_url(ann)}?pks={done.pk},{waiting.pk}"
    answer = owner.get(url).json()
    assert [card["pk"] for card in answer["cards"]] == [done.pk]
    assert answer["progress"] == {"total": 2, "waiting": 1, "done": 1, "ready": 1, "percent": 50}
    photos.process_photos([waiting.pk])
    answer = owner.get(url).json()
    assert {card["pk"] for card in answer["cards"]} == {done.pk, waiting.pk}
    assert answer["progress"]["percent"] == 100
    assert "Ready" in answer["cards"][0]["html"] or "ready" in answer["cards"][0]["html"]


def test_state_tells_what_is_gone(owner, ann):
    photo = ann.photos.get()
    photos.delete_photo(photo)
    answer = owner.get(f"{state_url(ann)}?pks={photo.pk}").json()
    assert answer["gone"] == [photo.pk]
    assert answer["cards"] == []


def test_state_of_another_persons_photo_is_not_told(owner, ann):
    other = person("Ben", 5).photos.get()
    answer = owner.get(f"{state_url(ann)}?pks={other.pk}").json()
    assert answer["cards"] == []


@pytest.mark.parametrize("pks", ["", "x", "1;2", "-1", "1,,2", "%00", "٣", "9" * 40, ",".join(["1"] * 5000)])
def test_state_survives_any_question(owner, ann, pks):
    response = owner.get(f"{state_url(ann)}?pks={pks}")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


def test_cards_of_a_colleague_have_no_buttons(colleague, ann):
    photo = add_photo(ann, person_jpeg(3, 5))
    html = colleague.get(f"{state_url(ann)}?pks={photo.pk}").json()["cards"][0]["html"]
    assert "<form" not in html
    assert "data-face" not in html


# --- the details


def form(identity, **fields: object) -> dict[str, object]:
    return {
        "name": identity.name,
        "external_id": identity.external_id,
        "user": identity.user_id or "",
    } | fields


def test_rename_and_link_an_account(owner, ann):
    user = User.objects.create_user("ann")
    owner.post(person_page(ann), form(ann, name="Ann B.", user=user.pk))
    ann.refresh_from_db()
    assert (ann.name, ann.user, ann.external_id) == ("Ann B.", user, "ID-Ann")
    owner.post(person_page(ann), form(ann, user=""))
    ann.refresh_from_db()
    assert ann.user is None


def test_an_account_belongs_to_one_person(owner, ann, enrol):
    other = enrol(6)
    response = owner.post(person_page(ann), form(ann, user=other.user_id))
    assert response.status_code == 200
    assert "already exists" in response.text
    ann.refresh_from_db()
    assert ann.user is None


def test_status_and_id_cannot_be_smuggled_in(owner, ann):
    owner.post(person_page(ann), form(ann, status="suspended", pk=999, id=999))
    ann.refresh_from_db()
    assert ann.status == "active"


def test_a_colleague_cannot_rename(colleague, ann):
    assert colleague.post(person_page(ann), form(ann, name="X")).status_code == 403
    ann.refresh_from_db()
    assert ann.name == "Ann"


def test_who_may_not_see_accounts_cannot_link_one(staff, ann):
    user = User.objects.create_user("ann")
    clerk = staff("view_identity", "change_identity")
    clerk.post(person_page(ann), form(ann, name="New", user=user.pk))
    ann.refresh_from_db()
    assert (ann.name, ann.user) == ("New", None)


def test_a_person_erased_meanwhile_is_told(owner, ann, monkeypatch):
    real = people.update_identity

    def erased_first(identity, **changes):
        erasure.erase(identity)
        return real(identity, **changes)

    monkeypatch.setattr(identities, "update_identity", erased_first)
    response = owner.post(person_page(ann), form(ann, name="New"))
    assert response.status_code == 302
    assert said(owner.get("/admin/"))[0] == "This person was erased meanwhile."


@pytest.mark.parametrize("deed", ["suspend", "resume"])
def test_suspend_and_resume(owner, ann, deed):
    if deed == "resume":
        people.suspend(ann)
    page = owner.get(person_page(ann)).text
    assert f"/{deed}/" in page
    assert f"/{'resume' if deed == 'suspend' else 'suspend'}/" not in page
    url = f"/admin/recognition/identity/{ann.pk}/{deed}/"
    asked = owner.get(url)
    assert f"{deed.capitalize()} Ann?" in asked.text
    ann.refresh_from_db()
    assert ann.status == ("suspended" if deed == "resume" else "active")  # a look changes nothing
    owner.post(url)
    ann.refresh_from_db()
    assert ann.status == ("active" if deed == "resume" else "suspended")
    decision = recognise.identify(person_jpeg(3, variant=2)).faces[0].decision
    assert decision == ("match" if deed == "resume" else "no_match")
