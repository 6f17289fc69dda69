"""The client knows what the OpenAPI document says, no less and no more: operations, parameters, answers, errors."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from identity_client import IdentityClient, answers, errors
from identity_client.codes import CODES
from identity_client.paging import Pages
from identity_client.pictures import Picture
from identity_client.resources import Resource

from tests.api.kiosks import codes_by_status, document

COMFORTS = {"close", "imports.wait", "photos.wait"}  # of the client alone
# What an operation calls something -> what the client calls it, where the address has that name already.
OTHER_NAMES = {("people_update", "external_id"): "new_external_id"}
STREAM = "text/event-stream"
MADE_UP = {("attendance_record", "read")}  # by the client, when left out

Shape = Any  # nested tuples that can be compared


def operations() -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in document()["paths"].values()
        for operation in methods.values()
    }


each_operation = pytest.mark.parametrize("name", sorted(operations()))


def client() -> IdentityClient:
    return IdentityClient("http://localhost", "no key")


def method_of(operation: str) -> Callable[..., Any]:
    """`people_list` is ``site.people.list``, and `identify` is ``site.identify``."""
    first, _, rest = operation.partition("_")
    found = getattr(client(), first)
    return getattr(found, rest) if rest else found


def public(thing: object) -> Iterator[str]:
    for name, value in inspect.getmembers(thing):
        if not name.startswith("_"):
            if isinstance(value, Resource):
                yield from (f"{name}.{each}" for each in public(value))
            elif callable(value):
                yield name


# --- The same shape, of the document and of Python ------------------------------------------------------------


def resolved(schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return name, document()["components"]["schemas"][name] if name else schema


def described(schema: dict[str, Any]) -> Shape:
    name, schema = resolved(schema)
    if "enum" in schema:
        return "words", frozenset(schema["enum"])
    if len(parts := schema.get("allOf", [])) == 1 and "properties" not in schema:
        return described(parts[0])
    if choices := schema.get("oneOf"):
        return any_of({described(choice) for choice in choices})
    kind = schema.get("type")
    if isinstance(kind, list):
        return any_of({described(schema | {"type": one}) for one in kind})
    if kind == "array":
        inner = described(schema["items"])
        fixed = schema.get("minItems") == schema.get("maxItems") is not None
        return ("tuple", *[inner] * schema["minItems"]) if fixed else ("several", inner)
    if kind == "object":
        return (
            ("object", name)
            if "properties" in schema
            else ("mapping", described(schema["additionalProperties"]))
        )
    if kind == "string":
        picture = schema.get("format") == "binary" or "contentEncoding" in schema
        return (
            "picture"
            if picture
            else {"date-time": "time", "uuid": "uuid"}.get(schema.get("format", ""), "text")
        )
    return kind or "anything"


def any_of(shapes: set[Shape]) -> Shape:
    words = {shape for shape in shapes if shape[0] == "words"}
    if len(words) > 1:
        shapes = shapes - words | {("words", frozenset.union(*(found for _, found in words)))}
    return next(iter(shapes)) if len(shapes) == 1 else frozenset(shapes)


SIMPLE = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time",
    UUID: "uuid",
    NoneType: "null",
    Any: "anything",
}


def annotated(kind: Any) -> Shape:
    if kind == Picture:
        return "picture"
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "words", frozenset(arguments)
    if origin in (Union, UnionType):
        if rest := set(arguments) - set(get_args(Picture)):
            pictures = {"picture"} if set(get_args(Picture)) <= set(arguments) else set()
            plain = rest if pictures else set(arguments)
            return any_of({annotated(one) for one in plain} | pictures)
        return "picture"
    if origin is tuple:
        return (
            ("several", annotated(arguments[0]))
            if arguments[-1] is ...
            else (
                "tuple",
                *(annotated(one) for one in arguments),
            )
        )
    if origin is Sequence:
        return "several", annotated(arguments[0])
    if origin is Mapping:
        return "mapping", annotated(arguments[1])
    return ("object", kind.__name__) if dataclasses.is_dataclass(kind) else SIMPLE[kind]


# --- Operations and what goes in ------------------------------------------------------------------------------


def test_the_client_has_every_operation_and_no_other() -> None:
    found = {name for name in public(client()) if name not in COMFORTS}
    assert found == {name.replace("_", ".", 1) for name in operations()}


@dataclasses.dataclass
class Parameter:
    shapes: set[Shape]
    required: bool
    default: Any = inspect.Parameter.empty


def parameters_of(name: str) -> dict[str, Parameter]:
    """Of the address, its question, the headers, and the fields of all kinds of bodies."""
    operation = operations()[name]
    found: dict[str, Parameter] = {}
    for one in operation.get("parameters", []):
        own = one["name"].lower().replace("-", "_") if one["in"] == "header" else one["name"]
        default = one["schema"].get("default", inspect.Parameter.empty)
        found[own] = Parameter({described(one["schema"])}, one.get("required", False), default)
    bodies = [
        resolved(content["schema"])[1]
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    bodies = [body for body in bodies if body.get("type") == "object"]
    for body in bodies:
        for field, schema in body["properties"].items():
            own = OTHER_NAMES.get((name, field), field)
            required = all(field in body.get("required", []) for body in bodies)
            default = schema.get("default", inspect.Parameter.empty)
            found.setdefault(own, Parameter(set(), required, default)).shapes.add(described(schema))
    return found


@each_operation
def test_every_parameter_is_there_with_its_type(name: str) -> None:
    method = method_of(name)
    signature, hints = inspect.signature(method), get_type_hints(method)
    wanted = parameters_of(name)
    assert set(signature.parameters) == set(wanted)
    for parameter, described_as in wanted.items():
        given = annotated(hints[parameter])
        shapes = set(given) if isinstance(given, frozenset) else {given}
        expected = described_as.shapes | ({"text"} if "uuid" in described_as.shapes else set())
        assert shapes - {"null"} == expected, parameter
        default = signature.parameters[parameter].default
        if described_as.required and (name, parameter) not in MADE_UP:
            assert default is inspect.Parameter.empty, parameter
        elif described_as.default is not inspect.Parameter.empty:
            assert default == described_as.default, parameter
        elif (name, parameter) not in MADE_UP:
            assert default in (None, ""), parameter


# --- What comes out -------------------------------------------------------------------------------------------


def good_answers(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Content type and schema; both empty where there is no body."""
    for status, answer in operations()[name]["responses"].items():
        if status < "300":
            contents = answer.get("content") or {"": {"schema": {}}}
            yield from ((kind, content["schema"]) for kind, content in contents.items())


