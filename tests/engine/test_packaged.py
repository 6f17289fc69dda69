from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recognition.engine import packaged
from recognition.engine.types import ModelFileError


@pytest.fixture
def site_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the package is installed, with both files empty."""
    info = tmp_path / f"{packaged.DISTRIBUTION}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {packaged.DISTRIBUTION}\nVersion: 1\n")
    names = [f"{packaged.DISTRIBUTION}/models/{spec.file}" for spec in packaged.specs()]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_entries_are_complete_manifest_entries() -> None:
    assert packaged.NAMES == ("sface-2021dec", "yunet-2023mar")
    for spec in packaged.specs():
        assert spec.kind in ("embedder", "detector")
        assert len(spec.sha256) == 64
        assert spec.size > 100_000
        assert spec.licence
        assert spec.input["name"]


def test_the_embedder_comes_with_a_policy() -> None:
    (spec,) = (spec for spec in packaged.specs() if spec.kind == "embedder")
    policy: Any = spec.settings["policy"]
    assert 0 < policy["verify_threshold"] < policy["identify_threshold"] < 1
    assert policy["measurements"]["mirrored"] is spec.settings["mirrored"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelFileError, match="sface-2021dec, yunet-2023mar"):
        packaged.find("resnet")


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "DISTRIBUTION", "surely-not-installed")
    with pytest.raises(ModelFileError, match=r"not installed here: pip install -r requirements-base\.txt"):
        packaged.find("sface-2021dec")


def test_a_file_with_another_content_is_refused(site_packages: Path) -> None:
    with pytest.raises(ModelFileError, match=r"is not the file that was published.*Install it anew"):
        packaged.find("yunet-2023mar")
    (spec,) = (spec for spec in packaged.specs() if spec.name == "yunet-2023mar")
    path = site_packages / packaged.DISTRIBUTION / "models" / spec.file
    path.write_bytes(b"x" * spec.size)
    with pytest.raises(ModelFileError, match="is not the file"):
        packaged.find("yunet-2023mar")
    path.unlink()
    with pytest.raises(ModelFileError, match="has no file"):
        packaged.find("yunet-2023mar")


def test_the_remedy_is_a_file_of_the_repository() -> None:
    root = Path(__file__).resolve().parents[2]
    assert packaged.DISTRIBUTION in (root / packaged.REMEDY.split()[-1]).read_text()
