"""Parameters and multiply-accumulates of an architecture, which the tests know from elsewhere."""

from __future__ import annotations

from pytest_tinyquant.models.architecture import Architecture


def parameter_count(architecture: Architecture) -> int:
    """Count weights and biases."""
    pairs = zip(architecture.layers, architecture.layer_inputs(), strict=True)
    return sum(layer.parameters(shape) for layer, shape in pairs)


def mac_count(architecture: Architecture) -> int:
    """Count multiply-accumulates of one inference.

    Unlike the study's "MACs" (half of TensorFlow's float operations), biases, softmax and pooling
    do not count.
    """
    pairs = zip(architecture.layers, architecture.layer_inputs(), strict=True)
    return sum(layer.macs(shape) for layer, shape in pairs)
