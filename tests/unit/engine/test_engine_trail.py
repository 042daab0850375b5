"""How far an output may lie over its input, held against a walk of every read and write."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.engine.trail import Trail
from pytest_tinyquant.engine.trail import window_trail


@st.composite
def windows(draw: Callable[..., Any]) -> dict[str, int]:
    window = {"batches": draw(st.integers(1, 2))}
    for axis, pad in (("height", "pad_top"), ("width", "pad_left")):
        size, taps = draw(st.integers(1, 7)), draw(st.integers(1, 4))
        stride, before = draw(st.integers(1, 3)), draw(st.integers(0, taps - 1))
        window |= {f"input_{axis}": size, f"filter_{axis}": taps, f"stride_{axis}": stride}
        window |= {pad: before, f"dilation_{axis}": draw(st.integers(1, 2))}
        window[f"output_{axis}"] = draw(st.integers(1, size))
    return window | {
        "input_channels": draw(st.integers(1, 3)),
        "output_channels": draw(st.integers(1, 4)),
    }


def pixels_under(window: dict[str, int], batch: int, y: int, x: int) -> list[int]:
    """Return the input pixels that an output pixel is made of."""
    found = []
    for ky, kx in itertools.product(range(window["filter_height"]), range(window["filter_width"])):
        row = y * window["stride_height"] - window["pad_top"] + ky * window["dilation_height"]
        column = x * window["stride_width"] - window["pad_left"] + kx * window["dilation_width"]
        if 0 <= row < window["input_height"] and 0 <= column < window["input_width"]:
            image = batch * window["input_height"] * window["input_width"]
            found.append(image + row * window["input_width"] + column)
    return found


def survives(window: dict[str, int], offset: int, pixels: int, gathers: bool) -> bool:
    """Walk a kernel whose output begins `offset` bytes behind its input: is all read intact?"""
    depth, channels = window["input_channels"], window["output_channels"]
    places = list(
        itertools.product(
            range(window["batches"]),
            range(window["output_height"]),
            range(window["output_width"]),
        )
    )
    size = window["batches"] * window["input_height"] * window["input_width"] * depth
    intact = np.ones(size, dtype=bool)

    def read(pixel: int) -> bool:
        return bool(intact[pixel * depth : (pixel + 1) * depth].all())

    def write(pixel: int, channel: int) -> None:
        at = offset + pixel * channels + channel
        if 0 <= at < size:
            intact[at] = False

    for begin in range(0, len(places), pixels):
        block = range(begin, min(begin + pixels, len(places)))
        reads = [pixel for place in block for pixel in pixels_under(window, *places[place])]
        if gathers and not all(map(read, reads)):
            return False
        for place, channel in itertools.product(block, range(channels)):
            if not gathers and not all(map(read, reads)):
                return False
            write(place, channel)
    return True


@settings(deadline=None, max_examples=300, derandomize=True)
@given(windows(), st.integers(1, 4), st.booleans())
def test_an_output_as_far_behind_as_the_trail_says_destroys_nothing(
    window: dict[str, int], pixels: int, gathers: bool
) -> None:
    lag = window_trail(window, 1, pixels=pixels, gathers=gathers).lag
    assert survives(window, -lag, pixels, gathers)
    assert survives(window, -lag - 1, pixels, gathers)


def test_one_byte_less_and_an_input_is_lost() -> None:
    """A 3 x 3 filter with padding, the row above is still needed: no lag is given away."""
    window = {
        "batches": 1,
        "input_channels": 2,
        "output_channels": 2,
        "input_height": 5,
        "filter_height": 3,
        "stride_height": 1,
        "output_height": 5,
        "input_width": 4,
        "filter_width": 3,
        "stride_width": 1,
        "output_width": 4,
        "pad_top": 1,
        "pad_left": 1,
        "dilation_height": 1,
        "dilation_width": 1,
    }
    lag = window_trail(window, 1, gathers=True).lag
    assert lag == 2 * (4 + 1)
    assert survives(window, -lag, 1, gathers=True)
    assert not survives(window, -lag + 1, 1, gathers=True)


def test_wider_elements_trail_by_more_bytes() -> None:
    window = dict.fromkeys(
        ("batches", "input_channels", "output_channels", "stride_height", "stride_width"), 1
    ) | {"input_height": 4, "input_width": 4, "output_height": 4, "output_width": 4}
    window |= {"pad_top": 1, "pad_left": 0}
    assert window_trail(window, 4).lag == 4 * window_trail(window, 1).lag


def test_nothing_to_write_trails_by_nothing() -> None:
    assert Trail((), ()).lag == 0


@pytest.mark.parametrize("lag", [-4, 0, 3])
def test_the_lag_is_the_largest_distance(lag: int) -> None:
    assert Trail((8, 8 + lag), (20, 8)).lag == max(lag, -12)
