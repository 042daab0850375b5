"""What ``tinyquant show MODEL --layers`` prints: which layer costs the accuracy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.layer_quality import EXACT_DB
from pytest_tinyquant.measure.layer_quality import LayerQuality
from pytest_tinyquant.measure.layer_quality import layer_quality
from pytest_tinyquant.measure.layer_quality import paired_operators
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.layer_outputs import layer_outputs


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.system.cache import Cache

#: dB lost in one layer below which no advice is given: a bit is worth 6 dB.
_NOTABLE_DB = 6.0


def print_layers(
    console: Console, model: Model, float_scheme: Scheme, scheme: Scheme, cache: Cache
) -> None:
    """Print each layer's signal-to-quantization-noise ratio, and which one loses most.

    :raises ConfigurationError: there is no float model to compare with.
    """
    found = measured_layers(model, float_scheme, scheme, cache)
    console.print(_table(found))
    worst = max(found, key=lambda layer: layer.lost)
    if worst.lost < _NOTABLE_DB:
        console.print("no layer loses more than a bit (6 dB)", highlight=False)
        return
    console.print(
        f"{worst.label} loses most, {worst.lost:.1f} dB: int16 activations (16x8), or float32 for "
        "this layer by a scheme's rule, would help there",
        highlight=False,
        markup=False,
    )


def measured_layers(
    model: Model, float_scheme: Scheme, scheme: Scheme, cache: Cache
) -> list[LayerQuality]:
    """Return the quality of every layer that the float and the quantized model have in common."""
    if model.kind == "tflite":
        raise ConfigurationError(
            f"{model.name} is a converted file, so there is no float model to compare its layers "
            "with; name the .keras file or SavedModel that it was made of"
        )
    before, after = convert(model, float_scheme, cache), convert(model, scheme, cache)
    graphs = [read_graph(c.read(), where=f"{model.name}-{c.scheme}") for c in (before, after)]
    pairs = paired_operators(*graphs)
    if not pairs:
        raise ConfigurationError(
            f"{model.name}: {scheme.name} has no operator in common with {float_scheme.name}"
        )
    expected = layer_outputs(model, before, [first.outputs[0] for first, _ in pairs], cache)
    found = layer_outputs(model, after, [second.outputs[0] for _, second in pairs], cache)
    return list(layer_quality(graphs[1], pairs, expected, found))


def _table(layers: list[LayerQuality]) -> Table:
    table = Table(title="quantized against float, exact")
    table.add_column("layer", no_wrap=True, overflow="fold")
    table.add_column("output", no_wrap=True)
    table.add_column("type")
    for head in ("SQNR, dB", "lost, dB", "error, of range"):
        table.add_column(head, justify="right")
    for layer in layers:
        table.add_row(
            escape(layer.label),
            "x".join(map(str, layer.shape)),
            layer.dtype,
            "equal" if layer.sqnr > EXACT_DB or math.isinf(layer.sqnr) else f"{layer.sqnr:.1f}",
            f"{layer.lost:.1f}",
            f"{layer.error:.3g}",
        )
    return table
