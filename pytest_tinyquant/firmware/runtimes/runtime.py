"""A runtime with what it makes of a model for a board.

To add a runtime:

1. Write a module like :mod:`pytest_tinyquant.firmware.runtimes.tinyquant`: a subclass of
   :class:`BoardRuntime` that says which operators it has, and writes a model as C sources.
2. Register it: in :data:`pytest_tinyquant.support.runtimes.RUNTIMES`, or from a package of your own
   with the hook ``pytest_tinyquant_runtimes``.
3. Give the firmware a ``runtimes/NAME/tq_runtime.h`` if it is neither linked as the engine nor as
   TensorFlow Lite Micro is (``EmittedModel.linked``).

Nothing else asks which runtime a board has.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.support.runtimes import Runtime


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.errors import DeviceHaltedError
    from pytest_tinyquant.errors import DoesNotFitError
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Checked


@dataclass(frozen=True, kw_only=True)
class BoardRuntime(Runtime):
    """A runtime that can be built into firmware."""

    @abstractmethod
    def emit(self, case: Checked, directory: Path) -> EmittedModel:
        """Write the sources of one model for its board into `directory`, which exists.

        :param case: the converted file, its graph, and the plan that :meth:`plan` made.
        :raises ToolchainNotFoundError: the board lacks something that the runtime needs.
        """

    def check_board(self, board: Board) -> None:
        """Raise :class:`ConfigurationError` for a board that it cannot run on."""
        del board

    def found_for(self, board: Board) -> str:
        """Return what `board` needs beyond compiler and package, in words; empty for nothing.

        :raises TinyQuantError: something is missing or does not fit.
        """
        del board
        return ""

    def refit(self, case: Checked, directory: Path, error: DoesNotFitError) -> EmittedModel | None:
        """Write a model again that did not fit, with less memory for what can do with less.

        :returns: None if it needs all that it was given.
        """
        del case, directory, error
        return None

    def advice(self, case: Any, halt: DeviceHaltedError) -> str:
        """Return what the model says about a halt beyond the runtime's own words; may be empty.

        :param case: the case with its graph and its image.
        """
        del case, halt
        return ""


def runtime_of(board: Board) -> BoardRuntime:
    """Return the runtime of `board`.

    :raises ConfigurationError: whoever registered it left out how it is built into firmware.
    """
    runtime = RUNTIMES[board.runtime]
    if not isinstance(runtime, BoardRuntime):
        raise ConfigurationError(
            f"{board.name}: runtime {board.runtime!r} cannot be built into firmware: "
            f"{type(runtime).__name__} is no pytest_tinyquant.firmware.runtimes.runtime."
            "BoardRuntime; derive it from that"
        )
    return runtime
