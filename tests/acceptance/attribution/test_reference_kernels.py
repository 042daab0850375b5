"""Mistakes in the engine, each of which the gate traces to its layer, symbol or tensor.

Each is made in a copy of a kernel, in the engine's sources or in the Python that plans a model.
The cache keeps the images, so that only the first run on a machine compiles them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.baselines.message import cause_lines
from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.engine import planner
from pytest_tinyquant.engine.kernel_call import WeightsBlob
from pytest_tinyquant.engine.lowering import LOWERINGS


if TYPE_CHECKING:
    from tests.acceptance.attribution.conftest import Laboratory


BOARD = "nucleo-l4r5zi"

SLOW = '__asm__ volatile(".rept 32\\n nop\\n .endr");'
SKIP_256_BYTES = '__asm__ volatile("b 1f\\n .space 256\\n 1:");'

STATIC = "static volatile uint8_t {name}[256]{value}; {name}[0] += 1;"

START = f"""#include <stdint.h>

int32_t tq_start(void);

int32_t tq_start(void) {{
  {SKIP_256_BYTES}
  return 0;
}}
"""


@dataclass(frozen=True)
class InSource:
    """In ``function`` of a kernel, or of the engine, ``old`` becomes ``new``."""

    file: str
    function: str
    old: str
    new: str


@dataclass(frozen=True)
class InPython:
    """``owner``'s ``name`` becomes what ``change`` makes of it."""

    owner: object
    name: str
    change: Callable[..., Any]

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        if isinstance(self.owner, dict):
            patch.setitem(self.owner, self.name, self.change(self.owner[self.name]))
        else:
            patch.setattr(self.owner, self.name, self.change(getattr(self.owner, self.name)))


@dataclass(frozen=True)
class Mistake:
    """What is done, the metric that regresses, and the beginning of the cause that is named."""

    name: str
    made: InSource | InPython
    metric: str
    cause: str
    scheme: str = "int8-only"


def kernel(file: str, function: str, old: str, new: str) -> InSource:
    return InSource(f"{file}.c", function, old, new)


def finish(element: str, old: str, new: str) -> InSource:
    """Change what makes the sums of a convolution its outputs."""
    return InSource(f"tq_arithmetic_{element}.h", "FINISH", old, new)


def lowered(operator: str, **changes: Callable[..., Any]) -> InPython:
    """Change fields of the kernel call that an operator becomes, or of its parameters."""

    def change(lower: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any) -> Any:
            call = lower(*arguments)
            own = {name: value(call) for name, value in changes.items() if hasattr(call, name)}
            fields = {
                name: value(call.fields[name])
                for name, value in changes.items()
                if name in call.fields
            }
            return dataclasses.replace(call, **{"fields": {**call.fields, **fields}, **own})

        return changed

    return InPython(LOWERINGS, operator, change)


def end_to_end(_place: Callable[..., Any]) -> Callable[..., Any]:
    def place(buffers: Sequence[Any], _in_place: object, _lags: object = None) -> dict[Any, int]:
        ends = [0]
        for buffer in buffers:
            ends.append(ends[-1] + planner.aligned(buffer.size))
        return {buffer.key: end for buffer, end in zip(buffers, ends, strict=False)}

    return place


def with_a_gap(add: Callable[..., Any]) -> Callable[..., Any]:
    return lambda blob, data, alignment=4: add(blob, data + bytes(96), alignment)


