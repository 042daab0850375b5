"""Writes a Keras 3 model as graph and weights, for a process that has legacy Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np


def write_graph(model: Any, output: Path) -> None:
    """Write layers (names, classes, settings, sources), output shape and weights into an npz.

    :raises ValueError: the model is of a form that does not travel; the text says which.
    """
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs)
    config: dict[str, Any] = model.get_config()
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError("it has several inputs or outputs; steps need a model with one of each")
    rows: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for number, entry in enumerate(config["layers"]):
        nodes = entry.get("inbound_nodes") or []
        if len(nodes) > 1:
            raise ValueError(f"layer {entry['name']!r} is called twice, which steps cannot follow")
        if entry.get("module") not in ("keras.layers", "keras"):
            raise ValueError(
                f"layer {entry['name']!r} ({entry['class_name']}) is none of Keras's own layers"
            )
        sources = _sources(nodes[0]["args"]) if nodes else []
        rows.append(
            {
                "name": entry["name"],
                "class": entry["class_name"],
                "config": entry["config"],
                "from": sources,
            }
        )
        for place, weight in enumerate(model.get_layer(entry["name"]).get_weights()):
            arrays[f"{number}_{place}"] = weight
    outputs = config["output_layers"]
    name = outputs[0] if isinstance(outputs[0], str) else outputs[0][0]
    shape = list(model.outputs[0].shape[1:])
    graph = json.dumps({"layers": rows, "output": name, "output_shape": shape})
    with output.open("wb") as stream:
        np.savez(stream, graph=graph, **arrays)


def _sources(node: Any) -> list[str]:
    """Return the names of the layers whose outputs a node takes, in order."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            return [node["config"]["keras_history"][0]]
        return [name for value in node.values() for name in _sources(value)]
    return (
        [name for value in node for name in _sources(value)]
        if isinstance(node, list | tuple)
        else []
    )
