"""The list of people."""

from __future__ import annotations

from recognition.models import Identity, Photo
from recognition.services.enrolment import photos
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.admin.conftest import add_photo, person, said
from tests.fakes import person_jpeg, wall_jpeg

URL = "/admin/recognition/identity/"


def names(response) -> list[str]:
    return [identity.name for identity in response.context["cl"].result_list]


def test_the_number_of_queries_does_not_grow_with_the_people(owner, ann, django_assert_num_queries):
    owner.get(URL)
    with django_assert_num_queries(5):  # session, user, two counts, rows
        owner.get(URL)
    for number in range(6):
        person(f"Person {number}", number + 5)
    with django_assert_num_queries(5):
        assert len(names(owner.get(URL))) == 7


def test_a_row_says_how_things_stand(owner, ann):
    rejected = add_photo(ann, wall_jpeg())
    photos.add_photo(identity=ann, data=person_jpeg(3, variant=4))
    recognise.identify(person_jpeg(3, variant=2))
    page = owner.get(URL)
    row = page.context["cl"].result_list[0]
    assert (row.ready, row.waiting, row.rejected) == (1, 1, 1)
    assert row.last_recognised == ann.decisions.get().created_at
    ready = ann.photos.get(state=Photo.State.READY)
    assert f"/photos/{ready.pk}/crop" in page.text
    assert f"/photos/{rejected.pk}/" not in page.text


def test_the_face_of_a_ready_photo_goes_before_that_of_a_rejected_one(owner, db):
    identity = people.create_identity(name="Ann")
    add_photo(identity, person_jpeg(3, size=40))  # too small, but it has a crop
    ready = add_photo(identity, person_jpeg(3))
    assert owner.get(URL).context["cl"].result_list[0].face == ready.pk


def test_no_faces_for_those_who_may_not_see_photos(staff, ann):
    page = staff("view_identity").get(URL)
    assert page.status_code == 200
    assert "/photos/" not in page.text


def test_search_by_name_id_and_account(owner, ann, enrol):
    enrol(6)
    assert names(owner.get(f"{URL}?q=ann")) == ["Ann"]
    assert names(owner.get(f"{URL}?q=ID-A")) == ["Ann"]
    assert names(owner.get(f"{URL}?q=user6")) == ["Fake Person 6"]
    assert names(owner.get(f"{URL}?q=nobody")) == []


def test_filters(owner, ann, enrol):
    enrol(6)
    people.create_identity(name="Bare")
    waiting = people.create_identity(name="Waiting")
    photos.add_photo(identity=waiting, data=person_jpeg(8))
    rejected = people.create_identity(name="Rejected")
    add_photo(rejected, wall_jpeg())
    people.suspend(ann)
    assert names(owner.get(f"{URL}?status__exact=suspended")) == ["Ann"]
    assert names(owner.get(f"{URL}?photos=none")) == ["Bare", "Rejected", "Waiting"]
    assert names(owner.get(f"{URL}?photos=waiting")) == ["Waiting"]
    assert names(owner.get(f"{URL}?photos=rejected")) == ["Rejected"]
    assert names(owner.get(f"{URL}?account=yes")) == ["Fake Person 6"]
    assert "Fake Person 6" not in names(owner.get(f"{URL}?account=no"))


def test_every_column_can_be_sorted_by(owner, ann):
    for column in range(1, 9):
        assert owner.get(f"{URL}?o={column}").status_code == 200
        assert owner.get(f"{URL}?o=-{column}").status_code == 200


def test_suspend_and_resume_many(owner, ann):
    ben = person("Ben", 5)
    chosen = {"action": "suspend_selected", "_selected_action": [ann.pk, ben.pk]}
    response = owner.post(URL, chosen, follow=True)
    assert said(response) == ["2 people are not recognised any more."]
    assert set(Identity.objects.values_list("status", flat=True)) == {"suspended"}
    assert recognise.identify(person_jpeg(3, variant=2)).faces[0].decision == "no_match"
    owner.post(URL, chosen | {"action": "resume_selected"})
    assert recognise.identify(person_jpeg(3, variant=2)).faces[0].identity == ann


def test_a_colleague_is_offered_no_actions(colleague, ann):
    response = colleague.post(URL, {"action": "suspend_selected", "_selected_action": [ann.pk]}, follow=True)
    ann.refresh_from_db()
    assert ann.status == "active"
    assert "suspend_selected" not in response.text
    assert "delete_selected" not in response.text


def test_a_hostile_name_stays_text(owner, db):
    name = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    identity = people.create_identity(name=name, external_id="<b>1<b>")
    photo = photos.add_photo(
        identity=identity, data=person_jpeg(3), filename="<img src=x onerror=alert(3)>.jpg"
    )
    photos.process_photos([photo.pk])
    photos.add_photo(identity=identity, data=wall_jpeg(), filename='"><script>alert(4)</script>.jpg')
    person("Twin", 3, variants=(1,))
    recognise.identify(person_jpeg(3, variant=2))
    decision = identity.decisions.first()
    for url in (
        URL,
        f"{URL}{identity.pk}/change/",
        f"{URL}{identity.pk}/delete/",
        f"{URL}{identity.pk}/suspend/",
        f"{URL}{identity.pk}/merge/",
        "/admin/recognition/photo/",
        "/admin/recognition/decision/",
        f"{URL}{Identity.objects.get(name='Twin').pk}/merge/?into={identity.pk}",
        "/admin/",
        *([f"/admin/recognition/decision/{decision.pk}/change/"] if decision else []),
    ):
        page = owner.get(url)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "<b>1<b>" not in page.text


def test_names_are_found_without_their_accents(owner):
    people.create_identity(name="Nguyễn Văn Đức")
    for path in ("identity", "photo", "decision"):
        assert owner.get(f"/admin/recognition/{path}/?q=nguyen").status_code == 200
    assert "Nguyễn" in owner.get("/admin/recognition/identity/?q=duc+nguyen").text


def test_as_faces_until_somebody_chooses_the_table(owner, ann):
    people.create_identity(name="Bob")
    page = owner.get(URL).text
    assert 'class="id-wall"' in page
    assert "no photo ready" in page
    assert owner.get(f"{URL}?view=table").url == URL
    page = owner.get(URL).text
    assert 'class="id-wall"' not in page
    assert 'id="result_list"' in page
    owner.get(f"{URL}?view=faces")
    assert 'class="id-wall"' in owner.get(URL).text


def test_nothing_found_says_what_to_do(owner, ann):
    page = owner.get(f"{URL}?q=nobody").text
    assert "Search for something else" in page
    assert "yielded" not in page


def test_the_title_names_what_is_listed(owner, ann):
    page = owner.get(URL).text
    assert "Select person to change" not in page
    assert "<title> People | " in " ".join(page.split()).replace("<title> ", "<title> ")
