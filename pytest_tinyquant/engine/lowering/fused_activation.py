"""The limits of an activation that is fused into another operator."""

from __future__ import annotations

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


def activation_limits(operator: Operator, output: Tensor) -> dict[str, Value]:
    """Return the fields with the limits of the operator's activation, in the output's type."""
    activation = operator.options["fused_activation_function"]
    low: float
    high: float
    if output.dtype == "float32":
        low, high = q.float_activation_range(activation)
    elif output.dtype == "int32":
        low, high = q.int32_activation_range(activation)
    else:
        low, high = q.activation_range(activation, output)
    return {"activation_min": low, "activation_max": high}
