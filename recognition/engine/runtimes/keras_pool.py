"""Networks run by Keras and TensorFlow on a GPU, many inputs at once, with LiteRT in reserve.

A pool builds its network from the original weights when it is first used. Where that cannot be done, or the network
does not compute what the converted file computes, or the GPU fails, it says so once and LiteRT does the work from then
on: a photo's vector must not depend on the worker that made it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine.runtimes import accelerator
from recognition.engine.runtimes.accelerator import Device
from recognition.engine.runtimes.pools import Pool, open_pool, run_all
from recognition.engine.types import Floats, ModelFileError, ModelSpec
from recognition.engine.weights import Manifest

log = logging.getLogger(__name__)

MOST = 64  # inputs in one run
MOST_PIXELS = MOST * 320 * 320  # of all inputs of a run: larger pictures go in smaller batches
MESSAGE = 300  # characters of an error that are logged; TensorFlow's go on for pages
TOLERANCE = 1e-3  # by how much the outputs may differ from LiteRT's, as a share of the largest

Compute = Callable[[NDArray[Any]], list[Floats]]

_device: Device | None = None
_device_lock = Lock()


class OutOfMemory(Exception):
    """The batch does not fit the GPU."""


class KerasPool:
    """Safe to use from several threads; the GPU works for one of them at a time.

    spec, weights: which network, and the file of its original weights. reserve: runs the converted file.
    build: makes the function that computes a batch; tests may give another one.
    """

    def __init__(
        self,
        spec: ModelSpec,
        weights: Path,
        reserve: Pool,
        *,
        build: Callable[[ModelSpec, Path, str], Compute] | None = None,
    ) -> None:
        self._spec = spec
        self._weights = weights
        self._reserve = reserve
        self._build = build or build_network
        self._compute: Compute | None = None
        self._order: list[int] = []
        self._most = MOST
        self._lock = Lock()
        self.batches = True

    @contextmanager
    def lease(self) -> Iterator[KerasPool]:
        yield self

    def run(self, batch: NDArray[Any]) -> list[Floats]:
        """The outputs for (n, height, width, channels) in the order of the converted file, as copies.

        A single input goes to LiteRT: starting a GPU takes as long as computing it, and threads need not wait there.
        """
        if self.batches and len(batch) > 1:
            with self._lock:
                outputs = self._run(batch) if self.batches else None
            if outputs is not None:
                return outputs
        return run_all(self._reserve, batch)

    def _run(self, batch: NDArray[Any]) -> list[Floats] | None:
        """None when the GPU is of no use, which then stays so."""
        try:
            compute = self._compute or self._ready(batch)
            parts: list[list[Floats]] = []
            done = 0
            while done < len(batch):
                part = batch[done : done + self._most]
                padded = _padded(part, self._most)
                try:
                    parts.append([output[: len(part)] for output in compute(padded)])
                    done += len(part)
                except OutOfMemory:
                    if len(padded) == 1:
                        raise
                    self._most = len(padded) // 2
                    log.info("%s at once do not fit the GPU: %s", len(padded), self._spec.name)
        except ModelFileError as error:
            self._give_up(str(error))
            return None
        except Exception as error:  # whatever TensorFlow, CUDA or the driver raise
            self._give_up(" ".join(f"{type(error).__name__}: {error}".split())[:MESSAGE])
            return None
        joined = [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
        return [joined[number] for number in self._order]

    def _ready(self, batch: NDArray[Any]) -> Compute:
        device = shared_device()
        if not device:
            raise ModelFileError(device.summary)
        pixels = int(batch.shape[1] * batch.shape[2])
        self._most = max(1, min(MOST, 2 ** int(np.log2(max(1, MOST_PIXELS // pixels)))))
        compute = self._build(self._spec, self._weights, device.place)
        self._order = self._compared(compute, (1, *batch.shape[1:]))
        self._compute = compute
        log.info("%s runs on %s", self._spec.name, device.summary)
        return compute

    def _compared(self, compute: Compute, shape: tuple[int, ...]) -> list[int]:
        """Which output of ours is each of the converted file's. Raises ModelFileError when they differ."""
        probe = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
        ours, theirs = compute(probe), run_all(self._reserve, probe)
        shapes = [output.shape for output in ours]
        if len(set(shapes)) != len(shapes) or sorted(shapes) != sorted(output.shape for output in theirs):
            raise ModelFileError(f"{self._weights} gives other outputs than {self._spec.file}.")
        order = [shapes.index(output.shape) for output in theirs]
        for number, expected in zip(order, theirs, strict=True):
            allowed = TOLERANCE * max(1.0, float(np.abs(expected).max()))
            if not np.allclose(ours[number], expected, rtol=0, atol=allowed):
                raise ModelFileError(f"{self._weights} and {self._spec.file} do not compute the same.")
        return order

    def _give_up(self, reason: str) -> None:
        self.batches = False
        self._compute = None
        if reason == shared_device().summary:
            return  # said once for all networks
        log.warning("%s runs on the CPU from now on: %s", self._spec.name, reason)


def open_keras_pool(manifest: Manifest, spec: ModelSpec, *, size: int = 2, threads: int = 1) -> Pool:
    """As `pools.open_pool`, on the GPU where the model has original weights; TensorFlow is loaded by the first run.

    Raises ModelFileError when the file for the CPU is missing or another.
    """
    reserve = open_pool(manifest, spec, size=size, threads=threads)
    if reason := lacks_weights(manifest, spec):
        log.warning("%s runs on the CPU: %s", spec.name, reason)
        return reserve
    return KerasPool(spec, manifest.weights_path(spec), reserve)


def lacks_weights(manifest: Manifest, spec: ModelSpec) -> str:
    """Why the network of a converted file cannot be built; empty when it can."""
    try:
        manifest.weights_path(spec)
    except ModelFileError as error:
        return str(error)
    return ""


def shared_device() -> Device:
    """The device of this process, asked for once; when there is none, that is logged once."""
    global _device
    with _device_lock:
        if _device is None:
            _device = accelerator.find_device()
            if not _device:
                log.warning("recognition runs on the CPU: %s", _device.summary)
        return _device


def build_network(spec: ModelSpec, weights: Path, place: str) -> Compute:
    """The network as a function of batches, traced once for every batch size. Raises ModelFileError."""
    import tensorflow as tf

    from recognition.engine.networks.serving import input_shape, load_network

    with tf.device(place):
        model = load_network(spec, weights)
        signature = tf.TensorSpec((None, *input_shape(spec)[1:]), tf.float32)
        graph = tf.function(lambda x: model(x, training=False), input_signature=[signature])

    def compute(batch: NDArray[Any]) -> list[Floats]:
        try:
            with tf.device(place):
                outputs = graph(tf.constant(batch))
            several = outputs if isinstance(outputs, list | tuple) else [outputs]
            return [np.array(output, np.float32) for output in several]
        except tf.errors.ResourceExhaustedError as error:
            raise OutOfMemory(str(error)) from error

    return compute


def _padded(part: NDArray[Any], most: int) -> Floats:
    """Filled up with zeros to a power of two: a GPU looks for the best way anew for each size that it meets."""
    size = min(most, 1 << (len(part) - 1).bit_length())
    padded = np.zeros((size, *part.shape[1:]), np.float32)
    padded[: len(part)] = part
    return padded
