"""An Ethos-U beside a CPU as a runtime: Vela decides which operators the NPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.support.runtimes import Runtime


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator
    from pytest_tinyquant.models.graph import Subgraph
    from pytest_tinyquant.support.tables import Combinations


@dataclass(frozen=True, kw_only=True)
class EthosURuntime(Runtime):
    """TensorFlow Lite Micro with one operator for all that the NPU runs."""

    @property
    def operators(self) -> Mapping[str, Combinations]:
        """Nothing: only Vela knows, and it is asked when the model is compiled."""
        return {}

    def executed(self, graph: Graph) -> Sequence[tuple[Subgraph, Operator]]:
        """Return nothing that a table could refuse."""
        return ()

    def check(self, graph: Graph) -> None:
        """Accept everything: Vela refuses in its own words when it compiles."""

    def outlook(self, graph: Graph) -> str:
        """Return which operators will stay on the CPU, as far as their types tell.

        :raises UnsupportedModelError: all of them will.
        """
        left = [operator for operator in graph.operators if graph.computes_in_float(operator)]
        if len(left) == len(graph.operators):
            reason = "every operator reads or writes float32, so none of them runs on the NPU"
            raise UnsupportedModelError(
                f"{reason}. Choose an integer scheme", dtype="float32", reason=reason
            )
        if left:
            labels = ", ".join(operator.label for operator in left)
            return f"in part: {labels} stay on the CPU, so that its latency is not judged"
        return "integers only: Vela decides operator by operator when it compiles"

    def version(self) -> str:
        """Return what computes the outputs: the reference on this computer."""
        from pytest_tinyquant.support.runtimes import RUNTIMES

        return f"{RUNTIMES['tflm'].version()} (reference, not executed)"


ETHOS_U: Final = EthosURuntime(
    name="ethos-u",
    title="an Ethos-U",
    source="Vela",
    package="ethos-u-vela",
)
