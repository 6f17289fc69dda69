"""Unknown visitors in the admin: seen as faces, named, joined and dismissed, each by its right."""

from __future__ import annotations

import pytest
from django.urls import reverse

from recognition.models import Appearance, AuditEntry, Correction, Decision, Identity, Visitor
from recognition.services import keys, visitors
from recognition.services.recognition import Asker, identify
from tests.admin.conftest import person, person_page, said
from tests.fakes import person_jpeg

LIST = "/admin/recognition/visitor/"
NAMING = ["view_visitor", "change_visitor", "add_correction", "view_identity"]
ENROLLING = [*NAMING, "add_identity", "add_photo"]


@pytest.fixture(autouse=True)
def keeping(settings) -> None:
    settings.KEEP_VISITORS_DAYS = 14


def see(number: int, times: int = 1) -> Visitor:
    door = keys.add_kiosk(name=f"Door {number}", place="Gate")[0]
    for variant in range(times):
        identify(person_jpeg(number, variant=variant), asker=Asker(api_key=door))
    visitors.gather()
    return Appearance.objects.latest("pk").visitor


@pytest.fixture
def visitor(ann) -> Visitor:
    return see(9, times=3)


def page_of(visitor: Visitor) -> str:
    return f"{LIST}{visitor.pk}/change/"


class TestTheList:
    def test_faces_with_times_and_places(self, owner, visitor):
        text = owner.get(LIST).text
        assert "seen 3 times" in text
        assert ", Gate" in text
        assert f'href="{page_of(visitor)}"' in text
        face = owner.get(LIST).context["cl"].result_list[0].face
        assert reverse("recognition:appearance-crop", args=[face]) in text
        assert "for 14 days at most" in text
        assert LIST in owner.get("/admin/").text

    def test_who_was_seen_last_comes_first(self, owner, visitor):
        other = see(8)
        assert [row.pk for row in owner.get(LIST).context["cl"].result_list] == [other.pk, visitor.pk]

    def test_off_says_so(self, owner, settings):
        settings.KEEP_VISITORS_DAYS = 0
        assert "KEEP_VISITORS_DAYS turns it on" in owner.get(LIST).text

    def test_many_in_few_queries(self, owner, ann, django_assert_max_num_queries):
        for number in range(5, 15):
            see(number)
        with django_assert_max_num_queries(14):
            assert owner.get(LIST).text.count("seen once") == 10


