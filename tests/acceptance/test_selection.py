"""Which tests a command line runs, and what it says when it cannot."""

from __future__ import annotations

import pytest
from played_project import Bench


def ids(result: pytest.RunResult) -> list[str]:
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def test_ids_are_model_scheme_board_and_host_lacks_latency_and_flash(bench: Bench) -> None:
    result = bench.run(
        "--collect-only", "-q", "--model", "cnn_4", "--scheme", "int8-only", "--tq-target=emulator"
    )
    assert ids(result) == [
        "test_error[cnn_4-int8-only-host]",
        "test_error[cnn_4-int8-only-nucleo-l4r5zi]",
        "test_error[cnn_4-int8-only-rx65n]",
        "test_latency[cnn_4-int8-only-nucleo-l4r5zi]",
        "test_latency[cnn_4-int8-only-rx65n]",
        "test_flash[cnn_4-int8-only-nucleo-l4r5zi]",
        "test_flash[cnn_4-int8-only-rx65n]",
        "test_ram[cnn_4-int8-only-host]",
        "test_ram[cnn_4-int8-only-nucleo-l4r5zi]",
        "test_ram[cnn_4-int8-only-rx65n]",
    ]


def test_k_selects_by_substring(bench: Bench) -> None:
    result = bench.run("--collect-only", "-q", "-k", "cnn and error and basic", "--board", "host")
    assert ids(result) == ["test_error[cnn_1-basic-host]", "test_error[cnn_4-basic-host]"]


def test_scheme_is_exact_where_k_is_not(bench: Bench) -> None:
    arguments = ("--collect-only", "-q", "--board=host", "--model=fc_1")
    exact = ids(bench.run(*arguments, "--scheme=int8"))
    substring = ids(bench.run(*arguments, "-k", "int8"))
    assert exact == ["test_error[fc_1-int8-host]", "test_ram[fc_1-int8-host]"]
    assert "test_error[fc_1-int8-only-host]" in substring


def test_options_repeat_take_commas_and_globs(bench: Bench) -> None:
    result = bench.run(
        "--collect-only", "-q", "--model=cnn_*", "--model=fc_1", "--scheme=basic,int8",
        "--scheme=16x8", "--board=host", "-k", "ram",
    )  # fmt: skip
    schemes = ("basic", "int8", "16x8")
    assert ids(result) == [
        f"test_ram[{model}-{scheme}-host]"
        for model in ("cnn_1", "cnn_4", "fc_1")
        for scheme in schemes
    ]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (
            "--model",
            "cnn_44",
            "ERROR: --model: unknown model 'cnn_44' (closest: 'cnn_4'); "
            "known models: cnn_1, cnn_4, fc_1",
        ),
        ("--model", "zzz*", "ERROR: --model: unknown model 'zzz[*]'*known models: cnn_1*"),
        (
            "--scheme",
            "int8only",
            "ERROR: --scheme: unknown scheme 'int8only' (closest: 'int8-only'); known schemes: "
            "basic, dynamic, float16, int8, int8-only, 16x8, 16x8-only",
        ),
        (
            "--board",
            "nucleo",
            "ERROR: --board: unknown board 'nucleo' (closest: 'nucleo-l4r5zi'); "
            "known boards: *host, *nucleo-l4r5zi, *rx65n*",
        ),
        ("--model", "no/such.tflite", "ERROR: --model: *no/such.tflite does not exist*"),
        (
            "--tq-tolerance",
            "speed:5%",
            "ERROR: --tq-tolerance: unknown metric 'speed'; known: error, latency, flash, ram*",
        ),
        ("--tq-timeout", "0", "ERROR: --tq-timeout: must be above 0, not 0"),
    ],
)
def test_what_is_not_known_is_a_usage_error(
    bench: Bench, option: str, value: str, message: str
) -> None:
    bench.expect_gap("")
    result = bench.run(f"{option}={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_ini_keys_are_the_default_and_options_override_them(bench: Bench) -> None:
    bench.pytester.makeini(
        """
        [pytest]
        tinyquant_models = cnn_*
        tinyquant_schemes = int8 16x8
        tinyquant_boards = host
        """
    )
    default = ids(bench.run("--collect-only", "-q", "-k", "error"))
    assert default == [
        "test_error[cnn_1-int8-host]",
        "test_error[cnn_1-16x8-host]",
        "test_error[cnn_4-int8-host]",
        "test_error[cnn_4-16x8-host]",
    ]
    chosen = ids(bench.run("--collect-only", "-q", "-k", "error", "--model=fc_1"))
    assert chosen == ["test_error[fc_1-int8-host]", "test_error[fc_1-16x8-host]"]


def test_marker_narrows_a_test(bench: Bench) -> None:
    bench.pytester.makepyfile(
        test_matrix="""
        import pytest

        @pytest.mark.tinyquant(models="cnn_*", schemes=["int8", "16x8"], boards="host")
        def test_narrow(measurement): pass

        @pytest.mark.tinyquant(models="cnn_4", metrics=["latency"])
        def test_speed(measurement): pass

        @pytest.mark.tinyquant(models="cnn_4", metrics=[])
        def test_both_flash(measurement): pass
        """
    )
    result = bench.run("--collect-only", "-q", "--scheme=int8")
    assert ids(result) == [
        "test_narrow[cnn_1-int8-host]",
        "test_narrow[cnn_4-int8-host]",
        "test_speed[cnn_4-int8-nucleo-l4r5zi]",
        "test_speed[cnn_4-int8-rx65n]",
        "test_both_flash[cnn_4-int8-host]",
        "test_both_flash[cnn_4-int8-nucleo-l4r5zi]",
        "test_both_flash[cnn_4-int8-rx65n]",
    ]


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("model='cnn_4'", "*unknown argument 'model' (closest: 'models')*"),
        ("models='cnn_44'", "*unknown model 'cnn_44' (closest: 'cnn_4')*"),
        ("metrics='speed'", "*unknown metric 'speed'*"),
        ("'cnn_4'", "*takes keyword arguments only*"),
        ("tolerance={'latency': 'fast'}", "*'fast' is not a tolerance*"),
    ],
)
def test_a_wrong_marker_is_a_usage_error(bench: Bench, marker: str, message: str) -> None:
    bench.pytester.makepyfile(
        test_matrix=f"""
        import pytest

        @pytest.mark.tinyquant({marker})
        def test_any(measurement): pass
        """
    )
    result = bench.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: test_matrix.py::test_any: marker tinyquant{message}"])


