"""A camera of a page that shows a head, or a print of it, doing what the page asks for."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from bench.liveness import scene
from bench.liveness.scene import Pose, Subject
from recognition.engine.images import decode, encode_jpeg
from recognition.engine.liveness.plans import Step
from recognition.engine.quality import PROBE
from recognition.services.analysis import get_analyzer
from tests.browser.camera_page import FACE_LOGIN

PARTS = 6  # pictures from rest to the end of a movement
WHOLE = {
    Step.LEFT: Pose(yaw=27),
    Step.RIGHT: Pose(yaw=-27),
    Step.UP: Pose(pitch=33),
    Step.DOWN: Pose(pitch=-33),
    Step.CLOSER: Pose(near=1.45),
    Step.BACK: Pose(near=0.7),
}
# Draws the picture of the movement that the page shows, a third of a second after it appeared; it trembles a little,
# as a hand does, and has the noise of a camera.
SCRIPT = """
(() => {
  const films = %s;
  const canvas = document.createElement("canvas");
  canvas.width = 640; canvas.height = 480;
  const context = canvas.getContext("2d");
  const pictures = {};
  for (const [step, parts] of Object.entries(films))
    pictures[step] = parts.map((data) => Object.assign(new Image(), { src: "data:image/jpeg;base64," + data }));
  let step = "", moving = "", since = 0, share = 0, last = performance.now();
  const draw = () => {
    const now = performance.now(), passed = (now - last) / 1000;
    last = now;
    const asked = document.querySelector("[data-step]")?.dataset.step ?? "";
    if (asked !== step) { step = asked; since = now; }
    if (now - since > 350) {
      if (step) moving = step;
      share = Math.min(1, Math.max(0, share + (step ? 1.6 : -1.6) * passed));
    }
    const parts = pictures[moving] ?? Object.values(pictures)[0];
    const picture = parts[Math.round(share * (parts.length - 1))];
    if (picture.complete) {
      context.drawImage(picture, Math.sin(now / 700) * 1.5, Math.cos(now / 900) * 1.5, 640, 480);
      context.fillStyle = `rgba(${Math.random() * 255}, 128, ${Math.random() * 255}, 0.02)`;
      for (let n = 0; n < 400; n++) context.fillRect(Math.random() * 640, Math.random() * 480, 3, 3);
    }
  };
  setInterval(draw, 33);
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
})();
"""


def subject(path: Path) -> Subject:
    photo = decode(path.read_bytes())
    return Subject(photo, get_analyzer().find(photo, PROBE)[0].face.landmarks)


def films_of(who: Subject, *, printed: bool = False) -> dict[str, list[str]]:
    ground = np.full((scene.HEIGHT, scene.WIDTH, 3), 150, np.uint8)
    ground = cv2.add(ground, np.random.default_rng(3).integers(0, 12, ground.shape, dtype=np.uint8))
    films = {}
    for step, whole in WHOLE.items():
        pictures = []
        for part in range(PARTS + 1):
            share = part / PARTS
            pose = Pose(whole.yaw * share, whole.pitch * share, near=1 + (whole.near - 1) * share)
            if printed:
                held = Pose(pose.yaw * 1.5, pose.pitch * 1.5, near=pose.near)
                seen = scene.view(who, held, scene.flat, ground=ground, moves_alone=False, size=(1.7, 2.2))
            else:
                seen = scene.view(who, pose, ground=ground)
            pictures.append(base64.b64encode(encode_jpeg(seen, 90)).decode())
        films[str(step)] = pictures
    return films


def put_before_camera(page: Page, films: dict[str, list[str]]) -> None:
    page.add_init_script(SCRIPT % str(films).replace("'", '"'))


def open_page(browser: Browser, url: str, films: dict[str, list[str]], **context: object) -> Page:
    """The face login page with this before its camera."""
    page = browser.new_context(**context).new_page()  # type: ignore[arg-type]
    put_before_camera(page, films)
    page.goto(url + FACE_LOGIN)
    start = page.locator("#camera-start")
    if start.is_visible():
        start.click()
    expect(page.locator("#camera")).to_have_attribute("data-state", "live")
    return page


DEMO = Path(settings.BASE_DIR) / "demo"
