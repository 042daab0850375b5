"""Write which runtime runs which operator on which types: docs/operators.md.

python -m pytest_tinyquant.support.coverage > docs/operators.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from collections.abc import Mapping

from pytest_tinyquant.support.custom import ENGINE
from pytest_tinyquant.support.custom import TFLM as CUSTOM
from pytest_tinyquant.support.roles import DEFAULT_ROLES
from pytest_tinyquant.support.roles import ROLES
from pytest_tinyquant.support.tables import TFLM
from pytest_tinyquant.support.tables import TINYQUANT
from pytest_tinyquant.support.tables import Combinations
from pytest_tinyquant.support.tflm_table import TYPES
from pytest_tinyquant.support.tflm_table import WHEEL


_COLUMNS = ("float32", "int8", "int16")

_MISREAD = "TensorFlow Lite Micro runs it, but takes {} for {}; refused in words"

#: Why the engine does not run what TensorFlow Lite Micro runs, by operator.
REASONS: Mapping[str, str] = {
    "BROADCAST_ARGS": "shapes are int32 in every converted model",
    "BROADCAST_TO": "float16 is a type of stored weights only; no other operator takes it on",
    "GREATER": "TensorFlow Lite Micro compares int16 with factors that it never sets",
    "LOGICAL_AND": _MISREAD.format("the first bytes of numbers", "booleans"),
    "LOGICAL_OR": _MISREAD.format("the first bytes of numbers", "booleans"),
    "PRELU": _MISREAD.format("the bytes of alpha", "numbers of the input's type"),
    "SVDF": _MISREAD.format("the state's bytes", "numbers of the time weights' type"),
    "TRANSPOSE_CONV": _MISREAD.format(
        "weights or bias of another type", "int8 weights and a bias of the input's kind"
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _MISREAD.format("the cell state's bytes", "int16"),
}

#: Where the engine gives something else than TensorFlow Lite Micro, because that has no answer.
DIFFERENCES: Mapping[str, str] = {
    "SPACE_TO_BATCH_ND": "padding is the number 0; TensorFlow Lite Micro fills with a byte that it "
    "never sets",
    "DIV of int8": "a quotient near 0 is 0; TensorFlow Lite Micro shifts by 32 bits and more, so "
    "its result depends on the processor. A divisor of 0 gives the largest output, where it ends",
    "GATHER, GATHER_ND, EMBEDDING_LOOKUP": "an index outside takes the nearest row; TensorFlow "
    "Lite Micro ends with an error, or reads what lies there",
    "RSQRT of integers": "the largest output for numbers below 0, where TensorFlow Lite Micro "
    "ends with an error",
    "ADD of int32": "a fused activation is refused, which TensorFlow Lite Micro ignores",
    "TFLite_Detection_PostProcess": "places without a detection are 0; TensorFlow Lite Micro "
    "leaves there what was in its memory unless `use_regular_nms` is set, and ends with an error "
    "for a box without an area. On an RX, whose compiler has no double precision, boxes differ in "
    "their last bits",
    "SignalFftAutoScale": "silence is shifted by 0 bits; TensorFlow Lite Micro's result depends on "
    "the processor",
    "SignalEnergy": "numbers before `start_index` and from `end_index` on are 0; TensorFlow Lite "
    "Micro leaves there what was in its memory",
    "SignalFramer, SignalStacker": "an output that is not valid yet is 0; TensorFlow Lite Micro "
    "leaves there what was in its memory",
    "SignalRfft, SignalIrfft": "lengths are powers of two, from 4 to 65,536; others are refused",
    "CALL_ONCE": "runs again when a new sequence begins (`tq_clear_state()`), as in a new "
    "interpreter; `MicroInterpreter::Reset()` does not run it again",
}


def missing() -> Iterator[tuple[str, Combinations]]:
    """Yield operators with the combinations that TensorFlow Lite Micro runs and the engine not."""
    for op, combinations in sorted(TFLM.items()):
        taken = TINYQUANT.get(op)
        if taken is None:
            yield op, combinations
        elif taken:
            every = combinations or tuple((dtype,) for dtype in TYPES)
            left = tuple(types for types in every if types not in taken)
            if left:
                yield op, left


def page() -> str:
    """Return the page."""
    both = sorted(set(TFLM) | set(TINYQUANT))
    counts = f"{sum(op in TFLM for op in both)} and {sum(op in TINYQUANT for op in both)}"
    lines = [
        *_introduction(counts),
        *(_row(op) for op in both),
        "",
        "## What the engine lacks",
        "",
        "| operator | types | reason |",
        "|---|---|---|",
        *(
            f"| {op} | {', '.join(' x '.join(types) for types in left)} | {REASONS[op]} |"
            for op, left in missing()
        ),
        "",
        "The engine stores int4 weights two to a byte, as the file does, where activations are",
        "int8; those of convolutions in groups as int8.",
        "",
        "## Where results differ",
        "",
        "| operator | the engine |",
        "|---|---|",
        *(f"| {op} | {text} |" for op, text in DIFFERENCES.items()),
        "",
        "## Custom operators of TensorFlow Lite Micro",
        "",
        "| operator | runtime tflm | engine |",
        "|---|---|---|",
        *(f"| {name} | yes | {'yes' if name in ENGINE else 'no'} |" for name in CUSTOM),
    ]
    return "\n".join([*lines, ""])


def _introduction(counts: str) -> list[str]:
    return [
        "# Operators",
        "",
        "Generated by `python -m pytest_tinyquant.support.coverage`; do not edit.",
        "",
        f"What TensorFlow Lite Micro runs is measured: `tests/generator/probe.py` gives {WHEEL}",
        "models of one operator for every combination of types. What the engine runs is compared",
        "with it byte for byte in `tests/engine/operators`. Of built-in operators they have "
        f"{counts}.",
        "",
        "| mark | runs on |",
        "|---|---|",
        "| both | TensorFlow Lite Micro and the engine |",
        "| TFLM | TensorFlow Lite Micro only; why, is said below |",
        "| engine | the engine only: TensorFlow Lite Micro has the kernel for other types |",
        "",
        "The type is that of the first of the roles; where an operator has several, the others",
        "are listed behind it.",
        "",
        "| operator | roles | float32 | int8 | int16 | other types |",
        "|---|---|---|---|---|---|",
    ]


def _row(op: str) -> str:
    tflm, engine = TFLM.get(op, ()), TINYQUANT.get(op, ())
    if (op in TFLM and not tflm) and (op in TINYQUANT and not engine):
        return f"| {op} |  | both | both | both | both: every type |"
    cells: dict[str, list[str]] = {column: [] for column in (*_COLUMNS, "other")}
    if op in TFLM and not tflm:
        tflm = tuple((dtype,) for dtype in TYPES)
    known = [*tflm, *(types for types in engine if types not in tflm)]
    for types in known:
        in_tflm = types in tflm
        in_engine = op in TINYQUANT and (not engine or types in engine)
        mark = "both" if in_tflm and in_engine else "TFLM" if in_tflm else "engine"
        column = types[0] if types[0] in _COLUMNS else "other"
        rest = types[1:] if column != "other" else types
        cells[column].append(f"{' x '.join(rest)}: {mark}" if rest else mark)
    roles = " x ".join(ROLES.get(op, DEFAULT_ROLES))
    columns = " | ".join("; ".join(cells[column]) or "-" for column in (*_COLUMNS, "other"))
    return f"| {op} | {roles} | {columns} |"


if __name__ == "__main__":
    sys.stdout.write(page())
