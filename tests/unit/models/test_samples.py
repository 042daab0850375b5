"""Samples: read from a file, or drawn so that they span what an input can represent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.samples import check_finite
from pytest_tinyquant.models.samples import read_samples
from pytest_tinyquant.models.samples import spanning


def test_samples_span_what_a_quantized_input_can_represent() -> None:
    quantized = Tensor(0, "in", (1, 1000), "int8", Quantization((0.5,), (-28,), 0), None)

    samples = spanning(quantized, 4)

    assert samples.shape == (4, 1000)
    assert -50.0 <= samples.min() < -49.0  # 0.5 * (-128 + 28)
    assert 76.5 < samples.max() <= 77.5  # 0.5 * (127 + 28)
    np.testing.assert_array_equal(samples, spanning(quantized, 4))


def test_samples_of_a_float_input_are_in_0_to_1() -> None:
    floats = Tensor(0, "in", (1, 4), "float32", None, None)

    samples = spanning(floats, 500)

    assert samples.shape == (500, 4)
    assert 0.0 <= samples.min() < 0.01 < 0.99 < samples.max() < 1.0


def test_samples_for_an_input_of_unknown_meaning_must_be_given() -> None:
    tokens = Tensor(0, "tokens", (1, 100), "int32", None, None)

    with pytest.raises(
        ModelError, match=r"input 'tokens' is int32 without a scale.* array 'check'"
    ):
        spanning(tokens, 4)


@pytest.mark.parametrize(
    ("shape", "sample"), [((1, 4), (4,)), ((8, 4), (8, 4)), ((49,), (49,)), ((), ())]
)
def test_a_batch_dimension_of_1_is_no_part_of_a_sample(
    shape: tuple[int, ...], sample: tuple[int, ...]
) -> None:
    assert spanning(Tensor(0, "in", shape, "float32", None, None), 4).shape == (
        4,
        *sample,
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"check": np.array(["x"])}, "array 'check' is of type <U1; save samples as numbers"),
        ({"check": np.array([b"1"])}, "array 'check' is of type |S1; save"),
        ({"check": np.array([1j])}, "array 'check' is of type complex128; save"),
        ({"check": np.array(["2020-01-01"], "M8[D]")}, "is of type datetime64[D]; save"),
        ({"check": np.zeros(1), "scale": np.array("x")}, "'scale' has shape [] and type <U1; it"),
        ({"check": np.zeros(1), "scale": np.ones(3)}, "'scale' has shape [3] and type float64; it"),
    ],
)
def test_samples_that_are_no_numbers_are_named(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    file = tmp_path / "samples.npz"
    np.savez(file, **arrays)
    with pytest.raises(ConfigurationError, match=re.escape(f"{file}: ")) as caught:
        read_samples(file, "check", (1,))
    assert message in str(caught.value)


def test_numbers_of_every_kind_become_float32(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    for dtype in (np.float64, np.int16, np.uint8, np.bool_):
        np.savez(file, check=np.ones((2, 1), dtype), scale=np.array([0.5]))
        found = read_samples(file, "check", (1,))
        assert found.dtype == np.float32
        assert (found == 0.5).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_calibration_samples_that_are_no_numbers_are_named(tmp_path: Path, value: float) -> None:
    """NaN passed without a word; infinity ended the converter with SIGSEGV."""
    calibration = np.random.default_rng(0).random((20, 6), np.float32)
    calibration[17, 3] = value
    np.savez(tmp_path / "net.npz", calibration=calibration, check=calibration[:16])
    (tmp_path / "net.toml").write_text('data = "net.npz"\ninput_shape = [6]\n')
    (tmp_path / "net.keras").touch()
    model = load_model(tmp_path / "net.keras")
    with pytest.raises(ConfigurationError, match="'calibration': sample 17 holds NaN or infinity"):
        model.calibration()


def test_the_input_with_such_a_sample_is_named() -> None:
    parts = [np.zeros((2, 3), np.float32), np.array([[0.0], [np.nan]], np.float32)]
    with pytest.raises(ConfigurationError, match=r"^here: sample 1 of input 1 holds NaN"):
        check_finite(parts, "here")
