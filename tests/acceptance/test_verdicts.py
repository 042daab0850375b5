"""What a run says about measurements, and what it leaves in baselines/."""

from __future__ import annotations

import json

import pytest
from played_project import Bench


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"


def test_a_regression_fails_its_own_metric_and_names_layer_and_symbol(bench: Bench) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250, "tq_conv_2d_s8": 436}
    result = bench.run(*ONE)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            f"{COMBINATION}  latency  1,500 -> 1,750 instructions  +16.67 %  (limit 0)  REGRESSED",
            "*conv2d[[]3] 16x16x32*+250*tq_conv_2d_s8*",
            f"{COMBINATION}  flash  1,400 -> 1,436 B  +2.57 %  (limit 0)  REGRESSED",
            "*tq_conv_2d_s8*+36*",
            "*= tinyquant: 2 regressed, 2 ok =*",
            f"{COMBINATION}  flash    1,400 -> 1,436 B             +2.57 %   REGRESSED",
            f"{COMBINATION}  latency  1,500 -> 1,750 instructions  +16.67 %  REGRESSED",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*def test_latency*")


def test_an_improvement_passes_and_hints_at_the_update(bench: Bench) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 900}
    result = bench.run(*ONE)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*= tinyquant: 1 improved, 3 ok =*",
            f"{COMBINATION}  latency  1,500 -> 1,400 instructions  -6.67 %  IMPROVED",
            "improved: --tq-update-baselines=all makes it the new baseline",
        ]
    )


@pytest.mark.parametrize("tolerance", ["option", "ini", "marker"])
def test_a_tolerance_lets_a_metric_grow(bench: Bench, tolerance: str) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1050}
    bench.run(*ONE, "-k", "latency").assert_outcomes(failed=1)
    arguments = []
    if tolerance == "option":
        arguments = ["--tq-tolerance", "latency:4%"]
    elif tolerance == "ini":
        bench.pytester.makeini("[pytest]\ntinyquant_tolerance =\n    latency:4%\n    ram:16\n")
    else:
        bench.pytester.makepyfile(
            test_matrix="""
            import pytest

            @pytest.mark.tinyquant(tolerance={"latency": "4%"})
            def test_latency(measurement, baseline):
                baseline.check("latency", measurement)
            """
        )
    bench.run(*ONE, "-k", "latency", *arguments).assert_outcomes(passed=1)


def test_a_missing_baseline_fails_and_says_how_to_record_it(bench: Bench) -> None:
    result = bench.run(*ONE)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["*no baseline *cnn_4-int8-only.json; record it with *"])
    assert not bench.baselines()


def test_a_missing_baseline_may_be_recorded(bench: Bench) -> None:
    result = bench.run(*ONE, "--tq-missing-baseline=record")
    result.assert_outcomes(passed=4)
    name = "nucleo-l4r5zi/emulator/cnn_4-int8-only.json"
    result.stdout.fnmatch_lines(
        [
            "*= tinyquant: 4 new =*",
            "baselines written: 1 of 1 changed",
            f"  baselines/{name}  new: error, flash, latency, ram",
        ]
    )
    assert list(bench.baselines()) == [name]
    bench.run(*ONE).assert_outcomes(passed=4)


def test_a_missing_baseline_may_be_skipped(bench: Bench) -> None:
    result = bench.run(*ONE, "--tq-missing-baseline=skip", "-rs")
    result.assert_outcomes(skipped=4)
    assert not bench.baselines()


def test_nothing_is_recorded_by_a_test_that_is_expected_to_fail(bench: Bench) -> None:
    bench.pytester.makepyfile(
        test_matrix="""
        import pytest

        @pytest.mark.xfail(strict=True)
        def test_latency(measurement, baseline):
            baseline.check("latency", measurement)
        """
    )
    bench.run(*ONE, "--tq-missing-baseline=record").assert_outcomes(xfailed=1)
    assert not bench.baselines()


def test_update_new_leaves_what_is_there(bench: Bench) -> None:
    bench.record(*ONE)
    before = bench.baselines()
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    result = bench.run(
        "--scheme=int8-only", "--board=nucleo-l4r5zi", "--model=cnn_*", "--tq-update-baselines"
    )
    result.assert_outcomes(passed=7, failed=1)
    after = bench.baselines()
    assert {name: after[name] for name in before} == before
    assert len(after) == 2


def test_update_all_rewrites_and_then_everything_is_green(bench: Bench) -> None:
    bench.record(*ONE)
    before = bench.baselines()
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    result = bench.run(*ONE, "--tq-update-baselines=all")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            f"{COMBINATION}  latency  1,500 -> 1,750 instructions  +16.67 %  UPDATED",
            "baselines written: 1 of 1 changed",
        ]
    )
    assert bench.baselines() != before
    bench.run(*ONE).assert_outcomes(passed=4)


