"""`pytest --tq-estimate-cycles`, with the real simulator, which `make toolchain` builds."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from played_project import Bench

from pytest_tinyquant.firmware.toolchain import find_toolchain


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


ESTIMATE = "latency  * cycles  estimated: GNU RX simulator, RX600 cycle model"
RUN = ("--board=rx65n", "--scheme=int8-only", "--tq-target=emulator")


def test_cycles_are_reported_as_an_estimate_and_nowhere_else(real_project: RealProject) -> None:
    real_project.add_zoo("fc_1")
    real_project.run(*RUN, "--tq-update-baselines=all").assert_outcomes(passed=4)
    recorded = real_project.tree()
    files = ("--tq-json=r.json", "--tq-markdown=r.md", "--tq-html=r.html")
    result = real_project.run(*RUN, "--tq-estimate-cycles", "--tq-update-baselines=all", *files)
    result.assert_outcomes(passed=4, warnings=0)
    result.stdout.fnmatch_lines(
        [
            "Estimated by a model of the core:",
            f"fc_1-int8-only-rx65n  {ESTIMATE}",
        ]
    )
    assert real_project.tree() == recorded
    report = json.loads((real_project.root / "r.json").read_text())
    schema = resources.files("pytest_tinyquant.report").joinpath("result.schema.json")
    jsonschema.validate(report, json.loads(schema.read_text()))
    measurement = report["combinations"]["fc_1-int8-only-rx65n"]["measurement"]
    (estimate,) = measurement["estimates"]
    assert (estimate["number"]["unit"], estimate["number"]["class"]) == ("cycles", "estimated")
    classes = {n["class"] for parts in measurement["metrics"].values() for n in parts.values()}
    assert classes == {"exact"}
    assert measurement["metrics"]["latency"]["invoke"]["unit"] == "instructions"
    cycles = f"{estimate['number']['value']:,} cycles"
    markdown = (real_project.root / "r.md").read_text()
    assert f"| latency | {cycles} | estimated: GNU RX simulator" in markdown
    assert (
        f'<td class="n">{cycles}</td><td>estimated: ' in (real_project.root / "r.html").read_text()
    )


def test_an_emulated_cortex_m4_has_estimates_without_being_asked(real_project: RealProject) -> None:
    real_project.add_zoo("fc_1")
    run = ("--board=nucleo-l4r5zi", "--scheme=int8-only", "--tq-target=emulator")
    files = ("--tq-json=r.json", "--tq-markdown=r.md", "--tq-html=r.html", "--junit-xml=r.xml")
    result = real_project.run(*run, "--tq-update-baselines=all", *files)
    result.assert_outcomes(passed=4, warnings=0)
    report = json.loads((real_project.root / "r.json").read_text())
    schema = resources.files("pytest_tinyquant.report").joinpath("result.schema.json")
    jsonschema.validate(report, json.loads(schema.read_text()))
    measurement = report["combinations"]["fc_1-int8-only-nucleo-l4r5zi"]["measurement"]
    (estimate,) = measurement["estimates"]
    low, high = estimate["range"]
    cycles = estimate["number"]["value"]
    assert low < cycles < high
    assert estimate["milliseconds"] == round(cycles / 120e3, 3)
    assert [label for label, _ in estimate["ops"]] == [op[0] for op in measurement["ops"]]
    text = f"{cycles:,} cycles ({low:,} to {high:,}), {estimate['milliseconds']} ms at 120 MHz"
    line = f"fc_1-int8-only-nucleo-l4r5zi  latency  {text}  estimated: "
    assert any(found.startswith(line) for found in result.outlines)
    assert text in (real_project.root / "r.md").read_text()
    assert text in (real_project.root / "r.html").read_text()
    assert (
        f'name="tinyquant.latency.estimate" value="{cycles}"'
        in (real_project.root / "r.xml").read_text()
    )
    baselines = (real_project.root / "baselines").rglob("*.json")
    assert not any("estimate" in baseline.read_text() for baseline in baselines)

    # Operators on the terminal are for who asks.
    result = real_project.run(*run, "--tq-estimate-cycles")
    result.assert_outcomes(passed=4, warnings=0)
    label, part = estimate["ops"][0]
    start = f"fc_1-int8-only-nucleo-l4r5zi  {label} "
    assert any(f.startswith(start) and f" {part:,} " in f for f in result.outlines)


def test_a_gate_on_estimated_cycles_judges_them(real_project: RealProject) -> None:
    real_project.add_zoo("fc_1")
    boards = real_project.root / "boards.toml"
    boards.write_text('[nucleo-l4r5zi]\ngate = "estimated-cycles"\n')
    run = ("--board=nucleo-l4r5zi", "--scheme=int8-only", "--tq-target=emulator", "-k", "latency")
    real_project.run(*run, "--tq-update-baselines=all").assert_outcomes(passed=1)
    real_project.run(*run).assert_outcomes(passed=1)

    # A slower flash: as many instructions, more cycles.
    boards.write_text(boards.read_text() + "timing = {wait_states = 9}\n")
    result = real_project.run(*run)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*latency estimated_cycles  * cycles  *REGRESSED"])
    boards.write_text(boards.read_text().replace("estimated-cycles", "instructions"))
    real_project.run(*run).assert_outcomes(passed=1)


def test_a_gate_on_estimates_needs_a_model_of_the_core(bench: Bench) -> None:
    (bench.root / "boards.toml").write_text('[rx65n]\ngate = "both"\n')
    result = bench.run("--board=rx65n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*[[]rx65n]: gate = 'both' needs a model of the core*"])


def test_without_the_simulator_the_command_is_named(
    real_project: RealProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = find_toolchain("rx").cc
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "cache"))
    real_project.add_zoo("fc_1")
    (real_project.root / "boards.toml").write_text(f'[rx65n]\ntoolchain = "{compiler}"\n')
    result = real_project.run(*RUN, "--tq-estimate-cycles")
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "*ToolchainNotFoundError: fc_1-int8-only-rx65n: rx-elf-run is not on the PATH*"
            "`tinyquant toolchain rx-sim` builds it*"
        ]
    )
    # Before any conversion.
    assert not (tmp_path / "cache" / "converted").exists()


def test_a_selection_without_a_model_of_its_cores_is_a_usage_error(bench: Bench) -> None:
    result = bench.run("--board=host", "--tq-estimate-cycles")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --tq-estimate-cycles: cycles are estimated for emulated boards of*"]
    )


def test_two_sides_cannot_be_judged_by_estimates(bench: Bench) -> None:
    result = bench.run("--board=rx65n", "--tq-estimate-cycles", "--tq-ab=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --tq-ab judges numbers, and --tq-estimate-cycles gives*"])
