"""A file that TensorFlow Lite Micro runs as another model never becomes a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from model_builder import ModelBuilder


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


# Stands for a kind of misreading that no rule knows yet: the rules are switched off.
NO_RULES = """
from pytest_tinyquant.support import check

check.check_read_as_written = lambda *_, **__: None
"""


@pytest.fixture
def weight_only(real_project: RealProject) -> RealProject:
    """A project with a model of float layers whose int8 weights have a scale per output."""
    rng = np.random.default_rng(0)
    b = ModelBuilder()
    source, real, output = b.tensor((1, 8)), b.tensor((4, 8)), b.tensor((1, 4))
    scales = (0.001, 0.01, 0.05, 0.1)
    weights = b.tensor((4, 8), "int8", scale=scales, data=rng.integers(-127, 128, (4, 8)))
    b.operator("DEQUANTIZE", [weights], [real])
    b.operator("FULLY_CONNECTED", [source, real, -1], [output])
    (real_project.root / "models").mkdir(exist_ok=True)
    (real_project.root / "models" / "weights.tflite").write_bytes(b.build([source], [output]))
    return real_project


RECORD = ("--model=weights", "--board=host", "--tq-missing-baseline=record")


def test_it_is_refused_by_name(weight_only: RealProject) -> None:
    result = weight_only.run(*RECORD)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*would run dequantize?0? and say OK, but compute something else than the file says: *"]
    )
    assert not [*weight_only.root.glob("baselines/**/*.json")]


def test_what_no_rule_knows_is_found_by_the_interpreter(weight_only: RealProject) -> None:
    conftest = weight_only.root / "conftest.py"
    text = conftest.read_text() if conftest.is_file() else ""
    conftest.write_text(text + NO_RULES)
    result = weight_only.run(*RECORD)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["InvalidOutputError: weights-dynamic-host: the runtime said OK and computed *"]
    )
    assert not [*weight_only.root.glob("baselines/**/*.json")]
