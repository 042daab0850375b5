"""Architectures: what a network's description means, and which descriptions are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from layer_counts import mac_count
from layer_counts import parameter_count

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.architecture import Architecture
from pytest_tinyquant.models.architecture import read_architecture
from pytest_tinyquant.models.layers import Conv
from pytest_tinyquant.models.layers import Dense
from pytest_tinyquant.models.layers import Flatten
from pytest_tinyquant.models.layers import GlobalAveragePool
from pytest_tinyquant.models.layers import MaxPool
from pytest_tinyquant.system.toml_table import Table


def read(**values: Any) -> Architecture:
    values = {"input_shape": [4], "layers": [{"kind": "dense", "units": 2}], **values}
    return read_architecture(Table(values, file=Path("models/net.toml"), label="[model]"))


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape", "parameters", "macs"),
    [
        (Dense(3), (5,), (3,), 5 * 3 + 3, 5 * 3),
        (Conv(4, (3, 3)), (8, 8, 2), (8, 8, 4), 3 * 3 * 2 * 4 + 4, 8 * 8 * 4 * 3 * 3 * 2),
        # SAME padding: an image of 7 with a stride of 2 gives 4.
        (Conv(1, (3, 3), (2, 2)), (7, 7, 1), (4, 4, 1), 10, 4 * 4 * 9),
        (Conv(1, (5, 1), (2, 1)), (8, 3, 1), (4, 3, 1), 6, 4 * 3 * 5),
        (MaxPool((2, 2), (2, 2)), (7, 7, 3), (4, 4, 3), 0, 0),
        (GlobalAveragePool(), (4, 4, 6), (6,), 0, 0),
        (Flatten(), (2, 2, 10), (40,), 0, 0),
    ],
)
def test_shapes_and_costs(
    layer: Any,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    parameters: int,
    macs: int,
) -> None:
    architecture = Architecture(input_shape, (layer,))

    assert architecture.output_shape == output_shape
    assert parameter_count(architecture) == parameters
    assert mac_count(architecture) == macs


def test_costs_of_layers_add_up() -> None:
    architecture = Architecture((2, 2, 1), (Conv(3, (1, 1)), Flatten(), Dense(5, "softmax")))

    assert parameter_count(architecture) == (3 + 3) + (12 * 5 + 5)
    assert mac_count(architecture) == 2 * 2 * 3 + 12 * 5
    assert architecture.output_activation == "softmax"


def test_sizes_are_given_once_or_for_height_and_width() -> None:
    layers = [{"kind": "conv", "filters": 2, "kernel": [3, 1], "stride": 2}]

    architecture = read(input_shape=[8, 8, 1], layers=layers)

    assert architecture.layers == (Conv(2, (3, 1), (2, 2), "relu"),)


def test_a_misspelt_key_names_the_file_the_layer_and_the_closest_key() -> None:
    with pytest.raises(ConfigurationError) as error:
        read(layers=[{"kind": "dense", "unit": 2}])

    assert str(error.value) == (
        "models/net.toml: layers[0]: unknown key 'unit' (closest: 'units'); "
        "known keys: activation, kind, units; correct or remove it"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layers": []}, "'layers' is empty"),
        ({"layers": [{"units": 2}]}, r"layers\[0\]: key 'kind' is missing; add it as a string"),
        ({"layers": [{"kind": "danse"}]}, "kind 'danse' is not known .closest: 'dense'.*choose"),
        ({"layers": [{"kind": "dense", "units": "2"}]}, "'units' must be an integer, not '2'"),
        ({"layers": [{"kind": "dense", "units": True}]}, "'units' must be an integer, not True"),
        ({"layers": [{"kind": "dense", "units": 0}]}, "'units' must be at least 1, not 0"),
        (
            {"layers": [{"kind": "dense", "units": 1, "activation": "rely"}]},
            "activation 'rely' is not known .closest: 'relu'",
        ),
        ({"layers": ["dense"]}, r"key 'layers\[0\]' must be a table, not 'dense'"),
        ({"input_shape": []}, "'input_shape' must hold sizes of at least 1"),
        ({"input_shape": [0]}, "'input_shape' must hold sizes of at least 1"),
        ({"input_shape": [2, 2, 1]}, "dense needs one dimension, not .2, 2, 1.; put a flatten"),
        ({"layers": [{"kind": "global_average_pool"}]}, "needs .height, width, channels., not .4."),
        (
            {
                "input_shape": [4, 4, 1],
                "layers": [{"kind": "maxpool", "size": [2, 2, 2], "stride": 2}],
            },
            "'size' must be one size or .height, width.",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(**values)
