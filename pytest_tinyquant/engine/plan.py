"""Plan a model: kernels in order, parameters, weights, and every tensor's place in the arena."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_tinyquant.engine import planner
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowered_graph import count_parameters
from pytest_tinyquant.engine.lowered_graph import lower_graph
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.overlap import Access
from pytest_tinyquant.engine.overlap import Region
from pytest_tinyquant.engine.overlap import check_no_overlap
from pytest_tinyquant.engine.quantization import zero_point
from pytest_tinyquant.engine.spare_memory import grow
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor


@dataclass(frozen=True)
class PlanOp:
    """One row of the generated operator table.

    `index` is the row, `label` names the operator in the .tflite file, `tensor` is the index of
    its (first) output tensor there.
    """

    index: int
    label: str
    op: str
    kernel: str
    output_shape: tuple[int, ...]
    macs: int
    tensor: int
    call: KernelCall


@dataclass(frozen=True)
class TensorInfo:
    """A model input or output: `bytes` at `offset` of the arena."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    bytes: int
    offset: int


@dataclass(frozen=True)
class State:
    """A variable tensor: `bytes` at `offset` of the arena, `value` in each at first."""

    index: int
    name: str
    bytes: int
    offset: int
    value: int


@dataclass(frozen=True)
class PlacedTensor:
    """A value in the arena, alive from row `first` to row `last` of the operator table.

    -1 is before the first operator (model inputs), the number of operators is after the last
    (model outputs); variable tensors live from the one to the other. `name` is that of the
    tensor, or of the operator whose scratch memory it is.
    """

    name: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Everything that the emitter needs, and what reports say about the model's memory.

    `placements` maps every tensor in the arena to its row of `arena_tensors`; tensors that share
    their memory by RESHAPE share the row. `parameters` counts the weights and biases of the
    operators that multiply and accumulate.
    """

    name: str
    sha256: str
    ops: tuple[PlanOp, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    arena_bytes: int
    lower_bound_bytes: int
    arena_tensors: tuple[PlacedTensor, ...]
    placements: Mapping[int, PlacedTensor]
    scratch: Mapping[int, PlacedTensor]
    weights: bytes
    states: tuple[State, ...] = ()
    parameters: int = 0


def plan(
    graph: Graph,
    *,
    name: str = "model",
    kernels: str = "reference",
    replaced: Collection[str] = frozenset(),
    spare_bytes: int = 0,
) -> Plan:
    """Plan the model `graph`; `name` is what the generated code calls it.

    `kernels` is the kernel set that the plan will be linked with, as a board names it. Kernels of
    a user's own directory, by name in `replaced`, stand in for those of this package, and may read
    and write in another order: with them no output lies over its input but where a kernel may run
    in place. With a directory in place of a set, that holds for every kernel.

    The arena may grow by `spare_bytes` where a kernel is faster with more working memory; it grows
    by no more than the kernels take.

    Raises :class:`UnsupportedModelError` for what the engine has no kernel for and
    :class:`ModelError` for a graph whose shapes or scales contradict each other.
    """
    lowering, calls, roots = lower_graph(graph, kernels, replaced)
    return _Layout(lowering, calls, roots, spare_bytes).plan(name)


class _Layout:
    """The buffers of the lowered operators, placed and checked."""

    def __init__(
        self,
        lowering: Lowering,
        calls: list[tuple[Operator, KernelCall]],
        roots: dict[int, int],
        spare_bytes: int,
    ) -> None:
        self.lowering = lowering
        self.graph = lowering.graph
        self.calls = calls
        self.roots = roots
        self.spare_bytes = spare_bytes

    def root(self, tensor: int) -> int:
        """Return the tensor that owns the memory of `tensor`."""
        return self.roots.get(tensor, tensor)

    def plan(self, name: str) -> Plan:
        buffers = self._buffers()
        pairs = {(self.root(a), self.root(b)) for _, call in self.calls for a, b in call.in_place}
        lags = {
            (self.root(a), self.root(b)): trail.lag
            for _, call in self.calls
            for (a, b), trail in call.trails.items()
        }
        bound = planner.lower_bound(buffers, pairs, lags)
        offsets = planner.place(buffers, pairs, lags)
        buffers = self._use_spare_memory(buffers, offsets)
        rows = {
            b.key: PlacedTensor(self._name(b.key), offsets[b.key], b.size, b.first, b.last)
            for b in buffers
        }
        result = Plan(
            name=name,
            sha256=self.graph.sha256,
            ops=tuple(self._op(row, *pair) for row, pair in enumerate(self.calls)),
            inputs=tuple(self._info(i, rows) for i in self.graph.inputs),
            outputs=tuple(self._info(i, rows) for i in self.graph.outputs),
            arena_bytes=planner.arena_size(buffers, offsets),
            lower_bound_bytes=bound,
            arena_tensors=tuple(sorted(rows.values(), key=lambda r: (r.first, r.offset))),
            placements={
                t.index: rows[self.root(t.index)]
                for t in self.lowering.tensors
                if self.root(t.index) in rows
            },
            scratch={-key - 1: row for key, row in rows.items() if key < 0},
            weights=self.lowering.blob.getvalue(),
            states=tuple(self._state(index, rows) for index in self._states()),
            parameters=count_parameters(self.lowering, self.calls),
        )
        self._check(result)
        return result

    def _use_spare_memory(
        self, buffers: list[planner.Buffer], offsets: dict[int, int]
    ) -> list[planner.Buffer]:
        """Let kernels have what the arena leaves; return the buffers as they are then."""
        arena = planner.arena_size(buffers, offsets) + self.spare_bytes
        for row, (operator, call) in enumerate(self.calls):
            grown = grow(row, call, buffers, offsets, arena) if call.growth else None
            if grown is not None:
                larger, offsets[-1 - row] = grown
                self.calls[row] = operator, larger
                others = [b for b in buffers if b.key != -1 - row]
                buffers = [*others, planner.Buffer(-1 - row, larger.scratch_bytes, row, row)]
        return buffers

    def _buffers(self) -> list[planner.Buffer]:
        """Return one buffer per value, and one with key -1 - row per operator's scratch."""
        states = self._states()
        first: dict[int, int] = {self.root(i): -1 for i in (*self.graph.inputs, *states)}
        last = dict(first)
        reach: dict[int, int] = {}
        scratch = []
        for row, (_, call) in enumerate(self.calls):
            for tensor in call.reads:
                last[self.root(tensor)] = row
            for tensor, size in call.reach.items():
                reach[self.root(tensor)] = max(size, reach.get(self.root(tensor), 0))
            for tensor in (*call.writes, *call.inner):
                first[tensor] = last[tensor] = row
            if call.scratch_bytes:
                scratch.append(planner.Buffer(-1 - row, call.scratch_bytes, row, row))
        for tensor in (*self.graph.outputs, *states):
            last[self.root(tensor)] = len(self.calls)
        values = [
            planner.Buffer(
                key, self.lowering.tensor(key).bytes, first[key], last[key], reach.get(key, 0)
            )
            for key in first
        ]
        return values + scratch

    def _states(self) -> tuple[int, ...]:
        """Return the variable tensors that operators change."""
        return tuple(sorted({tensor for _, call in self.calls for tensor in call.updates}))

    def _name(self, key: int) -> str:
        if key >= 0:
            return self.lowering.tensor(key).name or f"tensor {key}"
        return f"{self.calls[-1 - key][0].label} scratch"

    def _op(self, row: int, operator: Operator, call: KernelCall) -> PlanOp:
        output = self.lowering.tensor((*call.writes, *call.updates)[0])
        return PlanOp(
            row, operator.label, operator.kind, call.kernel, output.shape, call.macs,
            output.index, call,
        )  # fmt: skip

    def _info(self, index: int, rows: Mapping[int, PlacedTensor]) -> TensorInfo:
        tensor = self.graph.tensors[index]
        return TensorInfo(
            index, tensor.name, tensor.shape, tensor.dtype, tensor.quantization, tensor.bytes,
            rows[self.root(index)].offset,
        )  # fmt: skip

    def _state(self, index: int, rows: Mapping[int, PlacedTensor]) -> State:
        tensor = self.lowering.tensor(index)
        # What TensorFlow Lite Micro fills it with; the bytes of wider types are all 0.
        value = zero_point(tensor) % 256 if tensor.dtype == "int8" else 0
        value = self.lowering.first_values.get(index, value)
        return State(index, tensor.name, tensor.bytes, rows[index].offset, value)

    def _check(self, result: Plan) -> None:
        """Hand the placement to the checker, which shares nothing with the planner."""

        def regions(tensors: Iterable[int]) -> tuple[Region, ...]:
            found: list[Tensor] = [self.lowering.tensor(t) for t in tensors]
            return tuple(
                Region(self.root(t.index), result.placements[t.index].offset, t.bytes)
                for t in found
            )

        steps = [
            Access(
                op.label,
                regions((*op.call.reads, *op.call.updates)),
                regions((*op.call.writes, *op.call.updates, *op.call.inner)),
                tuple(
                    Region(-2, result.scratch[op.index].offset, op.call.scratch_bytes)
                    for _ in range(op.index in result.scratch)
                ),
                frozenset(
                    (self.root(a), self.root(b))
                    for a, b in (*op.call.in_place, *((u, u) for u in op.call.updates))
                ),
                {
                    (self.root(a), self.root(b)): tuple(
                        zip(trail.written, trail.needed, strict=True)
                    )
                    for (a, b), trail in op.call.trails.items()
                },
            )
            for op in result.ops
        ]
        names = {t.index: t.name for t in self.lowering.tensors}
        check_no_overlap(
            steps,
            regions((*self.graph.inputs, *self._states())),
            regions((*self.graph.outputs, *self._states())),
            result.arena_bytes,
            names,
        )