@each_operation
def test_every_answer_has_its_type(name: str) -> None:
    expected = {
        "null" if not kind else described(schema) if kind in ("application/json", STREAM) else "bytes"
        for kind, schema in good_answers(name)
    }
    kind = get_type_hints(method_of(name))["return"]
    if get_origin(kind) is Pages:
        page, one = get_args(kind)
        assert annotated(get_type_hints(page)["results"]) == ("several", annotated(one))
        assert expected == {annotated(page)}
    elif get_origin(kind) is Iterator:
        assert [kind for kind, _ in good_answers(name)] == [STREAM]
        assert expected == {annotated(*get_args(kind))}
    elif kind is bytes:
        assert expected == {"bytes"}
    else:
        given = annotated(kind)
        assert (set(given) if isinstance(given, frozenset) else {given}) == expected


def reachable(schema: dict[str, Any]) -> Iterator[str]:
    """Names of all objects that an answer of this schema can hold."""
    name, schema = resolved(schema)
    if "properties" in schema:
        yield name
    for part in (
        *schema.get("properties", {}).values(),
        *schema.get("oneOf", []),
        *schema.get("allOf", []),
        *([schema["items"]] if "items" in schema else []),
    ):
        yield from reachable(part)


def objects() -> set[str]:
    return {name for each in operations() for _, schema in good_answers(each) for name in reachable(schema)}


@pytest.mark.parametrize("name", sorted(objects()))
def test_every_field_is_there_with_its_type(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    kind = getattr(answers, name)
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    assert fields.keys() == schema["properties"].keys()
    for field, described_as in schema["properties"].items():
        expected = described(described_as)
        may_lack = field not in schema["required"]
        if may_lack and "null" not in (expected if isinstance(expected, frozenset) else ()):
            expected = any_of({expected, "null"})
        assert annotated(hints[field]) == expected, field
        assert (fields[field].default is not dataclasses.MISSING) == may_lack, field


def test_no_answer_is_made_up() -> None:
    known = {
        name
        for name, value in vars(answers).items()
        if dataclasses.is_dataclass(value) and isinstance(value, type)
    }
    assert known == objects()


# --- What goes wrong ------------------------------------------------------------------------------------------


def test_every_status_has_an_exception_and_every_code_is_known() -> None:
    documented = {
        int(status) for one in operations().values() for status in one["responses"] if status >= "300"
    }
    # 405 is of no operation: it says that there is none.
    assert documented | {405} == set(errors.KINDS) == set(CODES)
    assert codes_by_status() == CODES


def test_examples_of_errors_have_known_codes() -> None:
    for name, operation in operations().items():
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                for example in content.get("examples", {}).values() if status >= "300" else ():
                    code = example["value"]["error"]["code"]
                    assert code in CODES[int(status)], (name, status)


# --- That the comparison sees differences ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "integer"}, float),
        ({"type": ["string", "null"]}, str),
        ({"type": "string", "format": "date-time"}, str),
        ({"enum": ["in", "out"]}, Literal["in"]),
        ({"type": "array", "items": {"type": "string"}}, tuple[int, ...]),
        ({"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}, tuple[float, float]),
        ({"$ref": "#/components/schemas/Face"}, answers.SeenFace),
    ],
)
def test_another_type_is_noticed(schema: dict[str, Any], kind: Any) -> None:
    assert described(schema) != annotated(kind)


def test_the_table_of_codes_is_read_whole() -> None:
    assert "wrong_scope" in codes_by_status()[403]
    assert not any(re.search(r"[^a-z0-9_]", code) for codes in codes_by_status().values() for code in codes)
