"""tinyquant's own engine as a runtime: a model compiled ahead of time."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from packaging.version import Version

from pytest_tinyquant.firmware.runtimes.runtime import BoardRuntime


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.engine import Plan
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator
    from pytest_tinyquant.models.graph import Subgraph
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.support.tables import Combinations


@dataclass(frozen=True, kw_only=True)
class Engine(BoardRuntime):
    """The engine in ``firmware/engine``."""

    @property
    def operators(self) -> Mapping[str, Combinations]:
        """The operators that there is a kernel for."""
        from pytest_tinyquant.support.tables import TINYQUANT as OPERATORS

        return OPERATORS

    @property
    def custom(self) -> frozenset[str]:
        """The custom operators that there is a kernel for."""
        from pytest_tinyquant.support.custom import ENGINE

        return ENGINE

    def executed(self, graph: Graph) -> Sequence[tuple[Subgraph, Operator]]:
        """Return what is left after constant operators were computed."""
        from pytest_tinyquant.engine.lowered_graph import executed_operators

        return executed_operators(graph)

    def check(self, graph: Graph) -> None:
        """Lower the graph, which refuses what no kernel can run."""
        from pytest_tinyquant.engine.lowered_graph import lower_graph

        lower_graph(graph)

    def plan(
        self,
        graph: Graph,
        *,
        kernels: str,
        name: str,
        replaced: Collection[str] = frozenset(),
        spare_bytes: int = 0,
    ) -> Plan:
        """Return kernels, parameters and the arena's layout."""
        from pytest_tinyquant.engine.plan import plan

        return plan(graph, name=name, kernels=kernels, replaced=replaced, spare_bytes=spare_bytes)

    def emit(self, case: Checked, directory: Path) -> EmittedModel:
        """Write the plan as C."""
        from pytest_tinyquant.engine.emit import emit
        from pytest_tinyquant.engine.sequences import sequences_of

        assert case.plan is not None, "a compiled runtime has a plan"
        return emit(case.plan, directory, sequences_of(case.model))

    def version(self) -> str:
        """Return this package's release: a baseline must not change its words with every commit.

        Without a number where the package runs without being installed.
        """
        try:
            found = Version(importlib.metadata.version(self.package))
        except importlib.metadata.PackageNotFoundError:
            return self.package
        return f"{self.package} {found.base_version}"


TINYQUANT: Final = Engine(
    name="tinyquant",
    title="tinyquant's engine",
    source="the kernels in firmware/engine",
    package="pytest-tinyquant",
    is_compiled=True,
)
