"""Keras H5 files stored again with their large arrays in half precision: half of the size, read as before."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recognition.engine.networks.litert_writer import HALF_FROM


def halved_h5(path: Path) -> bytes:
    """Small arrays stay as they are, as in `litert_writer.Writer.finish`. A file of this kind comes back unchanged.

    Raises OSError when it is no HDF5 file.
    """
    content = BytesIO()
    with h5py.File(path) as source, h5py.File(content, "w", libver="latest") as target:
        if not _copy(source, target):
            return path.read_bytes()
    return content.getvalue()


def _copy(source: Any, target: Any) -> bool:
    """Whether anything was halved."""
    target.attrs.update(source.attrs)
    done = False
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            done |= _copy(item, target.create_group(name))
        else:
            large = item.dtype == np.float32 and item.size >= HALF_FROM
            copied = target.create_dataset(name, data=item[()].astype(np.float16) if large else item[()])
            copied.attrs.update(item.attrs)
            done |= large
    return done
