"""What the user learns of runs that were repeated after trouble on a board's console."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from played_project import Bench


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
CAUSE = "line 0003 is garbled (CRC-32 differs)"

# A cable that changes a byte, so many times.
CABLE = """
from pytest_tinyquant.boards.console.console import SerialConsole

read, damages = SerialConsole.read, [None] * {times}

def damaged(self, timeout):
    data = read(self, timeout)
    if b" RUN " in data and damages:
        damages.pop()
        return data.replace(b" RUN ", b" RUM ", 1)
    return data

SerialConsole.read = damaged
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_run_that_went_well_the_second_time_passes_and_is_counted(
    bench: Bench, workers: tuple[str]
) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"retries": [CAUSE]}
    result = bench.run("--tq-json=result.json", *workers, *ONE)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*= tinyquant: 4 ok =*",
            "run again after trouble on the console: 1 time",
            f"  {COMBINATION}  {CAUSE}",
        ]
    )
    combinations = json.loads((bench.root / "result.json").read_text())["combinations"]
    assert combinations[COMBINATION]["retries"] == [CAUSE]


def test_a_run_that_failed_twice_is_an_error_and_counted_too(bench: Bench) -> None:
    bench.says[COMBINATION] = {
        "raises": "ConsoleError",
        "text": f"line 0007 is garbled\n  this was the second run; the first: {CAUSE}",
        "retries": [CAUSE],
    }
    result = bench.run(*ONE)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            f"ConsoleError: {COMBINATION}: line 0007 is garbled",
            f"  this was the second run; the first: {CAUSE}",
            "run again after trouble on the console: 1 time",
        ]
    )


def test_a_run_without_trouble_says_nothing_of_it(bench: Bench) -> None:
    bench.record(*ONE)
    result = bench.run("--tq-json=result.json", *ONE)
    result.stdout.no_fnmatch_line("*run again*")
    combinations = json.loads((bench.root / "result.json").read_text())["combinations"]
    assert combinations[COMBINATION]["retries"] == []


def test_junit_counts_the_repeated_runs(bench: Bench) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"retries": [CAUSE]}
    bench.run("--junit-xml=junit.xml", *ONE)
    tests = ElementTree.parse(bench.root / "junit.xml").iter("testcase")
    counts = [
        [
            found.get("value")
            for found in test.iter("property")
            if found.get("name") == "tinyquant.retries"
        ]
        for test in tests
    ]
    assert counts == [["1"]] * 4


REAL = ("--model=fc_1", "--scheme=int8-only", "--board=nucleo-l4r5zi")


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """A project with fc_1 and its baseline on an emulated board."""
    real_project.add_zoo("fc_1")
    real_project.run(*REAL, "--tq-update-baselines=all").assert_outcomes(passed=4)
    return real_project


def test_a_byte_that_changed_on_the_way_costs_a_run_and_no_number(project: RealProject) -> None:
    project.pytester.makeconftest(CABLE.format(times=1))
    result = project.run(*REAL)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "run again after trouble on the console: 1 time",
            "  fc_1-int8-only-nucleo-l4r5zi  line * is garbled (CRC-32 differs)",
        ]
    )


def test_a_cable_that_changes_bytes_every_time_is_an_error(project: RealProject) -> None:
    project.pytester.makeconftest(CABLE.format(times=1000))
    result = project.run(*REAL)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "ConsoleError: fc_1-int8-only-nucleo-l4r5zi: *: line * is garbled (CRC-32 differs)",
            "  this was the second run; the first: line * is garbled (CRC-32 differs)",
        ]
    )
