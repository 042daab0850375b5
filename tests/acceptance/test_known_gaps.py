"""Errors of the stages: which fail a test, which are expected, and which never are."""

from __future__ import annotations

import pytest
from played_project import Bench


ONE = ("--model=cnn_4", "--scheme=float16", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-float16-nucleo-l4r5zi"
GAP = """
[[issue]]
schemes = ["float16"]
raises = "UnsupportedModelError"
reason = "no float16 kernel"
link = "https://example.org/2587"
"""
UNSUPPORTED = {
    "raises": "UnsupportedModelError",
    "text": f"{COMBINATION}: operator 0 (DEQUANTIZE) has no kernel for float16",
    "attributes": {"op": "DEQUANTIZE", "dtype": "float16", "reason": "no float16 kernel"},
}


def test_an_error_about_the_model_fails_with_its_text_alone(bench: Bench) -> None:
    bench.says[COMBINATION] = UNSUPPORTED
    result = bench.run(*ONE)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            f"UnsupportedModelError: {COMBINATION}: operator 0 (DEQUANTIZE) has no kernel for *",
            f"FAILED test_matrix.py::test_error[[]{COMBINATION}[]] - UnsupportedModelError: *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:[0-9]*")
    assert bench.measured == [COMBINATION]


def test_the_body_of_such_a_test_does_not_run(bench: Bench) -> None:
    bench.says[COMBINATION] = UNSUPPORTED
    bench.pytester.makepyfile(
        test_matrix="""
        def test_body(measurement):
            raise SystemError("the body ran")
        """
    )
    result = bench.run(*ONE)
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*the body ran*")


def test_a_known_gap_is_expected_and_shows_op_and_dtype(bench: Bench) -> None:
    bench.expect_gap(GAP)
    bench.says[COMBINATION] = UNSUPPORTED
    result = bench.run(*ONE, "-rx", "--tq-update-baselines=all")
    result.assert_outcomes(xfailed=4)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "*= tinyquant: 4 known gaps =*",
            "known gap of 1 combination: UnsupportedModelError DEQUANTIZE float16: no float16 *",
            f"XFAIL test_matrix.py::test_error[[]{COMBINATION}[]] - UnsupportedModelError: "
            "*DEQUANTIZE*float16 [[]no float16 kernel*[]]",
        ]
    )
    assert not bench.baselines()


def test_a_gap_without_its_row_fails(bench: Bench) -> None:
    bench.expect_gap(GAP.replace("float16", "dynamic", 1))
    bench.says[COMBINATION] = UNSUPPORTED
    bench.run(*ONE).assert_outcomes(failed=4)


def test_a_gap_that_raises_something_else_fails(bench: Bench) -> None:
    bench.expect_gap(GAP)
    bench.says[COMBINATION] = {"raises": "DeviceHaltedError", "text": "UsageFault in tq_invoke"}
    result = bench.run(*ONE)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([f"DeviceHaltedError: {COMBINATION}: UsageFault in tq_invoke"])


def test_a_closed_gap_fails_and_says_which_row_to_remove(bench: Bench) -> None:
    bench.record(*ONE)
    bench.expect_gap(GAP)
    result = bench.run(*ONE)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "[[]XPASS(strict)[]] no float16 kernel*",
            "The gap is closed: remove row 1 of known_issues.toml",
            "*= tinyquant: 4 gaps closed =*",
        ]
    )


@pytest.mark.parametrize("row", ["", GAP])
@pytest.mark.parametrize("error", ["BoardBusyError", "ToolchainNotFoundError"])
def test_trouble_with_the_bench_is_an_error_even_where_a_gap_is_known(
    bench: Bench, row: str, error: str
) -> None:
    bench.expect_gap(row)
    bench.says[COMBINATION] = {"raises": error, "text": "the bench is on fire"}
    result = bench.run(*ONE)
    result.assert_outcomes(errors=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [f"{error}: {COMBINATION}: the bench is on fire", "*= tinyquant: 4 errors =*"]
    )


def test_hardware_that_is_asked_for_and_absent_is_an_error(bench: Bench) -> None:
    bench.expect_gap(GAP)
    result = bench.run(*ONE, "--tq-target=hardware")
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "*nucleo-l4r5zi: hardware (none on this bench)",
            f"BoardNotFoundError: {COMBINATION}: no such board is on this bench; add a * row *",
        ]
    )


def test_runxfail_shows_the_gaps_as_failures(bench: Bench) -> None:
    bench.expect_gap(GAP)
    bench.says[COMBINATION] = UNSUPPORTED
    bench.run(*ONE, "--runxfail").assert_outcomes(failed=4)


def test_a_test_that_takes_only_names_is_not_expected_to_fail(bench: Bench) -> None:
    bench.expect_gap(GAP)
    bench.pytester.makepyfile(test_matrix="def test_names(model, scheme, board): pass")
    bench.run(*ONE).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("raises = 'ModelError'\nreason = ''\nscheme = []", "*unknown key 'scheme' (closest*"),
        ("raises = 'Unsupported'\nreason = ''", "*raises 'Unsupported' is not known (closest: *"),
        ("raises = 'FlashError'\nreason = ''", "*raises 'FlashError' is trouble with the bench*"),
        ("raises = 'ModelError'\nreason = ''\nmodels = ['cnn_9*']", "*'cnn_9[*]' is not known*"),
        ("raises = 'ModelError'", "*key 'reason' is missing*"),
        ("reason = ", "*not valid TOML*"),
    ],
)
def test_a_wrong_row_is_a_usage_error(bench: Bench, row: str, message: str) -> None:
    bench.expect_gap(f"[[issue]]\n{row}\n")
    result = bench.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *models/known_issues.toml: {message}"])


@pytest.mark.parametrize(
    "marker",
    [
        "@pytest.mark.xfail",
        "@pytest.mark.xfail(strict=True)",
        "@pytest.mark.xfail(raises=(ValueError, TinyQuantError))",
        "@pytest.mark.xfail(raises=BenchError, reason='often so')",
    ],
)
@pytest.mark.parametrize("where", ["measuring", "the test itself"])
def test_trouble_with_the_bench_satisfies_no_expectation_at_all(
    bench: Bench, marker: str, where: str
) -> None:
    bench.pytester.makepyfile(
        test_matrix=f"""
        import pytest
        from pytest_tinyquant.errors import BenchError, TinyQuantError

        {marker}
        def test_latency(model, scheme, board{", measurement" if where == "measuring" else ""}):
            raise BenchError("no room")
        """
    )
    bench.says[COMBINATION] = {"raises": "BenchError", "text": "no room"}
    result = bench.run(*ONE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"BenchError: {COMBINATION}: no room", "*= tinyquant: 1 error =*"])


@pytest.mark.parametrize(
    "trouble", ["MemoryError()", "OSError(28, 'No space left on device')", "OSError(24, 'files')"]
)
def test_raw_trouble_of_this_computer_is_an_error_and_not_kept(bench: Bench, trouble: str) -> None:
    """As when a scratch directory cannot be made: no stage has words of its own for that."""
    bench.expect_gap(GAP)
    conftest = bench.root / "conftest.py"
    text = conftest.read_text()
    raises = f"    raise {trouble}\n    if 0:"
    conftest.write_text(text.replace('    if "crash" in says:', raises))
    result = bench.run(*ONE)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [f"BenchError: {COMBINATION}: measuring: trouble with this computer, so nothing was *"]
    )
    assert bench.measured == [COMBINATION] * 4
