"""A kernel is changed: exactly the models that use it notice, and the verdict says where.

The project of these tests has a kernel of its own, a copy of the reference kernel of MEAN, which
cnn_1 uses and cnn_2 does not. It executes a NOP at its start that the changes below move or
replace, so that each of them touches one metric and no other.
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


REFERENCE = Path(__file__).parents[2] / "firmware" / "engine" / "kernels" / "reference" / "mean.c"
BOARD = "nucleo-l4r5zi"
USER, OTHER = f"cnn_1-int8-only-{BOARD}", f"cnn_2-int8-only-{BOARD}"
BASELINE = f"baselines/{BOARD}/emulator/cnn_1-int8-only.json"
BOARDS = f"""
[{BOARD}]
kernels = "./kernels"
"""
ARGUMENTS = ("--board", BOARD, "--scheme", "int8-only")

START = "void tq_mean_s8(const void *params) {\n  const tq_mean_s8_params *p = params;\n"
NOP = '__asm__ volatile("nop");\n'
WRITE = "      *output++ = (int8_t)"
OFFSET = "tq_scale(sum, p->multiplier, p->shift) + p->output_offset;\n" + WRITE
SKIP_64_BYTES = '__asm__ volatile("b 1f\\n .space 64\\n 1:");\n'


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """Two models, one of which uses the project's kernel, with recorded baselines."""
    real_project.add_zoo("cnn_1", "cnn_2")
    (real_project.root / "boards.toml").write_text(BOARDS)
    kernel = real_project.root / "kernels" / "mean.c"
    kernel.parent.mkdir()
    source = replaced(REFERENCE.read_text(), "tq_reference.h", "tq_kernels.h")
    kernel.write_text(replaced(source, START, START + NOP))
    real_project.run(*ARGUMENTS, "--tq-update-baselines").assert_outcomes(passed=8)
    return real_project


def change(project: RealProject, old: str, new: str) -> None:
    kernel = project.root / "kernels" / "mean.c"
    kernel.write_text(replaced(kernel.read_text(), old, new))


def slow_down(project: RealProject) -> None:
    """Move the NOP from the start into the loop over the output's elements."""
    change(project, START + NOP, START)
    change(project, WRITE, NOP + WRITE)


def failed(verdicts: dict[str, str]) -> set[str]:
    assert len(verdicts) == 8
    return {name for name, outcome in verdicts.items() if outcome != "PASSED"}


def test_layers_without_an_own_kernel_keep_those_of_the_boards_set(project: RealProject) -> None:
    baseline = json.loads((project.root / BASELINE).read_text())
    kernels = {label: op["kernel"] for label, op in baseline["ops"].items()}
    assert kernels.pop("mean[3]") == "tq_mean_s8"
    assert "tq_conv_2d_s8_dsp" in kernels.values()
    assert baseline["identity"]["kernels"] == "kernels and cortex_m_dsp"


def test_one_more_instruction_per_output_element(project: RealProject) -> None:
    slow_down(project)
    result, verdicts = project.verdicts(*ARGUMENTS)
    assert failed(verdicts) == {f"latency[{USER}]"}
    # Eight elements, less the one instruction that is gone from the start.
    result.stdout.re_match_lines_random(
        [
            rf"{USER}  latency  [\d,]+ -> [\d,]+ instructions  \+0\.\d+ %  \(limit 0\)  REGRESSED",
            r"  mean\[3\] 8  \+7   tq_mean_s8$",
            r"=+ tinyquant: 1 regressed, 7 ok =+$",
        ]
    )
    result.stdout.no_fnmatch_line("*conv2d*")


def test_a_kernel_that_grows(project: RealProject) -> None:
    change(project, NOP, SKIP_64_BYTES)
    result, verdicts = project.verdicts(*ARGUMENTS)
    assert failed(verdicts) == {f"flash[{USER}]"}
    result.stdout.re_match_lines_random(
        [
            rf"{USER}  flash  [\d,]+ -> [\d,]+ bytes  \+0\.\d+ %  \(limit 0\)  REGRESSED",
            r"  tq_mean_s8  \+64   \d+ -> \d+$",
            r"=+ tinyquant: 1 regressed, 7 ok =+$",
        ]
    )


def test_an_off_by_one_in_the_requantization(project: RealProject) -> None:
    change(project, OFFSET, OFFSET.replace("output_offset", "output_offset - 1"))
    result, verdicts = project.verdicts(*ARGUMENTS)
    # The subtraction itself costs time and perhaps space, too.
    assert f"error[{USER}]" in failed(verdicts)
    assert OTHER not in str(failed(verdicts))
    result.stdout.re_match_lines_random(
        [
            rf"{USER}  error  [\d.e-]+ -> [\d.e-]+ of range  \+[\d.]+ %  \(limit .*\)  REGRESSED",
            r"  outputs changed \([0-9a-f]{12} -> [0-9a-f]{12}\)",
        ]
    )


def test_updated_baselines_are_green_and_differ_where_the_change_was(project: RealProject) -> None:
    before = project.tree()
    slow_down(project)
    project.run(*ARGUMENTS, "--tq-update-baselines=all").assert_outcomes(passed=8)
    after = project.tree()
    project.run(*ARGUMENTS).assert_outcomes(passed=8)
    assert project.tree() == after
    assert {name for name in after if after[name] != before.get(name)} == {BASELINE}
    old, new = (tree[BASELINE].decode().splitlines() for tree in (before, after))
    lines = [line for line in difflib.unified_diff(old, new, n=0) if line[:2] not in ("--", "++")]
    numbers = [re.sub(r"\d+", "N", line) for line in lines if line[0] != "@"]
    assert numbers == [
        '-        "value": N',
        '+        "value": N',
        '-      "count": N,',
        '+      "count": N,',
    ]
