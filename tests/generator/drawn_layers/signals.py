"""The operators of TensorFlow Lite Micro's signal library, which work in fixed point on sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


# What a schema's TensorType calls them.
_TYPES = {"float32": 0, "int32": 2, "int16": 7}

Defined = Callable[[list[np.ndarray]], list[np.ndarray]]


def _whole(draw: Draw, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return numbers of all magnitudes, only extremes, or all equal."""
    if dtype == "float32":
        return draw.values(shape, dtype)
    limits, random = np.iinfo(dtype), draw.random()
    kind = draw.choice(["random", "magnitudes", "extremes", "equal"])
    if kind == "extremes":
        return random.choice(np.array([limits.min, limits.max, 0, 1], dtype), shape)
    values: np.ndarray = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    if kind == "equal":
        return np.full(shape, values.flat[0], dtype)
    if kind == "magnitudes":
        smaller: np.ndarray = values >> random.integers(0, limits.bits, shape).astype(dtype)
        return smaller
    return values


def _layer(
    draw: Draw,
    name: str,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    options: dict[str, Any],
    defined: Defined | None = None,
) -> Layer:
    op = name if name.startswith("Signal") else f"Signal{name}"
    spec = OperatorSpec(op, inputs, outputs, options=options, custom=True)
    samples = [
        [_whole(draw, tensor.shape, tensor.dtype) for tensor in spec.variable_inputs]
        for _ in range(draw.input_sets)
    ]
    return Layer(spec, samples, defined=defined)


def window(draw: Draw, dtype: str) -> Layer:
    rows, size = draw.shape(3, 40)
    weights = TensorSpec((size,), dtype, data=_whole(draw, (size,), dtype))
    source = TensorSpec((rows, size), dtype)
    options = {"shift": draw.integer(0, 20)}
    return _layer(draw, "Window", (source, weights), (source,), options)


def auto_scale(draw: Draw, dtype: str) -> Layer:
    source = TensorSpec(draw.shape(40), dtype)
    return _layer(draw, "FftAutoScale", (source,), (source, TensorSpec((), "int32")), {})


def fft(draw: Draw, dtype: str, *, op: str) -> Layer:
    length = 1 << draw.integer(2, 9)
    lead = draw.shape(*[3] * draw.integer(0, 1))
    spectrum = TensorSpec((*lead, length + 2), dtype)
    used = draw.integer(1, length) if op == "SignalRfft" else length
    real = TensorSpec((*lead, used), dtype)
    source, output = (real, spectrum) if op == "SignalRfft" else (spectrum, real)
    options = {"T": _TYPES[dtype], "fft_length": length}
    return _layer(draw, op, (source,), (output,), options)


def energy(draw: Draw, dtype: str) -> Layer:
    count = draw.integer(1, 40)
    end = draw.integer(0, count)
    start = draw.integer(0, end)

    def written(outputs: list[np.ndarray]) -> list[np.ndarray]:
        outputs[0][:start] = outputs[0][end:] = 0
        return outputs

    source, output = TensorSpec((2 * count,), dtype), TensorSpec((count,), "uint32")
    options = {"start_index": start, "end_index": end}
    return _layer(draw, "Energy", (source,), (output,), options, written)


def filter_bank(draw: Draw, dtype: str) -> Layer:
    channels, longest, bins = draw.shape(12, 6, 30)
    random = draw.random()
    widths = random.integers(0, longest + 1, channels + 1)
    widths = np.minimum(widths, bins)
    starts = random.integers(0, bins - widths + 1)
    places = np.cumsum(widths) - widths
    total = max(1, int(widths.sum()))
    limit = draw.choice([4096, 32768])
    weights, unweights = random.integers(-limit if limit > 4096 else 0, limit, (2, total))
    lists = [
        TensorSpec((len(values),), dtype, data=values.astype(dtype))
        for values in (weights, unweights, starts, places, widths)
    ]
    source, output = TensorSpec((bins,), "uint32"), TensorSpec((channels,), "uint64")
    options = {"num_channels": channels}
    return _layer(draw, "FilterBank", (source, *lists), (output,), options)


