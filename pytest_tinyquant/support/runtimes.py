"""What runs a converted model on a board: an interpreter, or compiled code.

A runtime is what ``runtime = "..."`` in a boards.toml names. Here is which models it can run; what
it makes of one for a board is what :class:`pytest_tinyquant.firmware.runtimes.runtime.BoardRuntime`
adds, whose module shows how to add a runtime.
"""

from __future__ import annotations

import importlib.metadata
from abc import ABC
from abc import abstractmethod
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system.registry import Registry


if TYPE_CHECKING:
    from pytest_tinyquant.engine import Plan
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator
    from pytest_tinyquant.models.graph import Subgraph
    from pytest_tinyquant.support.tables import Combinations


@dataclass(frozen=True, kw_only=True)
class Runtime(ABC):
    """What runs a model on a board.

    :param name: as in boards.toml.
    :param title: in messages.
    :param source: where the table of :attr:`operators` comes from, for messages.
    :param package: the Python package that brings it.
    :param is_compiled: whether a model is compiled ahead of time, with a set of kernels.
    """

    name: str
    title: str
    source: str
    package: str
    is_compiled: bool = False

    @property
    @abstractmethod
    def operators(self) -> Mapping[str, Combinations]:
        """The operators that it has, with the type combinations that each takes."""

    @property
    def custom(self) -> frozenset[str]:
        """The custom operators that it has, by their names."""
        return frozenset()

    def executed(self, graph: Graph) -> Sequence[tuple[Subgraph, Operator]]:
        """Return the operators of `graph` that it runs, with the subgraph of each."""
        return [(part, operator) for part in graph.parts() for operator in part.operators]

    @abstractmethod
    def check(self, graph: Graph) -> None:
        """Raise :class:`UnsupportedModelError` for what the table cannot express."""

    def check_reading(self, graph: Graph) -> None:
        """Raise :class:`UnsupportedModelError` for what it would run, but as another model."""
        del graph

    def plan(
        self,
        graph: Graph,
        *,
        kernels: str,
        name: str,
        replaced: Collection[str] = frozenset(),
        spare_bytes: int = 0,
    ) -> Plan | None:
        """Return what a compiler decided of the model; None where nothing is compiled.

        It is asked once for each combination, in place of :meth:`check`; it must refuse as much.

        :param kernels: the kernel set that it is to run with.
        :param name: what generated code may call the model.
        :param replaced: the kernels that a user's own ones replace.
        :param spare_bytes: by which the arena may grow for speed.
        """
        return None

    def outlook(self, graph: Graph) -> str:
        """Return what becomes of a graph that the checks let pass, in words, before any run.

        :raises UnsupportedModelError: what runs it will refuse it.
        """
        del graph
        return "supported"

    def has_doubts(self, graph: Graph) -> bool:
        """Tell whether what a board computes must be compared with this computer's results."""
        return False

    def version(self) -> str:
        """Return name and version of the package that brings it.

        :raises ToolchainNotFoundError: it is not installed.
        """
        try:
            return f"{self.package} {importlib.metadata.version(self.package)}"
        except importlib.metadata.PackageNotFoundError as error:
            raise ToolchainNotFoundError(
                f"{self.package} is not installed; pip install {self.package}"
            ) from error


RUNTIMES: Final[Registry[Runtime]] = Registry(
    "runtime",
    Runtime,  # type: ignore[type-abstract]
    {
        "tflm": "pytest_tinyquant.firmware.runtimes.tflm:TFLM",
        "tinyquant": "pytest_tinyquant.firmware.runtimes.tinyquant:TINYQUANT",
        "ethos-u": "pytest_tinyquant.boards.npu.runtime:ETHOS_U",
        "st-edge-ai": "pytest_tinyquant.boards.vendor.runtime:ST_EDGE_AI",
        "edge-impulse": "pytest_tinyquant.boards.vendor.runtime:EDGE_IMPULSE",
        "eai-translator": "pytest_tinyquant.boards.vendor.runtime:EAI_TRANSLATOR",
        "ekkono": "pytest_tinyquant.boards.vendor.runtime:EKKONO",
        "tool": "pytest_tinyquant.boards.vendor.runtime:TOOL",
    },
)
"""Every runtime by name."""
