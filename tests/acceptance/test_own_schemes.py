"""Schemes of a project's own, as the user meets them: names, selection, errors, a whole run."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from played_project import Bench


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


MINE = """
[scheme.w4]
description = "int4 weights where TensorFlow Lite Micro takes them"
base = "int8-only"
rules = [{ operators = ["CONV_2D", "FULLY_CONNECTED"], weights = 4, activations = 8 }]

[scheme.cnns]
base = "int8"
models = "cnn_*"
"""


@pytest.fixture
def with_schemes(bench: Bench) -> Bench:
    (bench.root / "schemes.toml").write_text(MINE)
    return bench


def test_they_are_an_axis_like_the_seven(with_schemes: Bench) -> None:
    result = with_schemes.run(
        "--collect-only", "-q", "--board=host", "--scheme=w4,cnns", "-k=error"
    )
    ids = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert ids == [
        "test_error[cnn_1-w4-host]",
        "test_error[cnn_1-cnns-host]",
        "test_error[cnn_4-w4-host]",
        "test_error[cnn_4-cnns-host]",
        "test_error[fc_1-w4-host]",
    ]


def test_they_have_baselines_gaps_and_reports_like_the_seven(with_schemes: Bench) -> None:
    with_schemes.expect_gap(
        '[[issue]]\nschemes = ["w4"]\nmodels = ["fc_1"]\nraises = "UnsupportedModelError"\n'
        'reason = "int4"\n'
    )
    with_schemes.says["fc_1-w4-host"] = {"raises": "UnsupportedModelError", "text": "no int4"}
    arguments = ("--board=host", "--scheme=w4,int8", "--tq-html=page.html", "--tq-json=run.json")
    with_schemes.run(*arguments, "--tq-missing-baseline=record").assert_outcomes(
        passed=10, xfailed=2
    )
    assert "host/host/cnn_4-w4.json" in with_schemes.baselines()
    report = json.loads((with_schemes.root / "run.json").read_text())
    assert '"scheme": "w4"' in json.dumps(report)
    assert ">w4<" in (with_schemes.root / "page.html").read_text()


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", ["--scheme=w3"], "*unknown scheme 'w3' (closest: 'w4')*"),
        ("[scheme.x]\nbase = 'int9'", [], "*schemes.toml: *base 'int9' is not known*"),
        (
            "[scheme.x]\nbase = 'int8'\nmodels = 'cmm_*'",
            [],
            "*models pattern 'cmm_?' matches none*",
        ),
        ("[scheme.int8]\nio = 'int8'", [], "*scheme 'int8' is built in and keeps its meaning*"),
    ],
)
def test_a_mistake_ends_the_run_in_one_line(
    with_schemes: Bench, text: str, arguments: list[str], message: str
) -> None:
    file = with_schemes.root / "schemes.toml"
    file.write_text(file.read_text() + text)
    result = with_schemes.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


REAL = """
[scheme.w4]
description = "int4 weights where TensorFlow Lite Micro takes them"
base = "int8-only"
rules = [
    { operators = ["CONV_2D", "FULLY_CONNECTED"], weights = 4, activations = 8, algorithm = "mse" },
]

[scheme.mixed]
base = "w4"
io = "float32"
rules = [{ layers = "dense_0", float = true }]
"""


@pytest.mark.skipif(
    importlib.util.find_spec("litert_quantizer") is None,
    reason="litert-quantizer is not installed: pip install pytest-tinyquant[quantizer]",
)
def test_a_recipe_runs_through_every_stage(real_project: RealProject) -> None:
    real_project.add_zoo("fc_1")
    (real_project.root / "schemes.toml").write_text(REAL)
    arguments = ("--model=fc_1", "--scheme=w4,mixed", "--board=host")
    real_project.run(*arguments, "--tq-missing-baseline=record").assert_outcomes(passed=4)
    real_project.run(*arguments).assert_outcomes(passed=4)
    folder = real_project.root / "baselines" / "host" / "host"
    recorded = json.loads((folder / "fc_1-w4.json").read_text())
    assert "litert-quantizer" in json.dumps(recorded)


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime")),
    reason="ONNX is not installed: pip install pytest-tinyquant[onnx]",
)
def test_onnx_models_run_through_every_stage(real_project: RealProject) -> None:
    """A float and a quantized model; on the host, and the same bytes on an emulated board."""
    from onnx_networks import smooth
    from onnx_networks import write_network

    folder = real_project.root / "models"
    folder.mkdir(exist_ok=True)
    scratch = real_project.root / "scratch"
    scratch.mkdir()
    for form, path in write_network("resnet", scratch, ("qdq-s8",)).items():
        name = f"resnet_{form.replace('-', '_')}"
        path.rename(folder / f"{name}.onnx")
        np.savez(folder / f"{name}.npz", check=smooth((3, 16, 16), 8, 9),
                 calibration=smooth((3, 16, 16), 50))  # fmt: skip
        (folder / f"{name}.toml").write_text(f'data = "{name}.npz"\n')
    arguments = ("--scheme=basic,int8", "--board=host,nucleo-l4r5zi", "-k=error")
    result = real_project.run(*arguments, "--tq-missing-baseline=record", "--tq-json=run.json")
    result.assert_outcomes(passed=6)
    found = {}
    for file in (real_project.root / "baselines").rglob("*.json"):
        found[f"{file.parent.parent.name} {file.stem}"] = json.loads(file.read_text())
    assert len(found) == 6
    quantized = [data for name, data in found.items() if "qdq_s8-int8" in name]
    assert len(quantized) == 2
    assert quantized[0]["output_sha256"] == quantized[1]["output_sha256"]
    for data in found.values():
        assert data["metrics"]["error"]["mae"]["value"] < 0.02


@pytest.mark.skipif(
    importlib.util.find_spec("litert_quantizer") is None,
    reason="litert-quantizer is not installed: pip install pytest-tinyquant[quantizer]",
)
def test_a_proposed_recipe_is_a_scheme_that_keeps_its_word(
    real_project: RealProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pytest_tinyquant.cli.main import main

    real_project.add_zoo("fc_9")
    monkeypatch.chdir(real_project.root)
    assert main(["sensitivity", "fc_9", "--max-error=0.01", "--write"]) == 0
    said = capsys.readouterr().out
    assert "verified on the host: error 0.0" in said
    recipe = tomllib.loads((real_project.root / "schemes.toml").read_text())["scheme"]["fc_9-small"]
    assert (recipe["base"], recipe["models"]) == ("int8-only", "fc_9")
    arguments = ("--scheme=int8-only,fc_9-small", "--board=host", "--tq-missing-baseline=record")
    real_project.run(*arguments, "--model=fc_9").assert_outcomes(passed=4)
    assert main(["sensitivity", "fc_9", "--max-error=0.01", "--write"]) == 1
    assert "there is a scheme 'fc_9-small'; give another --name" in capsys.readouterr().err
