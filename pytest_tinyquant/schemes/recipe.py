"""What a scheme's rules say about each operator of a model, for LiteRT's quantizer.

The quantizer's own way of matching would pass over a rule that it cannot follow, or that matches
nothing. So every rule is matched here, against the float model's operators, and the quantizer gets
one entry per operator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.schemes.rule_table import OPERATORS
from pytest_tinyquant.schemes.settings import Rule
from pytest_tinyquant.schemes.settings import Scheme


#: Operators with weights, and the place of these among their inputs.
WEIGHTED = {
    "BATCH_MATMUL": 1,
    "CONV_2D": 1,
    "DEPTHWISE_CONV_2D": 1,
    "EMBEDDING_LOOKUP": 1,
    "FULLY_CONNECTED": 1,
    "TRANSPOSE_CONV": 1,
}

_MOST_NAMES = 8


@dataclass(frozen=True)
class Treatment:
    """What becomes of one operator.

    :param rule: what decides; None where none speaks of it, which leaves it in float32.
    :param weights: bits of its weights, 0 for float32 and for an operator without weights.
    :param activations: bits of its inputs and outputs, 0 for float32.
    """

    operator: Operator
    rule: Rule | None
    weights: int
    activations: int
    granularity: str

    @property
    def text(self) -> str:
        """What becomes of the operator, in words."""
        if self.rule is None or not (self.weights or self.activations):
            return "float32"
        if not self.weights:
            return f"int{self.activations} activations"
        return replace(self.rule, granularity=self.granularity).text

    def entry(self) -> dict[str, Any] | None:
        """Return what the quantizer is told, as JSON; None if the operator stays as it is."""
        if self.rule is None or not (self.weights or self.activations):
            return None
        return {
            "operator": self.operator.index,
            "label": self.operator.label,
            # The quantizer wants some weights even of operators that have none.
            "weights": self.weights or 8,
            "activations": self.activations,
            "algorithm": self.rule.algorithm if self.weights else "minmax",
            "granularity": self.granularity,
            "compute": self.rule.compute,
            "rule": self.rule.where,
            "implied": self.rule.implied,
        }


def treatments(
    graph: Graph, scheme: Scheme, *, dense_per_channel: bool, where: str
) -> list[Treatment]:
    """Return what the rules of `scheme` make of each operator of the float model `graph`.

    :param dense_per_channel: whether dense layers get a scale per output where no rule says.
    :raises ConfigurationError: a rule speaks of layers that there are not, or decides nothing.
    """
    matches = [
        {operator.index for operator in graph.operators if _matches(rule, operator, graph)}
        for rule in scheme.rules
    ]
    deciding = {index: place for place, indices in enumerate(matches) for index in sorted(indices)}
    _check_rules(graph, scheme, matches, set(deciding.values()), where)
    return [
        _treatment(
            graph,
            operator,
            scheme.rules[deciding[operator.index]] if operator.index in deciding else None,
            dense_per_channel=dense_per_channel,
        )
        for operator in graph.operators
    ]


def _matches(rule: Rule, operator: Operator, graph: Graph) -> bool:
    names = [graph.tensors[index].name for index in operator.outputs]
    return (
        (not rule.operators or operator.op in rule.operators)
        and (not rule.tensors or any(name in rule.tensors for name in names))
        and (not rule.layers or any(re.search(rule.layers, name) for name in names))
    )


def _check_rules(
    graph: Graph, scheme: Scheme, matches: Sequence[set[int]], deciding: set[int], where: str
) -> None:
    """Refuse rules without effect: what the user wrote would not be what is tested."""
    for place, (rule, found) in enumerate(zip(scheme.rules, matches, strict=True)):
        if not found and (rule.layers or rule.tensors):
            asked = f"layers = {rule.layers!r}" if rule.layers else f"tensors = {rule.tensors}"
            raise ConfigurationError(
                f"{where}: {rule.where}: {asked} matches no layer of this model. Its layers are "
                f"{_names(graph)}; correct the rule, or give the scheme 'models' that it is for"
            )
        if found and place not in deciding and not rule.implied:
            later = next(
                other.where
                for other, indices in zip(scheme.rules, matches, strict=True)
                if scheme.rules.index(other) > place and found & indices
            )
            table = rule.where.partition(" of ")[2]
            if later.partition(" of ")[2] == table:
                raise ConfigurationError(
                    f"{where}: {rule.where} decides nothing: later rules, the first of them "
                    f"{later.partition(' of ')[0]}, speak of all its layers. Put it after them, or "
                    "remove it"
                )
    written = [place for place, rule in enumerate(scheme.rules) if not rule.implied]
    if written and not any(matches[place] for place in written):
        raise ConfigurationError(
            f"{where}: no rule of scheme {scheme.name!r} matches any operator of this model. Its "
            f"layers are {_names(graph)}; give the scheme 'models' that it is for"
        )


def _names(graph: Graph) -> str:
    names = [
        graph.tensors[operator.outputs[0]].name.partition(";")[0] for operator in graph.operators
    ]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _treatment(
    graph: Graph, operator: Operator, rule: Rule | None, *, dense_per_channel: bool
) -> Treatment:
    if rule is None or not rule.weights:
        return Treatment(operator, rule, 0, 0, "")
    activations = rule.activations if operator.op in OPERATORS else 0
    place = WEIGHTED.get(operator.op)
    if place is None or graph.tensors[operator.inputs[place]].data is None:
        return Treatment(operator, rule, 0, activations, "")
    usual = "tensor" if operator.op == "FULLY_CONNECTED" and not dense_per_channel else "channel"
    granularity = "tensor" if rule.weights == 16 else rule.granularity or usual
    return Treatment(operator, rule, rule.weights, activations, granularity)
