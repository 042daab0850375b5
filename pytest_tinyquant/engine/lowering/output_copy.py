"""Outputs that are constants: copied to the arena, where every output is expected."""

from __future__ import annotations

from pytest_tinyquant.engine.kernel_call import Activation
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.models.graph import Operator


def copy_to_output(lowering: Lowering, index: int, position: int) -> tuple[Operator, KernelCall]:
    """Return an operator that is not in the file and copies constant `index` to the arena."""
    tensor = lowering.tensor(index)
    call = KernelCall(
        "tq_copy",
        "tq_copy_params",
        {
            "input": lowering.address(tensor),
            "output": Activation(index),
            "bytes": tensor.bytes,
        },
        (),
        (index,),
    )
    return Operator(position, "COPY", 1, (index,), (index,), {}), call
