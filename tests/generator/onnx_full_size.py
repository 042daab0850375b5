"""Networks for microcontrollers at full size, with random weights."""

from __future__ import annotations

from typing import Any

from onnx_builder import OnnxBuilder


def mobilenet_v2() -> tuple[Any, tuple[int, ...]]:
    """MobileNetV2 1.0 at 224 x 224: 300 million multiply-adds, 52 convolutions."""
    b = OnnxBuilder()
    zero, six = b.constant(0.0), b.constant(6.0)

    def relu6(t: str) -> str:
        return b.op("Clip", t, zero, six)

    t, inputs = relu6(b.conv("x", 32, 3, strides=[2, 2])), 32
    blocks = (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    )  # fmt: skip
    for expansion, out, repeats, stride in blocks:
        for place in range(repeats):
            step = stride if place == 0 else 1
            wide = inputs * expansion
            d = relu6(b.conv(t, wide, inputs, 1)) if expansion > 1 else t
            d = relu6(b.conv(d, wide, wide, group=wide, strides=[step, step]))
            d = b.conv(d, out, wide, 1, gain=0.5)
            t = b.op("Add", t, d) if step == 1 and inputs == out else d
            inputs = out
    t = relu6(b.conv(t, 1280, inputs, 1))
    t = b.op("Flatten", b.op("GlobalAveragePool", t), axis=1)
    return b.model([1, 3, 224, 224], b.gemm(t, 1000, 1280, 3.0), 1000), (3, 224, 224)


def resnet_8() -> tuple[Any, tuple[int, ...]]:
    """ResNet-8 of MLPerf Tiny, for images of 32 x 32."""
    b = OnnxBuilder()
    t, inputs = b.op("Relu", b.conv("x", 16, 3)), 16
    for out, stride in ((16, 1), (32, 2), (64, 2)):
        left = b.op("Relu", b.conv(t, out, inputs, strides=[stride, stride]))
        left = b.conv(left, out, out)
        right = t if stride == 1 else b.conv(t, out, inputs, 1, strides=[stride, stride])
        t, inputs = b.op("Relu", b.op("Add", right, left)), out
    t = b.op("Flatten", b.op("AveragePool", t, kernel_shape=[8, 8]), axis=1)
    return b.model([1, 3, 32, 32], b.op("Softmax", b.gemm(t, 10, 64, 3.0), axis=1)), (3, 32, 32)


def ds_cnn() -> tuple[Any, tuple[int, ...]]:
    """DS-CNN of MLPerf Tiny, for 49 frames of 10 coefficients."""
    b = OnnxBuilder()
    window = {"kernel_shape": [10, 4], "pads": [4, 1, 5, 1], "strides": [2, 2]}
    t = b.op("Relu", b.op("Conv", "x", b.weights(64, 1, 10, 4), b.bias(64), **window))
    for _ in range(4):
        t = b.op("Relu", b.conv(t, 64, 64, group=64))
        t = b.op("Relu", b.conv(t, 64, 64, 1))
    t = b.op("Flatten", b.op("AveragePool", t, kernel_shape=[25, 5]), axis=1)
    return b.model([1, 1, 49, 10], b.op("Softmax", b.gemm(t, 12, 64, 3.0), axis=1), 12), (1, 49, 10)


def auto_encoder() -> tuple[Any, tuple[int, ...]]:
    """The dense auto-encoder of MLPerf Tiny, ten layers."""
    b = OnnxBuilder()
    t, inputs = "x", 640
    for out in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        t, inputs = b.op("Relu", b.gemm(t, out, inputs)), out
    return b.model([1, 640], b.gemm(t, 640, inputs), 640), (640,)


def activity_cnn() -> tuple[Any, tuple[int, ...]]:
    """A 1-d CNN over 128 steps of nine channels, as for recognizing activities."""
    b = OnnxBuilder()
    t, inputs, window = "x", 9, {"kernel_shape": [5], "pads": [2, 2]}
    for out in (64, 64, 128):
        weights = b.weights(out, inputs, 5)
        t, inputs = b.op("Relu", b.op("Conv", t, weights, b.bias(out), **window)), out
        t = b.op("MaxPool", t, kernel_shape=[2], strides=[2])
    t = b.op("Relu", b.gemm(b.op("Flatten", t, axis=1), 100, 128 * 16))
    return b.model([1, 9, 128], b.op("Softmax", b.gemm(t, 6, 100, 3.0), axis=1), 6), (9, 128)


FULL_SIZE = {
    "mobilenet_v2": mobilenet_v2, "resnet_8": resnet_8, "ds_cnn": ds_cnn,
    "auto_encoder": auto_encoder, "activity_cnn": activity_cnn,
}  # fmt: skip
