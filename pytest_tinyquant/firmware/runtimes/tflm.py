"""TensorFlow Lite Micro as a runtime: the user's library on a board, a wheel on this computer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.runtimes.runtime import BoardRuntime
from pytest_tinyquant.project.tflm_library import Tflm


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.engine import Linking
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.support.tables import Combinations

#: RAM that is not the interpreter's: stack, data, and what the interpreter has outside its arena.
_RESERVED: Final = 64 * 1024

#: Operators of which the library has registrations for one type of activations alone.
_VARIANTS: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SOFTMAX")
_VARIANT_OF: Final[Mapping[str, str]] = {"int8": "INT8", "int16": "INT16"}

_METHODS: Final[Mapping[str, str]] = {
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}


@dataclass(frozen=True, kw_only=True)
class TensorFlowLiteMicro(BoardRuntime):
    """TensorFlow Lite Micro, which interprets the model's file."""

    @property
    def operators(self) -> Mapping[str, Combinations]:
        """The operators of the wheel's version."""
        from pytest_tinyquant.support.tables import TFLM as OPERATORS

        return OPERATORS

    def check(self, graph: Graph) -> None:
        """Accept everything: the table says all there is to say."""

    def check_reading(self, graph: Graph) -> None:
        """Refuse a model that the interpreter reads as another one."""
        from pytest_tinyquant.support.misread import check_read_as_written

        check_read_as_written(graph)

    def has_doubts(self, graph: Graph) -> bool:
        """Tell whether a dense layer has a scale per channel: some libraries take one for all."""
        return has_per_channel_dense(graph)

    def emit(self, case: Checked, directory: Path) -> EmittedModel:
        """Write the interpreter's set-up beside the file."""
        linked = _linked(case.board, require(case.board))
        emitted = emit(case.graph, case.converted.read(), directory, case.board)
        return dataclasses.replace(emitted, linked=linked)


TFLM: Final = TensorFlowLiteMicro(
    name="tflm",
    title="TensorFlow Lite Micro",
    source="its kernels' own checks, measured with the tflite-micro package",
    package="tflite-micro",
)


def require(board: Board) -> Tflm:
    """Return the board's library.

    :raises ToolchainNotFoundError: the user has not provided it, or not where boards.toml says.
    """
    tflm = board.tflm
    advice = (
        f"Build TensorFlow Lite Micro as a static library for this board and name it in "
        f"boards.toml: [{board.name}] tflm.library = PATH, tflm.include = DIRECTORIES; "
        "docs/tflm.md shows how"
    )
    if tflm is None:
        raise ToolchainNotFoundError(
            f"{board.name}: its runtime is tflm, but there is no library of it. {advice}"
        )
    for path in (tflm.library, *tflm.include):
        if not path.exists():
            raise ToolchainNotFoundError(f"{board.name}: {path} does not exist. {advice}")
    header = Path("tensorflow/lite/micro/micro_interpreter.h")
    if not any((directory / header).is_file() for directory in tflm.include):
        raise ToolchainNotFoundError(
            f"{board.name}: none of its tflm.include directories holds {header}. {advice}"
        )
    return tflm


