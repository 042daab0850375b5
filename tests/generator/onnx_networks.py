"""Small ONNX networks with random weights, and onnxruntime's quantizations of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx_builder import OnnxBuilder
from onnx_full_size import FULL_SIZE
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization import QuantType
from onnxruntime.quantization import quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


def mlp() -> tuple[Any, tuple[int, ...]]:
    """Dense layers: Gemm, and MatMul with Add as PyTorch writes a Linear."""
    b = OnnxBuilder()
    t = b.op("Relu", b.gemm("x", 32, 24))
    t = b.op("Add", b.op("MatMul", t, b.weights(32, 16)), b.bias(16))
    t = b.op("Sigmoid", t)
    return b.model([1, 24], b.op("Softmax", b.gemm(t, 10, 16, 3.0), axis=1)), (24,)


def cnn() -> tuple[Any, tuple[int, ...]]:
    """Convolutions, pools and dense layers after a Flatten of more than one pixel."""
    b = OnnxBuilder()
    t = b.op("Relu", b.conv("x", 8, 1))
    t = b.op("MaxPool", t, kernel_shape=[2, 2], strides=[2, 2])
    t = b.op("Relu", b.conv(t, 12, 8))
    t = b.op("AveragePool", t, kernel_shape=[2, 2], strides=[2, 2])
    t = b.op("Relu", b.gemm(b.op("Flatten", t, axis=1), 24, 12 * 16))
    return b.model([1, 1, 16, 16], b.op("Softmax", b.gemm(t, 10, 24, 3.0), axis=1)), (1, 16, 16)


def resnet() -> tuple[Any, tuple[int, ...]]:
    """Residual blocks with symmetric padding at stride 2, as ResNet-8 in PyTorch."""
    b = OnnxBuilder()
    t = b.op("Relu", b.conv("x", 8, 3))
    left = b.conv(b.op("Relu", b.conv(t, 8, 8)), 8, 8)
    t = b.op("Relu", b.op("Add", t, left))
    left = b.conv(b.op("Relu", b.conv(t, 16, 8, strides=[2, 2])), 16, 16)
    t = b.op("Relu", b.op("Add", b.conv(t, 16, 8, 1, strides=[2, 2]), left))
    t = b.op("Flatten", b.op("GlobalAveragePool", t), axis=1)
    return b.model([1, 3, 16, 16], b.gemm(t, 10, 16, 3.0)), (3, 16, 16)


def mobilenet() -> tuple[Any, tuple[int, ...]]:
    """Inverted residuals with depthwise convolutions and ReLU6, as MobileNetV2."""
    b = OnnxBuilder()
    zero, six = b.constant(0.0), b.constant(6.0)
    t = b.op("Clip", b.conv("x", 8, 3, strides=[2, 2]), zero, six)
    d = b.op("Clip", b.conv(t, 16, 8, 1), zero, six)
    d = b.op("Clip", b.conv(d, 16, 16, group=16), zero, six)
    t = b.op("Add", t, b.conv(d, 8, 16, 1))
    t = b.op("Clip", b.conv(t, 16, 8, 1), zero, six)
    t = b.op("ReduceMean", t, axes=[2, 3], keepdims=0)
    return b.model([1, 3, 16, 16], b.gemm(t, 10, 16, 3.0)), (3, 16, 16)


def dscnn() -> tuple[Any, tuple[int, ...]]:
    """Depthwise separable convolutions over a spectrogram, as the keyword spotter DS-CNN."""
    b = OnnxBuilder()
    t = b.op("Relu", b.conv("x", 8, 1, strides=[2, 2]))
    for _ in range(2):
        t = b.op("Relu", b.conv(t, 8, 8, group=8))
        t = b.op("Relu", b.conv(t, 8, 8, 1))
    t = b.op("GlobalAveragePool", t)
    t = b.gemm(b.op("Reshape", t, b.constant([1, 8], np.int64)), 10, 8, 3.0)
    return b.model([1, 1, 25, 10], b.op("Softmax", t, axis=1)), (1, 25, 10)


def sequence() -> tuple[Any, tuple[int, ...]]:
    """A 1-d CNN over a sequence of three channels, as for an accelerometer."""
    b = OnnxBuilder()
    window = {"kernel_shape": [5], "pads": [2, 2]}
    t = b.op("Relu", b.op("Conv", "x", b.weights(8, 3, 5), b.bias(8), strides=[2], **window))
    t = b.op("MaxPool", t, kernel_shape=[2], strides=[2])
    depthwise = {"kernel_shape": [3], "pads": [1, 1], "group": 8}
    t = b.op("Relu", b.op("Conv", t, b.weights(8, 1, 3), b.bias(8), **depthwise))
    t = b.op("Relu", b.op("Conv", t, b.weights(12, 8, 5), b.bias(12), dilations=[1], **window))
    t = b.op("Flatten", b.op("GlobalAveragePool", t), axis=1)
    return b.model([1, 3, 64], b.op("Softmax", b.gemm(t, 10, 12, 3.0), axis=1)), (3, 64)


NETWORKS = {
    "mlp": mlp, "cnn": cnn, "resnet": resnet, "mobilenet": mobilenet, "dscnn": dscnn,
    "sequence": sequence, **FULL_SIZE,
}  # fmt: skip

_QDQ, _QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator

FORMS: dict[str, dict[str, Any]] = {
    "qdq-s8": {"quant_format": _QDQ, "activation_type": QuantType.QInt8},
    "qdq-s8-symmetric": {
        "quant_format": _QDQ,
        "activation_type": QuantType.QInt8,
        "extra_options": {"ActivationSymmetric": True},
    },
    "qdq-s8-tensor": {
        "quant_format": _QDQ, "activation_type": QuantType.QInt8, "per_channel": False
    },
    "qdq-u8": {"quant_format": _QDQ, "activation_type": QuantType.QUInt8},
    "qdq-mixed": {
        "quant_format": _QDQ,
        "activation_type": QuantType.QInt8,
        "op_types_to_quantize": ["Conv", "MaxPool", "Relu", "Clip", "Gemm"],
    },
    "qoperator-s8": {"quant_format": _QOPERATOR, "activation_type": QuantType.QInt8},
    "qoperator-u8": {"quant_format": _QOPERATOR, "activation_type": QuantType.QUInt8},
}  # fmt: skip


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: Any) -> None:
        self._left: Iterator[Any] = iter(samples)

    def get_next(self) -> Any:
        sample = next(self._left, None)
        return None if sample is None else {"x": sample[None]}


def smooth(shape: tuple[int, ...], count: int, seed: int = 1) -> Any:
    """Return samples [count, *shape] in 0 to 1 that differ from each other."""
    rng = np.random.default_rng(seed)
    levels = rng.random((count, *([1] * len(shape))))
    return np.clip(levels + 0.4 * rng.standard_normal((count, *shape)), 0, 1).astype(np.float32)


def write_network(name: str, folder: Path, forms: Any = ()) -> dict[str, Path]:
    """Write a network as float model and in quantized `forms`; return the files by form."""
    model, shape = NETWORKS[name]()
    found = {"float": folder / f"{name}.onnx"}
    onnx.checker.check_model(model)
    onnx.save(model, found["float"])
    ready = folder / f"{name}.prepared"
    quant_pre_process(str(found["float"]), str(ready), skip_symbolic_shape=True)
    for form in forms:
        settings = {"per_channel": True, "weight_type": QuantType.QInt8, **FORMS[form]}
        found[form] = folder / f"{name}_{form}.onnx"
        quantize_static(str(ready), str(found[form]), _Samples(smooth(shape, 50)), **settings)
    return found
