"""Too many requests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings

from recognition.api.throttles import StrangerThrottle, parse_rate
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, error_of, rows, upload
from tests.fakes import wall_jpeg

NOON = 1_800_000_000.0  # the beginning of a minute and of an hour


@pytest.fixture(autouse=True)
def slow_rates() -> Iterator[None]:
    rates = {"recognise": "3/m", "enrol": "2/m", "read": "4/m", "stranger": "2/m"}
    with (
        override_settings(REST_FRAMEWORK=settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}),
        patch("recognition.api.throttles.time.time", return_value=NOON + 20.5),
    ):
        yield


def test_each_group_has_its_rate(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("admin")
    for method, path, allowed in (
        (kiosk.post, "identify", 3),
        (kiosk.post, "people", 2),
        (kiosk.get, "people", 4),
    ):
        codes = [method(path).status_code for _ in range(allowed + 2)]
        assert 429 not in codes[:allowed]
        assert codes[allowed:] == [429, 429]


def test_verify_and_identify_share_a_rate(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("admin")
    codes = [kiosk.post(path).status_code for path in ("identify", "verify", "identify", "verify")]
    assert codes == [400, 400, 400, 429]


def test_says_when_to_come_back(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("identify")
    before = None
    for _ in range(3):
        kiosk.post("identify", image=upload(wall_jpeg()))
        before = rows()
    response = kiosk.post("identify", image=upload(wall_jpeg()))
    assert error_of(response, 429)["code"] == "throttled"
    assert response["Retry-After"] == "40"  # 39.5 seconds to the end of the minute
    assert rows() == before
    with patch("recognition.api.throttles.time.time", return_value=NOON + 60):
        assert kiosk.post("identify", image=upload(wall_jpeg())).status_code == 200


def test_kiosks_do_not_share_a_rate(new_kiosk: NewKiosk) -> None:
    first, second = new_kiosk("read"), new_kiosk("read")
    while first.get("people").status_code != 429:
        pass
    assert second.get("people").status_code == 200


def test_guessing_is_slow(db: None, new_kiosk: NewKiosk) -> None:
    good = new_kiosk("read")
    guesser = Kiosk("fid_" + "0" * 8 + "_" + "A" * 43)
    assert [guesser.get("people").status_code for _ in range(3)] == [401, 401, 429]
    assert [Kiosk().post(path).status_code for path in ("identify", "people")] == [429, 429]
    response = guesser.get("people")
    assert error_of(response, 429)["code"] == "throttled"
    assert response["Retry-After"] == "40"
    assert good.get("people").status_code == 200  # a kiosk at the same address goes on


def test_pages_without_a_key_are_counted(db: None) -> None:
    assert [Kiosk().get("docs/").status_code for _ in range(3)] == [200, 200, 429]


def test_a_proxy_tells_the_address(db: None) -> None:
    with override_settings(
        REST_FRAMEWORK=settings.REST_FRAMEWORK
        | {"NUM_PROXIES": 1, "DEFAULT_THROTTLE_RATES": {"stranger": "1/m"}}
    ):
        codes = []
        for address in ("1.1.1.1", "2.2.2.2", "9.9.9.9, 1.1.1.1"):
            kiosk = Kiosk()
            kiosk.headers = {"X-Forwarded-For": address}
            codes.append(kiosk.get("status").status_code)
        assert codes == [401, 401, 429]


def test_nobody_invents_an_address(db: None) -> None:
    codes = []
    for number in range(3):
        kiosk = Kiosk()
        kiosk.headers = {"X-Forwarded-For": f"1.1.1.{number}"}
        codes.append(kiosk.get("status").status_code)
    assert codes == [401, 401, 429]


def test_parallel_requests_are_all_counted() -> None:
    def take(_: int) -> bool:
        return StrangerThrottle().count("read", "kiosk")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(200))) == 4


def test_a_counter_goes_away() -> None:
    StrangerThrottle().count("read", "kiosk")
    name = f"rate:read:kiosk:{int(NOON // 60)}"
    client = cache._cache.get_client(None)
    assert 60 < client.ttl(cache.make_key(name)) <= 120


def test_doors_open_while_redis_is_away(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("identify")
    nowhere = settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock?db=1"}
    with override_settings(CACHES={"default": nowhere}):
        codes = [kiosk.post("identify", image=upload(wall_jpeg())).status_code for _ in range(5)]
        assert codes == [200] * 5
        assert kiosk.get("status").json()["worker"] is False
        assert error_of(Kiosk().get("status"), 401)["code"] == "no_key"


@pytest.mark.parametrize(
    ("rate", "parsed"), [("5/s", (5, 1)), ("300/m", (300, 60)), ("9/h", (9, 3600)), ("1/d", (1, 86400))]
)
def test_rates(rate: str, parsed: tuple[int, int]) -> None:
    assert parse_rate(rate) == parsed
