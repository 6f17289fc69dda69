"""The pictures of docs/guide.md, taken from a running site with the demo people.

    KEEP_VISITORS_DAYS=14 PORT=9100 make run   # a new site, in another terminal; it prints the password
    python -m scripts.guide_pictures http://127.0.0.1:9100 --password PASSWORD

It recognises demo pictures, adds a kiosk and a photo that has to be reviewed: run it on a site for trying only.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests import chromium
from tests.browser import fake_camera

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "guide"
DEMO = ROOT / "demo"
SIZE = {"width": 1320, "height": 860}
WIDEST = 1200  # pixels
MOST = 150_000  # bytes


def keep(page: Page, name: str, *, of: str = "") -> None:
    """A picture of the window, or of one element, as a small WebP file."""
    page.wait_for_timeout(600)  # what fades in has faded in
    shot = page.locator(of).first.screenshot() if of else page.screenshot()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.thumbnail((WIDEST, 10 * WIDEST))
    for quality in range(85, 30, -10):
        file = io.BytesIO()
        picture.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= MOST:
            break
    (FOLDER / f"{name}.webp").write_bytes(file.getvalue())
    print(f"{name}.webp {file.tell() // 1000} kB")


def sign_in(page: Page, password: str) -> None:
    page.goto("/accounts/login/?next=/admin/")
    page.locator("#id_login").fill("admin")
    page.locator("#id_password").fill(password)
    keep(page, "sign-in")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/admin/")


def prepare(page: Page) -> None:
    """Something to be seen: recognised pictures, and a photo under a wrong name."""
    for picture in sorted((DEMO / "groups").glob("*.jpg"))[:2] + sorted((DEMO / "probes").glob("*.jpg"))[:6]:
        page.goto("/admin/recognition/decision/recognise/")
        page.set_input_files("input[type=file]", str(picture))
        page.locator("#answer").wait_for()
    keep(page, "recognise")
    page.goto("/admin/recognition/identity/?q=P005")
    page.locator(".id-wall a").first.click()
    page.set_input_files("input[type=file]", str(DEMO / "probes" / "P001.jpg"))
    page.wait_for_timeout(5000)  # until a worker has looked at it


def show_strangers(page: Page) -> None:
    """A kiosk sees people who are not enrolled, some of them twice."""
    page.goto("/admin/recognition/apikey/add/")
    page.locator("[name=name]").fill("Reception")
    page.locator("[name=scopes][value=identify]").check()
    page.locator("[name=_save]").first.click()
    key = page.locator("[data-secret]").input_value()
    pictures = sorted((DEMO / "probes" / "strangers").glob("*.jpg"))
    for path in [*pictures, *pictures[:4], *pictures[:2]]:
        file = {"name": path.name, "mimeType": "image/jpeg", "buffer": path.read_bytes()}
        headers = {"Authorization": f"Bearer {key}"}
        page.request.post("/api/v1/identify", headers=headers, multipart={"image": file})
    page.wait_for_timeout(5000)  # until a worker has put them together


def station(browser: Browser, base: str, state: dict[str, object]) -> None:
    page = browser.new_context(base_url=base, viewport=SIZE, storage_state=state).new_page()  # type: ignore[arg-type]
    page.goto("/admin/recognition/identity/add/")
    page.locator("[name=name]").fill("Mai Nguyen")
    keep(page, "first-person")
    page.locator("[data-webcam]").click()
    page.locator("[data-shots] img").first.wait_for(timeout=30_000)
    keep(page, "station")
    page.context.close()


def walk(page: Page) -> None:
    """The pages of the admin, one picture each."""

    def shot(name: str, path: str, of: str = "") -> None:
        page.goto(path)
        keep(page, name, of=of)

    shot("overview", "/admin/")
    shot("people", "/admin/recognition/identity/")
    page.locator(".id-wall a").first.click()
    keep(page, "person")
    person = page.url.removesuffix("change/")
    shot("enrol-many", "/admin/recognition/identity/enrol_many/")
    shot("review", "/admin/recognition/photo/review/")
    shot("consent", person + "consent/")
    page.goto("/admin/auth/group/")
    page.get_by_role("link", name="enroller").first.click()
    page.locator("a.add-row").click()
    page.locator("#id_sign_in_rule-0-face").scroll_into_view_if_needed()
    keep(page, "sign-in-rules")
    page.goto("/admin/recognition/apikey/add_kiosk/")
    page.locator("[name=name]").fill("Front door")
    page.locator("[name=place]").fill("Entrance")
    page.get_by_role("button", name="Show the pairing code").click()
    keep(page, "pairing")
    shot("cameras", "/admin/recognition/camera/add/")
    shot("events", "/admin/recognition/decision/")
    page.locator("#result_list tbody a").first.click()
    keep(page, "event")
    shot("visitors", "/admin/recognition/visitor/")
    page.locator(".id-wall a").first.click()
    keep(page, "visitor")
    page.goto("/admin/recognition/thresholdpolicy/calibrate/")
    keep(page, "thresholds")
    shot("models", "/admin/recognition/modelversion/")
    shot("erase", person + "delete/")
    shot("roles", "/admin/auth/group/")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", help="its address")
    parser.add_argument("--password", required=True, help="of the account admin")
    asked = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        probe = (DEMO / "probes" / "P002.jpg").read_bytes()
        film = fake_camera.film(probe, Path(folder) / "film.mjpeg")
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=fake_camera.arguments(film)
        )
        context = browser.new_context(base_url=asked.site, viewport=SIZE)
        page = context.new_page()
        sign_in(page, asked.password)
        prepare(page)
        show_strangers(page)
        walk(page)
        station(browser, asked.site, context.storage_state())  # type: ignore[arg-type]
        browser.close()


if __name__ == "__main__":
    main()
