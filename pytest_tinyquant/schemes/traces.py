"""What the steps of a scheme must leave in the converted file."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.weights import WeightFacts
from pytest_tinyquant.models.weights import weight_facts
from pytest_tinyquant.schemes.steps import Step


#: Layers whose weights Model Optimization prunes; it leaves depthwise ones alone.
_PRUNED = ("CONV_2D", "FULLY_CONNECTED")


def check_traces(graph: Graph, steps: Sequence[Step], *, where: str) -> None:
    """Check that every step can be found in the converted model.

    :raises VacuousSchemeError: one left no trace; its figures would be those of another scheme.
    """
    facts = [fact for fact in weight_facts(graph) if fact.op in _PRUNED]
    for step in steps:
        for problem in _missing(graph, step, facts):
            raise VacuousSchemeError(
                f"{where}: step {step.written!r} left no trace: {problem}. Train longer (epochs), "
                "or leave the step out"
            )


def _missing(graph: Graph, step: Step, facts: Sequence[WeightFacts]) -> Iterator[str]:
    """Yield where a step's effect is not to be seen."""
    if step.kind == "qat":
        left = [operator.label for operator in graph.operators if operator.op == "FAKE_QUANT"]
        if left:
            yield f"fake quantizers are left ({', '.join(left[:3])})"
        return
    if not facts:
        yield "the model has no convolution and no dense layer"
    for fact in facts:
        if step.kind == "prune" and not _is_pruned(fact, step):
            yield (
                f"{fact.label} has {fact.sparsity:.1%} zeros instead of {step.sparsity:.0%} "
                f"in its weights of shape {list(fact.shape)}"
            )
        # Zeros that an earlier pruning left may stand beside the clusters.
        if step.kind == "cluster" and fact.unique_per_output > step.clusters + 1:
            yield (
                f"{fact.label} has {fact.unique_per_output} different weights in one output "
                f"instead of {step.clusters}"
            )


def _is_pruned(fact: WeightFacts, step: Step) -> bool:
    elements = 1
    for size in fact.shape:
        elements *= size
    if step.pattern[1] and fact.shape[-1] % step.pattern[1]:
        return True  # no whole group along the inputs, as in a first layer with one channel
    return fact.sparsity >= step.sparsity - 1 / elements - 1e-6
