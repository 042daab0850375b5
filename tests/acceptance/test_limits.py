"""Budgets, as a user writes them, apart from any baseline."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from played_project import Bench


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"


@pytest.mark.parametrize("where", ["ini", "boards.toml", "marker"])
def test_the_measured_number_keeps_its_limit_and_one_byte_less_does_not(
    bench: Bench, where: str
) -> None:
    bench.record(*ONE)
    for limit, failed in (("1400", 0), ("1399", 1)):
        write_limit(bench, where, limit)
        result = bench.run(*ONE, "-v")
        result.assert_outcomes(passed=4 - failed, failed=failed)
        if failed:
            result.stdout.fnmatch_lines(
                [
                    f"{COMBINATION}  flash  OVER LIMIT",
                    f"  total 1,400 B, limit {limit} (*flash): OVER LIMIT by 1 B",
                    "*= tinyquant: 1 over limit, 3 ok =*",
                    f"{COMBINATION}  flash  1,400 B  limit {limit}  OVER LIMIT by 1 B",
                ]
            )
        else:
            result.stdout.fnmatch_lines([f"{COMBINATION}  flash  1,400 B  limit*head-room"])


def write_limit(bench: Bench, where: str, limit: str) -> None:
    if where == "ini":
        bench.pytester.makeini(f"[pytest]\ntinyquant_limit =\n    flash:{limit}\n")
    elif where == "boards.toml":
        toml = f"[nucleo-l4r5zi.limit]\nflash = '{limit}'\n"
        (bench.pytester.path / "boards.toml").write_text(toml)
    else:
        bench.pytester.makepyfile(
            test_matrix=f"""
            import pytest
            @pytest.mark.tinyquant(limit={{"flash": "{limit}"}})
            @pytest.mark.parametrize("metric", ["error", "latency", "flash", "ram"])
            def test_everything(measurement, baseline, metric):
                baseline.check(metric, measurement)
            """
        )


def test_a_limit_holds_where_no_baseline_exists_yet(bench: Bench) -> None:
    write_limit(bench, "ini", "1399")
    result = bench.run(*ONE, "--tq-missing-baseline=record")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*= tinyquant: 1 over limit, 3 new =*"])


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("flash:64KB", "*tinyquant_limit: flash: '64KB': write kB (1,000 bytes) or KiB*"),
        ("flsh:1 KiB", "*tinyquant_limit: flsh: unknown metric 'flsh'*"),
        ("flash 1 KiB", "*tinyquant_limit: 'flash 1 KiB' is no limit; write METRIC:LIMIT*"),
    ],
)
def test_a_limit_that_is_none_ends_the_run_by_name(bench: Bench, limit: str, message: str) -> None:
    bench.pytester.makeini(f"[pytest]\ntinyquant_limit =\n    {limit}\n")
    result = bench.run(*ONE)
    assert result.ret == 4
    result.stderr.fnmatch_lines([message])


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "boards.toml",
            "[host.limit]\nflash = '1 KiB'\n",
            "*boards.toml: *limit*: flash: host has no metric flash; it has error, ram*",
        ),
        (
            "models/cnn_4.toml",
            "[limit]\nflash = { host = '1 KiB' }\n",
            "*cnn_4.toml: *limit*: flash*: host has no metric flash; it has error, ram*",
        ),
        (
            "models/cnn_4.toml",
            "[limit]\nflash = { nucleo = '1 KiB' }\n",
            "*cnn_4.toml: *limit*: flash*: there is no board 'nucleo' (closest: 'nucleo-*",
        ),
    ],
    ids=["a metric the board lacks", "in a model's file", "a board that there is not"],
)
def test_a_limit_that_nothing_could_exceed_ends_the_run_by_name(
    bench: Bench, file: str, text: str, message: str
) -> None:
    path = bench.pytester.path / file
    path.write_text((path.read_text() if path.exists() else "") + text)
    result = bench.run(*ONE)
    assert result.ret == 4
    result.stderr.fnmatch_lines([message])


def test_a_time_on_a_board_without_a_clock_is_no_pass(bench: Bench) -> None:
    bench.record(*ONE)
    bench.pytester.makeini("[pytest]\ntinyquant_limit =\n    latency:2 ms\n")
    result = bench.run(*ONE)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*'2 ms' cannot be judged on nucleo-l4r5zi (emulator)*"])


def test_the_flash_of_an_image_that_was_built_keeps_its_limit_to_the_byte(
    real_project: RealProject,
) -> None:
    """Without any baseline, on the emulated board."""
    real_project.add_zoo("fc_0")
    one = ("--model=fc_0", "--scheme=int8-only", "--board=nucleo-l4r5zi", "-k", "flash")
    real_project.run(*one, "--tq-json=result.json", "--tq-missing-baseline=record")
    root = real_project.root
    (found,) = json.loads((root / "result.json").read_text())["combinations"].values()
    measured = found["measurement"]["metrics"]["flash"]["total"]["value"]
    shutil.rmtree(root / "baselines")
    toml = (root / "models" / "fc_0.toml").read_text()
    for limit, status in ((measured + 1, "new"), (measured - 1, "over limit")):
        text = f"{toml}\n[limit]\nflash = '{limit} bytes'\n"
        (root / "models" / "fc_0.toml").write_text(text)
        result = real_project.run(*one, "--tq-json=result.json", "--tq-missing-baseline=record")
        (found,) = json.loads((root / "result.json").read_text())["combinations"].values()
        assert [test["outcome"] for test in found["tests"]] == [status]
        assert result.ret == (0 if status == "new" else 1)
        shutil.rmtree(root / "baselines", ignore_errors=True)
