"""The embeddings file of the original notebook, ``vn2db.npz``: arrays `embs`, `imm_classes` and `filenames`.

Reading never unpickles anything: pickled arrays can run code when they are loaded.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats
from recognition.services.errors import Invalid

EMBEDDINGS, CLASSES, FILENAMES = NAMES = ("embs", "imm_classes", "filenames")
MOST_BYTES = 4 << 30  # of all arrays unpacked
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class NpzContent:
    """classes, filenames: n texts each. embeddings: (n, dimensions) float32, as they were, not normalised."""

    embeddings: Floats
    classes: list[str]
    filenames: list[str]


def read_npz(path: Path, dimensions: int) -> NpzContent:
    """Read and check the file. Raises Invalid with what is wrong and what to do."""
    arrays = _load(path)
    embeddings = _embeddings(path, arrays[EMBEDDINGS], dimensions)
    classes, filenames = (_texts(path, name, arrays[name]) for name in (CLASSES, FILENAMES))
    sizes = {EMBEDDINGS: len(embeddings), CLASSES: len(classes), FILENAMES: len(filenames)}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise Invalid("different_lengths", f"{path}: the arrays do not have the same length: {said}.")
    if not len(embeddings):
        raise Invalid("nobody", f"{path} holds no embeddings.")
    return NpzContent(embeddings, classes, filenames)


def write_npz(path: Path, embeddings: Floats, classes: Sequence[str], filenames: Sequence[str]) -> None:
    """Write the file beside its place and rename it, so that it is never there half written."""
    part = path.with_name(path.name + ".part")
    arrays = {
        EMBEDDINGS: embeddings,
        CLASSES: np.array(list(classes), dtype=np.str_),
        FILENAMES: np.array(list(filenames), dtype=np.str_),
    }
    try:
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            missing = [name for name in NAMES if f"{name}.npy" not in sizes]
            if missing:
                there = ", ".join(name.removesuffix(".npy") for name in sizes) or "nothing"
                raise Invalid("missing_arrays", f"{path} lacks {', '.join(missing)}; it holds {there}.")
            if sum(sizes.values()) > MOST_BYTES:
                raise Invalid("too_large", f"{path} unpacks to more than {MOST_BYTES >> 30} GB. Split it.")
            return {name: _array(path, name, archive) for name in NAMES}
    except FileNotFoundError:
        raise Invalid("no_such_path", f"There is no file {path}.") from None
    except OSError as error:
        raise Invalid("unreadable", f"{path} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise Invalid("damaged", f"{path} is damaged or no .npz file: {error}.") from None


def _array(path: Path, name: str, archive: zipfile.ZipFile) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        if _holds_objects(file):
            raise Invalid(
                "pickled",
                f"{path}: {name} holds Python objects. They are not loaded, since that could run code. Save the "
                f"array again as texts or numbers: numpy.asarray({name}.tolist()).",
            )
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return array


def _holds_objects(file: IO[bytes]) -> bool:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return bool(np.lib.format.read_array_header_1_0(file)[2].hasobject)
    return bool(np.lib.format.read_array_header_2_0(file)[2].hasobject)


def _embeddings(path: Path, array: NDArray[Any], dimensions: int) -> Floats:
    if array.dtype.kind not in "fiu" or array.ndim != 2:
        raise Invalid(
            "wrong_shape",
            f"{path}: embs is {array.dtype} of shape {array.shape}; it must be numbers, one row a photo.",
        )
    if array.shape[1] != dimensions:
        raise Invalid(
            "wrong_dimensions",
            f"{path}: the embeddings have {array.shape[1]} numbers each, those of the model in use {dimensions}. "
            "They were made by another model.",
        )
    with np.errstate(over="ignore"):
        embeddings: Floats = np.ascontiguousarray(array, dtype=np.float32)
    return embeddings


def _texts(path: Path, name: str, array: NDArray[Any]) -> list[str]:
    if array.shape == (0,):  # NumPy takes an empty list for numbers
        return []
    if array.ndim != 1 or array.dtype.kind not in "USiu":
        raise Invalid(
            "wrong_shape",
            f"{path}: {name} is {array.dtype} of shape {array.shape}; it must be a list of texts or whole numbers.",
        )
    if array.dtype.kind == "S":
        try:
            return [value.decode() for value in array.tolist()]
        except UnicodeDecodeError as error:
            raise Invalid("wrong_shape", f"{path}: {name} holds bytes that are no UTF-8: {error}.") from None
    return [str(value) for value in array.tolist()]
