"""TensorFlow Lite Micro as a runtime: the user's library on a board, a wheel on this computer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.engine.sequences import sequences_of
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.runtimes.runtime import BoardRuntime
from pytest_tinyquant.firmware.runtimes.tflm_archive import check_archive
from pytest_tinyquant.firmware.runtimes.tflm_headers import read_headers
from pytest_tinyquant.firmware.runtimes.tflm_sources import emit
from pytest_tinyquant.firmware.sources import firmware_sources
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.tflm_library import PER_CHANNEL_ADVICE
from pytest_tinyquant.project.tflm_library import Tflm


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.engine import Linking
    from pytest_tinyquant.errors import DeviceHaltedError
    from pytest_tinyquant.errors import DoesNotFitError
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.support.tables import Combinations

#: RAM that is not the interpreter's: stack, data, and what the interpreter has outside its arena.
_RESERVED: Final = 64 * 1024
_LARGE: Final = 4 * _RESERVED
#: No model runs with less.
_SMALLEST_ARENA: Final = 512


@dataclass(frozen=True, kw_only=True)
class TensorFlowLiteMicro(BoardRuntime):
    """TensorFlow Lite Micro, which interprets the model's file."""

    @property
    def operators(self) -> Mapping[str, Combinations]:
        """The operators of the wheel's version."""
        from pytest_tinyquant.support.tables import TFLM as OPERATORS

        return OPERATORS

    @property
    def custom(self) -> frozenset[str]:
        """The custom operators of the wheel; a board's library says in its headers which it has."""
        from pytest_tinyquant.support.custom import TFLM as NAMES

        return frozenset(NAMES)

    def check(self, graph: Graph) -> None:
        """Accept everything: the table says all there is to say."""

    def check_reading(self, graph: Graph) -> None:
        """Refuse a model that the interpreter reads as another one."""
        from pytest_tinyquant.support.misread import check_read_as_written

        check_read_as_written(graph)

    def has_doubts(self, graph: Graph) -> bool:
        """Tell whether a dense layer has a scale per channel: some libraries take one for all."""
        return has_per_channel_dense(graph)

    def check_board(self, board: Board) -> None:
        """Refuse a core that the adapter was not written for."""
        if board.runs_firmware and core_flags(board) is None:
            raise ConfigurationError(
                f"{board.name}: runtime tflm has an adapter for Cortex-M boards only, and this "
                f"one is of kind {board.kind!r}; give it runtime = 'tinyquant' in boards.toml"
            )

    def found_for(self, board: Board) -> str:
        """Return the library, after a look at its headers and at a C++ compiler."""
        self.check_board(board)
        library = require(board)
        toolchain = find_toolchain(board.kind, board.toolchain)
        if not Path(f"{toolchain.prefix}g++").is_file():
            raise ToolchainNotFoundError(
                f"{toolchain.prefix}g++ is missing, which compiles the adapter; "
                "apt install libstdc++-arm-none-eabi-newlib"
            )
        flags = core_flags(board) or ""
        archive = check_archive(library.library, library.defines, flags, where=board.name)
        count = len(read_headers(library.include, where=board.name).methods)
        return (
            f"{library.library}, compiled by {archive.compiler or 'an unknown compiler'} (the "
            f"board's is {toolchain.version}); headers with {count} operators"
        )

    def emit(self, case: Checked, directory: Path) -> EmittedModel:
        """Write the interpreter's set-up beside the file."""
        board = case.board
        # On a small board all that the linker has left is offered, which it says when asked for
        # more; on a large one that would take a second build for nothing.
        reserved = _RESERVED if board.ram_bytes >= _LARGE else 0
        return self._emit(case, directory, board.ram_bytes - reserved)

    def refit(self, case: Checked, directory: Path, error: DoesNotFitError) -> EmittedModel | None:
        """Offer the interpreter what is left of the RAM."""
        reserved = _RESERVED if case.board.ram_bytes >= _LARGE else 0
        left = case.board.ram_bytes - reserved - (error.needed - error.available)
        if error.region != "RAM" or left < _SMALLEST_ARENA:
            return None
        return self._emit(case, directory, left)

    def _emit(self, case: Checked, directory: Path, arena: int) -> EmittedModel:
        library = require(case.board)
        flags = core_flags(case.board) or ""
        check_archive(library.library, library.defines, flags, where=case.board.name)
        headers = read_headers(library.include, where=case.board.name)
        tflite, arena = case.converted.read(), arena // 16 * 16
        emitted = emit(
            case.graph,
            tflite,
            directory,
            arena,
            headers,
            sequences=sequences_of(case.model),
            where=case.board.name,
        )
        return dataclasses.replace(emitted, linked=_linked(case.board, library))

    def advice(self, case: Any, halt: DeviceHaltedError) -> str:
        """Say what the graph and the arena tell of a refusal."""
        if halt.kind != "AllocateTensors":
            return ""
        words = []
        if has_per_channel_dense(case.graph, activations="int16") and "dense_per_c" not in str(
            halt
        ):
            words.append(PER_CHANNEL_ADVICE)
        if not words:
            arena = getattr(getattr(case, "image", None), "arena_bytes", 0)
            words.append(f"It was offered an arena of {arena:,} bytes, all that the board has left")
        return "\n".join(words)


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


def core_flags(board: Board) -> str | None:
    """Return the compiler flags that say which core a board has; None if it is no Cortex-M."""
    file = KINDS[board.kind].toolchain_file
    file = file or firmware_sources() / "cmake" / f"{board.kind}.cmake"
    found = re.search(r"-mcpu=cortex-m[^\"]*", file.read_text()) if file.is_file() else None
    return found[0] if found else None


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


def has_per_channel_dense(graph: Graph, activations: str = "") -> bool:
    """Tell whether a dense layer has a scale for each of its outputs.

    :param activations: count only layers whose input has this type.
    """
    weights = [
        part.tensors[operator.inputs[1]].quantization
        for part in graph.parts()
        for operator in part.operators
        if operator.op == "FULLY_CONNECTED"
        and (not activations or part.input_dtype(operator) == activations)
    ]
    return any(quantization and len(quantization.scales) > 1 for quantization in weights)