class TestOneVisitor:
    def test_faces_events_and_who_is_like_it(self, owner, visitor, ann):
        text = owner.get(page_of(visitor)).text
        for row in visitor.appearances.all():
            assert reverse("recognition:appearance-picture", args=[row.pk]) in text
            assert reverse("admin:recognition_decision_change", args=[row.decision_id]) in text
        assert "Door 9, Gate" in text
        assert f'value="{ann.pk}" class="id-button">It is Ann' in text

    def test_somebody_new(self, owner, visitor):
        answer = owner.post(
            page_of(visitor), {"to": "new", "name": "Cem", "external_id": "C1", "consent": "1"}, follow=True
        )
        cem = Identity.objects.get(external_id="C1")
        assert answer.redirect_chain[-1][0] == person_page(cem)
        assert "Cem it is, with everything that was seen." in said(answer)
        assert cem.photos.count() == 3
        assert cem.consents.get().taken_by == "owner"
        assert Correction.objects.filter(identity=cem, by__username="owner").count() == 3
        assert answer.text.count("corrected: first nobody") == 3
        assert "Cem" in owner.get("/admin/recognition/decision/").text
        assert not Visitor.objects.exists()

    def test_without_a_name_nothing_happens(self, owner, visitor):
        answer = owner.post(page_of(visitor), {"to": "new", "name": " "}, follow=True)
        assert answer.redirect_chain[-1][0] == page_of(visitor)
        assert Identity.objects.count() == 1
        assert Visitor.objects.exists()

    @pytest.mark.parametrize(("photos", "count"), [("1", 4), ("", 1)])
    def test_somebody_who_is_enrolled(self, owner, visitor, ann, photos, count):
        owner.post(page_of(visitor), {"to": ann.pk, "photos": photos})
        assert ann.photos.count() == count
        assert Correction.objects.filter(identity=ann).count() == 3

    def test_is_searched_for(self, owner, visitor):
        other = person("Nguyễn An", 8)
        text = owner.get(page_of(visitor) + "?q=nguyen").text
        assert f'value="{other.pk}"' in text
        assert "It is Ann" not in text
        assert "Nobody has" in owner.get(page_of(visitor) + "?q=x%00yz").text

    def test_two_are_one(self, owner, visitor, monkeypatch):
        monkeypatch.setattr("recognition.services.visitors.gathering.threshold_among", lambda *_: 0.99)
        other = see(9)
        text = owner.get(page_of(visitor)).text
        assert "Perhaps the same visitor" in text
        assert page_of(other) in text
        owner.post(page_of(visitor), {"to": "merge", "other": other.pk})
        assert Visitor.objects.get() == visitor
        assert visitor.appearances.count() == 4

    def test_somebody_elses_face_is_taken_out(self, owner, visitor):
        row = visitor.appearances.first()
        owner.post(page_of(visitor), {"to": "out", "appearance": row.pk})
        assert visitor.appearances.count() == 2
        assert owner.post(page_of(visitor), {"to": "out", "appearance": row.pk}).status_code == 404

    def test_dismissed(self, owner, visitor):
        page = reverse("admin:recognition_visitor_dismiss", args=[visitor.pk])
        assert page in owner.get(page_of(visitor)).text
        assert "now and for good" in owner.get(page).text
        assert Visitor.objects.exists()
        assert owner.post(page).headers["Location"] == LIST
        assert not Appearance.objects.exists()
        assert Decision.objects.count() == 3

    @pytest.mark.parametrize("number", ["0", "987654", "99999999999999999999999", "x", "%00"])
    def test_who_is_gone_leads_to_the_list(self, owner, visitor, number):
        answer = owner.get(f"{LIST}{number}/change/")
        assert (answer.status_code, answer["Location"]) == (302, LIST)

    @pytest.mark.parametrize("to", ["", "0", "x", "999999999999999999999"])
    def test_whoever_is_not_there(self, owner, visitor, to):
        assert owner.post(page_of(visitor), {"to": to}).status_code == 404
        assert owner.post(page_of(visitor), {"to": "merge", "other": to}).status_code == 404
        assert Visitor.objects.exists()


class TestOtherPages:
    def test_the_event_leads_to_the_visitor(self, owner, staff, visitor):
        decision = visitor.appearances.first().decision
        event = reverse("admin:recognition_decision_change", args=[decision.pk])
        correct = reverse("admin:recognition_decision_correct", args=[decision.pk])
        link = f'href="{page_of(visitor)}"'
        assert link in owner.get(event).text
        assert link in owner.get(correct).text
        clerk = staff("view_decision", "view_identity", "add_correction")
        for page in (event, correct):
            answer = clerk.get(page)
            assert answer.status_code == 200
            assert link not in answer.text

    def test_the_overview_says_how_many_there_are(self, owner, staff, visitor, settings):
        see(8)
        tile = next(one for one in owner.get("/admin/").context["tiles"] if one.name == "Unknown visitors")
        assert (tile.value, tile.note) == ("2", "kept for 14 days: name or dismiss them")
        assert "Unknown visitors" not in [
            one.name for one in staff("view_photo").get("/admin/").context["tiles"]
        ]
        settings.KEEP_VISITORS_DAYS = 0
        assert "Unknown visitors" not in [one.name for one in owner.get("/admin/").context["tiles"]]


