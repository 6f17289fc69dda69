"""Makes the bundled LiteRT files again from the original weights.

``KERAS_BACKEND=tensorflow python -m recognition.engine.networks.export --weights models/ --out models/``

Size and digest of each file and of its original weights are entered in the manifest beside it, and the weights are
copied there, those of Keras H5 files in half precision. What the manifest says about origin stays as it is; so do
accuracy and threshold policy, unless the weights are other ones than those that they were measured with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from recognition.engine.networks.convert import convert
from recognition.engine.networks.keras_h5 import in_half_precision
from recognition.engine.networks.litert_export import write

SOURCES = {
    "ghostfacenet-v1-1.3-2-2026nov": "ghostfacenet-v1-1.3-2-2026nov.h5",
    "yolov5n-0.5-face": "yolov5n-0.5-face.npz",
    "face-refiner-64": "face-refiner-64.keras",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True, help="folder of the original weight files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the LiteRT files and the manifest")
    parser.add_argument("--only", choices=SOURCES, help="one model instead of all")
    options = parser.parse_args()
    for name, source in SOURCES.items():
        if options.only in (None, name):
            export(name, options.weights / source, options.out)


def export(name: str, source: Path, out: Path) -> None:
    manifest_path = out / "manifest.json"
    document = json.loads(manifest_path.read_text(encoding="utf-8"))
    entries = {entry["name"]: entry for entry in document["models"]}
    weights = _kept(source, out)
    files = convert(out / source.name, half=True)  # what is kept is what is served
    for converted in files:
        entry = entries[name + converted.suffix]
        if entry.get("weights", {}).get("sha256") != weights["sha256"]:
            _forget_measurements(entry)
        write(out / entry["file"], converted.content)
        entry.update(
            size=len(converted.content),
            sha256=hashlib.sha256(converted.content).hexdigest(),
            input=converted.input,
            output=converted.output,
            weights=weights,
        )
        print(f"{entry['file']}: {entry['size']:,} bytes")
    write(manifest_path, formatted(document).encode())


def _kept(source: Path, out: Path) -> dict[str, Any]:
    """The manifest's ``weights`` for this file, which lies beside the manifest afterwards."""
    target = out / source.name
    content = in_half_precision(source) if source.suffix == ".h5" else source.read_bytes()
    write(target, content)
    return {"file": target.name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _forget_measurements(entry: dict[str, Any]) -> None:
    accuracy = entry.pop("accuracy", None)
    policy = entry.get("settings", {}).pop("policy", None)
    if accuracy or policy:
        print(
            f"{entry['name']}: other weights, so what was measured with the former ones (accuracy, threshold policy) "
            "is left out of the manifest."
        )
    if policy:
        print(f"Measure them: manage.py calibrate FOLDER --model {entry['name']} --ship --skip-checks")


def formatted(document: dict[str, Any]) -> str:
    """JSON for people: lists of numbers on one line."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return re.sub(r"\[[\s\d.,eE+\-\[\]]+\]", lambda found: _one_line(found.group()), text) + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("[ ", "[").replace(" ]", "]")


if __name__ == "__main__":
    main()
