"""Ethos-U boards as a user runs them: Vela estimates, and its estimates are gated."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest
from model_builder import ModelBuilder
from model_builder import small_cnn


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None,
    reason="Vela is not installed: pip install 'pytest-tinyquant[ethos-u]'",
)

BANDWIDTH = """
def test_bandwidth(measurement, baseline):
    baseline.check("bandwidth", measurement)
"""


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """A project with a small int8 model and a test of bandwidth beside those of the README."""
    (real_project.root / "models").mkdir(exist_ok=True)
    (real_project.root / "models" / "net.tflite").write_bytes(small_cnn("int8"))
    real_project.pytester.makepyfile(test_bandwidth=BANDWIDTH)
    return real_project


def test_estimates_are_recorded_and_judged_without_tolerance(project: RealProject) -> None:
    board = "--board=ethos-u55-128"
    project.run(board, "--tq-missing-baseline=record").assert_outcomes(passed=5)
    (file,) = project.root.glob("baselines/ethos-u55-128/compiler/net-*.json")
    text = file.read_text()
    assert "--system-config Ethos_U55_High_End_Embedded --memory-mode Shared_Sram" in text
    assert '"toolchain": "ethos-u-vela' in text
    assert "reference, not executed" in text

    project.run(board).assert_outcomes(passed=5)
    before = '"command_stream": {\n        "class": "estimated",\n        "unit": "bytes"'
    assert before in text
    ram = text.index('"ram"')
    value = text.index('"value": ', ram) + len('"value": ')
    number = int(text[value : text.index("\n", value)])
    file.write_text(text[:value] + str(number - 1) + text[value + len(str(number)) :])
    result = project.run(board)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*limit 0*REGRESSED*"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ethos-u-vela ", "ethos-u-vela 0.", "estimates of different versions*not comparable"),
        ("Shared_Sram", "Sram_Only", "the baseline was estimated with *Sram_Only*"),
    ],
)
def test_a_baseline_of_another_version_or_memory_mode_is_not_compared(
    project: RealProject, old: str, new: str, words: str
) -> None:
    project.run("--board=ethos-u55-128", "--tq-missing-baseline=record")
    (file,) = project.root.glob("baselines/ethos-u55-128/compiler/net-*.json")
    file.write_text(file.read_text().replace(old, new))
    result = project.run("--board=ethos-u55-128", "-k", "latency")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_operators_on_the_cpu_are_named_and_latency_is_not_judged(project: RealProject) -> None:
    b = ModelBuilder()
    source, inner = b.tensor((1, 8, 8, 4)), b.tensor((1, 8, 8, 4), "int8", scale=0.1)
    out = b.tensor((1, 8, 8, 4), "int8", scale=0.1)
    b.operator("QUANTIZE", [source], [inner])
    b.operator(
        "MAX_POOL_2D", [inner], [out],
        padding="SAME", stride_w=1, stride_h=1, filter_width=2, filter_height=2,
    )  # fmt: skip
    (project.root / "models" / "net.tflite").write_bytes(b.build([source], [out]))
    result = project.run("--board=ethos-u55-128", "--tq-missing-baseline=record")
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(
        ["*NPU part only, * cycles: what stays on the CPU costs nothing in Vela's estimate: "
         "QUANTIZE (*unsupported DataType Float32*"]
    )  # fmt: skip
    (file,) = project.root.glob("baselines/ethos-u55-128/compiler/net-*.json")
    assert '"latency"' not in file.read_text()


def test_a_float_model_fails_with_vela_s_reason_and_has_no_cycles(project: RealProject) -> None:
    b = ModelBuilder()
    source, weights, out = b.tensor((1, 4)), b.tensor((2, 4), data=[0.5] * 8), b.tensor((1, 2))
    b.operator("FULLY_CONNECTED", [source, weights, -1], [out])
    (project.root / "models" / "net.tflite").write_bytes(b.build([source], [out]))
    result = project.run("--board=ethos-u55-128", "--tq-missing-baseline=record")
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(
        ["UnsupportedModelError: *the NPU runs none of this model's 1 operators*Float32*"]
    )
    assert not [*project.root.glob("baselines/**/*.json")]


def test_they_run_on_request_only(project: RealProject) -> None:
    result = project.run("--collect-only", "-q")
    assert "ethos" not in result.stdout.str()
