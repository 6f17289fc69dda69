"""The files of an evaluation: JSON, pictures, and one HTML page that holds everything."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from recognition.engine import images
from recognition.engine.types import ImageError
from recognition.services.evaluation import plots
from recognition.services.wording import reason_text

SHOWN, THUMBNAIL = 60, 200  # refused photos with their pictures, and the longer side of these in pixels
LABELS = {
    "plain": "one view",
    "mirrored": "with mirrored view",
    "before": "model in use",
    "after": "model to come",
}


def pictures(document: dict[str, Any]) -> dict[str, Any]:
    """The figures to draw by file name without suffix: roc, scores, open_set."""
    used = document["variants"][document["variant"]]
    curves = {
        LABELS.get(name, name): variant["verification"] for name, variant in document["variants"].items()
    }
    if "pairs" in used:
        curves["pairs file"] = used["pairs"]
    found = {"roc": plots.draw_roc(curves), "scores": plots.draw_histogram(used["verification"])}
    if used["identification"]["open"]:
        found["open_set"] = plots.draw_open_set(used["identification"]["open"]["curve"])
    return found


def svg_pictures(document: dict[str, Any]) -> dict[str, str]:
    return {name: plots.render(figure, "svg").decode() for name, figure in pictures(document).items()}


def write_report(document: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Write all files into the folder, which is made when needed; returns what was written by name."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    drawn = {}
    for name, figure in pictures(document).items():
        for kind in ("png", "svg"):
            drawn[f"{name}.{kind}"] = plots.render(figure, kind)
    for name, content in drawn.items():
        written[name] = folder / name
        written[name].write_bytes(content)
    written["evaluation.json"] = folder / "evaluation.json"
    written["evaluation.json"].write_text(json.dumps(document, indent=1), encoding="utf-8")
    written["evaluation.html"] = folder / "evaluation.html"
    written["evaluation.html"].write_text(as_html(document, drawn), encoding="utf-8")
    return written


def as_html(document: dict[str, Any], drawn: dict[str, bytes]) -> str:
    """One page that needs no other file."""
    addresses = {
        name.removesuffix(".svg"): picture_address(content)
        for name, content in drawn.items()
        if name.endswith(".svg")
    }
    context = {
        "document": document,
        "images": addresses,
        "used": document["variants"][document["variant"]],
        "variants": [
            {"name": LABELS.get(name, name), "used": name == document["variant"], **variant}
            for name, variant in document["variants"].items()
        ],
        "refused": [_refused(photo) for photo in document["photos"].get("refused", [])[:SHOWN]],
    }
    return render_to_string("evaluation/report.html", context)


def _refused(photo: dict[str, str]) -> dict[str, str]:
    path = Path(photo["path"])
    try:
        content = path.read_bytes() if path.stat().st_size <= images.MAX_BYTES else b""
        picture = images.encode_jpeg(images.decode(content, max_side=THUMBNAIL))
        address = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    except (OSError, ImageError):
        address = ""
    return {
        "person": photo["person"],
        "name": path.name,
        "said": reason_text(photo["reason"]),
        "picture": address,
    }


def picture_address(svg: bytes | str) -> str:
    """A data address for an <img>, in which scripts of the drawing never run."""
    raw = svg.encode() if isinstance(svg, str) else svg
    return "data:image/svg+xml;base64," + base64.b64encode(raw).decode()
