"""What the tensors in a plan's arena are called in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from pytest_tinyquant.engine.plan import Plan


def arena_names(plan: Plan) -> dict[int, str]:
    """Return the names of the plan's arena tensors by the ids of their rows.

    A tensor is named after the operator that writes it: the converter's own names join those of
    all layers it fused.
    """
    writers = {id(plan.placements[op.tensor]): f"{op.label} output" for op in plan.ops}
    return {id(row): writers.get(id(row), row.name) for row in plan.arena_tensors}
