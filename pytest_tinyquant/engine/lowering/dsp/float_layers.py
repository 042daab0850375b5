"""Convolutions and FULLY_CONNECTED on float32."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.engine.kernel_call import Alias
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.lowering import convolution
from pytest_tinyquant.engine.lowering import fully_connected as dense
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.dsp.row_groups import interleave_float
from pytest_tinyquant.engine.lowering.dsp.row_groups import interleave_float_padded
from pytest_tinyquant.engine.lowering.weights import bias_address
from pytest_tinyquant.engine.trail import rows_trail
from pytest_tinyquant.models.graph import Operator


HEADER = "tq_kernels_dsp_dense.h"

_FLOAT_BYTES = 4
_POINTER_BYTES = 4


def by_type(on_floats: LoweringFunction, on_integers: LoweringFunction) -> LoweringFunction:
    """Return the lowering function that looks at the type of the operator's first input."""

    def lower(operator: Operator, lowering: Lowering) -> KernelCall | Alias | None:
        on = on_floats if lowering.source(operator, 0).dtype == "float32" else on_integers
        return on(operator, lowering)

    return lower


def fully_connected(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a float fully connected layer."""
    return _grouped(operator, lowering, dense.fully_connected)


def conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a float convolution; one with dilation or in groups keeps its reference kernel.

    So does one with weights that are not finite: the kernel multiplies zeros beside the input, too.
    """
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    data = lowering.constants.get(weights.index)
    plain = not _dilated(operator) and weights.shape[-1:] == source.shape[-1:]
    if not plain or data is None or not np.isfinite(np.frombuffer(data, "<f4")).all():
        return convolution.conv_2d(operator, lowering)
    call = _grouped(operator, lowering, convolution.conv_2d, interleave_float_padded)
    if not call.macs:
        return call
    window = cast(Mapping[str, int], call.fields["window"])
    width = (window["output_width"] - 1) * window["stride_width"] + window["filter_width"]
    row = width * window["input_channels"] * _FLOAT_BYTES
    return dataclasses.replace(
        call,
        fields={**call.fields, "scratch": ScratchMemory()},
        scratch_bytes=window["filter_height"] * (row + _POINTER_BYTES),
        trails={pair: rows_trail(window, _FLOAT_BYTES) for pair in call.trails},
    )


def depthwise_conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a float depthwise convolution; the kernel takes its channels by eights."""
    call = convolution.depthwise_conv_2d(operator, lowering)
    channels = lowering.source(operator, 0).shape[3]
    multiplied = lowering.output(operator).shape[3] != channels
    if not call.macs or multiplied or channels % 8 or _dilated(operator):
        return call
    return dataclasses.replace(call, kernel=f"{call.kernel}_dsp", header=HEADER)


def _dilated(operator: Operator) -> bool:
    factors = operator.options["dilation_h_factor"], operator.options["dilation_w_factor"]
    return factors != (1, 1)


def _grouped(
    operator: Operator,
    lowering: Lowering,
    reference: LoweringFunction,
    pack: Callable[[NDArray[Any]], bytes] = interleave_float,
) -> KernelCall:
    """Lower as `reference` does, with weights [rows, ...] in groups if they are constant."""
    basis = basis_of(reference, operator, lowering)
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    if not basis.macs or weights.index not in lowering.constants:
        return call_of(reference, operator, lowering)
    rows = lowering.values(operator, weights, "weights")
    packed = pack(rows.reshape(len(rows), math.prod(rows.shape[1:])))
    addresses = {
        "input": lowering.address(source),
        "weights": lowering.blob.add(packed),
        "bias": bias_address(lowering, lowering.optional(operator, 2)),
    }
    return dataclasses.replace(
        basis,
        kernel=f"{basis.kernel}_dsp",
        fields={**basis.fields, **addresses},
        header=HEADER,
    )
