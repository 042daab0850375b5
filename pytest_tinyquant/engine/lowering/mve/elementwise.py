"""ADD and MUL on int8 and int16 for Helium: four elements at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import arithmetic
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.mve.channels import HEADER
from pytest_tinyquant.models.graph import Operator


def add(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower an addition."""
    return _by_vectors(arithmetic.add, operator, lowering)


def mul(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a multiplication."""
    return _by_vectors(arithmetic.mul, operator, lowering)


def _by_vectors(function: LoweringFunction, operator: Operator, lowering: Lowering) -> KernelCall:
    """Return the call of this set's kernel where inputs lie, or stand, side by side."""
    call = call_of(function, operator, lowering)
    if call.kernel.rpartition("_")[2] not in ("s8", "s16"):
        return call
    shapes = cast(dict[str, tuple[int, ...]], call.fields["broadcast"])
    if shapes["stride1"][3] not in (0, 1) or shapes["stride2"][3] not in (0, 1):
        return call
    return replace(call, kernel=f"{call.kernel}_mve", header=HEADER)
