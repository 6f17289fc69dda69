"""Networks read from files as plain graphs, whatever the format, in an order that does not depend on names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One layer or operation.

    kind: its class or operator. settings: configuration or attributes. inputs: names of the nodes it takes.
    weights: its parameters in the order of the format.
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[Array, ...] = ()


def ordered(nodes: Mapping[str, Node], outputs: Iterable[str]) -> list[Node]:
    """Every node after its inputs, these in the order in which it takes them; what leads to no output is left out.

    Two files of one architecture get one order, however their layers are named or sorted. Of several outputs the
    one that needs the fewest nodes comes first.
    """
    walks = sorted((_walk(nodes, output) for output in outputs), key=len)
    order: dict[str, Node] = {}
    for walk in walks:
        order.update((node.name, node) for node in walk if node.name not in order)
    return list(order.values())


def _walk(nodes: Mapping[str, Node], output: str) -> list[Node]:
    order: dict[str, Node] = {}
    waiting = [(output, False)]
    while waiting:
        name, inputs_done = waiting.pop()
        if name in order or name not in nodes:
            continue
        if inputs_done:
            order[name] = nodes[name]
            continue
        waiting.append((name, True))
        waiting += [(source, False) for source in reversed(nodes[name].inputs)]
    return list(order.values())