def square_root(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(30)
    bits = TensorSpec((), "int32", data=np.array(draw.integer(0, 20)))
    inputs = (TensorSpec(shape, "uint64"), bits)
    return _layer(draw, "FilterBankSquareRoot", inputs, (TensorSpec(shape, "uint32"),), {})


def spectral_subtraction(draw: Draw, dtype: str) -> Layer:
    channels, bits = draw.integer(1, 20), draw.integer(6, 16)
    one = 1 << bits
    even, odd = draw.integer(0, one), draw.integer(0, one)
    options = {
        "num_channels": channels,
        "smoothing": even,
        "one_minus_smoothing": one - even,
        "alternate_smoothing": odd,
        "alternate_one_minus_smoothing": one - odd,
        "smoothing_bits": draw.integer(0, 12),
        "min_signal_remaining": draw.integer(0, one),
        "spectral_subtraction_bits": bits,
        "clamping": draw.choice([False, True]),
    }
    tensor = TensorSpec((channels,), "uint32")
    return _layer(draw, "FilterBankSpectralSubtraction", (tensor,), (tensor, tensor), options)


def pcan(draw: Draw, dtype: str) -> Layer:
    tensor = TensorSpec(draw.shape(20), "uint32")
    size = draw.choice([125, 126])
    gains = TensorSpec((size,), dtype, data=_whole(draw, (size,), dtype))
    options = {"snr_shift": draw.integer(0, 20)}
    return _layer(draw, "PCAN", (tensor, tensor, gains), (tensor,), options)


def log(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(40)
    options = {
        "input_correction_bits": draw.integer(0, 8),
        "output_scale": draw.integer(1, 1 << draw.integer(1, 16)),
    }
    inputs, outputs = (TensorSpec(shape, "uint32"),), (TensorSpec(shape, dtype),)
    return _layer(draw, "FilterBankLog", inputs, outputs, options)


def delay(draw: Draw, dtype: str) -> Layer:
    source = TensorSpec(draw.shape(3, 20), dtype)
    return _layer(draw, "Delay", (source,), (source,), {"delay_length": draw.integer(0, 50)})


def _valid(outputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return frames as 0 if they are not whole."""
    if not outputs[1]:
        outputs[0][...] = 0
    return outputs


def framer(draw: Draw, dtype: str) -> Layer:
    rows, frames, size = draw.shape(3, 4, 30)
    prefill = draw.choice([False, True])
    step = draw.integer(1, size if prefill else 40)
    source = TensorSpec((rows, frames * step), dtype)
    outputs = (TensorSpec((rows, frames, size), dtype), TensorSpec((), "bool"))
    options = {"frame_size": size, "frame_step": step, "prefill": prefill}
    return _layer(draw, "Framer", (source,), outputs, options, _valid)


def stacker(draw: Draw, dtype: str) -> Layer:
    channels, left, right = draw.integer(1, 10), draw.integer(0, 4), draw.integer(0, 4)
    frames = left + right + 1
    source = TensorSpec((channels,), dtype)
    outputs = (TensorSpec((channels * frames,), dtype), TensorSpec((), "bool"))
    options = {
        "num_channels": channels,
        "stacker_left_context": left,
        "stacker_right_context": right,
        "stacker_step": draw.integer(1, frames),
    }
    return _layer(draw, "Stacker", (source,), outputs, options, _valid)


def overlap_add(draw: Draw, dtype: str) -> Layer:
    rows, frames, size = draw.shape(3, 4, 30)
    step = draw.integer(1, size)
    source = TensorSpec((rows, frames, size), dtype)
    output = TensorSpec((rows, frames * step), dtype)
    options = {"T": _TYPES[dtype], "frame_step": step}
    return _layer(draw, "OverlapAdd", (source,), (output,), options)


DRAWS: dict[str, Any] = {
    "Delay": delay,
    "Energy": energy,
    "FftAutoScale": auto_scale,
    "FilterBank": filter_bank,
    "FilterBankLog": log,
    "FilterBankSpectralSubtraction": spectral_subtraction,
    "FilterBankSquareRoot": square_root,
    "Framer": framer,
    "PCAN": pcan,
    "Stacker": stacker,
    "Window": window,
}
