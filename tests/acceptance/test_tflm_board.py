"""A board whose runtime is the user's TensorFlow Lite Micro, from boards.toml to the verdict.

The library is a stand-in of its API (``tests/emulated/tflm_stand_in``), which copies its input to
its output. The model is therefore one for which that is right: a dense layer whose weights are the
identity.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


MODEL = """
[model]
description = "Gives its input back"
family = "copy"
input_shape = [4]
layers = [{ kind = "dense", units = 4, activation = "linear" }]

[conversion]
dense_per_channel = true

[data]
dataset = "uniform"
check_samples = 20

[training]
seed = 1
epochs = 1
batch_size = 1
learning_rate = 0.1
"""
ONE = ("--model=copy", "--scheme=int8-only", "--board=m4")
NAME = "copy-int8-only-m4"


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """The model and a board m4; each test says which library it has."""
    models = real_project.root / "models"
    for folder in ("weights", "data"):
        (models / folder).mkdir(parents=True)
    (models / "copy.toml").write_text(MODEL)
    identity: dict[str, Any] = {"dense_0.kernel": np.eye(4), "dense_0.bias": np.zeros(4)}
    np.savez(
        models / "weights" / "copy.npz", **{k: v.astype("float32") for k, v in identity.items()}
    )
    samples = np.linspace(-1, 1, 800, dtype="float32").reshape(200, 4)
    np.savez(models / "data" / "uniform.npz", calibration=samples, check=samples[5:200:9][:20])
    return real_project


def use(project: RealProject, boards: str) -> None:
    (project.root / "boards.toml").write_text(boards)


def test_baselines_are_recorded_and_judged_by(
    project: RealProject, tflm_stand_in: Callable[..., str]
) -> None:
    use(project, tflm_stand_in())
    project.run(*ONE, "--tq-update-baselines=new").assert_outcomes(passed=4)
    file = project.root / "baselines" / "m4" / "emulator" / "copy-int8-only.json"
    identity = json.loads(file.read_text())["identity"]
    assert identity["runtime"] == "tflm"
    assert identity["kernels"] == "libtensorflow-microlite.a"
    version, _, digest = identity["runtime_version"].rpartition(" ")
    assert version == "tflite-micro 90b983c2, library"
    assert len(digest) == 16

    project.run(*ONE).assert_outcomes(passed=4)

    use(project, tflm_stand_in("-DSTAND_IN_SLOW"))
    result = project.run(*ONE)
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.re_match_lines_random(
        [
            rf"{NAME}  latency  [\d,]+ -> [\d,]+ instructions  \+.*REGRESSED",
            r"  fully_connected\[0\] 4  \+[\d,]+   FULLY_CONNECTED",
            rf".*runtime changed: {version} {digest} -> {version} [0-9a-f]{{16}}",
            r"  Copy  \+14   20 -> 34",
            r"  no search layer by layer on the board: TensorFlow Lite Micro does not show its .*",
        ]
    )


def test_a_library_that_silently_computes_something_else(
    project: RealProject, tflm_stand_in: Callable[..., str]
) -> None:
    use(project, tflm_stand_in("-DSTAND_IN_WRONG"))
    result = project.run(*ONE, "--tq-update-baselines=new")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [f"InvalidOutputError: {NAME}: the library on the board said OK and computed something *"]
    )
    assert not (project.root / "baselines").exists()


def test_a_small_board_offers_the_interpreter_all_that_is_left(
    project: RealProject, tflm_stand_in: Callable[..., str]
) -> None:
    """RAM of 40,000 bytes is enough for a model that uses 30,000 of them as its arena."""
    fits = tflm_stand_in("-DSTAND_IN_ARENA=30000")
    use(project, f"{fits}ram_bytes = 40000\n")
    project.run(*ONE, "--tq-update-baselines=new").assert_outcomes(passed=4)
    file = project.root / "baselines" / "m4" / "emulator" / "copy-int8-only.json"
    assert json.loads(file.read_text())["metrics"]["ram"]["arena"]["value"] == 30_000

    use(project, tflm_stand_in("-DSTAND_IN_ARENA=39000") + "ram_bytes = 40000\n")
    result = project.run(*ONE)
    result.assert_outcomes(failed=4)
    result.stdout.re_match_lines_random(
        [
            r"DeviceHaltedError: .*ended in AllocateTensors: Failed to allocate tail memory.*39000",
            r"It was offered an arena of 3\d,\d+ bytes, all that the board has left",
        ]
    )


def test_a_core_without_an_adapter_says_so(project: RealProject) -> None:
    use(project, "[m4]\nbase = 'rx65n'\nruntime = 'tflm'\n")
    result = project.run(*ONE)
    result.stdout.fnmatch_lines(
        ["*ConfigurationError: *m4: runtime tflm has an adapter for Cortex-M boards only*"]
    )


def test_without_a_library_every_test_says_what_to_provide(project: RealProject) -> None:
    use(project, "[m4]\nbase = 'nucleo-l4r5zi'\nruntime = 'tflm'\n")
    result = project.run(*ONE)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [f"ToolchainNotFoundError: {NAME}: its runtime is tflm, but there is no library of it. *"]
    )
