"""The policy that comes with a model: an entry of ``models/manifest.json``, measured on photos that are not shipped."""

from __future__ import annotations

import json
import re
from pathlib import Path

from recognition.services.analysis import get_analyzer
from recognition.services.errors import Invalid
from recognition.services.thresholds.calibration import Proposal

NUMBERS = re.compile(r"\[[\s\d.,eE+\-\[\]]+\]")


def ship(proposal: Proposal, name: str) -> Path:
    """Write the proposal into the manifest as the policy of this bundled embedder; sites that start anew take it."""
    analyzer = get_analyzer()
    path = analyzer.manifest.folder / "manifest.json"
    part = path.with_name("manifest.json.part")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        entry = next((model for model in document["models"] if model["name"] == name), None)
        if entry is None:
            raise Invalid(
                "not_bundled", f"{name} does not come with the site; store its policy without --ship."
            )
        entry.setdefault("settings", {})["policy"] = proposal.as_dict()
        text = json.dumps(document, indent=1, ensure_ascii=False)
        part.write_text(NUMBERS.sub(_on_one_line, text) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise Invalid("unwritable", f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def _on_one_line(numbers: re.Match[str]) -> str:
    """A list of numbers as people write it."""
    return re.sub(r"\s+", " ", numbers.group()).replace("[ ", "[").replace(" ]", "]")
