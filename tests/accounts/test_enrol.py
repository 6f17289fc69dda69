"""The page behind a link by which somebody enrols by themselves, asked kindly and unkindly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from recognition.models import Consent, Identity, Invitation, Photo
from recognition.services import enrolment, identities
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db

AGREE = {"do": "agree", "version": "1", "agreed": "yes"}


def file(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("camera.jpg", data, content_type="image/jpeg")


@pytest.fixture
def bob() -> Identity:
    return identities.create_identity(name="Bob <b>")


@pytest.fixture
def link(bob: Identity) -> str:
    return f"/accounts/enrol/{enrolment.invite(bob)[1]}/"


def save(client: Client, link: str, *pictures: bytes) -> object:
    return client.post(link, {"do": "save", "photos": [file(one) for one in pictures]})


def test_from_the_text_to_the_photos(client, link, bob):
    page = client.get(link)
    assert "I agree that photos of my face are kept here" in page.text
    assert "data-station" not in page.text
    assert "Bob &lt;b&gt;" in page.text
    page = client.post(link, AGREE, follow=True)
    assert "data-station" in page.text
    assert Consent.objects.get().way == "self"
    seen = client.post(f"{link}look/", {"frame": file(person_jpeg(3))}).json()
    assert (seen["fit"], seen["hint"]) == (True, "Good. Hold still.")
    done = save(client, link, person_jpeg(3), person_jpeg(3, variant=1))
    assert "2 photos have arrived" in done.text
    assert set(Photo.objects.values_list("identity", "by_themselves")) == {(bob.pk, True)}
    consent = done.context["consent"]
    client.post(consent, {"do": "withdraw"})
    bob.refresh_from_db()
    assert bob.withdrawn_at


def test_nothing_is_stored_by_caches_and_nothing_told_to_others(client, link):
    answer = client.get(link)
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "same-origin"
    assert "default-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"do": "agree", "version": "1"}, "Tick that you have read"),
        ({"do": "agree", "agreed": "yes"}, "The text was changed"),
        ({"do": "save"}, "Take or choose at least one photo"),
        ({}, "Choose what to do"),
    ],
)
def test_nothing_happens_by_accident(client, link, sent, said):
    answer = client.post(link, sent)
    assert answer.status_code == 400
    assert said in answer.text
    assert not Consent.objects.exists()
    assert client.get(link).status_code == 200


def test_declined(client, link, bob):
    assert "does not count any more" in client.post(link, {"do": "decline"}).text
    assert not Consent.objects.exists()
    assert not Photo.objects.exists()
    assert Invitation.objects.get().declined_at
    assert client.get(link).status_code == 404


@pytest.mark.parametrize("known", ["consent", "photo"])
def test_a_link_that_somebody_else_got_hold_of_withdraws_nothing(client, bob, known):
    """Neither by declining nor after agreeing does it lead to where the person's consent is withdrawn."""
    if known == "consent":
        identities.give_consent(bob, way=Consent.Way.STAFF, by="admin")
    else:
        enrolment.photos.add_photo(identity=bob, data=person_jpeg(3, variant=7))
    for answers in ([{"do": "decline"}], [AGREE, {"do": "decline"}]):
        link = f"/accounts/enrol/{enrolment.invite(bob)[1]}/"
        for answer in answers:
            page = client.post(link, answer)
        assert "/consent/" not in page.text
    link = f"/accounts/enrol/{enrolment.invite(bob)[1]}/"
    client.post(link, AGREE)
    page = save(client, link, person_jpeg(3))
    assert "/consent/" not in page.text
    assert "by telling a member of staff" in page.text


def test_a_telephone_s_own_pictures(client, link):
    """Several of some megabytes each, in one request; as many only with a link that counts."""
    pictures = [person_jpeg(3, variant=n) + bytes(6 * 2**20) for n in range(3)]
    assert save(client, "/accounts/enrol/unknown/", *pictures).status_code == 413
    client.post(link, AGREE)
    assert "3 photos have arrived" in save(client, link, *pictures).text


