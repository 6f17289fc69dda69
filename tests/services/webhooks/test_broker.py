"""Events told to a broker of MQTT: Mosquitto as it is, with accounts, rights and certificates."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from recognition.models import Delivery, Webhook
from recognition.services import webhooks
from recognition.services.errors import Invalid
from recognition.services.recognition import Asker, identify
from recognition.services.webhooks import broker, sending
from recognition.services.webhooks.addresses import check_address
from recognition.services.webhooks.broker import Account
from tests.fakes import person_jpeg
from tests.threads import PATIENCE

pytestmark = pytest.mark.django_db
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
LOOPBACK = [ip_network("127.0.0.0/8")]
ALL = ["person.recognised", "person.not_recognised"]
SITE = Account("site", "a word")
real = pytest.mark.skipif(
    MOSQUITTO is None, reason="Mosquitto is not installed (Debian: apt install mosquitto)"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the broker did not start")


def certificate(folder: Path, name: str) -> None:
    """Signed by itself, for this name: ``cert.pem`` and ``key.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, plain))


class Mosquitto:
    """site may publish below identity/, door may read it; with and without TLS."""

    def __init__(self, folder: Path) -> None:
        self.port, self.secure_port = free_port(), free_port()
        certificate(folder, "broker.example")
        self.certificate = folder / "cert.pem"
        words, rights, settings = folder / "words", folder / "rights", folder / "mosquitto.conf"
        words.write_text("site:a word\ndoor:another word\n")
        words.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(words)], check=True)
        rights.write_text("user site\ntopic write identity/#\nuser door\ntopic read identity/#\n")
        settings.write_text(
            f"listener {self.port} 127.0.0.1\n"
            f"listener {self.secure_port} 127.0.0.1\ncertfile {folder}/cert.pem\nkeyfile {folder}/key.pem\n"
            f"allow_anonymous false\npassword_file {words}\nacl_file {rights}\nuser {getpass.getuser()}\n"
        )
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(settings)], stderr=subprocess.DEVNULL)
        wait_for(self.port)
        wait_for(self.secure_port)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/identity"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


class Listener:
    """A door that listens to everything."""

    def __init__(self, port: int) -> None:
        self.heard: list[MQTTMessage] = []
        ready = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set("door", "another word")
        self.client.on_message = lambda client, data, message: self.heard.append(message)
        self.client.on_connect = lambda client, *_: client.subscribe("identity/#", qos=1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(PATIENCE)

    def wait(self, count: int) -> list[MQTTMessage]:
        until = time.monotonic() + PATIENCE
        while len(self.heard) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.heard) == count
        return self.heard


