"""The same with workers of pytest-xdist, and when they die."""

from __future__ import annotations

import re

import pytest
from played_project import Bench


pytest.importorskip("xdist")

SOME = ("--model=cnn_*", "--scheme=int8,int8-only", "--board=host,nucleo-l4r5zi")


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one", "n2"])
def test_verdicts_are_the_same_and_each_combination_is_measured_once(
    bench: Bench, workers: tuple[str]
) -> None:
    bench.record(*SOME)
    bench.says["cnn_4-int8-nucleo-l4r5zi"] = {"conv2d[3]": 1250}
    result = bench.run(*SOME, *workers)
    result.assert_outcomes(passed=23, failed=1)
    result.stdout.fnmatch_lines(
        [
            "tinyquant: 2 models x 2 schemes x 2 boards = 8 combinations; *",
            "*= tinyquant: 1 regressed, 23 ok =*",
            "cnn_4-int8-nucleo-l4r5zi  latency  1,500 -> 1,750 instructions  +16.67 %  REGRESSED",
        ]
    )
    assert len(bench.measured) == len(set(bench.measured)) == 8


def test_baselines_that_workers_wrote_are_listed_once(bench: Bench) -> None:
    result = bench.run(*SOME, "-n2", "--tq-update-baselines=new")
    result.assert_outcomes(passed=24)
    result.stdout.fnmatch_lines(["baselines written: 8 of 8 changed"])


def test_a_wrong_name_is_one_usage_error(bench: Bench) -> None:
    result = bench.run("-n2", "--board=nucleo")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --board: unknown board 'nucleo' *"])


def test_typed_errors_cross_processes(bench: Bench) -> None:
    bench.says["cnn_4-int8-host"] = {
        "raises": "UnsupportedModelError",
        "text": "cnn_4: no kernel",
        "attributes": {"op": "CONV_2D", "dtype": "int4"},
    }
    result = bench.run("--model=cnn_4", "--scheme=int8", "--board=host", "-n2")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["UnsupportedModelError: cnn_4-int8-host: no kernel"])


def test_a_worker_that_dies_fails_the_run(bench: Bench) -> None:
    bench.record(*SOME)
    bench.says["cnn_4-int8-host"] = {"crash": True}
    result = bench.run(*SOME, "-n2", "--max-worker-restart=0")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*worker 'gw[01]' crashed*"])


def test_tests_that_silently_did_not_run_fail_the_run(bench: Bench) -> None:
    """Whatever keeps a selected test from reporting, such as a plugin that drops it."""
    bench.record(*SOME)
    conftest = bench.root / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    return True if "test_flash[cnn_4-int8-nucleo-l4r5zi]" in item.nodeid else None
"""
    )
    result = bench.run(*SOME, "-q")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "tinyquant: selected tests that did not run: 1, the first of them "
            "test_matrix.py::test_flash[[]cnn_4-int8-nucleo-l4r5zi[]]"
        ]
    )


def test_workers_take_the_tests_of_one_combination_in_a_row(bench: Bench) -> None:
    """In the order of the file all of them would wait for the same measurement."""
    result = bench.run("--model=cnn_*", "--scheme=int8", "--board=nucleo-l4r5zi", "-n1", "-v")
    order = re.findall(r"^\[gw0\] .*\[(cnn_\d)-int8-", result.stdout.str(), re.MULTILINE)
    assert order == ["cnn_1"] * 4 + ["cnn_4"] * 4
