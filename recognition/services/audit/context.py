"""Who acts at present. Statements that change rows take it along to Postgres, whose triggers note it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import connection

SETTING = "identity.actor"
WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass(slots=True)
class Actor:
    """who: as they are called. user, key: their numbers. address: of the client. way: how they came:
    password, face, key, command, task; empty for a stranger. find_out: says the rest once it is wanted;
    most requests change nothing."""

    who: str = ""
    user: int | None = None
    key: int | None = None
    address: str = ""
    way: str = ""
    find_out: Callable[[Actor], None] | None = None

    def known(self) -> Actor:
        find_out, self.find_out = self.find_out, None
        if find_out is not None:
            find_out(self)
        return self


NOBODY = Actor()
_acting: ContextVar[Actor] = ContextVar("acting", default=NOBODY)


def acting() -> Actor:
    """Who acts at present, as far as it is known; of a request it may be told more as that goes on."""
    return _acting.get().known()


def acting_as(*, who: str, way: str, user: int | None = None, key: int | None = None) -> None:
    """Whoever acts at present has shown who they are."""
    actor = _acting.get()
    if actor is not NOBODY:
        actor.who, actor.way, actor.user, actor.key, actor.find_out = who, way, user, key, None


@contextmanager
def noting(actor: Actor) -> Iterator[Actor]:
    """Until the end of the block, what is changed on this thread's connection is noted as done by the actor."""
    token = _acting.set(actor)
    try:
        with connection.execute_wrapper(_tell):
            yield actor
    finally:
        _acting.reset(token)


def _tell(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """In one statement with the change, so that no further way to the database is needed."""
    if many or not isinstance(sql, str) or not sql.lstrip()[:6].upper().startswith(WRITES):
        return execute(sql, params, many, context)
    by = acting()
    said = json.dumps({"who": by.who, "user": by.user, "key": by.key, "address": by.address, "way": by.way})
    if isinstance(params, dict):
        params, place = params | {"audit_actor": said}, "%(audit_actor)s"
    else:
        params, place = (said, *(params or ())), "%s"
    result = execute(f"SELECT set_config('{SETTING}', {place}, true); {sql}", params, many, context)
    context["cursor"].nextset()  # on to what the statement itself answers
    return result
