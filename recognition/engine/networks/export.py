"""Makes the bundled LiteRT files again from the weights beside them, or puts other weights in their place.

``python -m recognition.engine.networks.export``: all of them, from what lies in ``models/``.
``python -m recognition.engine.networks.export --only NAME --file embedder.h5 --rename NEW``: other weights, for
instance those that a training left behind, take the place of a model; without --rename under its name.

Large arrays of Keras H5 files are kept in half precision, and the LiteRT files are made from what is kept. Size and
digest of each file are entered in the manifest. What it says about origin stays as it is; so do accuracy and threshold
policy, unless the weights are other ones than those that they were measured with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recognition.engine.networks.convert import convert
from recognition.engine.networks.half import halved_h5
from recognition.engine.networks.litert_export import write
from recognition.engine.weights import COMPANION

MODELS = Path(__file__).resolve().parents[3] / "models"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=MODELS, help="folder of the LiteRT files and the manifest"
    )
    parser.add_argument("--weights", type=Path, help="folder of the original weight files (that of --out)")
    parser.add_argument("--only", metavar="NAME", help="one model instead of all")
    parser.add_argument("--file", type=Path, help="its weights, from elsewhere and with any name")
    parser.add_argument("--rename", metavar="NEW", help="what it is called from now on")
    options = parser.parse_args()
    if (options.file or options.rename) and not options.only:
        parser.error("--file and --rename need --only: whose weights or name is it?")
    sources = weight_files(options.out)
    if options.only not in (None, *sources):
        parser.error(f"no model {options.only!r}; there are {', '.join(sources)}")
    for name in [options.only] if options.only else sources:
        source = options.file or (options.weights or options.out) / sources[name]
        export(name, source, options.out, options.rename or name)


def weight_files(out: Path) -> dict[str, str]:
    """Name of each model with weights -> the file that holds them."""
    entries = _read(out)["models"]
    names = {entry["name"] for entry in entries}
    return {
        entry["name"]: entry["weights"]["file"]
        for entry in entries
        if "weights" in entry and entry["name"].removesuffix(COMPANION) not in names - {entry["name"]}
    }


def export(name: str, source: Path, out: Path, new: str) -> None:
    """new: the name from now on. Nothing is written unless the source could be converted."""
    document = _read(out)
    entries = {entry["name"]: entry for entry in document["models"]}
    kept = out / f"{new}{source.suffix.lower()}"
    content = halved_h5(source) if kept.suffix == ".h5" else source.read_bytes()
    weights = {"file": kept.name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    with TemporaryDirectory() as folder:
        copy = Path(folder) / kept.name
        copy.write_bytes(content)
        files = convert(copy, half=True)
    write(kept, content)
    before: set[str] = set()
    after = {kept.name}
    for converted in files:
        entry = entries[name + converted.suffix]
        before |= {entry["file"], entry["weights"]["file"]}
        other = entry["weights"]["sha256"] != weights["sha256"]
        entry.update(
            name=new + converted.suffix,
            file=f"{new}.tflite",
            size=len(converted.content),
            sha256=hashlib.sha256(converted.content).hexdigest(),
            input=converted.input,
            output=converted.output,
            weights=weights,
        )
        if other:
            _forget_measurements(entry)
        after.add(entry["file"])
        write(out / entry["file"], converted.content)
        print(f"{entry['file']}: {entry['size']:,} bytes")
    defaults = document.get("defaults", {})
    document["defaults"] = {kind: new if default == name else default for kind, default in defaults.items()}
    write(out / "manifest.json", formatted(document).encode())
    for file in before - after:
        (out / file).unlink(missing_ok=True)


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


def _read(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return document


def formatted(document: dict[str, Any]) -> str:
    """JSON for people: lists of numbers on one line."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return re.sub(r"\[[\s\d.,eE+\-\[\]]+\]", lambda found: _one_line(found.group()), text) + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("[ ", "[").replace(" ]", "]")


if __name__ == "__main__":
    main()
