"""Events told to other systems: from the same transaction, signed, again until they arrive, and never to neighbours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from recognition.models import Attendance, Decision, Delivery, Webhook
from recognition.services import keys, queue, webhooks
from recognition.services.attendance import read
from recognition.services.errors import Conflict, Invalid
from recognition.services.identities import erase
from recognition.services.recognition import Asker, identify, recognise, set_user
from recognition.services.webhooks import delivering, posting, sending
from tests.fakes import person_jpeg
from tests.threads import at_once

pytestmark = pytest.mark.django_db
LOOPBACK = [ip_network("127.0.0.0/8")]
ALL = [one.value for one in Webhook.Type if one != "test"]


class Receiver:
    """A real web server on this machine. answers: what it says, one after the other, then 200."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook?door=1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def told(self) -> list[dict]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = LOOPBACK
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def hook(receiver) -> Webhook:
    return webhooks.add_webhook(name="Door", url=receiver.url, types=ALL)[0]


def due_now() -> None:
    Delivery.objects.filter(next_at__isnull=False).update(next_at=timezone.now())


class TestWhatIsTold:
    def test_who_came(self, hook, receiver, enrol):
        ann = enrol(1)
        door, _ = keys.add_kiosk(name="Front", place="Gate")
        read(person_jpeg(1, 9, variant=5), asker=Asker(api_key=door), read=uuid4(), age=timedelta())
        assert webhooks.deliver_due() == 3
        told = {one["type"]: one["data"] for one in receiver.told}
        assert set(told) == {"person.recognised", "person.not_recognised", "attendance.in"}
        came = told["attendance.in"]
        assert came["person"] == {"external_id": ann.external_id}  # no name unless it is wanted
        assert (came["kiosk"], came["place"]) == ("Front", "Gate")
        assert came["attendance"] == Attendance.objects.get().pk
        assert told["person.not_recognised"]["person"] is None
        assert "score" not in json.dumps(receiver.told)
        assert webhooks.deliver_due() == 0

    def test_names_where_they_are_wanted(self, hook, receiver, enrol):
        hook.with_names = True
        webhooks.save_webhook(hook)
        ann = enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        webhooks.deliver_due()
        assert receiver.told[0]["data"]["person"]["name"] == ann.name

    def test_a_sign_in_when_it_opened_the_account_and_not_before(self, hook, receiver, enrol):
        ann = enrol(1)
        answer = identify(person_jpeg(1, variant=5), asker=Asker(kind="login"))
        assert webhooks.deliver_due() == 0
        set_user(probe=answer.probe, user_id=ann.user_id)
        webhooks.deliver_due()
        assert [one["type"] for one in receiver.told] == ["person.signed_in"]

    def test_an_attack(self, hook, receiver, enrol):
        enrol(1)
        recognise.record_refusal(
            asker=Asker(), reason="not_live", liveness={"mode": "passive", "state": "failed"}
        )
        webhooks.deliver_due()
        (told,) = receiver.told
        assert (told["type"], told["data"]["liveness"]) == ("person.refused", None)

    def test_liveness(self, hook, receiver, enrol):
        enrol(1)
        identify(
            person_jpeg(1, variant=5),
            asker=Asker(liveness={"mode": "challenge", "state": "passed", "steps": []}),
        )
        webhooks.deliver_due()
        assert receiver.told[0]["data"]["liveness"] == "challenge"

    def test_only_what_was_chosen_and_nothing_when_off(self, hook, receiver, enrol):
        hook.types = ["attendance.out"]
        webhooks.save_webhook(hook)
        enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        hook.types, hook.active = ALL, False
        webhooks.save_webhook(hook)
        identify(person_jpeg(1, variant=6), asker=Asker())
        assert not Delivery.objects.exists()

    def test_nothing_of_what_is_rolled_back(self, hook, enrol):
        enrol(1)
        with transaction.atomic():
            identify(person_jpeg(1, variant=5), asker=Asker())
            transaction.set_rollback(True)
        assert not Delivery.objects.exists()

    def test_an_erased_person_is_named_to_nobody(self, hook, receiver, enrol):
        ann = enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        erase(ann)
        webhooks.deliver_due()
        assert receiver.told[0]["data"]["person"] is None
        assert ann.external_id not in receiver.heard[0][1].decode()

    def test_a_record_that_is_gone(self, hook, receiver, enrol):
        enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        Decision.objects.all().delete()
        webhooks.deliver_due()
        assert receiver.heard == []
        assert Delivery.objects.get().next_at is None

    def test_a_worker_is_woken_where_there_is_a_webhook(
        self, enrol, receiver, monkeypatch, django_capture_on_commit_callbacks
    ):
        sent: list[str] = []
        monkeypatch.setattr(queue, "_send", lambda task, args, **options: sent.append(task))
        enrol(1)
        with django_capture_on_commit_callbacks(execute=True):
            identify(person_jpeg(1, variant=5), asker=Asker())
        assert queue.DELIVER not in sent
        webhooks.add_webhook(name="Door", url=receiver.url, types=ALL)
        with django_capture_on_commit_callbacks(execute=True):
            identify(person_jpeg(1, variant=5), asker=Asker())
        assert queue.DELIVER in sent


