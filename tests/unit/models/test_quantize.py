"""Inputs are rounded half to even and clipped, and come back within half a step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies._internal.core import DataObject

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.quantize import DTYPES
from pytest_tinyquant.models.quantize import decode
from pytest_tinyquant.models.quantize import dequantize
from pytest_tinyquant.models.quantize import encode
from pytest_tinyquant.models.quantize import quantize


INTEGERS = st.sampled_from(["int8", "int16", "uint8"])
SCALES = st.floats(1e-6, 1e3)


def a_tensor(
    dtype: str,
    shape: tuple[int, int] = (1, 2),
    scales: tuple[float, ...] = (0.5,),
    zero_points: tuple[int, ...] = (0,),
) -> Tensor:
    quantization = Quantization(scales, zero_points, 0) if scales else None
    return Tensor(0, "input", shape, dtype, quantization, None)


@given(st.data(), INTEGERS, SCALES)
def test_round_trip_is_within_half_a_step(data: DataObject, dtype: str, scale: float) -> None:
    limits = np.iinfo(DTYPES[dtype])
    zero_point = data.draw(st.integers(max(limits.min, -128), min(limits.max, 127)))
    low, high = (scale * (limit - zero_point) for limit in (limits.min, limits.max))
    value = np.array([data.draw(st.floats(low, high))])
    again = dequantize(quantize(value, scale, zero_point, dtype), scale, zero_point)
    assert abs(again[0] - value[0]) <= scale / 2 * (1 + 1e-9)


@given(INTEGERS, SCALES, st.integers(0, 100))
def test_integers_come_back_as_they_were(dtype: str, scale: float, zero_point: int) -> None:
    limits = np.iinfo(DTYPES[dtype])
    integers = np.array([limits.min, -1 if limits.min else 1, 0, limits.max], DTYPES[dtype])
    again = quantize(dequantize(integers, scale, zero_point), scale, zero_point, dtype)
    assert again.tolist() == integers.tolist()


def test_halves_round_to_even() -> None:
    assert quantize(np.array([0.5, 1.5, 2.5, -0.5, -1.5]), 1.0, 0, "int8").tolist() == [
        0,
        2,
        2,
        0,
        -2,
    ]


def test_values_beyond_the_type_are_clipped() -> None:
    far = np.array([-1e30, 1e30])
    assert quantize(far, 1.0, 0, "int8").tolist() == [-128, 127]
    assert quantize(far, 1.0, 0, "int16").tolist() == [-32768, 32767]
    assert quantize(far, 1.0, 0, "uint8").tolist() == [0, 255]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ModelError, match="NaN or infinity"):
        quantize(np.array([0.0, value]), 1.0, 0, "int8")


def test_encode_gives_little_endian_bytes_per_sample() -> None:
    samples = np.array([[0.5, -0.5], [128.0, 0.0]], np.float32)
    assert encode(samples, a_tensor("int16")) == [
        b"\x01\x00\xff\xff",
        b"\x00\x01\x00\x00",
    ]


def test_encode_passes_floats_through() -> None:
    samples = np.array([[0.5, -0.25]], np.float32)
    (raw,) = encode(samples, a_tensor("float32", scales=()))
    assert np.frombuffer(raw, "<f4").tolist() == [0.5, -0.25]


def test_encode_refuses_samples_of_another_size() -> None:
    with pytest.raises(ModelError, match=r"^a check sample has 3 elements but input 'input'"):
        encode(np.zeros((2, 3), np.float32), a_tensor("int8"))


def test_encode_refuses_nan_also_for_float_inputs() -> None:
    with pytest.raises(ModelError, match="NaN"):
        encode(np.array([[np.nan, 0]], np.float32), a_tensor("float32", scales=()))


def test_per_channel_inputs_are_refused() -> None:
    tensor = a_tensor("int8", scales=(0.5, 0.25), zero_points=(0, 0))
    with pytest.raises(ModelError, match="per channel"):
        encode(np.zeros((1, 2), np.float32), tensor)


def test_types_no_board_has_are_refused() -> None:
    with pytest.raises(ModelError, match="float16"):
        encode(np.zeros((1, 2), np.float32), a_tensor("float16"))


def test_decode_reverses_encode() -> None:
    samples = np.array([[0.5, -1.0], [3.0, 2.5]], np.float32)
    tensor = a_tensor("int8", zero_points=(-7,))
    assert decode(encode(samples, tensor), tensor).tolist() == (samples.tolist())


def test_integers_without_quantization_stand_for_themselves() -> None:
    tensor = a_tensor("int32", scales=())
    assert decode([b"\x05\x00\x00\x00\xff\xff\xff\xff"], tensor).tolist() == [[5, -1]]