def emit(graph: Graph, tflite: bytes, directory: Path, board: Board) -> EmittedModel:
    """Write the sources that make one model an image with TensorFlow Lite Micro."""
    from pytest_tinyquant.engine import EmittedModel

    arena = max(board.ram_bytes - _RESERVED, _RESERVED // 2) // 16 * 16
    (directory / "tq_tflm_model.bin").write_bytes(tflite)
    (directory / "tq_tflm_ops.h").write_text(_operators(graph, arena))
    model, weights = directory / "tq_model.c", directory / "tq_weights.S"
    model.write_text(_model(graph, arena))
    weights.write_text(_WEIGHTS)
    return EmittedModel(directory, (model, weights), arena, len(tflite), ())


def _linked(board: Board, library: Tflm) -> Linking:
    """Return what an image is linked with: the user's library."""
    from pytest_tinyquant.engine import Linking

    return Linking(
        runtime="tflm",
        definitions={
            "TQ_TFLM_LIBRARY": str(library.library),
            "TQ_TFLM_INCLUDE": ";".join(map(str, library.include)),
            "TQ_TFLM_DEFINES": ";".join(library.defines),
        },
        files={"library": library.library},
        advice=(
            f"look at tflm.library, tflm.include and tflm.defines of {board.name} in boards.toml, "
            "and in docs/tflm.md which versions there is an adapter for"
        ),
    )


def registrations(graph: Graph) -> list[str]:
    """Return the resolver's calls for the model, with the smallest kernels that it offers."""
    calls = []
    for op in sorted({operator.op for part in graph.parts() for operator in part.operators}):
        types = {
            part.input_dtype(operator)
            for part in graph.parts()
            for operator in part.operators
            if operator.op == op
        }
        variant = _VARIANT_OF.get(next(iter(types))) if len(types) == 1 else None
        argument = f"tflite::Register_{op}_{variant}()" if variant and op in _VARIANTS else ""
        calls.append(f"Add{method(op)}({argument})")
    return calls


def method(op: str) -> str:
    """Return an operator's name as MicroMutableOpResolver spells it, such as ``Conv2D``."""
    words = op.split("_")
    return _METHODS.get(op) or "".join(
        word if re.fullmatch(r"\dD", word) else word.capitalize() for word in words
    )


def has_per_channel_dense(graph: Graph) -> bool:
    """Tell whether a dense layer has a scale for each of its outputs."""
    weights = [
        part.tensors[operator.inputs[1]].quantization
        for part in graph.parts()
        for operator in part.operators
        if operator.op == "FULLY_CONNECTED"
    ]
    return any(quantization and len(quantization.scales) > 1 for quantization in weights)


def _operators(graph: Graph, arena: int) -> str:
    calls = registrations(graph)
    inputs = sum(graph.tensors[index].bytes for index in graph.inputs)
    chain = " &&\n         ".join(f"resolver.{call} == kTfLiteOk" for call in calls)
    return (
        "/* Generated by pytest-tinyquant; do not edit. */\n"
        f"#define TQ_TFLM_OPS {len(graph.operators)}u\n"
        f"#define TQ_TFLM_KINDS {len(calls)}\n"
        f"#define TQ_TFLM_ARENA_BYTES {arena}u\n"
        f"#define TQ_TFLM_INPUTS {len(graph.inputs)}u\n"
        f"#define TQ_TFLM_OUTPUTS {len(graph.outputs)}u\n"
        f"#define TQ_TFLM_INPUT_BYTES {inputs}u\n"
        "\n"
        "template <typename Resolver>\n"
        "static bool tq_tflm_register(Resolver &resolver) {\n"
        f"  return {chain};\n"
        "}\n"
    )


def _model(graph: Graph, arena: int) -> str:
    def buffers(name: str, indices: tuple[int, ...]) -> str:
        rows = "".join(f"    {{NULL, {graph.tensors[index].bytes}}},\n" for index in indices)
        return f"tq_buffer {name}[] = {{\n{rows}}};\n"

    count = len(graph.operators)
    return (
        "/* Generated by pytest-tinyquant; the interpreter fills in the addresses. */\n"
        '#include "tq_engine.h"\n'
        "\n"
        "extern uint8_t tq_arena[];\n"
        "extern tq_buffer tq_tflm_inputs[];\n"
        "extern tq_buffer tq_tflm_outputs[];\n"
        "extern const tq_model tq_model_instance;\n"
        "\n"
        f'__attribute__((section(".bss.tq_arena"), aligned(16))) uint8_t tq_arena[{arena}];\n'
        f"{buffers('tq_tflm_inputs', graph.inputs)}"
        f"{buffers('tq_tflm_outputs', graph.outputs)}"
        f"static const tq_op tq_model_ops[{count}];\n"
        "const tq_model tq_model_instance = {\n"
        "    .ops = tq_model_ops,\n"
        "    .inputs = tq_tflm_inputs,\n"
        "    .outputs = tq_tflm_outputs,\n"
        f"    .op_count = {count},\n"
        f"    .input_count = {len(graph.inputs)},\n"
        f"    .output_count = {len(graph.outputs)},\n"
        "};\n"
    )


_WEIGHTS: Final = """\
/* Generated by pytest-tinyquant. The model's file as it is. */
    .section .rodata.tq_weights, "a", %progbits
    .balign 16
    .global tq_tflm_model
    .type tq_tflm_model, %object
tq_tflm_model:
    .incbin "tq_tflm_model.bin"
    .size tq_tflm_model, . - tq_tflm_model
    .section .note.GNU-stack, "", %progbits
"""
