"""Models that others made as .tflite: TensorFlow Lite Micro on this computer is their reference."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest
from metadata_builder import image_classifier
from model_builder import ModelBuilder
from signal_models import detector
from signal_models import front_end

from pytest_tinyquant.cli.main import main


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


BOARDS = ("host", "nucleo-l4r5zi", "rx65n")
HOST = ("--board=host", "--tq-update-baselines=new")


@pytest.fixture
def models(real_project: RealProject) -> Path:
    """The project's folder of models."""
    folder = real_project.root / "models"
    folder.mkdir()
    return folder


def baseline(project: RealProject, name: str) -> dict[str, Any]:
    file = project.root / "baselines" / "host" / "host" / f"{name}.json"
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_a_model_that_only_tensorflow_lite_micro_runs_is_its_own_reference(
    real_project: RealProject, models: Path
) -> None:
    """The front end of micro speech: TensorFlow Lite's interpreter has no such operators."""
    builder = ModelBuilder()
    source, output = (builder.tensor((1, 16), "int16", scale=1.0) for _ in range(2))
    weights = builder.tensor((16,), "int16", data=np.linspace(0, 4095, 16))
    builder.custom("SignalWindow", [source, weights], [output], shift=12)
    (models / "window.tflite").write_bytes(builder.build([source], [output]))

    result = real_project.run(*HOST)

    assert result.parseoutcomes() == {"passed": 2, "deselected": 2}
    assert baseline(real_project, "window-16x8-only")["metrics"]["error"]["mae"]["value"] == 0


def test_networks_with_custom_operators_give_the_same_outputs_on_every_board(
    real_project: RealProject, models: Path
) -> None:
    """Boxes of a detector, and the features of sound that keyword spotting begins with."""
    (models / "boxes.tflite").write_bytes(detector())
    (models / "sound.tflite").write_bytes(front_end())

    result = real_project.run(
        f"--board={','.join(BOARDS)}", "--tq-update-baselines=new", "-k", "error"
    )

    assert result.parseoutcomes()["passed"] == 2 * len(BOARDS)
    for model, boards in (("boxes", BOARDS[:2]), ("sound", BOARDS)):
        found = [
            next(real_project.root.glob(f"baselines/{board}/*/{model}-*.json")) for board in boards
        ]
        assert len({json.loads(path.read_text())["output_sha256"] for path in found}) == 1, model
    # The RX's compiler has no double precision, in which boxes are decoded.
    (boxes,) = real_project.root.glob("baselines/rx65n/*/boxes-*.json")
    assert json.loads(boxes.read_text())["metrics"]["error"]["rmse"]["value"] < 1e-6


def test_a_model_that_tensorflow_lite_micro_refuses_is_compared_with_the_interpreter(
    real_project: RealProject, models: Path
) -> None:
    """As before: what the engine runs is judged by somebody."""
    builder = ModelBuilder()
    source, output = (builder.tensor((1, 4), "uint8", scale=0.1, zero_point=9) for _ in range(2))
    parts = [builder.tensor((1, 2), "uint8", scale=0.1, zero_point=9) for _ in range(2)]
    axis = builder.tensor((), "int32", data=1)
    builder.operator("SPLIT", [axis, source], parts, num_splits=2)
    builder.operator("CONCATENATION", parts[::-1], [output], axis=1)
    (models / "swap.tflite").write_bytes(builder.build([source], [output]))

    result = real_project.run("--board=nucleo-l4r5zi", "--tq-update-baselines=new", "-k", "error")

    assert result.parseoutcomes()["passed"] == 1


def test_reports_say_where_the_interpreter_doubts_the_reference(
    real_project: RealProject, models: Path
) -> None:
    """The interpreter's reference SUM overflows over more than 127 values; its default one not."""
    builder = ModelBuilder()
    source = builder.tensor((1, 200), "int8", scale=0.1, zero_point=-128)
    middle = builder.tensor((1, 200), "int8", scale=0.1, zero_point=-128)
    output = builder.tensor((1, 1), "int8", scale=25.5, zero_point=-128, name="total")
    axis = builder.tensor((1,), "int32", data=[1])
    builder.operator("RELU", [source], [middle])
    builder.operator("SUM", [middle, axis], [output], keep_dims=True)
    (models / "sum.tflite").write_bytes(builder.build([source], [output]))

    result = real_project.run(
        *HOST, "-k", "error", "--tq-json=r.json", "--tq-html=r.html", "--tq-markdown=r.md"
    )

    assert result.parseoutcomes()["passed"] == 1
    document = json.loads((real_project.root / "r.json").read_text())
    (found,) = document["combinations"]["sum-int8-only-host"]["measurement"]["disagreements"]
    assert (found["kernels"], found["output"]) == ("reference", "total")
    assert found["operator"].startswith("sum[1]: ")
    written = [(real_project.root / f"r.{kind}").read_text() for kind in ("html", "md")]
    for text in (result.stdout.str(), *map(html.unescape, written)):
        plain = text.replace("\\", "")  # Markdown escapes brackets
        assert "TensorFlow Lite's interpreter differs" in plain
        assert f"{found['largest']:g} steps (total)" in plain
        assert found["operator"] in plain


def test_metadata_normalizes_pixels_and_names_classes(
    real_project: RealProject, models: Path
) -> None:
    (models / "net.tflite").write_bytes(image_classifier())
    damaged = image_classifier(files={})
    (models / "damaged.tflite").write_bytes(damaged)
    pixels = np.zeros((6, 2, 2, 3), np.uint8)
    labels = np.array([0, 1, 2, 0, 1, 2])
    pixels[np.arange(6), :, :, labels] = np.arange(200, 206, dtype=np.uint8)[:, None, None]
    labels[5] = 0  # a blue one that is called red
    np.savez(models / "net.npz", check=pixels, labels=labels)
    (models / "net.toml").write_text('data = "net.npz"\n')

    result = real_project.run(*HOST, "-k", "error", "--tq-json=r.json")

    assert result.parseoutcomes()["passed"] == 2
    result.stdout.fnmatch_lines(
        [
            "tinyquant: damaged: the metadata is passed over: it names files, but there is no *",
            "net-basic-host: classes taken for each other*",
            "samples of  red  green  blue",
            "red         2    0      1",
            "green       0    2      0",
            "blue        0    0      1",
        ]
    )
    document = json.loads((real_project.root / "r.json").read_text())
    measured = document["combinations"]["net-basic-host"]["measurement"]
    assert measured["class_names"] == ["red", "green", "blue"]
    assert measured["metrics"]["error"]["accuracy"]["value"] == 5 / 6


def test_show_and_import_say_what_the_metadata_says(
    real_project: RealProject, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (real_project.root / "given.tflite").write_bytes(image_classifier())
    expected = "metadata: output 0: 3 classes: red, green, blue\n"
    for command in (["import", "given.tflite"], ["show", "given"]):
        assert main(command) == 0
        assert expected in capsys.readouterr().out
