"""Ask the tflite-micro wheel which operators it runs on which types, and write what it says.

    python tests/generator/probe.py > pytest_tinyquant/support/tflm_table.py

An operator runs on a combination of types if one of a few drawn layers of these types is allocated
and invoked. Builtin operators of TensorFlow Lite Micro without a layer here are listed in
:data:`UNDRAWN` with the types that their own checks name.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any


sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.families import VARIANTS
from drawn_layers.families import Variant
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec

from pytest_tinyquant.support.custom import TFLM as CUSTOM
from pytest_tinyquant.support.roles import DEFAULT_ROLES
from pytest_tinyquant.support.roles import ROLES


TYPES = ("float32", "int8", "int16", "uint8", "int32", "int64", "bool", "float16")
QUANTIZED = ("int8", "int16", "uint8", "int4")
ARENA_BYTES = 1 << 22
SEEDS = 3

Combination = tuple[str, ...]

# Types of the roles behind the first, where they are not those that layers are drawn with.
_OTHER_ROLES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "CONV_2D": (("float32", "int8", "int16", "int4"),),
    "DEPTHWISE_CONV_2D": (("float32", "int8", "int16", "int4"),),
    "FULLY_CONNECTED": (("float32", "int8", "int16", "int4"),),
    "QUANTIZE": (TYPES,),
    "CAST": (TYPES,),
    "ARG_MAX": (("int32", "int64"),),
    "ARG_MIN": (("int32", "int64"),),
    "EMBEDDING_LOOKUP": (TYPES,),
    "GATHER": (("int32", "int64", "int16", "int8"),),
    "GATHER_ND": (("int32", "int64", "int16", "int8"),),
    "PRELU": (("float32", "int8", "int16"),),
    "TRANSPOSE_CONV": (
        ("float32", "int8", "int16"),
        ("float32", "int16", "int32", "int64", "missing"),
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (("float32", "int8"), ("float32", "int8", "int16")),
    "SVDF": (
        ("float32", "int8"),
        ("float32", "int8", "int16"),
        ("float32", "int32"),
        ("float32", "int8", "int16"),
    ),
}


def operators() -> dict[str, list[Variant]]:
    """Return the built-in operators with their variants, one for each way to draw them."""
    ways: dict[str, list[Variant]] = {}
    for variant in VARIANTS:
        if variant.op in CUSTOM:
            continue
        ways.setdefault(variant.op, []).append(variant)
    return ways


def table(names: Iterator[str] | None = None) -> dict[str, list[Combination]]:
    """Return the combinations of types that TensorFlow Lite Micro runs, of the operators named."""
    ways = operators()
    return {
        op: [c for c in _candidates(op, ways[op]) if _runs(op, ways[op], c)]
        for op in (names or sorted(ways))
    }


def _candidates(op: str, variants: list[Variant]) -> list[Combination]:
    del variants
    first = [(dtype,) for dtype in TYPES]
    rest = list(itertools.product(*_OTHER_ROLES.get(op, ())))
    return [(*a, *b) for a in first for b in rest]


def _runs(op: str, variants: list[Variant], combination: Combination) -> bool:
    models = list(_models(op, variants, combination))
    return _any_runs(models)


def _models(op: str, variants: list[Variant], types: Combination) -> Iterator[Layer]:
    """Yield layers of the wanted types: drawn with the first, the other roles replaced."""
    roles = ROLES.get(op, DEFAULT_ROLES)
    seen = set()
    for variant in variants:
        way = repr(variant.drawn_by)
        if way in seen:
            continue
        seen.add(way)
        for seed in range(SEEDS):
            for base in dict.fromkeys((types[0], "int8", "float32")):
                try:
                    layer = variant.drawn_as(Draw(BySeed(seed), 1), base)
                except (ArithmeticError, KeyError, MemoryError, TypeError, ValueError):
                    continue
                spec = _retyped(layer.spec, base, types, roles)
                yield Layer(spec, [[_zeros(t) for t in spec.variable_inputs]])


def _zeros(tensor: TensorSpec) -> np.ndarray:
    return np.ones(tensor.shape, tensor.dtype)


def _retyped(
    spec: OperatorSpec, base: str, types: Combination, roles: Mapping[str, tuple[str, int]]
) -> OperatorSpec:
    """Return the layer with every tensor of type `base` made the first type, then the roles'."""
    tensors: dict[str, list[Any]] = {
        "inputs": [_cast(t, types[0]) if t and t.dtype == base else t for t in spec.inputs],
        "outputs": [_cast(t, types[0]) if t.dtype == base else t for t in spec.outputs],
    }
    for dtype, (kind, position) in zip(types, roles.values(), strict=True):
        while len(tensors[kind]) <= position:
            tensors[kind].append(None)
        old = tensors[kind][position]
        if dtype == "missing":
            tensors[kind][position] = None
        elif old is not None:
            tensors[kind][position] = _cast(old, dtype)
    return dataclasses.replace(
        spec, inputs=tuple(tensors["inputs"]), outputs=tuple(tensors["outputs"])
    )


def _cast(tensor: TensorSpec, dtype: str) -> TensorSpec:
    if dtype == tensor.dtype:
        return tensor
    scale = (tensor.scale if tensor.scale is not None else 0.05) if dtype in QUANTIZED else None
    data = tensor.data
    if data is not None:
        data = np.ones(tensor.shape, "int8" if dtype == "int4" else dtype)
    zero = tensor.zero_point if dtype in {"int8", "uint8"} and tensor.zero_point >= 0 else 0
    return dataclasses.replace(tensor, dtype=dtype, scale=scale, zero_point=zero, data=data)


def _any_runs(layers: list[Layer]) -> bool:
    """Let the wheel run the models one after the other in children, since it may abort."""
    from tflite_micro.python.tflite_micro import runtime

    left = [(layer.spec.model(), layer.samples[0]) for layer in layers]
    while left:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            for model, sample in left:
                os.write(write, b"t")
                try:
                    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
                    for index, value in enumerate(sample):
                        interpreter.set_input(value, index)
                    interpreter.invoke()
                except BaseException:
                    continue
                os._exit(0)
            os._exit(1)
        os.close(write)
        tried = len(os.read(read, 1 << 16))
        while more := os.read(read, 1 << 16):
            tried += len(more)
        os.close(read)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status in {0, 1}:
            return status == 0
        left = left[tried:]  # it died on the last one
    return False


def source(found: Mapping[str, list[Combination]]) -> str:
    """Return the module that holds the table."""
    lines = [
        '"""The types on which TensorFlow Lite Micro runs an operator, in the order of its roles.',
        "",
        "Generated by tests/generator/probe.py from what the tflite-micro wheel does; do not edit.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        "",
        f'WHEEL: Final = "tflite-micro {version("tflite-micro")}"',
        "",
        f"TYPES: Final = {TYPES!r}".replace("'", '"'),
        "",
        "TABLE: Final[dict[str, tuple[tuple[str, ...], ...]]] = {",
    ]
    for op, combinations in sorted(found.items()):
        lines.append(f'    "{op}": (')
        lines += [
            "        (" + "".join(f'"{dtype}", ' for dtype in types).rstrip() + "),"
            if len(types) == 1
            else "        (" + ", ".join(f'"{dtype}"' for dtype in types) + "),"
            for types in combinations
        ]
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    names = sys.argv[1:]
    sys.stdout.write(source(table(iter(names) if names else None)))
