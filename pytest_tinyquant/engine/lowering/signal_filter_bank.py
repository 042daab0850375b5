"""From a spectrum to features: SignalFilterBank, what follows it, and SignalPCAN."""

from __future__ import annotations

import math

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.custom_options import integer
from pytest_tinyquant.engine.lowering.custom_options import named_options
from pytest_tinyquant.engine.lowering.custom_options import ordered_options
from pytest_tinyquant.engine.lowering.signal import add_state
from pytest_tinyquant.engine.lowering.signal import check_elements
from pytest_tinyquant.engine.lowering.signal import check_range
from pytest_tinyquant.engine.lowering.signal import constant
from pytest_tinyquant.engine.lowering.signal import tensors_of
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


# Those that TensorFlow Lite Micro reads by their place.
_SUBTRACTION = (
    "alternate_one_minus_smoothing", "alternate_smoothing", "clamping", "min_signal_remaining",
    "num_channels", "one_minus_smoothing", "smoothing", "smoothing_bits",
    "spectral_subtraction_bits",
)  # fmt: skip

# The gains of all numbers of 32 bits: three for 0 to 2, four for each power of two above.
_GAINS = 125

_LOG_SEGMENTS = 128
_LOG_SCALE = 65536


def filter_bank(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalFilterBank; its lists must be constant, for they say what it reads."""
    types = ("uint32", *["int16"] * 5)
    source, *lists, output = tensors_of(operator, lowering, types, ("uint64",))
    channels = ordered_options(operator, ("num_channels",))["num_channels"]
    check_range("num_channels", channels, 1, output.elements)
    check_elements(output, channels)
    values = [constant(operator, lowering, tensor).astype(np.int64) for tensor in lists]
    weights, unweights, starts, places, widths = values
    if min(len(starts), len(places), len(widths)) <= channels:
        raise ModelError(f"its lists are too short for {channels} channels")
    starts, places, widths = (values[: channels + 1] for values in (starts, places, widths))
    wide = widths > 0
    ends, last = (starts + widths)[wide], (places + widths)[wide]
    within = np.all(starts[wide] >= 0) and np.all(places[wide] >= 0)
    stored = min(len(weights), len(unweights))
    if not within or np.any(ends > source.elements) or np.any(last > stored):
        raise ModelError(f"its channels reach beyond {source.elements} inputs, {stored} weights")
    names = ("weights", "unweights", "input_starts", "weight_starts", "widths")
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        **{name: lowering.address(t) for name, t in zip(names, lists, strict=True)},
        "output": lowering.address(output),
        "channels": channels,
    }
    return KernelCall(
        "tq_signal_filter_bank",
        "tq_signal_filter_bank_params",
        fields,
        lowering.reads(source),
        (output.index,),
        macs=2 * int(widths[wide].sum()),
    )


def square_root(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalFilterBankSquareRoot."""
    source, bits, output = tensors_of(operator, lowering, ("uint64", "int32"), ("uint32",))
    check_elements(output, source.elements)
    check_elements(bits, 1)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "scale_bits": lowering.address(bits),
        "output": lowering.address(output),
        "count": source.elements,
    }
    return KernelCall(
        "tq_signal_square_root",
        "tq_signal_square_root_params",
        fields,
        lowering.reads(source, bits),
        (output.index,),
    )


def spectral_subtraction(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalFilterBankSpectralSubtraction, which keeps an estimate of the noise."""
    source, output, noise = tensors_of(operator, lowering, ("uint32",), ("uint32", "uint32"))
    options = ordered_options(operator, _SUBTRACTION)
    count = options["num_channels"]
    for tensor in (source, output, noise):
        check_elements(tensor, count)
    state = add_state(operator, lowering, "noise", "uint32", count)

    def unsigned(name: str) -> int:
        return options[name] % (1 << 32)

    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "noise": lowering.address(noise),
        "state": lowering.address(state),
        "count": count,
        "smoothing": (unsigned("smoothing"), unsigned("alternate_smoothing")),
        "one_minus_smoothing": (
            unsigned("one_minus_smoothing"),
            unsigned("alternate_one_minus_smoothing"),
        ),
        "min_signal_remaining": unsigned("min_signal_remaining"),
        "smoothing_bits": check_range("smoothing_bits", options["smoothing_bits"], 0, 31),
        "subtraction_bits": check_range(
            "spectral_subtraction_bits", options["spectral_subtraction_bits"], 0, 63
        ),
        "clamping": int(bool(options["clamping"])),
    }
    return KernelCall(
        "tq_signal_spectral_subtraction",
        "tq_signal_spectral_subtraction_params",
        fields,
        lowering.reads(source),
        (output.index, noise.index),
        lowering.in_place(output, source),
        updates=(state.index,),
    )


def pcan(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalPCAN: automatic gain by the estimate of the noise."""
    types = ("uint32", "uint32", "int16")
    source, noise, gains, output = tensors_of(operator, lowering, types, ("uint32",))
    shift = integer(named_options(operator), "snr_shift")
    check_elements(output, source.elements)
    check_elements(noise, source.elements)
    if gains.elements < _GAINS:
        raise ModelError(f"it has {gains.elements} gains, not {_GAINS}")
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "noise": lowering.address(noise),
        "gains": lowering.address(gains),
        "output": lowering.address(output),
        "count": source.elements,
        "snr_shift": check_range("snr_shift", shift, 0, 63),
    }
    return KernelCall(
        "tq_signal_pcan",
        "tq_signal_pcan_params",
        fields,
        lowering.reads(source, noise, gains),
        (output.index,),
        lowering.in_place(output, source),
    )


def log(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalFilterBankLog."""
    source, output = tensors_of(operator, lowering, ("uint32",), ("int16",))
    options = ordered_options(operator, ("input_correction_bits", "output_scale"))
    check_elements(output, source.elements)
    bits = options["input_correction_bits"]
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "table": lowering.blob.add_array(_log_table(), "uint16"),
        "count": source.elements,
        "output_scale": options["output_scale"] % (1 << 32),
        "correction_bits": check_range("input_correction_bits", bits, 0, 31),
    }
    return KernelCall(
        "tq_signal_log",
        "tq_signal_log_params",
        fields,
        lowering.reads(source),
        (output.index,),
    )


def _log_table() -> list[int]:
    """Return by how much log2(1 + x) is above x; the last entry stands for x = 1."""
    parts = [i / _LOG_SEGMENTS for i in range(_LOG_SEGMENTS + 1)]
    return [round(_LOG_SCALE * (math.log2(1 + x) - x)) for x in parts] + [0]