def test_one_measurement_serves_all_metrics(bench: Bench) -> None:
    bench.record(*ONE)
    bench.run(*ONE)
    assert bench.measured == [COMBINATION]


def test_header_counts_the_selection_and_says_how_boards_are_reached(bench: Bench) -> None:
    result = bench.run("--collect-only", "--model=cnn_*", "--scheme=int8,16x8")
    result.stdout.fnmatch_lines(
        [
            "tinyquant: 2 models x 2 schemes x 3 boards = 12 combinations; host: this computer; "
            "nucleo-l4r5zi: emulated (QEMU mps2-an386); rx65n: emulated (QEMU r5f562n8)",
            "tinyquant: firmware for nucleo-l4r5zi: *arm-none-eabi-gcc*",
            "tinyquant: firmware for rx65n: *rx-elf-gcc*",
        ]
    )


def test_boards_that_were_asked_for_stand_side_by_side(bench: Bench) -> None:
    options = ("--model=cnn_*", "--scheme=int8", "--tq-missing-baseline=record")
    result = bench.run(*options, "--board=nucleo-l4r5zi,rx65n")
    result.stdout.fnmatch_lines(
        [
            " * error * latency * flash * ram",
            4 * " *nucleo-l4r5zi *rx65n",
            " * instructions *instructions * B * B * B * B",
            "cnn_1-int8 * 0.01 * 0.01 * 1,500 * 1,500 * 1,400 * 1,400 * 2,048 * 2,048",
            "cnn_4-int8 * 0.01 * 0.01 * 1,500 * 1,500 * 1,400 * 1,400 * 2,048 * 2,048",
        ],
        consecutive=True,
    )
    bench.run(*options).stdout.no_fnmatch_line("cnn_1-int8 *1,500 * 1,500*")


def test_verbose_shows_every_combination_and_quiet_none(bench: Bench) -> None:
    bench.record(*ONE)
    verbose = bench.run(*ONE, "-v")
    verbose.stdout.fnmatch_lines(
        [
            "combination * error * latency * flash * ram * outcome",
            f"{COMBINATION} * 0.01 * 1,500 * 1,400 * 2,048 * ok",
        ]
    )
    quiet = bench.run(*ONE, "-q")
    quiet.assert_outcomes(passed=4)
    quiet.stdout.no_fnmatch_line("*tinyquant*")


def test_junit_has_the_numbers_and_verdicts(bench: Bench) -> None:
    bench.record(*ONE)
    bench.run(*ONE, "-k", "latency", "--junitxml=junit.xml", "-W", "error")
    text = (bench.root / "junit.xml").read_text()
    for name, value in {
        "model": "cnn_4",
        "scheme": "int8-only",
        "board": "nucleo-l4r5zi",
        "target": "emulator",
        "latency.verdict": "ok",
        "latency.invoke": "1500",
        "latency.invoke.baseline": "1500",
        "latency.invoke.unit": "instructions",
    }.items():
        assert f'<property name="tinyquant.{name}" value="{value}" />' in text


def test_json_has_every_test_with_its_outcome_and_numbers(bench: Bench) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    bench.run(*ONE, "--tq-json=out/result.json")
    document = json.loads((bench.root / "out" / "result.json").read_text())
    tests = document["combinations"][COMBINATION]["tests"]
    outcomes = {test["nodeid"].partition("::")[2].partition("[")[0]: test for test in tests}
    assert document["counts"] == {"regressed": 1, "ok": 3}
    assert outcomes["test_latency"]["outcome"] == "regressed"
    comparison = outcomes["test_latency"]["verdicts"][0]["comparisons"][0]
    assert (comparison["baseline"]["value"], comparison["current"]["value"]) == (1500, 1750)


@pytest.mark.parametrize("plugin", ["cacheprovider", "terminal", "junitxml", "xdist"])
def test_pytest_without_one_of_its_own_plugins(bench: Bench, plugin: str) -> None:
    bench.record(*ONE)
    result = bench.run(*ONE, "-p", f"no:{plugin}")
    assert result.ret == pytest.ExitCode.OK


def test_without_the_plugin_its_options_are_unknown(bench: Bench) -> None:
    assert bench.run("--board=host", "-p", "no:tinyquant").ret == pytest.ExitCode.USAGE_ERROR


def test_trouble_with_the_bench_in_the_midst_of_a_test_is_an_error(bench: Bench) -> None:
    """As when a latency is measured once more, or a test runs a device of its own."""
    bench.pytester.makepyfile(
        test_device="""
        from pytest_tinyquant.errors import ConsoleError

        def test_board(model, scheme, board):
            raise ConsoleError("the cable is loose")
        """
    )
    one = ("--model=cnn_4", "--scheme=int8", "--board=nucleo-l4r5zi", "test_device.py")
    result = bench.run(*one)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["ConsoleError: cnn_4-int8-nucleo-l4r5zi: the cable is loose", "*= tinyquant: 1 error =*"]
    )


