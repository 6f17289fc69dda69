"""``python -m bench.soak``: a whole site under load while its parts are killed at random. In the end every change that
was acknowledged has to be in place, once.

Kiosks ask who is in a picture; an administrator's client enrols, suspends, resumes and erases people. Web processes,
workers, Redis and Postgres are killed or stopped for some seconds meanwhile. All on this machine, in a folder that is
thrown away.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.server import ROOT

PEOPLE = sorted((ROOT / "demo" / "people").iterdir())
PROBES = {path.stem: path.read_bytes() for path in (ROOT / "demo" / "probes").glob("*.jpg")}
# What is killed, by a word of its command line; of several that have it any one.
VICTIMS = {
    "web process": "gunicorn",
    "worker": "celery",
    "Redis": "redis-server",
    "PostgreSQL": "postgres -D",
}
QUIET_SECONDS = 420  # at the end: a photo whose worker was killed is another's after five minutes


@dataclass
class Expected:
    """What was acknowledged about one person. Nothing is said about a change that was not answered."""

    photos: set[int] = field(default_factory=set)
    status: str = "active"
    erased: bool = False
    unsure: bool = False


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "CACHE_URL")}
        self.environment = clean | {
            "IDENTITY_DATA_DIR": str(folder),
            "FETCH_MODELS": "false",
            "API_RATE_RECOGNISE": "1000000/m",
            "API_RATE_ENROL": "1000000/m",
            "API_RATE_READ": "1000000/m",
            "LOG_LEVEL": "ERROR",
        }
        self.log = (folder / "up.log").open("w+")
        command = [sys.executable, "manage.py", "up", "--port", "0", "--no-demo"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        self.address = self._wait()
        code = "from recognition.services.keys import issue_key; print(issue_key(name='soak', scopes=['admin'])[1])"
        self.key = self.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1]

    def _wait(self) -> str:
        for _ in range(600):
            text = (self.folder / "up.log").read_text()
            if "Ctrl-C stops everything" in text:
                found = re.search(r"The site runs at (http://\S+)/", text)
                assert found
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.5)
        raise RuntimeError((self.folder / "up.log").read_text())

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300
        )
        return done.stdout

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "image/jpeg") -> Any:
        """Raises HTTPError for what is refused, OSError or HTTPException where no answer came."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.address}/api/v1/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def processes(self, word: str) -> list[psutil.Process]:
        """Of this site alone."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if word in " ".join(process.cmdline()) and (
                    process.environ().get("IDENTITY_DATA_DIR") == str(self.folder)
                    or str(self.folder) in " ".join([*process.cmdline(), process.cwd()])
                ):
                    found.append(process)
        return found

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


class Soak:
    def __init__(self, site: Site, seconds: float, pause: float, seed: int) -> None:
        self.site, self.pause = site, pause
        self.random = random.Random(seed)
        self.over = threading.Event()
        self.until = time.monotonic() + seconds
        self.expected: dict[str, Expected] = {}
        self.counts: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        jobs = [self._kiosk, self._kiosk, self._administrator, self._killer]
        threads = [threading.Thread(target=self._watched, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _watched(self, job: Any) -> None:
        try:
            while time.monotonic() < self.until and not self.over.is_set():
                job()
        except Exception as error:  # a mistake of the soak itself ends it
            self.wrong.append(f"{job.__name__} ended: {error!r}")
            self.over.set()

    def _ask(self, name: str, *call: Any) -> Any:
        """The answer; None when it was refused for now or none came."""
        try:
            answer = self.site.call(*call)
        except urllib.error.HTTPError as error:
            with error:
                self.counts[f"{name} {error.code}"] += 1
                if error.code == 500:
                    self.wrong.append(f"{name}: 500 {error.read()[:200]!r}")
            time.sleep(0.2)
            return None
        except (OSError, http.client.HTTPException):
            self.counts[f"{name} no answer"] += 1
            time.sleep(0.2)
            return None
        self.counts[f"{name} ok"] += 1
        return answer

    def _kiosk(self) -> None:
        name = self.random.choice(sorted(PROBES))
        answer = self._ask("identify", "POST", "identify", PROBES[name])
        for face in (answer or {}).get("faces", []):
            if face["decision"] == "match" and not face["candidates"][0]["external_id"].startswith(name):
                self.wrong.append(f"{name} was taken for {face['candidates'][0]['external_id']}")

    def _administrator(self) -> None:
        there = [number for number, one in self.expected.items() if not one.erased and not one.unsure]
        action = self.random.choices(["enrol", "suspend", "resume", "erase"], [6, 2, 2, 1])[0]
        if action == "enrol" or not there:
            self._enrol()
        else:
            self._change(action, self.random.choice(there))
        time.sleep(0.3)

    def _enrol(self) -> None:
        source = self.random.choice(PEOPLE)
        if any(number.startswith(source.name) and not one.erased for number, one in self.expected.items()):
            return  # the same face under two numbers would only wait to be reviewed
        number = f"{source.name}-{len(self.expected)}"
        one = self.expected[number] = Expected(unsure=True)
        body = json.dumps({"external_id": number, "name": number}).encode()
        if self._ask("enrol", "POST", "people", body, "application/json") is None:
            return
        one.unsure = False
        for file in sorted(source.glob("*.jpg"))[:2]:
            answer = self._ask("photo", "POST", f"people/{number}/photos?filename=a.jpg", file.read_bytes())
            one.photos |= {photo["id"] for photo in (answer or {}).get("photos", [])}

    def _change(self, action: str, number: str) -> None:
        one = self.expected[number]
        one.unsure = True
        if action == "erase":
            answer = self._ask(action, "DELETE", f"people/{number}?receipt=true")
        else:
            answer = self._ask(action, "POST", f"people/{number}/{action}", b"{}", "application/json")
        if answer is None:
            return  # it may have happened or not
        one.unsure = False
        if action == "erase":
            one.erased = True
        else:
            one.status = "suspended" if action == "suspend" else "active"

    def _killer(self) -> None:
        """A process or a server; `up` itself ends a site whose web server or worker ended three times in a minute, so
        that only their processes are meant."""
        time.sleep(self.pause * self.random.uniform(0.5, 1.5))
        name = self.random.choice(sorted(VICTIMS))
        up = self.site.process.pid
        with suppress(psutil.Error):
            found = self.site.processes(VICTIMS[name])
            if name in ("web process", "worker"):
                found = [process for process in found if process.ppid() != up]
            if not found:
                return
            victim = self.random.choice(found)
            if self.random.random() < 0.3:
                victim.suspend()
                time.sleep(self.random.uniform(1, 5))
                victim.resume()
                self.kills[f"{name} stopped"] += 1
            else:
                victim.kill()
                self.kills[f"{name} killed"] += 1

    def check(self) -> None:
        """Wait until everything is done with, then look whether every acknowledged change is in place."""
        site, limit = self.site, time.monotonic() + QUIET_SECONDS
        while self._unfinished():
            if time.monotonic() > limit:
                self.wrong.append(f"photos that nobody looks at: {self._unfinished()}")
                break
            time.sleep(2)
        for number, one in self.expected.items():
            if not one.unsure:
                self._check_person(number, one)
        for name, probe in PROBES.items():
            enrolled = {n for n, one in self.expected.items() if n.startswith(name) and not one.unsure}
            active = {n for n in enrolled if self._can_be_recognised(n)}
            unsure = any(n.startswith(name) and one.unsure for n, one in self.expected.items())
            faces = site.call("POST", "identify", probe)["faces"]
            found = {f["candidates"][0]["external_id"] for f in faces if f["decision"] == "match"}
            if not unsure and found != active:
                self.wrong.append(f"{name}: recognised {sorted(found)}, enrolled {sorted(active)}")
        if "Everything is well" not in (said := site.manage("doctor")):
            self.wrong.append(f"doctor: {said}")
        if "wrong" in (said := site.manage("verify_audit")).lower():
            self.wrong.append(f"audit: {said}")

    def _unfinished(self) -> list[int]:
        try:
            return [
                number
                for one in self.expected.values()
                if not one.erased and not one.unsure
                for number in one.photos
                if self.site.call("GET", f"photos/{number}")["state"] in ("waiting", "processing")
            ]
        except (OSError, http.client.HTTPException):  # HTTPError is an OSError
            return [0]

    def _get(self, path: str) -> Any:
        """None when there is nothing."""
        try:
            return self.site.call("GET", path)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
            return None

    def _check_person(self, number: str, one: Expected) -> None:
        person = self._get(f"people/{number}")
        if one.erased != (person is None):
            self.wrong.append(
                f"{number} was {'erased and is there' if one.erased else 'enrolled and is gone'}"
            )
        elif person is not None and person["status"] != one.status:
            self.wrong.append(f"{number} is {person['status']}, not {one.status}")
        for photo in one.photos:
            found = self._get(f"photos/{photo}")
            if one.erased != (found is None):
                self.wrong.append(f"photo {photo} of {number}: {found}")
            elif found is not None and found["state"] not in ("ready", "review"):
                self.wrong.append(f"photo {photo} of {number} is {found['state']} {found['reason']}")

    def _can_be_recognised(self, number: str) -> bool:
        one = self.expected[number]
        states = [(self._get(f"photos/{photo}") or {}).get("state") for photo in one.photos]
        return not one.erased and one.status == "active" and "ready" in states


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="under load (60)")
    parser.add_argument("--pause", type=float, default=15, help="seconds between two kills, about (15)")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices (0)")
    parser.add_argument("--output", type=Path, default=Path("soak.json"), help="the JSON file (soak.json)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="identity-soak-", ignore_cleanup_errors=True) as folder:
        site = Site(Path(folder))
        try:
            soak = Soak(site, options.minutes * 60, options.pause, options.seed)
            soak.run()
            soak.check()
        finally:
            site.end()
    figures = {
        "minutes": options.minutes,
        "answers": dict(sorted(soak.counts.items())),
        "killed": dict(sorted(soak.kills.items())),
        "people": len(soak.expected),
        "unanswered_changes": sum(one.unsure for one in soak.expected.values()),
        "wrong": soak.wrong,
    }
    options.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))
    sys.exit(1 if soak.wrong else 0)


if __name__ == "__main__":
    main()