class TestTheSignature:
    def test_by_a_few_lines_of_our_own(self, receiver):
        hook, secret = webhooks.add_webhook(name="Door", url=receiver.url, types=ALL)
        sent = webhooks.send_test(hook)
        webhooks.deliver_due()
        ((headers, body),) = receiver.heard
        assert headers["webhook-id"] == str(sent.pk)
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 30
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert len(key) == 32
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"

    def test_the_example_of_the_standard(self):
        assert (
            sending.signature(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1614265330,
                b'{"test": 2432232314}',
            )
            == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        )

    def test_the_secret_lies_sealed(self, hook):
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM recognition_webhook")
            stored = cursor.fetchone()[0]
        assert stored != hook.secret
        assert "whsec_" not in stored


class TestAgain:
    @pytest.fixture
    def pending(self, hook, enrol) -> Delivery:
        enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        return Delivery.objects.get()

    def test_until_it_arrives_with_the_same_number(self, pending, receiver, hook):
        receiver.answers = [500, 302]
        waits = []
        for _ in range(3):
            webhooks.deliver_due()
            pending.refresh_from_db()
            waits.append(pending.next_at and (pending.next_at - timezone.now()).total_seconds())
            due_now()
        assert [headers["webhook-id"] for headers, _ in receiver.heard] == [str(pending.pk)] * 3
        assert 3 <= waits[0] <= 6
        assert 23 <= waits[1] <= 36
        assert waits[2] is None
        assert (pending.attempts, pending.status, pending.error) == (3, 200, "")
        assert pending.delivered_at
        assert len(receiver.heard) == 3  # the redirect was not followed
        hook.refresh_from_db()
        assert hook.failing_since is None

    def test_a_receiver_that_is_away_holds_up_nobody_else(self, pending, receiver):
        receiver.server.shutdown()
        receiver.server.server_close()
        other = Receiver()
        webhooks.add_webhook(name="Other", url=other.url, types=ALL)
        for variant in (6, 7):
            identify(person_jpeg(1, variant=variant), asker=Asker())
        webhooks.deliver_due()
        assert len(other.heard) == 2
        assert (
            Delivery.objects.filter(webhook__name="Door", attempts=1).count() == 1
        )  # asked once, not thrice
        pending.refresh_from_db()
        assert "ConnectionRefused" in pending.error
        other.server.shutdown()
        other.server.server_close()

    def test_given_up_after_three_days_and_turned_off(self, pending, receiver, hook):
        receiver.answers = [500, 500]
        webhooks.deliver_due()
        hook.refresh_from_db()
        assert hook.active
        assert hook.failing_since
        long_ago = timezone.now() - timedelta(days=3, minutes=1)
        Webhook.objects.update(failing_since=long_ago)
        Delivery.objects.update(created_at=long_ago, next_at=timezone.now())
        webhooks.deliver_due()
        pending.refresh_from_db()
        hook.refresh_from_db()
        assert pending.next_at is None
        assert not hook.active
        webhooks.try_again(pending)
        hook.active = True
        webhooks.save_webhook(hook)
        assert hook.failing_since is None
        webhooks.deliver_due()
        pending.refresh_from_db()
        assert pending.delivered_at
        with pytest.raises(Conflict):
            webhooks.try_again(pending)

    def test_one_that_is_gone_for_good(self, pending, receiver, hook):
        receiver.answers = [410]
        webhooks.deliver_due()
        hook.refresh_from_db()
        assert not hook.active

    def test_a_worker_that_was_killed_while_it_sent(self, pending, receiver):
        assert delivering._claim(set()) == pending
        assert webhooks.deliver_due() == 0  # perhaps it is being sent
        Delivery.objects.update(next_at=timezone.now())  # a minute later
        assert webhooks.deliver_due() == 1
        assert len(receiver.heard) == 1

    def test_put_off_by_a_clock_that_was_wrong(self, pending, receiver):
        Delivery.objects.update(next_at=timezone.now() + timedelta(hours=14))
        assert webhooks.deliver_due() == 0
        Delivery.objects.update(next_at=timezone.now() + timedelta(days=300))
        assert webhooks.deliver_due() == 1
        assert len(receiver.heard) == 1

    @pytest.mark.parametrize("days", [-8, 2])
    def test_old_ones_are_dropped_and_those_of_a_clock_that_was_ahead(self, pending, receiver, days):
        webhooks.deliver_due()
        Delivery.objects.update(created_at=timezone.now() + timedelta(days=days))
        webhooks.deliver_due()
        assert not Delivery.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_send_each_once(self, hook, receiver, enrol):
        enrol(1)
        for variant in range(6):
            identify(person_jpeg(1, variant=variant), asker=Asker())

        def work() -> None:
            webhooks.deliver_due()
            connection.close()

        at_once(work, work, work)
        webhooks.deliver_due()
        numbers = [headers["webhook-id"] for headers, _ in receiver.heard]
        assert len(numbers) == len(set(numbers)) == 6