def test_a_selection_that_leaves_nothing_does_not_pass(bench: Bench) -> None:
    bench.pytester.makepyfile(
        test_matrix="""
        import pytest

        @pytest.mark.tinyquant(models="cnn_4")
        def test_error(measurement): pass
        """
    )
    result = bench.run("--model=fc_1")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.assert_outcomes(deselected=1)


def test_parts_of_a_combination_are_parametrized_over_themselves(bench: Bench) -> None:
    bench.pytester.makepyfile(
        test_matrix="""
        def test_of_board(board): pass
        def test_of_model_and_board(board, model): pass
        """
    )
    result = bench.run("--collect-only", "-q", "--model=cnn_*")
    assert ids(result) == [
        "test_of_board[host]",
        "test_of_board[nucleo-l4r5zi]",
        "test_of_board[rx65n]",
        "test_of_model_and_board[cnn_1-host]",
        "test_of_model_and_board[cnn_1-nucleo-l4r5zi]",
        "test_of_model_and_board[cnn_1-rx65n]",
        "test_of_model_and_board[cnn_4-host]",
        "test_of_model_and_board[cnn_4-nucleo-l4r5zi]",
        "test_of_model_and_board[cnn_4-rx65n]",
    ]


def test_somebody_elses_model_fixture_is_left_alone(bench: Bench) -> None:
    bench.pytester.makepyfile(
        test_matrix="""
        import pytest

        @pytest.fixture
        def model(): return "mine"

        def test_own_fixture(model): assert model == "mine"

        @pytest.mark.parametrize("board, x", [("chess", 1)])
        def test_own_parameters(board, x): assert board == "chess"
        """
    )
    result = bench.run("-v")
    result.assert_outcomes(passed=2)


def test_a_foreign_repository_sees_nothing_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.mkdir("models")
    pytester.path.joinpath("models", "network.toml").write_text("not = 'a model'")
    pytester.makepyfile("def test_pass(): pass")
    result = pytester.runpytest()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*tinyquant:*")


def test_models_of_the_environment_join_the_project(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = tmp_path_factory.mktemp("extra")
    (extra / "tiny").mkdir()
    (extra / "tiny" / "kws.keras").touch()
    monkeypatch.setenv("TINYQUANT_EXTRA_MODELS", str(extra))
    result = bench.run("--collect-only", "-q", "-k", "kws and error", "--scheme=int8")
    assert ids(result) == [
        "test_error[tiny/kws-int8-host]",
        "test_error[tiny/kws-int8-nucleo-l4r5zi]",
        "test_error[tiny/kws-int8-rx65n]",
    ]


def test_a_model_file_that_cannot_be_read_fails_alone(bench: Bench) -> None:
    (bench.root / "models" / "broken.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    result = bench.run("--collect-only", "-q", "-k", "error", "--board=host", "--scheme=int8")
    assert "test_error[broken-unreadable-host]" in ids(result)
    assert "test_error[cnn_1-int8-host]" in ids(result)


def test_what_looks_like_a_model_and_is_none_is_told_even_in_a_quiet_run(bench: Bench) -> None:
    (bench.root / "models" / "frozen.pb").touch()
    result = bench.run("-q", "--model=fc_1", "--scheme=int8-only", "--board=host")
    result.stdout.fnmatch_lines(["*NotTestedWarning: *frozen.pb: not tested: a TensorFlow graph*"])
