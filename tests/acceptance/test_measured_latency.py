"""Latencies that scatter: what the noise floor lets pass, and the second look at a regression."""

from __future__ import annotations

import json

import pytest
from played_project import Bench


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"


def run_with(bench: Bench, recorded: int, *measured: int) -> pytest.RunResult:
    """Record one number of cycles, then run with what is measured from then on."""
    bench.says[COMBINATION] = {"cycles": [recorded]}
    bench.record(*ONE)
    bench.says[COMBINATION] = {"cycles": list(measured)}
    return bench.run(*ONE, "-k", "latency")


def test_a_regression_that_the_second_look_confirms_fails(bench: Bench) -> None:
    result = run_with(bench, 100_000, 105_000, 104_000)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*latency  100,000 -> 104,000 cycles  +4.00 %*REGRESSED*",
            "*first measured invoke 105,000 cycles, confirmed by this run*",
        ]
    )
    assert len(bench.measured) == 2


def test_a_regression_that_the_second_look_does_not_show_passes(bench: Bench) -> None:
    result = run_with(bench, 100_000, 105_000, 100_100)
    result.assert_outcomes(passed=1)
    assert len(bench.measured) == 2


def test_there_is_no_third_look(bench: Bench) -> None:
    run_with(bench, 100_000, 105_000, 105_000, 100_000).assert_outcomes(failed=1)
    assert len(bench.measured) == 2


def test_what_is_as_before_is_not_measured_again(bench: Bench) -> None:
    run_with(bench, 100_000, 100_500).assert_outcomes(passed=1)
    assert len(bench.measured) == 1


def test_exact_counts_are_believed_at_once(bench: Bench) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    bench.run(*ONE, "-k", "latency").assert_outcomes(failed=1)
    assert len(bench.measured) == 1


def test_a_noisy_board_has_a_wider_gate(bench: Bench) -> None:
    """Two runs 2 % apart make a gate of 6 %, three times as wide."""
    file = bench.root / "baselines" / "nucleo-l4r5zi" / "emulator" / "noise.json"
    floor = {"model": "m", "scheme": "int8", "unit": "cycles", "toolchain": "gcc"}
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**floor, "counts": [9_900, 10_000, 10_100]}))
    run_with(bench, 100_000, 105_900).assert_outcomes(passed=1)
    run_with(bench, 100_000, 106_100, 106_100).assert_outcomes(failed=1)


def test_a_damaged_noise_floor_is_named(bench: Bench) -> None:
    file = bench.root / "baselines" / "nucleo-l4r5zi" / "emulator" / "noise.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    result = bench.run(*ONE, "-k", "latency")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*noise floor *noise.json is damaged*tinyquant noise*"])
