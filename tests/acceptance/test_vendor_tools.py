"""A vendor's tool as a board, as a user runs it; the tool is played and gives its own outputs.

The peer is written after the documentation and never saw the tool.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from model_builder import small_cnn


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


PEER = Path(__file__).parents[1] / "unit" / "boards" / "vendor" / "stedgeai_peer.py"

BOARDS = """
[st]
base = "st-edge-ai-stm32l4"
on_request = true

[st.tool]
version = ["{python}", "{here}/stedgeai_peer.py", "{mode}", "--version"]
analyze = ["{python}", "{here}/stedgeai_peer.py", "{mode}", "analyze", "--output", "{output}"]
validate = []

[st.tool.values]
mode = "MODE"
"""

MACC = """
def test_macc(measurement, baseline):
    baseline.check("macc", measurement)
"""


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """A project with a small int8 model and a board whose tool is the peer."""
    (real_project.root / "models").mkdir(exist_ok=True)
    (real_project.root / "models" / "net.tflite").write_bytes(small_cnn("int8"))
    shutil.copy(PEER, real_project.root)
    (real_project.root / "boards.toml").write_text(BOARDS.replace("MODE", "ok"))
    real_project.pytester.makepyfile(test_macc=MACC)
    return real_project


def test_what_a_tool_reports_is_recorded_and_judged_and_its_version_belongs_to_it(
    project: RealProject,
) -> None:
    recorded = project.run("--board=st", "--tq-missing-baseline=record")
    recorded.assert_outcomes(passed=4)
    (file,) = project.root.glob("baselines/st/tool/net-*.json")
    text = file.read_text()
    assert '"toolchain": "ST Edge AI Core v3.0.0-20426 123672867"' in text
    assert "reference, not executed" in text
    assert str(project.root) not in text
    project.run("--board=st").assert_outcomes(passed=4)

    file.write_text(text.replace('"value": 17589', '"value": 17588'))
    result = project.run("--board=st")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*REGRESSED*"])

    file.write_text(text.replace("v3.0.0", "v2.2.0"))
    result = project.run("--board=st", "-k", "flash")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*figures of different versions are not comparable*"])


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("killed", "*was killed with SIGKILL*"),
        ("silent", "*wrote no network_c_info.json*"),
        ("other-version", "*another version wrote it*"),
    ],
)
def test_trouble_with_a_tool_is_an_error_and_never_an_expected_failure(
    project: RealProject, mode: str, words: str
) -> None:
    (project.root / "boards.toml").write_text(BOARDS.replace("MODE", mode))
    (project.root / "models" / "known_issues.toml").write_text(
        '[[issue]]\nmodels = ["net"]\nboards = ["st"]\nraises = "UnsupportedModelError"\n'
        'reason = "a gap"\n'
    )
    result = project.run("--board=st", "-k", "flash or macc", "--tq-missing-baseline=record")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([words])
    assert not [*project.root.glob("baselines/**/*.json")]