def number(bench: Bench, metric: str, part: str) -> float:
    (text,) = bench.baselines().values()
    value: float = json.loads(text)["metrics"][metric][part]["value"]
    return value


TWO_TESTS = """
import pytest

{marks}
def test_flash(measurement, baseline):
    baseline.check("flash", measurement)
    {then}

def test_latency(measurement, baseline):
    baseline.check("latency", measurement)
"""


@pytest.mark.parametrize(
    ("arguments", "marks", "then", "outcomes"),
    [
        (("-k", "latency"), "", "pass", {"passed": 1, "deselected": 1}),
        ((), "@pytest.mark.xfail(strict=False)", "assert False", {"passed": 1, "xfailed": 1}),
        ((), "", "pytest.xfail('not today')", {"passed": 1, "xfailed": 1}),
        ((), "", "assert False, 'after its check'", {"passed": 1, "failed": 1}),
        ((), "", "pytest.skip('after its check')", {"passed": 1, "skipped": 1}),
        ((), "@pytest.mark.usefixtures('torn')", "pass", {"passed": 2, "errors": 1}),
        (("-n2",), "@pytest.mark.usefixtures('torn')", "pass", {"passed": 2, "errors": 1}),
        (("-x", "-p", "no:randomly"), "", "raise SystemError", {"failed": 1}),
        ((), "", "from pytest_tinyquant.errors import BenchError; raise BenchError", None),
    ],
    ids=[
        "deselected", "fails as expected", "gives up", "fails afterwards", "skips",
        "fails in teardown", "fails in a worker's teardown", "stops the run", "trouble",
    ],
)  # fmt: skip
def test_only_what_was_judged_and_passed_is_recorded(
    bench: Bench, arguments: tuple[str, ...], marks: str, then: str, outcomes: dict[str, int] | None
) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250, "tq_conv_2d_s8": 436}
    bench.pytester.makepyfile(test_matrix=TWO_TESTS.format(marks=marks, then=then))
    conftest = bench.root / "conftest.py"
    torn = "\nimport pytest\n@pytest.fixture\ndef torn():\n    yield\n    assert False\n"
    conftest.write_text(conftest.read_text() + torn)
    result = bench.run(*ONE, *arguments, "--tq-update-baselines=all")
    if outcomes:
        result.assert_outcomes(**outcomes)
    assert number(bench, "flash", "total") == 1400
    assert number(bench, "latency", "invoke") == (1500 if "-x" in arguments else 1750)
    if "-x" not in arguments:
        result.stdout.fnmatch_lines(
            [
                "baselines written: 1 of 1 changed",
                "  baselines/nucleo-l4r5zi/emulator/cnn_4-int8-only.json",
                "    latency invoke  1,500 -> 1,750 instructions",
            ]
        )
    result.stdout.no_fnmatch_line("    flash *")


def test_every_number_that_an_update_changes_is_listed_even_within_its_tolerance(
    bench: Bench,
) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1001, "tq_conv_2d_s8": 399}
    update = ("--tq-update-baselines=all", "--tq-tolerance=latency:5%")
    bench.run(*ONE, *update).stdout.fnmatch_lines(
        [
            "    flash total  1,400 -> 1,399 B",
            "    latency invoke  1,500 -> 1,501 instructions",
        ]
    )


def test_a_baseline_with_one_metric_is_completed_by_the_next_update(bench: Bench) -> None:
    bench.run(*ONE, "-k", "latency", "--tq-update-baselines=new").assert_outcomes(passed=1)
    bench.run(*ONE).assert_outcomes(passed=1, failed=3)
    result = bench.run(*ONE, "--tq-update-baselines=new")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*= tinyquant: 3 new, 1 ok =*", "    error mae  none -> 0.01"])
    bench.run(*ONE).assert_outcomes(passed=4)


def test_a_killed_run_leaves_nothing_in_baselines(bench: Bench) -> None:
    bench.record(*ONE)
    before = bench.baselines()
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    last = "\ndef test_z(measurement):\n    import os; os.kill(os.getpid(), 9)\n"
    bench.pytester.makepyfile(test_matrix=TWO_TESTS.format(marks="", then="") + last)
    (bench.root / "bench.json").write_text(json.dumps(bench.says))
    bench.pytester.runpytest_subprocess(*ONE, "--tq-update-baselines=all", timeout=60)
    assert bench.baselines() == before
    assert not [path for path in (bench.root / "baselines").rglob(".*")]
