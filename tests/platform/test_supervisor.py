"""Keeping processes alive, and ending them with everything they started."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from identity_site.supervisor import Child, ChildFailed, Stopped, Supervisor
from tests.platform.processes import alive

FOREVER = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({ready!r}, "w").close()
time.sleep(600)
"""
GRANDCHILD = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
)


def python(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code])


def pid(child: Child) -> int:
    assert child.process
    return child.process.pid


def interrupt(supervisor: Supervisor, name: signal.Signals) -> None:
    os.kill(os.getpid(), name)
    supervisor.watch(lambda: False)


def test_children_are_ended_on_the_way_out() -> None:
    children = [python("a", FOREVER), python("b", FOREVER)]
    with Supervisor(children) as supervisor:
        assert supervisor.watch(lambda: False, seconds=0.3) is False
        assert all(child.ended is None for child in children)
    assert [child.ended for child in children] == [-signal.SIGTERM] * 2


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(name: signal.Signals) -> None:
    child = python("a", FOREVER)
    before = signal.getsignal(name)
    supervisor = Supervisor([child])
    with pytest.raises(Stopped), supervisor:
        interrupt(supervisor, name)
    assert child.ended is not None
    assert signal.getsignal(name) is before


def test_a_dead_child_is_started_again() -> None:
    child = python("a", FOREVER)
    with Supervisor([child]) as supervisor:
        first = pid(child)
        os.kill(first, signal.SIGKILL)
        assert supervisor.watch(lambda: pid(child) != first, seconds=10)
        assert child.ended is None


def test_one_that_does_not_stay_alive_ends_all() -> None:
    good, bad = python("good one", FOREVER), python("bad one", "raise SystemExit(7)")
    supervisor = Supervisor([good, bad])
    with (
        pytest.raises(ChildFailed, match=r"The bad one ended 3 times in a minute \(last status 7\)"),
        supervisor,
    ):
        supervisor.watch(lambda: False, seconds=30)
    assert good.ended is not None


def test_grandchildren_go_too() -> None:
    child = python("a", GRANDCHILD + "; time.sleep(600)")
    with Supervisor([child]) as supervisor:
        process = psutil.Process(pid(child))
        assert supervisor.watch(lambda: bool(process.children()), seconds=10)
        (grandchild,) = process.children()
    deadline = time.monotonic() + 5
    while alive(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    child = python("a", STUBBORN.format(ready=str(ready)))
    with Supervisor([child]) as supervisor:
        assert supervisor.watch(ready.exists, seconds=60)
        os.kill(os.getpid(), signal.SIGINT)
        second = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        began = time.monotonic()
        second.start()
    second.cancel()  # fired from now on it would end pytest
    second.join()
    assert 0.4 < time.monotonic() - began < 5
    assert child.ended == -signal.SIGKILL


def test_a_job_that_ends_by_itself() -> None:
    with Supervisor([python("a", FOREVER)]) as supervisor:
        assert supervisor.run(python("job", "pass")) == 0
        assert supervisor.run(python("job", "raise SystemExit(3)")) == 3


def test_what_is_not_vital_ends_nothing_and_is_tried_again(monkeypatch) -> None:
    monkeypatch.setattr("identity_site.supervisor._FAILURE_SECONDS", 2)
    weak = Child("weak", [sys.executable, "-c", "raise SystemExit(3)"], vital=False)
    strong = python("strong", FOREVER)
    with Supervisor([weak, strong]) as supervisor:
        supervisor.watch(lambda: weak.given_up, seconds=30)
        assert weak.given_up
        assert strong.ended is None
        first = weak.starts[-1]
        assert supervisor.watch(lambda: weak.starts[-1] != first, seconds=30)
