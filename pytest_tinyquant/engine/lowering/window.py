"""The sliding window that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Tensor


def window(
    options: Mapping[str, Any],
    source: Tensor,
    output: Tensor,
    *,
    filter_height: int,
    filter_width: int,
    output_channels: int,
) -> dict[str, Value]:
    """Return the fields of `tq_window`; input and output are NHWC.

    Raises :class:`ModelError` when the output's shape is not what padding and strides give.
    """
    if len(source.shape) != 4:
        raise ModelError(f"its input has shape {list(source.shape)} instead of four dimensions")
    batches, input_height, input_width, input_channels = source.shape
    dilation_height = options.get("dilation_h_factor", 1)
    dilation_width = options.get("dilation_w_factor", 1)
    output_height, pad_top = _extent(
        options["padding"], input_height, filter_height, options["stride_h"], dilation_height
    )
    output_width, pad_left = _extent(
        options["padding"], input_width, filter_width, options["stride_w"], dilation_width
    )
    check_shape(output, (batches, output_height, output_width, output_channels))
    fields: dict[str, Value] = {
        "batches": batches,
        "input_height": input_height,
        "input_width": input_width,
        "input_channels": input_channels,
        "filter_height": filter_height,
        "filter_width": filter_width,
        "output_height": output_height,
        "output_width": output_width,
        "output_channels": output_channels,
        "stride_height": options["stride_h"],
        "stride_width": options["stride_w"],
        "dilation_height": dilation_height,
        "dilation_width": dilation_width,
        "pad_top": pad_top,
        "pad_left": pad_left,
    }
    if not all(isinstance(v, int) and 0 <= v < 1 << 16 for v in fields.values()):
        raise ModelError("one of its sizes does not fit 16 bits")
    return fields


def is_one_pixel(window: Mapping[str, int]) -> bool:
    """Return whether every window is one pixel of the input, which lies there as a column."""
    return (
        window["filter_height"] == window["filter_width"] == 1
        and not window["pad_top"]
        and not window["pad_left"]
        and (window["output_height"] - 1) * window["stride_height"] < window["input_height"]
        and (window["output_width"] - 1) * window["stride_width"] < window["input_width"]
    )


def _extent(
    padding: str, size: int, filter_size: int, stride: int, dilation: int
) -> tuple[int, int]:
    """Return (output size, padding before the input) along one axis."""
    reach = (filter_size - 1) * dilation + 1
    if padding == "SAME":
        output = (size + stride - 1) // stride
    else:
        output = (size + stride - reach) // stride
    if output < 1:
        raise ModelError(f"a filter of {reach} does not fit an input of {size}")
    return output, max((output - 1) * stride + reach - size, 0) // 2