class TestRights:
    def test_whoever_may_only_look(self, staff, visitor, ann):
        clerk = staff("view_visitor")
        assert clerk.get(LIST).status_code == 200
        text = clerk.get(page_of(visitor)).text
        for words in ("Dismiss", "Somebody else", "Enrol with", "It is Ann"):
            assert words not in text
        for wish in ({"to": "new", "name": "Cem"}, {"to": ann.pk}, {"to": "merge"}, {"to": "out"}):
            assert clerk.post(page_of(visitor), wish).status_code == 403
        dismiss = reverse("admin:recognition_visitor_dismiss", args=[visitor.pk])
        assert clerk.post(dismiss).status_code == 403
        assert visitor.appearances.count() == 3

    @pytest.mark.parametrize("right", ENROLLING)
    def test_all_other_rights_are_not_enough_to_enrol(self, staff, visitor, right):
        clerk = staff(*(one for one in ENROLLING if one != right))
        assert clerk.post(page_of(visitor), {"to": "new", "name": "Cem"}).status_code == 403
        assert Visitor.objects.exists()

    @pytest.mark.parametrize("right", NAMING)
    def test_nor_to_say_who_it_is(self, staff, visitor, ann, right):
        clerk = staff(*(one for one in NAMING if one != right))
        assert clerk.post(page_of(visitor), {"to": ann.pk}).status_code == 403
        assert Visitor.objects.exists()

    def test_without_the_right_to_add_photos_none_is_added(self, staff, visitor, ann):
        clerk = staff(*NAMING)
        assert "Keep the pictures" not in clerk.get(page_of(visitor)).text
        clerk.post(page_of(visitor), {"to": ann.pk, "photos": "1"})
        assert ann.photos.count() == 1
        assert Correction.objects.filter(identity=ann).count() == 3

    def test_colleague_outsider_and_stranger(self, colleague, outsider, client, visitor):
        row = visitor.appearances.first()
        pages = [LIST, page_of(visitor), reverse("admin:recognition_visitor_dismiss", args=[visitor.pk])]
        for page in pages:
            assert colleague.get(page).status_code == 403
            for stranger in (outsider, client):
                assert stranger.get(page).status_code == 302
        for name in ("appearance-crop", "appearance-picture"):
            picture = reverse(f"recognition:{name}", args=[row.pk])
            for nobody in (colleague, outsider, client):
                assert nobody.get(picture).status_code == 404


class TestPictures:
    def test_are_shown_and_noted(self, owner, visitor):
        row = visitor.appearances.first()
        AuditEntry.objects.all()
        for name in ("appearance-crop", "appearance-picture"):
            answer = owner.get(reverse(f"recognition:{name}", args=[row.pk]))
            assert answer["Content-Type"] == "image/jpeg"
        entries = AuditEntry.objects.filter(action="visitor.seen")
        assert [entry.object for entry in entries] == [str(visitor.pk)] * 2

    def test_of_a_face_that_is_nobodys_yet(self, owner, ann):
        door = keys.add_kiosk(name="Door", place="Gate")[0]
        identify(person_jpeg(9), asker=Asker(api_key=door))
        row = Appearance.objects.get()
        assert owner.get(reverse("recognition:appearance-crop", args=[row.pk])).status_code == 404


def test_what_is_done_is_noted(owner, visitor, ann):
    other = see(8)
    owner.post(reverse("admin:recognition_visitor_dismiss", args=[other.pk]))
    owner.post(page_of(visitor), {"to": ann.pk})
    (removed, *_) = AuditEntry.objects.filter(action="visitor.removed", object=str(other.pk))
    assert removed.who == "owner"
    (named,) = AuditEntry.objects.filter(action="visitor.named")
    assert (named.object, named.person, named.who) == (str(visitor.pk), ann.pk, "owner")
    assert named.detail == {"events": 3, "photos": 0}
    assert "Ann" not in str(named.detail)
