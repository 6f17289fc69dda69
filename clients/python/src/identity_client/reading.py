"""From JSON to the dataclasses of `answers`. Fields that are not known are passed over: the site may be newer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from identity_client.errors import UnexpectedAnswer

T = TypeVar("T")


def read(kind: type[T], value: Any, where: str = "answer") -> T:
    """The value as this kind of answer. Raises UnexpectedAnswer, which names the place."""
    found: T = _read(kind, value, where)
    return found


def _read(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or origin is Literal:  # a word that a newer site knows is passed on
        return value
    if origin in (Union, UnionType):
        (one,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _read(one, value, where)
    if origin is tuple:
        kinds = (arguments[0],) * len(_a(list, value, where)) if arguments[-1] is ... else arguments
        if len(kinds) != len(_a(list, value, where)):
            raise UnexpectedAnswer(f"{where} has {len(value)} parts in place of {len(kinds)}.")
        pairs = zip(kinds, value, strict=True)
        return tuple(_read(part, one, f"{where}[{n}]") for n, (part, one) in enumerate(pairs))
    if origin is not None and issubclass(origin, Mapping):
        items = _a(dict, value, where).items()
        return {name: _read(arguments[1], one, f"{where}.{name}") for name, one in items}
    if dataclasses.is_dataclass(kind):
        return _object(kind, _a(dict, value, where), where)
    return _plain(kind, value, where)


def _object(kind: Any, value: dict[str, Any], where: str) -> Any:
    given = {}
    for field, part in _parts(kind):
        if field.name in value:
            given[field.name] = _read(part, value[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING:
            raise UnexpectedAnswer(f"{where} lacks {field.name}.")
    return kind(**given)


@cache
def _parts(kind: Any) -> list[tuple[dataclasses.Field[Any], Any]]:
    kinds = get_type_hints(kind)
    return [(field, kinds[field.name]) for field in dataclasses.fields(kind)]


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        return float(_a((int, float), value, where))
    if kind is datetime or kind is UUID:
        text = _a(str, value, where)
        try:
            # Python 3.10 does not know the Z.
            return UUID(text) if kind is UUID else datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise UnexpectedAnswer(f"{where} is {text[:60]!r}, which is no {kind.__name__}.") from None
    return _a(kind, value, where)


def _a(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UnexpectedAnswer(f"{where} is of another kind than expected: {type(value).__name__}.")
    return value