def test_photos_that_could_not_be_kept_do_not_use_the_link_up(client, link, monkeypatch):
    client.post(link, AGREE)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("recognition.services.enrolment.photos.keep_photo", full)
    client.raise_request_exception = False
    assert save(client, link, person_jpeg(3)).status_code == 500
    monkeypatch.undo()
    assert "1 photo has arrived" in save(client, link, person_jpeg(3)).text


def test_photos_before_agreeing(client, link):
    answer = save(client, link, person_jpeg(3))
    assert answer.status_code == 400
    assert "agree first" in answer.text
    assert client.post(f"{link}look/", {"frame": file(person_jpeg(3))}).status_code == 403
    assert not Photo.objects.exists()


def test_used_twice(client, link):
    client.post(link, AGREE)
    save(client, link, person_jpeg(3))
    assert save(client, link, person_jpeg(4)).status_code == 404
    assert Photo.objects.count() == 1


def test_every_link_that_does_not_count_has_the_same_page(client, link, bob):
    unknown = client.get("/accounts/enrol/nothing/")
    pages = {unknown.text}
    ends = {
        "used": {"used_at": timezone.now()},
        "revoked": {"revoked_at": timezone.now()},
        "declined": {"declined_at": timezone.now()},
        "old": {"expires_at": timezone.now() - timedelta(days=1)},
    }
    before = Invitation.objects.values(*(name for end in ends.values() for name in end)).get()
    for end in ends.values():
        Invitation.objects.update(**before | end)
        answer = client.get(link)
        assert answer.status_code == unknown.status_code == 404
        pages.add(answer.text)
    Invitation.objects.update(**before)
    assert client.get(link).status_code == 200
    identities.suspend(bob)
    pages.add(client.get(link).text)
    identities.erase(bob)
    pages.add(client.get(link).text)
    assert client.post(f"{link}look/", {"frame": file(person_jpeg(3))}).status_code == 404
    tokens = {page.split('csrfmiddlewaretoken" value="')[1].split('"')[0] for page in pages}
    assert (
        len(
            {
                page.replace(t, "").replace(link, "/accounts/enrol/nothing/")
                for page in pages
                for t in tokens
                if t in page
            }
        )
        == 1
    )
    assert "Bob" not in "".join(pages)


def test_of_another_person(client, link, bob):
    """A link is one person's: nothing that is sent along changes whose."""
    ann = identities.create_identity(name="Ann")
    client.post(link, AGREE | {"identity": ann.pk, "pk": ann.pk})
    client.post(link, {"do": "save", "photos": [file(person_jpeg(3))], "identity": ann.pk})
    assert Photo.objects.get().identity == bob
    assert identities.consent_of(ann) is None


def test_files_that_are_none(client, link):
    client.post(link, AGREE)
    answer = save(client, link, b"no picture")
    assert answer.status_code == 400
    assert "camera.jpg" in answer.text
    assert save(client, link, *[wall_jpeg(n) for n in range(11)]).status_code == 400
    assert not Photo.objects.exists()
    assert client.get(link).status_code == 200


def test_forms_of_other_sites(link):
    assert Client(enforce_csrf_checks=True).post(link, AGREE).status_code == 403


def test_how_often(client, link, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {
        "enrol_link": "2/m/ip",
        "enrol_look": "1/m/key",
    }
    client.post(link, AGREE)
    frame = lambda: client.post(f"{link}look/", {"frame": file(person_jpeg(3))})  # noqa: E731
    assert [frame().status_code, frame().status_code] == [200, 429]
    assert client.get(link).status_code == 200
    assert client.get(link).status_code == 429
    assert client.get("/accounts/enrol/nothing/").status_code == 429


def test_in_vietnamese(client, link):
    client.cookies["language"] = "vi"
    assert "Tôi đã đọc và đồng ý." in client.get(link).text
    answer = client.get("/accounts/enrol/nothing/")
    assert 'lang="vi"' in answer.text
    assert "Ask whoever" not in answer.text
    assert mail.outbox == []
