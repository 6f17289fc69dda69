from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.engine.runtimes import litert
from recognition.engine.runtimes.litert import InterpreterPool, Runner
from recognition.engine.types import ModelFileError


class FakeInterpreter:
    """Doubles its input, slowly, and notices when two threads use it at once."""

    made = 0

    def __init__(self, model_path: str, num_threads: int) -> None:
        type(self).made += 1
        self.shape = [1, 3]
        self.busy = False

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": self.shape}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 1}]

    def resize_tensor_input(self, index: int, shape: list[int], strict: bool) -> None:
        if len(shape) != 2:
            raise ValueError("wrong rank")
        self.shape = shape

    def allocate_tensors(self) -> None:
        pass

    def set_tensor(self, index: int, value: Any) -> None:
        assert not self.busy
        assert list(value.shape) == self.shape
        self.busy = True
        self.value = value

    def invoke(self) -> None:
        time.sleep(0.002)

    def get_tensor(self, index: int) -> Any:
        self.busy = False
        return self.value * 2


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeInterpreter]:
    FakeInterpreter.made = 0
    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", FakeInterpreter)
    return FakeInterpreter


def test_nothing_is_loaded_before_the_first_run(fake: type[FakeInterpreter]) -> None:
    pool = InterpreterPool(Path("x"), size=3)
    assert fake.made == 0
    assert np.array_equal(pool.run(np.ones((1, 3)))[0], 2 * np.ones((1, 3)))
    pool.run(np.ones((1, 3)))
    assert fake.made == 1


def test_an_interpreter_is_kept_for_each_of_the_last_shapes(fake: type[FakeInterpreter]) -> None:
    runner = Runner(Path("x"), 1)
    for _ in range(3):
        for rows in range(1, litert.SHAPES + 1):
            runner.run(np.ones((rows, 3)))
    assert fake.made == litert.SHAPES
    runner.run(np.ones((9, 3)))
    runner.run(np.ones((litert.SHAPES, 3)))
    assert fake.made == litert.SHAPES + 1


def test_many_threads_share_few_interpreters(fake: type[FakeInterpreter]) -> None:
    pool = InterpreterPool(Path("x"), size=2)
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            answer = pool.run(np.full((1, 3), number))
            if not np.array_equal(answer[0], np.full((1, 3), 2 * number)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert fake.made <= 2


def test_a_runner_comes_back_after_an_error() -> None:
    pool = InterpreterPool(Path("x"), size=1)
    with pytest.raises(ModelFileError, match="cannot be run"):
        pool.run(np.ones((1, 2, 3)))
    with pytest.raises(KeyError), pool.lease():
        raise KeyError
    assert len(pool.run(np.ones((1, 3)))) == 1


def two_loaded(pool: InterpreterPool) -> None:
    with pool.lease() as one, pool.lease() as other:
        one.run(np.ones((1, 3)))
        other.run(np.ones((1, 3)))


def test_what_is_idle_is_unloaded_but_one(fake: type[FakeInterpreter]) -> None:
    pool = InterpreterPool(Path("x"), size=3)
    two_loaded(pool)
    pool.unload_idle(0)  # all were used since
    two_loaded(pool)
    assert fake.made == 2
    pool.unload_idle(time.monotonic() + 1)
    pool.run(np.ones((1, 3)))
    assert fake.made == 2  # one was kept
    two_loaded(pool)
    assert fake.made == 3


def test_a_runner_that_is_lent_is_not_unloaded(fake: type[FakeInterpreter]) -> None:
    pool = InterpreterPool(Path("x"), size=2)
    two_loaded(pool)
    with pool.lease() as lent:
        pool.unload_idle(time.monotonic() + 1)
        assert lent.loaded
    two_loaded(pool)
    assert fake.made == 2


def test_the_pool_looks_after_a_while_by_itself(
    fake: type[FakeInterpreter], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    monkeypatch.setattr(litert, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(litert.heap, "give_back", looked.set)
    two_loaded(InterpreterPool(Path("x"), size=2))
    assert looked.wait(30)


def test_a_file_that_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = tmp_path / "x.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileError):
        InterpreterPool(path).run(np.ones((1, 3), np.float32))


def test_importing_the_engine_loads_neither_django_nor_a_model() -> None:
    import subprocess

    code = (
        "import sys, pkgutil, importlib, recognition.engine as e\n"
        "for m in ('images','weights','runtimes.litert','detector','refiner','alignment','embedder','quality',"
        "'gallery'):\n"
        "    importlib.import_module('recognition.engine.' + m)\n"
        "print([m for m in ('django', 'celery', 'tensorflow', 'keras', 'ai_edge_litert') if m in sys.modules])"
    )
    script = [sys.executable, "-c", code]
    done = subprocess.run(script, capture_output=True, text=True, check=True, timeout=180)
    assert done.stdout.strip() == "[]"
