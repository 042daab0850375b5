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


def structure_of(graph: Graph) -> Structure | None:
    """Return the structure of a model; None if the engine cannot tell its operators apart."""
    from pytest_tinyquant.engine.lowered_graph import count_parameters
    from pytest_tinyquant.engine.lowered_graph import lower_graph

    try:
        lowering, calls, _ = lower_graph(graph)
    except (UnsupportedModelError, ModelError):
        return None
    return Structure(count_parameters(lowering, calls), tuple(call.macs for _, call in calls))


def structure_of_plan(plan: Plan) -> Structure:
    """Return the structure of a model that runs on the engine."""
    from pytest_tinyquant.engine.arena_names import arena_names

    names = arena_names(plan)
    return Structure(
        parameters=plan.parameters,
        macs=tuple(op.macs for op in plan.ops),
        arena=tuple(
            Placement(names[id(row)], row.offset, row.bytes, row.first, row.last)
            for row in plan.arena_tensors
        ),
        arena_bound=plan.lower_bound_bytes,
    )
