"""Count the instructions of DS-CNN's float depthwise layer with each kernel set.

Run it as ``python benchmarks/float_depthwise.py``. TensorFlow Lite Micro's count of that layer is
the one measured with the models in tflm-cortex-m4.csv.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.plan import plan as make_plan
from pytest_tinyquant.firmware import image as firmware
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


KERNELS = ("reference", "cortex_m_dsp")
HEIGHT, WIDTH, CHANNELS, FILTER = 25, 5, 64, 3

# CMSIS-NN has no float kernel: both run TensorFlow Lite Micro's own, compiled apart.
TFLM = {"TFLM": 2_218_243, "TFLM + CMSIS-NN": 2_202_540}


def layer() -> Graph:
    """Return the layer as a model: 3 x 3 filters, stride 1, SAME, RELU."""
    random = np.random.default_rng(0)
    weights = random.normal(size=(1, FILTER, FILTER, CHANNELS)).astype("<f4")
    bias = random.normal(size=CHANNELS).astype("<f4")
    image = (1, HEIGHT, WIDTH, CHANNELS)
    tensors = (
        Tensor(0, "input", image, "float32", None, None),
        Tensor(1, "weights", weights.shape, "float32", None, weights.tobytes()),
        Tensor(2, "bias", bias.shape, "float32", None, bias.tobytes()),
        Tensor(3, "output", image, "float32", None, None),
    )
    options = {
        "padding": "SAME",
        "stride_h": 1,
        "stride_w": 1,
        "dilation_h_factor": 1,
        "dilation_w_factor": 1,
        "depth_multiplier": 1,
        "fused_activation_function": "RELU",
    }
    operator = Operator(0, "DEPTHWISE_CONV_2D", 1, (0, 1, 2), (3,), options)
    return Graph(tensors, (operator,), (0,), (3,))


def count(kernels: str) -> int:
    """Return the instructions of one inference on the emulated Cortex-M4F."""
    board = dataclasses.replace(load_boards(())["nucleo-l4r5zi"], kernels=kernels)
    sample = np.random.default_rng(1).normal(size=HEIGHT * WIDTH * CHANNELS).astype("<f4")
    with tempfile.TemporaryDirectory() as directory:
        emitted = emit(make_plan(layer(), kernels=kernels), Path(directory))
        image = firmware.build(emitted, board, (sample.tobytes(),), Cache(), where=kernels)
        device = open_device(board, work_dir=Path(directory), timeout=60)
        try:
            device.flash(image)
            counter = device.run().counter
        finally:
            device.close()
    assert counter is not None
    return counter


def main() -> None:
    """Measure and print."""
    # Positions outside of the image are counted, though no kernel multiplies them.
    macs = HEIGHT * WIDTH * CHANNELS * FILTER**2
    print("| kernels | instructions | per MAC |")
    print("|---|---|---|")
    for name, instructions in ({kernels: count(kernels) for kernels in KERNELS} | TFLM).items():
        print(f"| {name} | {instructions:,} | {instructions / macs:.2f} |")


if __name__ == "__main__":
    main()