class TestWhereItMayGo:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/x",
            "https://127.0.0.1/x",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://0.0.0.0/",
            "https://10.1.2.3/",
            "https://192.168.1.1/",
            "https://172.16.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://100.64.0.1/",
            "https://224.0.0.1/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "http://93.184.215.14/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "https://user:word@example.org/",
            "https://exa mple.org/",
            "https://example.org/\r\nX: y",
            "https://example.org:99999/",
            "https://",
            "",
        ],
    )
    def test_never(self, url):
        with pytest.raises(Invalid):
            webhooks.add_webhook(name="x", url=url, types=ALL)
        assert sending.send(url, "whsec_AAAA", "1", b"{}").error

    @pytest.mark.parametrize(
        "url",
        ["https://example.org/hook", "https://93.184.215.14/", "http://homeassistant:8123/api/webhook/x"],
    )
    def test_public_ones_may(self, url):
        webhooks.check_address(url)

    def test_a_name_that_leads_to_a_neighbour(self, monkeypatch, receiver, settings):
        """Even when the name was public a moment before: what was looked at is what is connected to."""
        settings.WEBHOOK_NETWORKS = []
        asked: list[str] = []

        def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        addresses: list[str] = []
        for leads_to in (["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"]):
            addresses[:] = leads_to
            answer = sending.send(f"https://rebind.example:{receiver.port}/", "whsec_AAAA", "1", b"{}")
            assert "not public" in answer.error
        assert receiver.heard == []
        settings.WEBHOOK_NETWORKS = LOOPBACK
        addresses[:] = ["127.0.0.1"]
        del asked[:]
        assert not sending.send(f"http://rebind.example:{receiver.port}/", "whsec_AAAA", "1", b"{}").error
        assert asked[0] == "rebind.example"
        assert receiver.heard[0][0]["host"] == f"rebind.example:{receiver.port}"

    def test_a_receiver_that_says_a_byte_now_and_then(self, settings, monkeypatch):
        settings.WEBHOOK_NETWORKS = LOOPBACK
        monkeypatch.setattr(posting, "WHOLE_SECONDS", 0.5)
        with socket.create_server(("127.0.0.1", 0)) as server:

            def drip() -> None:
                peer, _ = server.accept()
                with peer:
                    try:
                        for _ in range(100):
                            peer.sendall(b"H")
                            time.sleep(0.1)
                    except OSError:
                        return

            threading.Thread(target=drip, daemon=True).start()
            start = time.monotonic()
            answer = sending.send(f"http://127.0.0.1:{server.getsockname()[1]}/", "whsec_AAAA", "1", b"{}")
            assert answer.error
            assert time.monotonic() - start < 4

    def test_a_certificate_of_another_name(self, settings):
        """A server that speaks no TLS, or a wrong one, is told nothing."""
        settings.WEBHOOK_NETWORKS = LOOPBACK
        receiver = Receiver()
        answer = sending.send(receiver.url.replace("http:", "https:"), "whsec_AAAA", "1", b"{}")
        assert "SSL" in answer.error
        assert receiver.heard == []
        receiver.server.shutdown()
        receiver.server.server_close()


@pytest.mark.parametrize("types", [[], ["nothing"], ["test"], [*ALL, "x"]])
def test_types_that_do_not_exist(types):
    with pytest.raises(Invalid, match="Choose among"):
        webhooks.add_webhook(name="x", url="https://example.org/", types=types)
