"""Pictures of probes: none by default; with retention where the site turns it on, gone with the person."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from recognition.engine import images
from recognition.models import Decision, ProbePicture, StoredFile
from recognition.services.identities import erasure
from recognition.services.recognition import pictures, recognise
from tests.fakes import person_jpeg, person_picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeping(settings):
    settings.KEEP_PROBES_DAYS = 7


def test_nothing_is_kept_by_default(enrol):
    ann = enrol(1)
    files = StoredFile.objects.count()
    recognise.identify(person_jpeg(1, variant=4))
    recognise.verify_identity(person_jpeg(1, variant=4), identity=ann)
    recognise.verify_images(person_jpeg(1), person_jpeg(2))
    assert Decision.objects.count() == 3
    assert not ProbePicture.objects.exists()
    assert StoredFile.objects.count() == files


def test_each_kind_of_decision_has_its_picture(enrol, keeping):
    ann = enrol(1)
    recognise.identify(person_jpeg(1, 2, variant=4))
    recognise.verify_identity(person_jpeg(1, variant=4), identity=ann)
    recognise.verify_images(person_jpeg(1), person_jpeg(2))
    probes = set(Decision.objects.values_list("probe", flat=True))
    assert set(ProbePicture.objects.values_list("probe", flat=True)) == probes
    assert len(probes) == 3  # two faces of one picture share it
    for kept in ProbePicture.objects.all():
        with kept.image.open("rb") as file:
            assert images.decode(file.read()).shape[2] == 3


def test_a_trial_without_record_keeps_nothing(keeping):
    recognise.identify(person_jpeg(1), record=False)
    assert not ProbePicture.objects.exists()


def test_pictures_are_bounded_and_two_lie_side_by_side(keeping):
    wide, tall = person_picture(*range(8), size=200), person_picture(1, size=700)
    pictures.keep(uuid4(), wide, tall)
    with ProbePicture.objects.get().image.open("rb") as file:
        shape = images.decode(file.read()).shape
    assert max(shape) == pictures.MAX_SIDE
    pictures.keep(other := uuid4(), person_picture(1, size=50), person_picture(2, size=60))
    with ProbePicture.objects.get(probe=other).image.open("rb") as file:
        height, width, _ = images.decode(file.read()).shape
    assert (height, width > 1.4 * height) == (100, True)


def test_old_pictures_are_purged_with_their_bytes(enrol, keeping):
    files = StoredFile.objects.count()
    recognise.identify(person_jpeg(1))
    recognise.identify(person_jpeg(2))
    old = ProbePicture.objects.first()
    ProbePicture.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert pictures.purge_probe_pictures() == 1
    assert ProbePicture.objects.count() == 1
    assert StoredFile.objects.count() == files + 1
    assert pictures.purge_probe_pictures() == 0


def test_turning_it_off_purges_all(keeping, settings):
    recognise.identify(person_jpeg(1))
    settings.KEEP_PROBES_DAYS = 0
    assert pictures.purge_probe_pictures() == 1
    assert not ProbePicture.objects.exists()


def test_an_erased_persons_pictures_go_with_it(enrol, keeping):
    ann = enrol(1)
    recognise.identify(person_jpeg(1, variant=4))  # matched
    recognise.verify_identity(person_jpeg(3), identity=ann)  # asked for
    recognise.identify(person_jpeg(5))  # nobody, but she was the nearest
    ben = enrol(2)
    recognise.identify(person_jpeg(2, variant=4))  # somebody else
    erasure.erase(ann)
    kept = ProbePicture.objects.get()
    assert Decision.objects.get(probe=kept.probe).identity == ben


def test_who_may_see_it(keeping):
    recognise.identify(person_jpeg(1))
    kept = ProbePicture.objects.get()
    address = reverse("recognition:probe-picture", args=[kept.probe])

    def status(**user: object) -> int:
        client = Client()
        if user:
            rights = user.pop("rights", [])
            account = User.objects.create_user(f"user{User.objects.count()}", **user)
            account.user_permissions.set(Permission.objects.filter(codename__in=rights))
            client.force_login(account)
        return client.get(address).status_code

    assert status() == 404
    assert status(is_staff=False, rights=["view_probepicture"]) == 404
    assert status(is_staff=True, rights=["view_photo"]) == 404
    assert status(is_staff=True, rights=["view_probepicture"]) == 200
    assert Client().get(reverse("recognition:probe-picture", args=[uuid4()])).status_code == 404


def test_the_decision_links_to_its_picture(admin_client, keeping):
    recognise.identify(person_jpeg(1))
    decision = Decision.objects.get()
    page = f"/admin/recognition/decision/{decision.pk}/change/"
    assert (
        reverse("recognition:probe-picture", args=[decision.probe]) in admin_client.get(page).content.decode()
    )
    ProbePicture.objects.all().delete()
    assert "The picture was not kept" in admin_client.get(page).content.decode()


def test_two_pictures_keep_the_worse_quality():
    recognise.verify_images(person_jpeg(1), person_jpeg(1, variant=2, dark=True))
    found = Decision.objects.get().quality
    assert found["brightness"] < 60
