"""What the user learns of runs that were repeated after trouble on a board's console."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
CAUSE = "line 0003 is garbled (CRC-32 differs)"


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_run_that_went_well_the_second_time_passes_and_is_counted(bench, workers):
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


def test_a_run_that_failed_twice_is_an_error_and_counted_too(bench):
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


def test_a_run_without_trouble_says_nothing_of_it(bench):
    bench.record(*ONE)
    result = bench.run("--tq-json=result.json", *ONE)
    result.stdout.no_fnmatch_line("*run again*")
    combinations = json.loads((bench.root / "result.json").read_text())["combinations"]
    assert combinations[COMBINATION]["retries"] == []


def test_junit_counts_the_repeated_runs(bench):
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