MISTAKES = (
    # Slower: the layer.
    Mistake("32 NOPs per output of a convolution",
            finish("s8", "*output++ = (int8_t)", f"{SLOW} *output++ = (int8_t)"),
            "latency", r"conv2d\[0\] 14x14x4 +\+2\d,\d{3}   tq_conv_2d_s8"),
    Mistake("32 NOPs per output of a mean",
            kernel("mean", "tq_mean_s8", "int32_t sum = 0;", f"int32_t sum = 0; {SLOW}"),
            "latency", r"mean\[3\] 8 +\+2\d\d   tq_mean_s8"),
    Mistake("32 NOPs per output of a dense layer",
            kernel("fully_connected", "tq_fully_connected_s8", "FINISH_S8(", f"{SLOW} FINISH_S8("),
            "latency", r"fully_connected\[4\] 10 +\+[34]\d\d   tq_fully_connected_s8"),
    Mistake("32 NOPs per output of a softmax",
            kernel("softmax", "tq_softmax_s8", "output[i] =", f"{SLOW} output[i] ="),
            "latency", r"softmax\[5\] 10 +\+[34]\d\d   tq_softmax_s8"),
    Mistake("32 NOPs per output of a dense layer with 16-bit activations",
            kernel("fully_connected", "tq_fully_connected_s16", "FINISH_S16(",
                   f"{SLOW} FINISH_S16("),
            "latency", r"fully_connected\[4\] 10 +\+[34]\d\d   tq_fully_connected_s16",
            "16x8-only"),
    Mistake("32 NOPs in the walk over the operators",
            InSource("engine/src/tq_invoke.c", "tq_invoke", "tq_last_op = op;",
                     f"tq_last_op = op; {SLOW}"),
            "latency", r"between the operators +\+192   tq_invoke"),
    # Larger: the symbol.
    Mistake("256 bytes in a convolution",
            finish("s8", "*output++ = (int8_t)",
                   f"{SKIP_256_BYTES} *output++ = (int8_t)"),
            "flash", r"tq_conv_2d_s8 +\+\d+   [\d,]+ -> [\d,]+"),
    Mistake("256 bytes in a float convolution",
            finish("f32", "*output++ = tq_clamp_f32",
                   f"{SKIP_256_BYTES} *output++ = tq_clamp_f32"),
            "flash", r"tq_conv_2d_f32 +\+\d+   [\d,]+ -> [\d,]+", "basic"),
    Mistake("a function that is no longer inlined",
            InSource("mean.c", "tq_mean_s8", "int32_t sum = 0;",
                     "extern int32_t tq_start(void); int32_t sum = tq_start();"),
            "flash", r"tq_start +\+\d+   new"),
    Mistake("a gap after every constant",
            InPython(WeightsBlob, "add", with_a_gap), "flash", r"tq_weights +\+1,440 "),
    # Wrong: the first layer that gives something else.
    Mistake("a convolution one too low",
            finish("s8", "+ (p)->output_offset;",
                   "+ (p)->output_offset - 1;"),
            "error", r"conv2d\[0\] 14x14x4  tq_conv_2d_s8: first output that differs"),
    Mistake("a convolution of 16-bit activations without its bias",
            finish("s16", "(p)->bias != NULL ? (p)->bias[channel] : 0;",
                   "0;"),
            "error", r"conv2d\[0\] 14x14x4  tq_conv_2d_s16: first output that differs",
            "16x8-only"),
    Mistake("a mean of one element less",
            kernel("mean", "tq_mean_s8", "i < p->reduced", "i < p->reduced - 1"),
            "error", r"mean\[3\] 8  tq_mean_s8: first output that differs"),
    Mistake("a float mean of one element less",
            kernel("mean", "tq_mean_f32", "i < p->reduced", "i < p->reduced - 1"),
            "error", r"mean\[3\] 8  tq_mean_f32: first output that differs", "basic"),
    Mistake("a softmax with the wrong shift",
            kernel("softmax", "tq_softmax_s8", "12 - headroom", "13 - headroom"),
            "error", r"softmax\[5\] 10  tq_softmax_s8: first output that differs"),
    Mistake("a mean planned with half its factor",
            lowered("MEAN", multiplier=lambda value: value // 2),
            "error", r"mean\[3\] 8  tq_mean_s8: first output that differs"),
    Mistake("a dense layer planned with half its factor",
            lowered("FULLY_CONNECTED", multiplier=lambda value: value // 2),
            "error", r"fully_connected\[4\] 10  tq_fully_connected_s8: first output that differs"),
    # More memory: the tensor, the variable, or who needs the stack.
    Mistake("one more scratch tensor",
            lowered("CONV_2D", scratch_bytes=lambda call: 512),
            "ram", r"conv2d\[0\] scratch +\+512   new at the arena's peak"),
    Mistake("tensors that share no memory",
            InPython(planner, "place", end_to_end), "ram",
            r"softmax\[5\] output reaches the arena's end: 10 bytes"),
    Mistake("tensors aligned to 256 bytes",
            InPython(planner, "ALIGNMENT", lambda _: 256), "ram",
            r"placement +\+480   1,568 for 1,568 -> 2,048 for 1,568 bytes alive at once"),
    Mistake("a static row of scratch memory",
            kernel("mean", "tq_mean_s8", "int32_t sum = 0;",
                   STATIC.format(name="row", value="") + " int32_t sum = 0;"),
            "ram", r"row(\.\d+)? +\+256   new"),
    Mistake("a static table with initial values",
            kernel("softmax", "tq_softmax_s8", "uint32_t sum = 0;",
                   STATIC.format(name="table", value=" = {1}") + " uint32_t sum = 0;"),
            "ram", r"table(\.\d+)? +\+256   new"),
    Mistake("a large local variable",
            kernel("softmax", "tq_softmax_s8", "uint32_t sum = 0;",
                   "volatile int32_t local[200]; local[p->rows] = 0; uint32_t sum = "
                   "(uint32_t)local[p->rows];"),
            "ram", r"softmax\[5\] 10  tq_softmax_s8: deepest stack"),
)  # fmt: skip


def make(
    mistake: Mistake, laboratory: Laboratory, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put the mistake where it belongs."""
    made = mistake.made
    if isinstance(made, InPython):
        made.apply(monkeypatch)
    else:
        engine = "/" in made.file
        root = laboratory.firmware(mistake.name, monkeypatch) if engine else kernels
        laboratory.edit(root / made.file, made.function, made.old, made.new)
    if "tq_start" in mistake.cause:
        (kernels / "start.c").write_text(START)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[m.name.replace(" ", "-") for m in MISTAKES])
def test_the_verdict_names_where_the_mistake_is(
    mistake: Mistake, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = laboratory.with_kernels(BOARD, laboratory.kernels("sound"))
    baseline = laboratory.baseline(mistake.scheme, sound)
    kernels = laboratory.kernels(mistake.name)
    make(mistake, laboratory, kernels, monkeypatch)
    board = laboratory.with_kernels(BOARD, kernels)
    current = laboratory.measure(mistake.scheme, board)
    verdict = laboratory.judge(mistake.metric, mistake.scheme, board, baseline, current)
    assert verdict.status == "regressed", verdict_text(verdict)
    assert any(re.match(mistake.cause, cause) for cause in cause_lines(verdict.causes)), (
        verdict_text(verdict)
    )


def test_there_are_twenty_mistakes_of_every_kind() -> None:
    assert len(MISTAKES) >= 20
    assert {mistake.metric for mistake in MISTAKES} == {"error", "latency", "flash", "ram"}
