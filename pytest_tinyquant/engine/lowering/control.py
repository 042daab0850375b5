"""Variables (VAR_HANDLE and its kin), and operators that run subgraphs: CALL_ONCE, IF, WHILE."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Ops
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.bodies import Body
from pytest_tinyquant.engine.lowering.bodies import instantiate
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import BITS
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


def var_handle(operator: Operator, lowering: Lowering) -> None:
    """Note which variable a handle stands for; nothing has to be computed."""
    key = operator.options["container"], operator.options["shared_name"]
    output = lowering.output(operator)
    if output.dtype != "resource":
        raise ModelError(f"its handle {output.name!r} is {output.dtype}")
    lowering.handles[output.index] = key


def read_variable(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower READ_VARIABLE: a copy of what a variable holds."""
    output = lowering.output(operator)
    variable = lowering.variable(lowering.source(operator, 0), output)
    return _copy(lowering, variable, output)


def assign_variable(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower ASSIGN_VARIABLE: a copy into a variable."""
    value = lowering.source(operator, 1)
    return _copy(lowering, value, lowering.variable(lowering.source(operator, 0), value))


def _copy(lowering: Lowering, source: Tensor, output: Tensor) -> KernelCall:
    same = (source.bytes, source.dtype) == (output.bytes, output.dtype)
    if not same or not BITS[output.dtype]:
        raise ModelError(
            f"{source.dtype} {list(source.shape)} becomes {output.dtype} {list(output.shape)}"
        )
    variables = tuple(t.index for t in (source, output) if t.is_variable)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "bytes": output.bytes,
    }
    return KernelCall(
        "tq_copy",
        "tq_copy_params",
        fields,
        tuple(index for index in lowering.reads(source) if index not in variables),
        () if output.is_variable else (output.index,),
        updates=variables,
    )


def call_once(operator: Operator, lowering: Lowering) -> KernelCall | None:
    """Lower CALL_ONCE, which gives variables their first values.

    A variable whose bytes are then all equal needs no code: it is the state's first value.
    """
    used = set(lowering.used_variables)
    body = instantiate(lowering, operator.options["init_subgraph_index"], [])
    if body.outputs:
        raise ModelError("its subgraph has outputs")
    firsts = [_first_value(lowering, call) for call in body.calls]
    states = {index for call in body.calls for index in call.updates}
    if all(first is not None for first in firsts) and states.isdisjoint(used):
        lowering.first_values |= dict(first for first in firsts if first is not None)
        return None
    done = lowering.add_state(f"{operator.label} done", "bool")
    fields: dict[str, Value] = {
        "done": lowering.address(done),
        **_list("ops", body.calls),
    }
    return _call(lowering, "tq_call_once", fields, body.calls, updates=(done.index,))


def _first_value(lowering: Lowering, call: KernelCall) -> tuple[int, int] | None:
    """Return variable and byte of a copy of a constant whose bytes are all equal."""
    if call.kernel != "tq_copy" or call.reads or call.writes or len(call.updates) != 1:
        return None
    data = lowering.blob.read(call.fields["input"], call.fields["bytes"])
    return (call.updates[0], data[0]) if len(set(data)) == 1 else None


def if_(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower IF: a list of operators for either case."""
    condition = _condition(lowering.source(operator, 0))
    outputs = [lowering.tensor(index) for index in operator.outputs]
    fields: dict[str, Value] = {"condition": lowering.address(condition)}
    everything: list[KernelCall] = []
    for name in ("then", "else"):
        number = operator.options[f"{name}_subgraph_index"]
        body = instantiate(lowering, number, list(operator.inputs[1:]))
        calls = [*body.calls, *_copies(lowering, body.outputs, outputs)]
        fields |= _list(f"{name}_ops", calls)
        everything += calls
    reads = lowering.reads(condition)
    return _call(lowering, "tq_if", fields, everything, reads=reads, outputs=operator.outputs)


def while_(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower WHILE; what goes round lies where the outputs do."""
    inputs = [lowering.source(operator, place) for place in range(len(operator.inputs))]
    outputs = [lowering.tensor(index) for index in operator.outputs]
    first = _copies(lowering, inputs, outputs)
    test = instantiate(lowering, operator.options["cond_subgraph_index"], list(operator.outputs))
    if len(test.outputs) != 1:
        raise ModelError(f"its condition has {len(test.outputs)} outputs")
    condition = _condition(test.outputs[0])
    if condition.index in lowering.constants:
        raise lowering.unsupported(operator, "bool", "its condition never changes")
    body = instantiate(lowering, operator.options["body_subgraph_index"], list(operator.outputs))
    again = [*body.calls, *_exchanges(lowering, body, outputs)]
    fields: dict[str, Value] = {
        "condition": lowering.address(condition),
        **_list("first_ops", first),
        **_list("condition_ops", test.calls),
        **_list("body_ops", again),
    }
    calls = [*first, *test.calls, *again]
    return _call(lowering, "tq_while", fields, calls, outputs=operator.outputs)


def _condition(tensor: Tensor) -> Tensor:
    if tensor.dtype != "bool" or tensor.elements != 1:
        raise ModelError(f"its condition is {tensor.dtype} {list(tensor.shape)}")
    return tensor


def _copies(
    lowering: Lowering, sources: Sequence[Tensor], outputs: Sequence[Tensor]
) -> list[KernelCall]:
    if len(sources) != len(outputs):
        raise ModelError(f"{len(sources)} values become {len(outputs)}")
    return [_copy(lowering, a, b) for a, b in zip(sources, outputs, strict=True)]


def _exchanges(lowering: Lowering, body: Body, outputs: Sequence[Tensor]) -> list[KernelCall]:
    """Return the copies that make a round's results the next one's values.

    A result that is another value of the last round, as it was, is put aside first.
    """
    aside, last = [], []
    places = {output.index for output in outputs}
    if len(body.outputs) != len(outputs):
        raise ModelError(f"{len(body.outputs)} values become {len(outputs)}")
    for result, output in zip(body.outputs, outputs, strict=True):
        root = lowering.root(result.index)
        if root == output.index:
            continue
        source = result
        if root in places:
            source = lowering.add_like(result)
            aside.append(_copy(lowering, result, source))
        last.append(_copy(lowering, source, output))
    return aside + last


def _list(name: str, calls: Sequence[KernelCall]) -> dict[str, Value]:
    """Return the fields of a list of operators."""
    return {
        name: Ops(tuple(calls)) if calls else None,
        f"{name.removesuffix('s')}_count": len(calls),
    }


def _call(
    lowering: Lowering,
    kernel: str,
    fields: dict[str, Value],
    calls: Sequence[KernelCall],
    *,
    reads: tuple[int, ...] = (),
    outputs: tuple[int, ...] = (),
    updates: tuple[int, ...] = (),
) -> KernelCall:
    """Return the call of an operator that runs others, which reads and writes what they do."""
    written = {index for call in calls for index in call.writes}
    read = {lowering.root(index) for call in calls for index in call.reads}
    read -= {*written, *outputs}
    inner = written - set(outputs)
    reach: dict[int, int] = {}
    for call in calls:
        for index, size in call.reach.items():
            reach[index] = max(size, reach.get(index, 0))
    return KernelCall(
        kernel,
        f"{kernel}_params",
        fields,
        tuple(sorted({*reads, *read})),
        outputs,
        scratch_bytes=max((call.scratch_bytes for call in calls), default=0),
        macs=sum(call.macs for call in calls),
        updates=tuple(sorted({*updates, *(index for call in calls for index in call.updates)})),
        reach=reach,
        inner=tuple(sorted(inner)),
    )
