"""The app itself, which a tablet keeps so that it starts without a connection. It holds nothing about anybody."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

SHARED = ("site/shot.js", "site/challenge.js")  # with the face login page
SCRIPTS = ("words", "store", "motion", "camera", "sound", "server", "faces", "check", "app")
STYLE = "kiosk/kiosk.css"
MARK = "site/mark.svg"
ICONS = {192: "kiosk/icon-192.png", 512: "kiosk/icon-512.png"}
GROUND = "#101615"


@require_safe
@never_cache
def app(request: HttpRequest) -> HttpResponse:
    return render(request, "kiosk/app.html", {"scripts": _scripts(), "style": STYLE})


@require_safe
@never_cache
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. Its text changes with every file of the app, so that browsers notice a new one."""
    files = [*_scripts(), STYLE, MARK, *ICONS.values()]
    shell = [reverse("kiosk:app"), reverse("kiosk:manifest"), *map(static, files)]
    text = render_to_string("kiosk/worker.js", {"version": _digest(files), "shell": json.dumps(shell)})
    return HttpResponse(text, content_type="text/javascript")


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    start = reverse("kiosk:app")
    icons = [
        {"src": static(file), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
        for side, file in ICONS.items()
        for purpose in ("any", "maskable")
    ]
    content = {
        "id": start,
        "name": "Identity kiosk",
        "short_name": "Kiosk",
        "description": "Check in and out with a look.",
        "start_url": start,
        "scope": start,
        "display": "fullscreen",
        "display_override": ["fullscreen", "standalone"],
        "orientation": "any",
        "background_color": GROUND,
        "theme_color": GROUND,
        "icons": icons,
    }
    return JsonResponse(content, content_type="application/manifest+json")


def _scripts() -> list[str]:
    return [*SHARED, *(f"kiosk/{name}.js" for name in SCRIPTS)]


def _digest(files: list[str]) -> str:
    """Of what the files hold."""
    digest = hashlib.sha256()
    for name in files:
        found = finders.find(name)
        digest.update(Path(str(found)).read_bytes() if found else name.encode())
    digest.update(render_to_string("kiosk/app.html", {"scripts": [], "style": STYLE}).encode())
    return digest.hexdigest()[:16]
