"""What every lowering function needs: tensors, addresses, constants, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from typing import cast

import numpy as np

from pytest_tinyquant.engine.kernel_call import Activation
from pytest_tinyquant.engine.kernel_call import Alias
from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.kernel_call import WeightsBlob
from pytest_tinyquant.engine.trail import Trail
from pytest_tinyquant.engine.trail import window_trail
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Kernel name suffixes; int16 stands for int16 activations with int8 weights.
SUFFIXES = {"float32": "f32", "int8": "s8", "int16": "s16"}


Lower = Callable[["Lowering", Sequence[Operator], Sequence[int]], list[tuple[Operator, KernelCall]]]


class Lowering:
    """The graph being lowered, and the weights blob it fills.

    `tensors` are those of the graph, then those of the subgraphs that its operators run and what
    lowering adds. `constants` maps a tensor's index to its bytes, including tensors that are
    constants under another shape (RESHAPE of a constant); `roots` maps other names of a tensor to
    it. `handles` maps resource tensors to the names of variables, `used_variables` are those that
    lowered operators read or changed, `first_values` the bytes that states begin with. Constants
    of int4 are among `tensors` and `constants` as int8, and in `packed` as they are stored.
    """

    def __init__(self, graph: Graph, lower: Lower | None = None) -> None:
        self.graph = graph
        self.blob = WeightsBlob()
        self.tensors: list[Tensor] = [_widened(tensor) for tensor in graph.tensors]
        self.constants = {t.index: t.data for t in self.tensors if t.data is not None}
        self.packed: dict[int, bytes] = {}
        for tensor in graph.tensors:
            self._note_packed(tensor)
        self.roots: dict[int, int] = {}
        self.handles: dict[int, tuple[str, str]] = {}
        self.used_variables: set[int] = set()
        self.first_values: dict[int, int] = {}
        self.depth = 0
        self._lower = lower
        self._variables: dict[tuple[str, str], int] = {}

    def tensor(self, index: int) -> Tensor:
        """Return the tensor with this index."""
        return self.tensors[index]

    def add(self, tensor: Tensor) -> Tensor:
        """Add a tensor, whose index is the next one."""
        assert tensor.index == len(self.tensors)
        self._note_packed(tensor)
        tensor = _widened(tensor)
        self.tensors.append(tensor)
        if tensor.data is not None:
            self.constants[tensor.index] = tensor.data
        return tensor

    def _note_packed(self, tensor: Tensor) -> None:
        if tensor.dtype == "int4" and tensor.data is not None:
            self.packed[tensor.index] = tensor.data

    def add_like(self, tensor: Tensor) -> Tensor:
        """Add a tensor that can hold what another one does."""
        index = len(self.tensors)
        return self.add(replace(tensor, index=index, data=None, is_variable=False))

    def add_state(self, name: str, dtype: str, like: Tensor | None = None) -> Tensor:
        """Add a tensor that keeps its value until the next inference."""
        index = len(self.tensors)
        if like is None:
            return self.add(Tensor(index, name, (1,), dtype, None, None, is_variable=True))
        return self.add(replace(like, index=index, name=name, data=None, is_variable=True))

    def variable(self, handle: Tensor, like: Tensor) -> Tensor:
        """Return the variable that a handle stands for; `like` is what it holds."""
        key = self.handles.get(handle.index)
        if key is None:
            raise ModelError(f"{handle.name!r} is no handle of a variable")
        if key not in self._variables:
            self._variables[key] = self.add_state(key[1], like.dtype, like).index
        found = self.tensors[self._variables[key]]
        self.used_variables.add(found.index)
        return found

    def root(self, index: int) -> int:
        """Return the tensor that owns the memory of tensor `index`."""
        return self.roots.get(index, index)

    def alias(self, source: int, output: int) -> None:
        """Make tensor `output` another name of `source`."""
        if source in self.constants:
            self.constants[output] = self.constants[source]
        else:
            self.roots[output] = self.root(source)

    def lower_operators(
        self, operators: Sequence[Operator], outputs: Sequence[int]
    ) -> list[tuple[Operator, KernelCall]]:
        """Lower those of the operators that `outputs` need."""
        assert self._lower is not None
        return self._lower(self, operators, outputs)

    def source(self, operator: Operator, position: int) -> Tensor:
        """Return an input that must be present."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            raise ModelError(f"input {position} is missing")
        return self.tensor(operator.inputs[position])

    def optional(self, operator: Operator, position: int) -> Tensor | None:
        """Return an input that may be absent."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            return None
        return self.tensor(operator.inputs[position])

    def state(self, operator: Operator, position: int) -> Tensor:
        """Return a variable tensor, which keeps its value until the next inference."""
        tensor = self.source(operator, position)
        if not tensor.is_variable or tensor.index in self.constants:
            raise ModelError(f"input {position}, {tensor.name!r}, is not a variable tensor")
        return tensor

    def output(self, operator: Operator) -> Tensor:
        """Return the only output."""
        if len(operator.outputs) != 1:
            raise ModelError(f"{len(operator.outputs)} outputs instead of 1")
        return self.tensor(operator.outputs[0])

    def address(self, tensor: Tensor) -> Activation | Constant:
        """Return where a kernel finds the tensor: in the arena or in the weights blob."""
        data = self.constants.get(tensor.index)
        if data is None:
            return Activation(tensor.index)
        return self.blob.add(data, 8 if tensor.dtype == "int64" else 4)

    def reads(self, *tensors: Tensor | None) -> tuple[int, ...]:
        """Return the indices of those tensors that lie in the arena."""
        return tuple(t.index for t in tensors if t is not None and t.index not in self.constants)

    def trail(
        self,
        source: Tensor,
        output: Tensor,
        window: Value,
        *,
        pixels: int = 1,
        gathers: bool = False,
    ) -> dict[tuple[int, int], Trail]:
        """Return the order of a kernel with a sliding window, as :attr:`KernelCall.trails`."""
        if source.index in self.constants or not source.elements or not output.elements:
            return {}
        geometry = cast(Mapping[str, int], window)
        element = np.dtype(source.dtype).itemsize
        order = window_trail(geometry, element, pixels=pixels, gathers=gathers)
        return {(source.index, output.index): order}

    def trail_of(
        self, basis: KernelCall, *, pixels: int, gathers: bool = False
    ) -> dict[tuple[int, int], Trail]:
        """Return the order of a kernel that does the same as that of `basis`, in another order."""
        tensors = self.tensors
        window = basis.fields["window"]
        trails: dict[tuple[int, int], Trail] = {}
        for source, output in basis.trails:
            trails |= self.trail(
                tensors[source], tensors[output], window, pixels=pixels, gathers=gathers
            )
        return trails

    def in_place(self, output: Tensor, *sources: Tensor) -> tuple[tuple[int, int], ...]:
        """Return the (source, output) pairs of sources in the arena with as many elements."""
        return tuple(
            (s.index, output.index)
            for s in sources
            if s.index not in self.constants and s.elements == output.elements
        )

    def values(self, operator: Operator, tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
        """Return a constant's values; refuse a tensor that is computed at run time."""
        data = self.constants.get(tensor.index)
        if data is None and tensor.elements:
            raise self.unsupported(operator, tensor.dtype, f"its {what} must be constant")
        return np.frombuffer(data or b"", dtype=tensor.dtype).reshape(tensor.shape)

    def integers(self, operator: Operator, tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
        """Return the constant values of a tensor that holds sizes, axes or positions."""
        if tensor.dtype not in {"int32", "int64"}:
            raise ModelError(f"its {what} is {tensor.dtype}")
        return self.values(operator, tensor, what)

    def suffix(self, operator: Operator, *tensors: Tensor) -> str:
        """Return the kernel suffix for tensors that must all have one type."""
        dtypes = tuple(t.dtype for t in tensors)
        if dtypes[0] not in SUFFIXES or len(set(dtypes)) != 1:
            raise self.unsupported(operator, " x ".join(dtypes), "it has no kernel for these types")
        return SUFFIXES[dtypes[0]]

    def unsupported(self, operator: Operator, dtype: str, reason: str) -> UnsupportedModelError:
        """Build the error for an operator the engine cannot run."""
        return UnsupportedModelError(
            f"tinyquant does not support {operator.op} on {dtype} "
            f"({operator.label}): {reason}. "
            "Convert the model with another scheme, or choose a board whose runtime has this "
            "operator.",
            op=operator.op,
            dtype=dtype,
            reason=reason,
        )


# None: there is nothing to compute.
LoweringFunction = Callable[[Operator, Lowering], KernelCall | Alias | None]


def _widened(tensor: Tensor) -> Tensor:
    """Return a constant of int4, two to a byte, the first in its lower half, as one of int8."""
    if tensor.dtype != "int4" or tensor.data is None:
        return tensor
    packed = np.frombuffer(tensor.data, dtype=np.uint8)
    halves = np.stack([packed & 15, packed >> 4], axis=-1).reshape(-1)[: tensor.elements]
    values = (halves.astype(np.int8) ^ 8) - 8
    return replace(tensor, dtype="int8", data=values.astype(np.int8).tobytes())


def check_shape(tensor: Tensor, expected: tuple[int, ...]) -> None:
    """Raise :class:`ModelError` unless the tensor has the shape its operator implies."""
    if tensor.shape != expected:
        raise ModelError(
            f"tensor {tensor.name!r} has shape {list(tensor.shape)}, "
            f"its operator implies {list(expected)}"
        )
