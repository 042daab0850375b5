"""What a model is made of, for reports: its size, and where its tensors lie in the arena.

Nothing here is gated: these are facts about the converted model and its plan, not measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError


if TYPE_CHECKING:
    from pytest_tinyquant.engine import Plan
    from pytest_tinyquant.models.graph import Graph


@dataclass(frozen=True)
class Placement:
    """A value in the arena: `size` bytes at `offset`, alive from operator `first` to `last`.

    -1 is before the first operator, the number of operators is after the last.
    """

    name: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Structure:
    """A converted model's size and its plan's arena.

    :param parameters: weights and biases of the operators that multiply and accumulate.
    :param macs: multiply-accumulates of each operator that the engine executes.
    :param arena: empty where the engine does not place the tensors, as on the host.
    :param arena_bound: bytes of the largest set of tensors that are alive at once.
    """

    parameters: int
    macs: tuple[int, ...]
    arena: tuple[Placement, ...] = ()
    arena_bound: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the structure as JSON types; :meth:`from_json` reverses it."""
        return {
            "parameters": self.parameters,
            "macs": list(self.macs),
            "arena": [[p.name, p.offset, p.size, p.first, p.last] for p in self.arena],
            "arena_bound": self.arena_bound,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Structure:
        """Rebuild a structure from what :meth:`to_json` returned."""
        return cls(
            parameters=data["parameters"],
            macs=tuple(data["macs"]),
            arena=tuple(Placement(*placement) for placement in data["arena"]),
            arena_bound=data["arena_bound"],
        )


def structure_of(graph: Graph, *, where: str, plan: Plan | None = None) -> Structure | None:
    """Return the structure of a model; None if the engine cannot tell its operators apart.

    :param plan: the model's plan, if it runs on the engine.
    """
    from pytest_tinyquant.engine.lowered_graph import lower_graph

    try:
        lowering, calls, _ = lower_graph(graph, where)
    except (UnsupportedModelError, ModelError):
        return None
    parameters = {
        index
        for operator, call in calls
        if call.macs
        for index in operator.inputs[1:]
        if index in lowering.constants
    }
    total = sum(graph.tensors[index].elements for index in parameters)
    if plan is None:
        return Structure(total, tuple(call.macs for _, call in calls))
    from pytest_tinyquant.engine.arena_names import arena_names

    names = arena_names(plan)
    return Structure(
        parameters=total,
        macs=tuple(op.macs for op in plan.ops),
        arena=tuple(
            Placement(names[id(row)], row.offset, row.bytes, row.first, row.last)
            for row in plan.arena_tensors
        ),
        arena_bound=plan.lower_bound_bytes,
    )
