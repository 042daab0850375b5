"""Puts ONNX networks together node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from onnx import helper
from onnx import numpy_helper


class OnnxBuilder:
    """Puts a network together node by node; its weights are drawn from `seed`."""

    def __init__(self, seed: int = 7) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.rng = np.random.default_rng(seed)

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def weights(self, *shape: int, gain: float = 1.0) -> str:
        scale = gain * np.sqrt(2 / np.prod(shape[1:]))
        return self.constant(self.rng.standard_normal(shape) * scale)

    def bias(self, size: int) -> str:
        return self.constant(self.rng.standard_normal(size) * 0.1)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def conv(
        self,
        source: str,
        out: int,
        inputs: int,
        size: int = 3,
        *,
        gain: float = 1.0,
        **attributes: Any,
    ) -> str:
        shape = (out, inputs // attributes.get("group", 1), size, size)
        weights = self.weights(*shape, gain=gain)
        given = {"kernel_shape": [size, size], "pads": [size // 2] * 4, **attributes}
        return self.op("Conv", source, weights, self.bias(out), **given)

    def gemm(self, source: str, out: int, inputs: int, gain: float = 1.0) -> str:
        weights = self.weights(out, inputs, gain=gain)
        return self.op("Gemm", source, weights, self.bias(out), transB=1)

    def model(self, shape: list[Any], output: str, size: int = 10, opset: int = 17) -> Any:
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [shape[0], size])],
            self.constants,
        )
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
        )
