"""From sound to its spectrum: SignalWindow, SignalFftAutoScale, SignalRfft, -Irfft, -Energy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.custom_options import integer
from pytest_tinyquant.engine.lowering.custom_options import named_options
from pytest_tinyquant.engine.lowering.custom_options import ordered_options
from pytest_tinyquant.engine.lowering.signal import check_elements
from pytest_tinyquant.engine.lowering.signal import check_range
from pytest_tinyquant.engine.lowering.signal import rows_of
from pytest_tinyquant.engine.lowering.signal import tensors_of
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


# Suffix of the kernel, and what 1 is in the twiddle factors, by type.
_FFT_TYPES = {"int16": ("s16", 32767), "int32": ("s32", 2147483647), "float32": ("f32", 0)}
_MAX_FFT = 1 << 16
_COMPLEX_BYTES = {"int16": 4, "int32": 8, "float32": 8}


def window(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalWindow, whose window repeats over the input's rows."""
    source, weights, output = tensors_of(operator, lowering, ("int16", "int16"), ("int16",))
    options = ordered_options(operator, ("shift",))
    check_elements(output, source.elements)
    if len(weights.shape) != 1 or source.elements % weights.elements:
        raise ModelError(f"its window has {list(weights.shape)} for {list(source.shape)}")
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "window": lowering.address(weights),
        "output": lowering.address(output),
        "rows": source.elements // weights.elements,
        "size": weights.elements,
        "shift": check_range("shift", options["shift"], 0, 31),
    }
    return KernelCall(
        "tq_signal_window",
        "tq_signal_window_params",
        fields,
        lowering.reads(source, weights),
        (output.index,),
        lowering.in_place(output, source),
    )


def auto_scale(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalFftAutoScale."""
    source, output, bits = tensors_of(operator, lowering, ("int16",), ("int16", "int32"))
    check_elements(output, source.elements)
    check_elements(bits, 1)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "scale_bits": lowering.address(bits),
        "count": source.elements,
    }
    return KernelCall(
        "tq_signal_auto_scale",
        "tq_signal_auto_scale_params",
        fields,
        lowering.reads(source),
        (output.index, bits.index),
        lowering.in_place(output, source),
    )


def rfft(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalRfft: of real numbers to half of their spectrum."""
    return _fft(operator, lowering, "rfft", -1.0)


def irfft(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalIrfft: of half a spectrum to real numbers."""
    return _fft(operator, lowering, "irfft", 1.0)


def _fft(operator: Operator, lowering: Lowering, name: str, sign: float) -> KernelCall:
    dtype = lowering.source(operator, 0).dtype
    if dtype not in _FFT_TYPES:
        raise lowering.unsupported(operator, dtype, "it has no kernel for this type")
    source, output = tensors_of(operator, lowering, (dtype,), (dtype,))
    length = integer(named_options(operator), "fft_length")
    points = length // 2
    if not 4 <= length <= _MAX_FFT or length & (length - 1):
        raise lowering.unsupported(
            operator, dtype, f"its FFT has {length} points; there is a kernel for powers of two "
            f"from 4 to {_MAX_FFT}. Fill the frame with zeros up to the next one",
        )  # fmt: skip
    rows, row = rows_of(source)
    spectrum, real = (output, source) if name == "rfft" else (source, output)
    check_elements(spectrum, rows * (length + 2))
    if rows_of(output)[0] != rows or not row:
        raise ModelError(f"{list(source.shape)} becomes {list(output.shape)}")
    if name == "rfft":
        check_range("input's length", row, 1, length)
    else:
        check_elements(real, rows * length)
    suffix, one = _FFT_TYPES[dtype]
    angles = [sign * 2 * math.pi * i / points for i in range(points)]
    halves = [sign * math.pi * ((i + 1) / points + 0.5) for i in range(points // 2)]
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "work": ScratchMemory(),
        "twiddles": lowering.blob.add(_turns(angles, dtype, one)),
        "real_twiddles": lowering.blob.add(_turns(halves, dtype, one)),
        "rows": rows,
        "input_length": row,
        "output_length": rows_of(output)[1],
        "points": points,
    }
    return KernelCall(
        f"tq_signal_{name}_{suffix}",
        "tq_signal_fft_params",
        fields,
        lowering.reads(source),
        (output.index,),
        scratch_bytes=points * _COMPLEX_BYTES[dtype],
    )


def _turns(angles: list[float], dtype: str, one: int) -> bytes:
    """Return complex numbers of length 1 in these directions."""

    def stored(function: Callable[[float], float], angle: float) -> float:
        return math.floor(0.5 + one * function(angle)) if one else function(angle)

    numbers: list[Any] = [(stored(math.cos, a), stored(math.sin, a)) for a in angles]
    return np.array(numbers, dtype=dtype).tobytes()


def energy(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalEnergy: squared lengths of complex numbers."""
    source, output = tensors_of(operator, lowering, ("int16",), ("uint32",))
    options = ordered_options(operator, ("end_index", "start_index"))
    end = check_range("end_index", options["end_index"], 0, output.elements)
    start = check_range("start_index", options["start_index"], 0, end)
    if 2 * end > source.elements:
        raise ModelError(f"its end_index {end} is beyond {source.elements // 2} numbers")
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "start": start,
        "end": end,
        "count": output.elements,
    }
    return KernelCall(
        "tq_signal_energy",
        "tq_signal_energy_params",
        fields,
        lowering.reads(source),
        (output.index,),
    )
