"""What a board's CLOCK line proves, and what it gives away."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_tinyquant.boards.clock import Clock
from pytest_tinyquant.boards.clock import check_clock
from pytest_tinyquant.boards.clock import check_expected
from pytest_tinyquant.boards.clock import preference
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ClockError


# 30,000 passes of 36 cycles at 120 MHz, against 1 MHz.
RIGHT = Clock(
    hz=120_000_000,
    cycles=1_080_000,
    reference_ticks=9_000,
    reference_hz=1_000_000,
    loop_cycles=1_080_000,
    loop_low=1_050_000,
    loop_high=1_380_000,
    optimized="speed",
)
FLAGS = "-mcpu=cortex-m4 -O2 -std=c11"


def test_a_right_clock_passes() -> None:
    check_clock(RIGHT, flags=FLAGS)
    check_expected(RIGHT, 120_000_000)
    assert RIGHT.measured_hz == 120e6


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        # The core still on the 4 MHz it has after reset: the loop takes 270 ms.
        ({"reference_ticks": 270_000}, r"runs at 4,000,000 Hz, not at 120,000,000 \(allowed: 3%"),
        # A PLL multiplier one too small: 116 MHz.
        ({"reference_ticks": 9_310}, r"runs at 116,004,296 Hz"),
        ({"reference_ticks": 0}, "the reference .* stood still"),
        # Caches off: every 8 bytes cost 6 cycles.
        (
            {"loop_cycles": 1_530_000, "cycles": 1_530_000, "reference_ticks": 12_750},
            "took 1,530,000 cycles, expected 1,050,000 to 1,380,000: flash wait states, prefetch",
        ),
        ({"optimized": "size"}, "optimized for size, its flags say speed"),
        ({"optimized": "none"}, "optimized for none, its flags say speed"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, int | str], complaint: str) -> None:
    wrong = dataclasses.replace(RIGHT, **change)  # type: ignore[arg-type]
    with pytest.raises(ClockError, match=complaint):
        check_clock(wrong, flags=FLAGS)


def test_a_reference_may_be_as_far_off_as_an_rc_oscillator() -> None:
    check_clock(dataclasses.replace(RIGHT, reference_ticks=9_180), flags=FLAGS)


def test_an_image_built_for_size_on_purpose_is_what_was_asked_for() -> None:
    check_clock(dataclasses.replace(RIGHT, optimized="size"), flags=f"{FLAGS} -Os")


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        *(("-O2", "speed"), ("-O2 -Os", "size"), ("-Os -O3", "speed"), ("-O", "speed")),
        *(("-O0", "none"), ("-Ofast", "speed"), ("-Oz", "size"), ("-Og", "speed"), ("-g", "none")),
    ],
)
def test_the_last_optimization_flag_wins(flags: str, wanted: str) -> None:
    assert preference(flags) == wanted


def test_a_clock_other_than_the_bench_row_says_is_named() -> None:
    with pytest.raises(ClockError, match=r"120,000,000 Hz, but boards\.toml says clock_hz = 80"):
        check_expected(RIGHT, 80_000_000)


def test_a_wrong_clock_is_trouble_with_the_bench() -> None:
    assert issubclass(ClockError, BenchError)
