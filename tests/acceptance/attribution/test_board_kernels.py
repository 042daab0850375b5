"""Mistakes in kernel sets of a core: ``cortex_m_dsp``, ``rx_dsp``, and the reference on an RX.

Compiling a board's firmware takes long, so that one image has a mistake of every kind. Each
metric's verdict still names the one that is to blame.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.baselines.message import cause_lines
from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.project.board_types import Board


if TYPE_CHECKING:
    from tests.acceptance.attribution.conftest import Laboratory


DSP = Path("engine", "kernels", "cortex_m_dsp")
RX = Path("engine", "kernels", "rx_dsp")
NOPS = '__asm__ volatile(".rept 64\\n nop\\n .endr");'
STATIC = "static volatile uint8_t row[256]; row[0] += 1;"
LOCAL = "volatile int32_t local[200]; local[p->{0}] = 0; (void)local[p->{0}];"


@dataclass(frozen=True)
class Mistake:
    """In ``function`` of a file ``old`` becomes ``new``; the metric that regresses, and why."""

    file: str
    function: str
    old: str
    new: str
    metric: str
    cause: str


ON_DSP = (
    Mistake("mean_s8.c", "tq_mean_s8_dsp", "const int8_t *input = block",
            f"{NOPS} const int8_t *input = block",
            "latency", r"mean\[3\] 8 +\+1\d\d   tq_mean_s8_dsp"),
    Mistake("fully_connected_s8.c", "tq_fully_connected_s8_dsp", "tq_dense_s8 l = ",
            f"{NOPS} tq_dense_s8 l = ",
            "flash", r"tq_fully_connected_s8_dsp +\+\d+   [\d,]+ -> [\d,]+"),
    Mistake("conv_2d_s8.c", "convolution", "2 * p->output_offset + 1", "2 * p->output_offset + 3",
            "error", r"conv2d\[0\] 14x14x4  tq_conv_2d_\w*s8_dsp: first output that differs"),
    Mistake("conv_2d_s8.c", "convolution", "const tq_window", f"{STATIC} const tq_window",
            "ram", r"row(\.\d+)? +\+256   new"),
    Mistake("fully_connected_s8.c", "tq_fully_connected_s8_dsp", "limit(p->output,",
            f"{LOCAL.format('batches')} limit(p->output,",
            "ram", r"fully_connected\[4\] 10  tq_fully_connected_s8_dsp: deepest stack"),
)  # fmt: skip

ON_RX = (
    Mistake("softmax.c", "tq_softmax_s8", "output[i] =", f"{NOPS} output[i] =",
            "latency", r"softmax\[5\] 10 +\+[67]\d\d   tq_softmax_s8"),
    Mistake("fully_connected.c", "tq_fully_connected_s8", "FINISH_S8(", f"{NOPS} FINISH_S8(",
            "flash", r"tq_fully_connected_s8 +\+\d+   [\d,]+ -> [\d,]+"),
    Mistake("mean.c", "tq_mean_s8", "i < p->reduced", "i < p->reduced - 1",
            "error", r"mean\[3\] 8  tq_mean_s8: first output that differs"),
    Mistake("softmax.c", "tq_softmax_s8", "uint32_t sum = 0;", f"{STATIC} uint32_t sum = 0;",
            "ram", r"row(\.\d+)? +\+256   new"),
    Mistake("mean.c", "tq_mean_s8", "int8_t *output =", f"{LOCAL.format('outer')} int8_t *output =",
            "ram", r"mean\[3\] 8  tq_mean_s8: deepest stack"),
)  # fmt: skip

ON_RX_DSP = (
    Mistake("fully_connected_s8.c", "dense", "int8_t *output =", f"{NOPS} int8_t *output =",
            "latency", r"fully_connected\[4\] 10 +\+[67]\d   tq_fully_connected_s8_rx"),
    Mistake("conv_2d_s8.c", "convolution", "int8_t *output =", f"{NOPS} int8_t *output =",
            "flash", r"convolution +\+\d+   [\d,]+ -> [\d,]+"),
    Mistake("channels_s8.S", "output", "min r7, r11", "min r7, r11\n  add #4, r11",
            "error", r"conv2d\[0\] 14x14x4  tq_conv_2d_s8_rx: first output that differs"),
    Mistake("conv_2d_s8.c", "convolution", "const tq_window", f"{STATIC} const tq_window",
            "ram", r"row(\.\d+)? +\+256   new"),
    Mistake("fully_connected_s8.c", "dense", "const int8_t *input",
            f"{LOCAL.format('batches')} const int8_t *input",
            "ram", r"fully_connected\[4\] 10  tq_fully_connected_s8_rx: deepest stack"),
)  # fmt: skip

#: One line of channels_s8.S wrong, and where: each changes bytes that the model puts out.
IN_ASSEMBLER = {
    "a product is not rounded": ("output", "adc #0, r11", "nop"),
    "the zero point is left out": ("output", "add r8, r11", "nop"),
    "the sum of all inputs is left out": ("channels", "sub r9, r13", "nop"),
    "sums are not cleared": ("channels", "mov.l r12, [r2+]", "add #4, r2"),
    "inputs keep their sign": ("unpack", "xor r5, \\even", "nop"),
    "an accumulator is not begun anew": ("multiply", "mullo", "maclo"),
    "a block's inputs are not counted": ("begin_block", "add TOTAL[r0].l, r2", "nop"),
}


@pytest.fixture
def check(laboratory: Laboratory) -> Callable[..., None]:
    """Return a function that measures a board and looks for the cause in each verdict."""

    def check(mistakes: Sequence[Mistake], board: Board, baseline: Measurement) -> None:
        current = laboratory.measure("int8-only", board)
        for mistake in mistakes:
            verdict = laboratory.judge(mistake.metric, "int8-only", board, baseline, current)
            assert verdict.status == "regressed", verdict_text(verdict)
            causes = cause_lines(verdict.causes)
            assert any(re.match(mistake.cause, cause) for cause in causes), verdict_text(verdict)

    return check


def test_mistakes_in_the_kernels_of_the_nucleo(
    laboratory: Laboratory, check: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = laboratory.boards["nucleo-l4r5zi"]
    assert board.kernels == DSP.name
    baseline = laboratory.baseline("int8-only", board)
    sources = laboratory.firmware("dsp", monkeypatch)
    for mistake in ON_DSP:
        laboratory.edit(sources / DSP / mistake.file, mistake.function, mistake.old, mistake.new)
    check(ON_DSP, board, baseline)


def test_mistakes_on_an_rx_core(laboratory: Laboratory, check: Callable[..., None]) -> None:
    sound, kernels = (laboratory.kernels(name) for name in ("sound", "rx"))
    baseline = laboratory.baseline("int8-only", laboratory.with_kernels("rx65n", sound))
    for mistake in ON_RX:
        laboratory.edit(kernels / mistake.file, mistake.function, mistake.old, mistake.new)
    check(ON_RX, laboratory.with_kernels("rx65n", kernels), baseline)


def test_mistakes_in_the_kernels_for_an_rx(
    laboratory: Laboratory, check: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = dataclasses.replace(laboratory.boards["rx65n"], kernels=RX.name)
    baseline = laboratory.baseline("int8-only", board)
    sources = laboratory.firmware("rx-dsp", monkeypatch)
    for mistake in ON_RX_DSP:
        laboratory.edit(sources / RX / mistake.file, mistake.function, mistake.old, mistake.new)
    check(ON_RX_DSP, board, baseline)


@pytest.mark.parametrize("name", IN_ASSEMBLER)
def test_a_wrong_line_of_assembler_shows(
    name: str, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes differ from the reference kernels', which TensorFlow Lite Micro's are."""
    board = dataclasses.replace(laboratory.boards["rx65n"], kernels=RX.name)
    expected = laboratory.baseline("int8-only", board).output_sha256
    sources = laboratory.firmware(name, monkeypatch)
    laboratory.edit(sources / RX / "channels_s8.S", *IN_ASSEMBLER[name])
    try:
        actual = laboratory.measure("int8-only", board).output_sha256
    except InvalidOutputError:
        return  # So wrong that no input reaches the output.
    assert actual != expected
