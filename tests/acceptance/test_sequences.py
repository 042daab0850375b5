"""A model that remembers, tested over a stream: from its settings to the verdict."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from controlled_models import streaming


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


# The other boards' streams are those of tests/emulated/test_stateful_models.py.
BOARDS: tuple[str, ...] = ("host", "nucleo-l4r5zi", "rx65n")
if os.environ.get("HYPOTHESIS_PROFILE") != "nightly":
    BOARDS = BOARDS[:2]


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """A layer of a wake word detector that keeps its last frames, and six pairs of frames."""
    models = real_project.root / "models"
    models.mkdir()
    (models / "frames.tflite").write_bytes(streaming(np.zeros((1, 3, 3))))
    check = np.linspace(-10, 10, 36, dtype="float32").reshape(6, 2, 3)
    np.savez(models / "stream.npz", check=check)
    return real_project


def digests(project: RealProject, sequence: str, boards: str = "--board=host") -> set[str]:
    """Write the settings, run, and return the digests of the outputs, one unless boards differ."""
    settings = 'data = "stream.npz"\n' + sequence
    (project.root / "models" / "frames.toml").write_text(settings)
    result = project.run(boards, "--tq-update-baselines=all", "-k", "error")
    outcomes = result.parseoutcomes()
    assert set(outcomes) <= {"passed", "deselected"}, outcomes
    files = sorted((project.root / "baselines").rglob("frames-int8-only.json"))
    return {json.loads(f.read_text())["output_sha256"] for f in files}


def test_a_stream_is_equal_on_every_board_and_forgotten_between_sequences(
    project: RealProject,
) -> None:
    alone = digests(project, "")
    pairs = digests(project, "sequence = 2")
    whole = digests(project, "sequence = true", f"--board={','.join(BOARDS)}")
    assert len(whole) == 1
    assert len(list((project.root / "baselines").rglob("frames-int8-only.json"))) == len(BOARDS)
    # No two ways of telling the samples apart give the same.
    assert len(alone | pairs | whole) == 3
