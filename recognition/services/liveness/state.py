"""What is remembered of a challenge between two requests: sealed, in Redis, for a minute and a half.

It holds a face and vectors of whoever stands in front of the camera, so it is never written to a table.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.core.cache import cache

from recognition.engine.liveness.plans import Plan, Step
from recognition.engine.liveness.sights import Sight
from recognition.services import site_secrets
from recognition.services.errors import Conflict
from recognition.services.liveness.watching import Watcher

LIFE = 90  # seconds
REMEMBERED = 24 * 3600  # for how many the movements of the last challenge are not asked for again
PURPOSE = "liveness challenges"


@dataclass(slots=True)
class Challenge:
    """owner: who may go on with it, such as a kiosk's key or a browser's session. started: of the site's
    clock, when the first frames came. shown: for each sight the colour on the screen."""

    id: UUID
    owner: str
    plan: Plan
    light: tuple[str, ...] = ()
    started: float = 0.0
    frames: int = 0
    sights: list[Sight] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    watcher: Watcher = field(default_factory=Watcher)
    best: bytes = b""
    best_number: int = -1


def save(challenge: Challenge) -> None:
    watcher = challenge.watcher
    meta = {
        "owner": challenge.owner,
        "plan": challenge.plan.as_dict(),
        "light": list(challenge.light),
        "started": challenge.started,
        "frames": challenge.frames,
        "sights": [sight.as_dict() for sight in challenge.sights],
        "shown": challenge.shown,
        "seen": watcher.frames,
        "best_number": challenge.best_number,
    }
    parts = {"first": watcher.first, "before": watcher.before, "crop": watcher.crop, "rest": watcher.rest}
    arrays: dict[str, Any] = {name: part for name, part in parts.items() if part is not None}
    file = io.BytesIO()
    np.savez(file, meta=_bytes(json.dumps(meta).encode()), best=_bytes(challenge.best), **arrays)
    cache.set(_key(challenge.id), site_secrets.seal(file.getvalue(), purpose=PURPOSE), LIFE)


def load(challenge_id: UUID) -> Challenge | None:
    """None when it is over, or never was."""
    sealed = cache.get(_key(challenge_id))
    if sealed is None:
        return None
    try:
        data = site_secrets.open_sealed(sealed, purpose=PURPOSE)
    except Conflict:
        return None  # the site's key changed meanwhile
    with np.load(io.BytesIO(data), allow_pickle=False) as parts:
        meta: dict[str, Any] = json.loads(parts["meta"].tobytes())
        found = {name: parts[name] for name in ("first", "before", "crop", "rest") if name in parts.files}
        best = parts["best"].tobytes()
    return Challenge(
        id=challenge_id,
        owner=meta["owner"],
        plan=Plan.from_dict(meta["plan"]),
        light=tuple(meta["light"]),
        started=meta["started"],
        frames=meta["frames"],
        sights=[Sight.from_dict(sight) for sight in meta["sights"]],
        shown=meta["shown"],
        watcher=Watcher(**found, frames=meta["seen"]),
        best=best,
        best_number=meta["best_number"],
    )


def forget(challenge_id: UUID) -> None:
    cache.delete(_key(challenge_id))


def new_nonce(challenge_id: UUID) -> str:
    """What the next request has to show. It works once."""
    nonce = secrets.token_urlsafe(24)
    cache.set(_nonce_key(challenge_id, nonce), 1, LIFE)
    return nonce


def take_nonce(challenge_id: UUID, nonce: str) -> bool:
    """Whether this nonce was open; of two requests with the same one only the first has it."""
    return bool(cache.delete(_nonce_key(challenge_id, nonce)))


def last_steps(owner: str) -> tuple[Step, ...]:
    return tuple(Step(step) for step in cache.get(f"liveness:last:{owner}") or ())


def remember_steps(owner: str, plan: Plan) -> None:
    cache.set(f"liveness:last:{owner}", [str(step) for step in plan.steps], REMEMBERED)


def _bytes(data: bytes) -> Any:
    return np.frombuffer(data, np.uint8)


def _key(challenge_id: UUID) -> str:
    return f"liveness:{challenge_id}"


def _nonce_key(challenge_id: UUID, nonce: str) -> str:
    return f"liveness:{challenge_id}:{hashlib.sha256(nonce.encode()).hexdigest()}"