@pytest.fixture
def mosquitto(tmp_path, settings) -> Iterator[Mosquitto]:
    settings.WEBHOOK_NETWORKS = LOOPBACK
    started = Mosquitto(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def door(mosquitto) -> Iterator[Listener]:
    door = Listener(mosquitto.port)
    yield door
    door.client.disconnect()
    door.client.loop_stop()


@pytest.fixture
def hook(mosquitto) -> Webhook:
    hook = webhooks.add_webhook(name="Broker", url=mosquitto.url, types=ALL)[0]
    hook.username, hook.password = SITE.username, SITE.password
    webhooks.save_webhook(hook)
    return hook


@real
class TestABroker:
    def test_is_told_signed_and_below_its_topic(self, hook, door, enrol):
        ann = enrol(1)
        identify(person_jpeg(1, 9, variant=5), asker=Asker())
        assert webhooks.deliver_due() == 2
        heard = {message.topic: message for message in door.wait(2)}
        assert set(heard) == {"identity/person/recognised", "identity/person/not_recognised"}
        message = heard["identity/person/recognised"]
        told = json.loads(message.payload)
        assert told["data"]["person"] == {"external_id": ann.external_id}
        about = dict(message.properties.UserProperty)
        assert about["webhook-signature"] == sending.signature(
            hook.secret, about["webhook-id"], int(about["webhook-timestamp"]), message.payload
        )
        assert Delivery.objects.filter(delivered_at=None).count() == 0
        assert about["webhook-id"] in {str(pk) for pk in Delivery.objects.values_list("pk", flat=True)}

    def test_a_test(self, hook, door):
        webhooks.send_test(hook)
        webhooks.deliver_due()
        assert [message.topic for message in door.wait(1)] == ["identity/test"]

    def test_tries_again_while_the_broker_is_away(self, hook, mosquitto, enrol):
        enrol(1)
        identify(person_jpeg(1, variant=5), asker=Asker())
        mosquitto.stop()
        webhooks.deliver_due()
        delivery = Delivery.objects.get()
        assert "ConnectionRefused" in delivery.error
        assert delivery.next_at

    @pytest.mark.parametrize(
        ("account", "topic", "words"),
        [
            (Account("site", "a wrong one"), "identity", "Not authorized"),
            (Account("nobody", "a word"), "identity", "Not authorized"),
            (None, "identity", "Not authorized"),
            (Account("door", "another word"), "identity", "Not authorized"),  # who may only read
            (SITE, "elsewhere", "Not authorized"),
        ],
    )
    def test_a_refusal_is_told(self, mosquitto, account, topic, words):
        """By MQTT 3 a broker takes what it then throws away."""
        answer = sending.send(
            f"mqtt://127.0.0.1:{mosquitto.port}/{topic}",
            "whsec_AAAA",
            "1",
            b"{}",
            type="person.recognised",
            account=account,
        )
        assert words in answer.error

    def test_nobody_listens(self, mosquitto):
        """The broker has it, and that is what was asked for."""
        assert sending.send(mosquitto.url, "whsec_AAAA", "1", b"{}", type="test", account=SITE).error == ""

    def test_with_tls_by_the_name_of_its_certificate(self, mosquitto, door, monkeypatch):
        own = ssl.create_default_context
        leads_to(monkeypatch, "127.0.0.1")

        def told(name: str) -> str:
            url = f"mqtts://{name}:{mosquitto.secure_port}/identity"
            return sending.send(url, "whsec_AAAA", "1", b"{}", type="test", account=SITE).error

        assert "CERTIFICATE_VERIFY_FAILED" in told("broker.example")  # whoever signed it is not known
        trusting = lambda: own(cafile=str(mosquitto.certificate))  # noqa: E731
        monkeypatch.setattr(ssl, "create_default_context", trusting)
        assert "CERTIFICATE_VERIFY_FAILED" in told("another.example")
        assert told("broker.example") == ""
        door.wait(1)

    def test_a_server_that_is_none(self, settings):
        """It connects, and then says nothing, nonsense, or goes."""
        settings.WEBHOOK_NETWORKS = LOOPBACK
        for says in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x7f" + b"\xff" * 200, b""):
            with socket.create_server(("127.0.0.1", 0)) as server:

                def answer(server: socket.socket = server, says: bytes = says) -> None:
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(100)
                        peer.sendall(says)

                threading.Thread(target=answer, daemon=True).start()
                url = f"mqtt://127.0.0.1:{server.getsockname()[1]}/x"
                assert sending.send(url, "whsec_AAAA", "1", b"{}", type="test").error

    def test_a_server_that_says_nothing(self, settings, monkeypatch):
        settings.WEBHOOK_NETWORKS = LOOPBACK
        monkeypatch.setattr(broker, "WHOLE_SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"mqtt://127.0.0.1:{server.getsockname()[1]}/x"
            start = time.monotonic()
            assert "did not answer in time" in sending.send(url, "whsec_AAAA", "1", b"{}", type="test").error
            assert time.monotonic() - start < 4


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """What every name resolves to. Gives the names that were asked for."""
    asked: list[str] = []
    own = socket.getaddrinfo

    def resolve(host: str, port: int, *more: object, **how: object) -> list[tuple]:
        try:
            ip_address(host)
        except ValueError:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
        return own(host, port, *more, **how)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


class TestWhereItMayGo:
    def test_a_name_that_leads_to_a_neighbour(self, monkeypatch):
        """Looked up once, and paho does not look again: what was looked at is what is connected to."""
        asked = leads_to(monkeypatch, "93.184.215.14", "127.0.0.1")
        connected: list[object] = []
        monkeypatch.setattr(socket, "create_connection", lambda *a, **k: connected.append(a))
        assert "not public" in sending.send("mqtts://broker.example/x", "whsec_AAAA", "1", b"{}").error
        assert (asked, connected) == (["broker.example"], [])

    def test_the_address_that_was_looked_at_is_connected_to(self, monkeypatch):
        asked = leads_to(monkeypatch, "93.184.215.14")
        connected: list[object] = []

        def connect(address: object, **_: object) -> socket.socket:
            connected.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "create_connection", connect)
        sending.send("mqtts://broker.example/x", "whsec_AAAA", "1", b"{}")
        assert (asked, connected) == (["broker.example"], [("93.184.215.14", 8883)])

    @pytest.mark.parametrize(
        "url",
        [
            "mqtt://127.0.0.1/x",
            "mqtts://10.0.0.1/x",
            "mqtt://93.184.215.14/x",
            "mqtts://broker.example",
            "mqtts://broker.example/",
            "mqtts://broker.example/a/#",
            "mqtts://broker.example/a?b",
            "mqtts://broker.example/%2b",
            "mqtts://broker.example/%00",
            "mqtts://broker.example/$SYS/x",
            "mqtts://site:word@broker.example/x",
            "mqtts:///x",
        ],
    )
    def test_never(self, url):
        with pytest.raises(Invalid):
            webhooks.add_webhook(name="x", url=url, types=ALL)
        assert sending.send(url, "whsec_AAAA", "1", b"{}", type="test").error

    def test_its_parts(self):
        place = check_address("mqtts://broker.example/house/identity/")
        assert (place.port, place.path, place.secure, place.broker) == (8883, "house/identity", True, True)


def test_the_password_lies_sealed(db):
    hook = webhooks.add_webhook(name="Broker", url="mqtts://broker.example/x", types=ALL)[0]
    hook.username, hook.password = "site", "a word"
    webhooks.save_webhook(hook)
    assert Webhook.objects.get().password == "a word"
    raw = Webhook.objects.extra(select={"raw": "password"}).values_list("raw", flat=True)[0]
    assert "a word" not in raw
