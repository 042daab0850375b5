"""Models with variables and with operators that run subgraphs."""

from __future__ import annotations

from typing import Any

from model_builder import ModelBuilder


INT8: dict[str, Any] = {"scale": 0.1, "zero_point": 5}


def streaming(first_value: Any = None, dtype: str = "int8", *, once: bool = True) -> bytes:
    """A layer that remembers the last three of its frames, as microWakeWord has them."""
    model = ModelBuilder()
    scale: dict[str, Any] = INT8 if dtype == "int8" else {}

    def handle() -> int:
        tensor = model.tensor((), "resource")
        model.operator("VAR_HANDLE", [], [tensor], shared_name=b"frames", container=b"")
        return tensor

    frames = model.tensor((1, 2, 3), dtype, **scale)
    old, joined, kept = (model.tensor((1, n, 3), dtype, **scale) for n in (3, 5, 3))
    begin, size = (model.tensor((3,), "int32", data=data) for data in ([0, 2, 0], [1, 3, 3]))
    if once:
        model.operator("CALL_ONCE", [], [], init_subgraph_index=1)
    variable = handle()
    model.operator("READ_VARIABLE", [variable], [old])
    model.operator("CONCATENATION", [old, frames], [joined], axis=1)
    model.operator("SLICE", [joined, begin, size], [kept])
    model.operator("ASSIGN_VARIABLE", [variable, kept], [])
    if not once:
        return model.build([frames], [joined])
    model.close([frames], [joined])
    variable = handle()
    value = model.tensor((1, 3, 3), dtype, data=first_value, **scale)
    model.operator("ASSIGN_VARIABLE", [variable, value], [])
    return model.build([], [])


def branching() -> bytes:
    """Twice the input, or the input as it is."""
    model = ModelBuilder()
    condition = model.tensor((1,), "bool")
    source, result = (model.tensor((2, 3), "int8", **INT8) for _ in range(2))
    branches = {"then_subgraph_index": 1, "else_subgraph_index": 2}
    model.operator("IF", [condition, source], [result], **branches)
    model.close([condition, source], [result])
    source, result = (model.tensor((2, 3), "int8", **INT8) for _ in range(2))
    model.operator("ADD", [source, source], [result])
    model.close([source], [result])
    source = model.tensor((2, 3), "int8", **INT8)
    return model.build([source], [source])


def looping(*, swap: bool = False, condition: Any = None) -> bytes:
    """While a count is below 5: x, y = x + y, y; or y, x + y."""
    model = ModelBuilder()

    def values() -> list[int]:
        return [model.tensor((1,), "int32"), model.tensor((2, 3)), model.tensor((2, 3))]

    inputs, outputs = values(), values()
    model.operator("WHILE", inputs, outputs, cond_subgraph_index=1, body_subgraph_index=2)
    model.close(inputs, outputs)
    inputs = values()
    limit, below = model.tensor((1,), "int32", data=[5]), model.tensor((1,), "bool", data=condition)
    if condition is None:
        model.operator("LESS", [inputs[0], limit], [below])
    model.close(inputs, [below])
    count, x, y = inputs = values()
    one = model.tensor((1,), "int32", data=[1])
    following, total = model.tensor((1,), "int32"), model.tensor((2, 3))
    model.operator("ADD", [count, one], [following])
    model.operator("ADD", [x, y], [total])
    return model.build(inputs, [following, y, total] if swap else [following, total, y])
