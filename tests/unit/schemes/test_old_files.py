"""Files of old converters are given to today's interpreter as it takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite
from model_builder import ModelBuilder


def convolution(axis: int) -> tuple[bytes, int]:
    """A convolution whose bias names `axis` for its two scales."""
    model = ModelBuilder()
    source, result = (model.tensor((1, 3, 3, depth), "int8", scale=0.1) for depth in (1, 2))
    weights = model.tensor((2, 1, 1, 1), "int8", scale=[0.1, 0.2], data=np.ones((2, 1, 1, 1)))
    bias = model.tensor((2,), "int32", scale=[0.01, 0.02], axis=axis, data=[1, 2])
    ones = dict.fromkeys(("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"), 1)
    model.operator("CONV_2D", [source, weights, bias], [result], **ones)
    return model.build([source], [result]), bias


@pytest.mark.parametrize(
    "library", ["tensorflow.lite.python", "ai_edge_litert"], ids=["tensorflow", "litert"]
)
@pytest.mark.parametrize("axis", [0, 3])
def test_the_axis_of_a_bias_is_made_the_only_one_there_is(
    axis: int, library: str, tmp_path: Path
) -> None:
    schema = pytest.importorskip(f"{library}.schema_py_generated")
    from pytest_tinyquant.schemes.old_files import with_axes_in_range

    data, bias = convolution(axis)
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    mended = with_axes_in_range(path, schema)
    tensor = tflite.Model.GetRootAs(mended, 0).Subgraphs(0).Tensors(bias)
    assert tensor.Quantization().QuantizedDimension() == 0
    assert (mended == data) == (axis == 0)
