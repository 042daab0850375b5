"""Builds a legacy Keras model from what :mod:`pytest_tinyquant.schemes.keras_graph` wrote."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras


#: Settings that steer training or that Keras 3 writes in a form of its own.
_FOREIGN = ("_initializer", "_regularizer", "_constraint")

#: Layers that take an activation, and with it stay one layer where the toolkit would make two.
_FUSING = ("Conv2D", "DepthwiseConv2D", "Dense")


def build(source: Path) -> Any:
    """Return the model of the npz `source`, its activations fused into the layers before them.

    An activation in a layer of its own makes Model Optimization lose zeros and clusters.

    :raises ValueError: legacy Keras has no such layer.
    """
    with np.load(source) as file:
        graph = json.loads(str(file["graph"]))
        weights = {name: file[name] for name in file.files if name != "graph"}
    rows = graph["layers"]
    fused = _fuse(rows, graph["output"])
    made: dict[str, Any] = {}
    inputs: list[Any] = []
    for number, row in enumerate(rows):
        if row["name"] in fused:
            made[row["name"]] = made[row["from"][0]]
            continue
        if row["class"] == "InputLayer":
            shape = row["config"].get("batch_shape") or row["config"]["batch_input_shape"]
            made[row["name"]] = tf_keras.Input(tuple(shape[1:]), name=row["name"])
            inputs.append(made[row["name"]])
            continue
        layer = _layer(row)
        given = [made[name] for name in row["from"]]
        made[row["name"]] = layer(given[0] if len(given) == 1 else given)
        own = [name for name in weights if name.startswith(f"{number}_")]
        layer.set_weights([weights[name] for name in sorted(own, key=_place)])
    return tf_keras.Model(inputs, made[graph["output"]], name="model")


def _place(name: str) -> int:
    return int(name.rpartition("_")[2])


def _fuse(rows: list[dict[str, Any]], output: str) -> set[str]:
    """Move activations into the layers before them; return the names of those that are gone."""
    by_name = {row["name"]: row for row in rows}
    fused = set()
    for row in rows:
        activation = _activation(row)
        before = by_name.get(row["from"][0]) if len(row["from"]) == 1 else None
        if not activation or before is None or before["class"] not in _FUSING:
            continue
        consumers = [other for other in rows if before["name"] in other["from"]]
        plain = before["config"].get("activation", "linear") == "linear"
        if plain and len(consumers) == 1 and before["name"] != output:
            before["config"]["activation"] = activation
            fused.add(row["name"])
    return fused


def _activation(row: dict[str, Any]) -> str:
    """Return the activation that a layer is and nothing else; empty for any other layer."""
    config = row["config"]
    if row["class"] == "Activation" and isinstance(config["activation"], str):
        return str(config["activation"])
    usual = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
    if row["class"] == "ReLU" and all(
        config.get(key) in (value, 0) for key, value in usual.items()
    ):
        return "relu"
    return ""


def _layer(row: dict[str, Any]) -> Any:
    kind = getattr(tf_keras.layers, row["class"], None)
    if kind is None:
        raise ValueError(f"legacy Keras has no layer {row['class']} (layer {row['name']!r})")
    known = {name for base in kind.__mro__ for name in inspect.signature(base.__init__).parameters}
    config = {
        name: _plain(value)
        for name, value in row["config"].items()
        if name in known | {"name"}
        and name not in ("dtype", "batch_shape")
        and not name.endswith(_FOREIGN)
    }
    return kind.from_config(config)


def _plain(value: Any) -> Any:
    """Return a setting as legacy Keras takes it: objects by class and settings."""
    if isinstance(value, dict) and "class_name" in value:
        settings = {name: _plain(entry) for name, entry in value["config"].items()}
        return {"class_name": value["class_name"], "config": settings}
    return value
