"""Many layers as one model, for where a model costs more than a layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from drawn_layers.draw import Layer

from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.tflite_reader import read_graph


def side_by_side(layers: Sequence[Layer]) -> tuple[Graph, list[bytes]]:
    """Return a model in which every layer has inputs and outputs of its own, and its samples.

    All layers have the same number of samples.
    """
    tensors: list[Tensor] = []
    operators: list[Operator] = []
    inputs: list[int] = []
    outputs: list[int] = []
    for layer in layers:
        graph, first = read_graph(layer.model), len(tensors)

        def moved(indices: Sequence[int], first: int = first) -> tuple[int, ...]:
            return tuple(index if index < 0 else first + index for index in indices)

        tensors += [dataclasses.replace(t, index=first + t.index) for t in graph.tensors]
        inputs += moved(graph.inputs)
        outputs += moved(graph.outputs)
        (operator,) = graph.operators
        number = len(operators)
        places: dict[str, Any] = {
            "inputs": moved(operator.inputs),
            "outputs": moved(operator.outputs),
        }
        operators.append(dataclasses.replace(operator, index=number, **places))
    samples = [
        b"".join(value.tobytes() for sample in parts for value in sample)
        for parts in zip(*(layer.samples for layer in layers), strict=True)
    ]
    return Graph(tuple(tensors), tuple(operators), tuple(inputs), tuple(outputs)), samples
