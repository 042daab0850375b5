"""What the vendors' runtimes take, by their documentation and by what the EdgeMark study ran.

Such a table is what ``tinyquant show`` and known gaps are told by before any tool is asked. It
refuses only what the sources name; whatever else a model holds the tool itself decides about.
"""

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

#: Types that decide which kernels a model needs; others hold biases, shapes, axes and conditions.
_DECIDING: Final = ("float32", "float16", "int16", "int8", "uint8", "int4")

_CONVERSIONS: Final = ("QUANTIZE", "DEQUANTIZE")
_WEIGHTED: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True, kw_only=True)
class VendorRuntime(Runtime):
    """A runtime that only its vendor's tool can build.

    :param types: of :data:`_DECIDING` those that it takes.
    :param only: the operators that it has; empty where no source lists them.
    """

    types: tuple[str, ...] = ("float32", "int8", "uint8")
    only: frozenset[str] = frozenset()

    @property
    def operators(self) -> Mapping[str, Combinations]:
        """Nothing: the tool alone knows, and it is asked when the model is measured."""
        return {}

    def executed(self, graph: Graph) -> Sequence[tuple[Subgraph, Operator]]:
        """Return nothing that a table of operators could refuse."""
        return ()

    def check(self, graph: Graph) -> None:
        """Raise for the first operator whose types the sources exclude."""
        for part in graph.parts():
            for operator in part.operators:
                self._check_operator(part, operator)

    def outlook(self, graph: Graph) -> str:
        """Return how the model will be computed, as far as its types tell."""
        return mixture(graph) or f"types are supported; {self.title} decides when it is run"

    def version(self) -> str:
        """Return the runtime's title: its version is the tool's, which each run asks for."""
        return self.title

    def _check_operator(self, part: Subgraph, operator: Operator) -> None:
        if self.only and operator.op not in self.only:
            reason = f"it has no operator {operator.op}"
            raise self._refused(operator, "", reason)
        tensors = [part.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
        for tensor in tensors:
            if tensor.dtype in _DECIDING and tensor.dtype not in self.types:
                reason = f"it takes {', '.join(self.types)}, not {tensor.dtype}"
                raise self._refused(operator, tensor.dtype, reason)
        if operator.op in _WEIGHTED:
            types = tuple(part.tensors[index].dtype for index in operator.inputs[:2])
            if types == ("float32", "int8"):
                reason = "it has no hybrid kernels, float32 activations on int8 weights"
                raise self._refused(operator, " x ".join(types), reason)

    def _refused(self, operator: Operator, dtype: str, reason: str) -> UnsupportedModelError:
        return UnsupportedModelError(
            f"{self.title} cannot run {operator.label}: {reason} (according to {self.source}). "
            "Choose the scheme 'basic' or 'int8-only', or a board with another runtime",
            op=operator.op,
            dtype=dtype,
            reason=reason,
        )


def mixture(graph: Graph) -> str:
    """Return in words what of a quantized graph computes in float; empty for one type only."""
    in_float = [operator for operator in graph.operators if graph.computes_in_float(operator)]
    if not in_float or len(in_float) == len(graph.operators):
        return ""
    left = [operator.label for operator in in_float if operator.op not in _CONVERSIONS]
    if left:
        return f"mixed: {', '.join(left)} in float, with QUANTIZE and DEQUANTIZE around"
    labels = ", ".join(operator.label for operator in in_float)
    return f"mixed: integers inside, {labels} at float inputs and outputs"


ST_EDGE_AI: Final = VendorRuntime(
    name="st-edge-ai",
    title="ST Edge AI Core",
    source="ST's article on quantized models, wiki.st.com/stm32mcu: 8-bit linear quantization",
    package="stedgeai",
)

EDGE_IMPULSE: Final = VendorRuntime(
    name="edge-impulse",
    title="Edge Impulse",
    source="the EdgeMark study, which ran basic and int8-only; its API knows float32 and int8",
    package="edgeimpulse",
)

EAI_TRANSLATOR: Final = VendorRuntime(
    name="eai-translator",
    title="Renesas e-AI Translator",
    source="Renesas' notes on versions 2.1 to 3.0: float, and TensorFlow Lite models of 8 bits",
    package="e-AI Translator",
)

EKKONO: Final = VendorRuntime(
    name="ekkono",
    title="Ekkono",
    source="the EdgeMark study, which ran dense networks in float only",
    package="ekkono",
    types=("float32",),
    only=frozenset(("FULLY_CONNECTED", "RELU", "LOGISTIC", "TANH", "SOFTMAX", "RESHAPE")),
)

TOOL: Final = VendorRuntime(
    name="tool",
    title="the board's tool",
    source="boards.toml",
    package="tool",
    types=_DECIDING,
)
