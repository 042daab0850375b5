"""The reference kernel's call for an operator, on which that of a DSP kernel builds."""

from __future__ import annotations

import copy

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.kernel_call import WeightsBlob
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.models.graph import Operator


_OF_A_WINDOW = ("window", "input", "output", "activation_min", "activation_max")


def without_constants(lowering: Lowering) -> Lowering:
    """Return a lowering whose constants go nowhere, for a call of which only parts are used."""
    basis = copy.copy(lowering)
    basis.blob = WeightsBlob()
    return basis


def call_of(function: LoweringFunction, operator: Operator, lowering: Lowering) -> KernelCall:
    """Return what `function` lowers an operator to, if that is a kernel and no other name."""
    call = function(operator, lowering)
    if not isinstance(call, KernelCall):
        raise TypeError(f"{operator.label} is lowered to {call!r}, not to a kernel")
    return call


def basis_of(function: LoweringFunction, operator: Operator, lowering: Lowering) -> KernelCall:
    """Return the reference kernel's call without its constants, the basis of a DSP kernel's."""
    return call_of(function, operator, without_constants(lowering))


def shared_fields(basis: KernelCall) -> dict[str, Value]:
    """Return the fields that the kernels of a sliding window have in common."""
    return {name: basis.fields[name] for name in _OF_A_WINDOW}
