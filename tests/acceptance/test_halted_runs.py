"""How a run that did not finish is judged: the device's failures, the bench's, and known gaps."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from played_project import Bench


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
GAP = """
[[issue]]
models = ["cnn_4"]
raises = "DeviceHaltedError"
reason = "stopped in the study"
"""
THE_DEVICE_FAILED = ["DeviceHaltedError", "DeviceTimeoutError", "InvalidOutputError"]
THE_BENCH_FAILED = [
    "BenchError",
    "ConsoleError",
    "FlashError",
    "BoardBusyError",
    "BoardNotFoundError",
    "ToolchainNotFoundError",
]


@pytest.mark.parametrize("error", THE_DEVICE_FAILED)
def test_a_device_that_does_not_finish_fails_its_tests(bench: Bench, error: str) -> None:
    bench.says[COMBINATION] = {"raises": error, "text": "UsageFault in tq_softmax_s8"}
    result = bench.run(*ONE)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([f"{error}: {COMBINATION}: UsageFault in tq_softmax_s8"])


@pytest.mark.parametrize("error", THE_BENCH_FAILED)
@pytest.mark.parametrize("row", ["", GAP])
def test_trouble_with_the_bench_is_an_error_and_satisfies_no_gap(
    bench: Bench, error: str, row: str
) -> None:
    bench.expect_gap(row)
    bench.says[COMBINATION] = {"raises": error, "text": "qemu-system-arm was ended by SIGKILL"}
    bench.run(*ONE).assert_outcomes(errors=4)


def test_only_a_halt_satisfies_a_gap_that_expects_a_halt(bench: Bench) -> None:
    bench.expect_gap(GAP)
    bench.says[COMBINATION] = {"raises": "DeviceHaltedError", "text": "UsageFault in main"}
    bench.run(*ONE).assert_outcomes(xfailed=4)
    for error in THE_DEVICE_FAILED[1:]:
        bench.says[COMBINATION] = {"raises": error, "text": "no output for 30 s"}
        bench.run(*ONE).assert_outcomes(failed=4)


RESULT = "#0003 RUN 0 50285 228c7aed"
LOG = [*(f"line {number}" for number in range(1, 30)), RESULT, "line 30"]


def logs(bench: Bench, name: str, lines: Sequence[str] = LOG) -> None:
    """Let the played device print something under this name."""
    path = bench.root / "conftest.py"
    path.write_text(
        path.read_text()
        + f"""
from pytest_tinyquant.boards.open import CONSOLE_LOG, device_directory
from pytest_tinyquant.session.run import RUN
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    folder = device_directory(item.config.stash[RUN].work_dir, {name!r})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONSOLE_LOG).write_text({chr(10).join(lines)!r})
    return (yield)
"""
    )


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_the_report_shows_what_the_device_said_last_and_where_all_of_it_is(
    bench: Bench, workers: tuple[str]
) -> None:
    logs(bench, COMBINATION)
    bench.says[COMBINATION] = {"raises": "DeviceHaltedError", "text": "UsageFault in main"}
    result = bench.run(*ONE, *workers)
    result.stdout.fnmatch_lines(["*-- device log --*", "line 12", RESULT, "line 30"])
    result.stdout.no_fnmatch_line("line 11")
    kept = bench.root / ".pytest_cache" / "d" / "tinyquant-device-logs" / f"{COMBINATION}.log"
    result.stdout.fnmatch_lines([f"[[]31 lines in all: {kept}[]]"])
    assert kept.read_text().splitlines() == LOG


def test_a_regression_shows_it_without_the_results_and_a_pass_does_not(bench: Bench) -> None:
    bench.record(*ONE)
    logs(bench, COMBINATION)
    bench.run(*ONE, "-rA").stdout.no_fnmatch_line("*device log*")
    bench.says[COMBINATION] = {"conv2d[3]": 2000}
    result = bench.run(*ONE)
    result.stdout.fnmatch_lines(["*-- device log --*", "line 30"])
    result.stdout.no_fnmatch_line(RESULT)


def test_a_regression_with_nothing_to_show_has_no_empty_section(bench: Bench) -> None:
    bench.record(*ONE)
    logs(bench, COMBINATION, [RESULT])
    bench.says[COMBINATION] = {"conv2d[3]": 2000}
    result = bench.run(*ONE, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.no_fnmatch_line("*device log*")


def test_without_the_cache_the_last_lines_are_left(bench: Bench) -> None:
    logs(bench, COMBINATION)
    bench.says[COMBINATION] = {"raises": "DeviceTimeoutError", "text": "no output for 30 s"}
    result = bench.run(*ONE, "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*-- device log --*", "line 30"])
    result.stdout.no_fnmatch_line("*lines in all*")
