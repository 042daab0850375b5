"""Models with custom operators of TensorFlow Lite Micro, built as their makers build them."""

from __future__ import annotations

import numpy as np
from model_builder import ModelBuilder


FRAME, FFT, CHANNELS = 48, 64, 6
BINS = FFT // 2 + 1


def detector() -> bytes:
    """Return what decodes 30 boxes of three classes, both inputs computed from the model's own."""
    builder = ModelBuilder()
    numbers = np.random.default_rng(5)
    boxes, classes, slots = 30, 3, 8
    source = builder.tensor((1, boxes, 4))
    encodings, scores = builder.tensor((1, boxes, 4)), builder.tensor((1, boxes, 4))
    half = builder.tensor((1,), data=[0.5])
    builder.operator("MUL", [source, half], [encodings])
    builder.operator("SUB", [source, half], [scores])
    sizes = [numbers.uniform(low, 0.7, (boxes, 2)) for low in (0.0, 0.2)]
    anchors = builder.tensor((boxes, 4), data=np.concatenate(sizes, axis=1))
    shapes = ((1, slots, 4), (1, slots), (1, slots), (1,))
    outputs = [builder.tensor(shape) for shape in shapes]
    builder.custom(
        "TFLite_Detection_PostProcess", [encodings, scores, anchors], outputs,
        max_detections=slots, max_classes_per_detection=1, num_classes=classes,
        nms_score_threshold=0.2, nms_iou_threshold=0.5,
        y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0,
    )  # fmt: skip
    return builder.build([source], outputs[:3])


def front_end() -> bytes:
    """Return the features of a frame of sound as micro speech has them, in miniature."""
    builder = ModelBuilder()
    source = builder.tensor((1, FRAME), "int16", scale=1.0)
    frame, windowed = (builder.tensor((FRAME,), "int16") for _ in range(2))
    shape = builder.tensor((1,), "int32", data=[FRAME])
    builder.operator("RESHAPE", [source, shape], [frame])
    window = 4095 * np.sin(np.pi * (np.arange(FRAME) + 0.5) / FRAME) ** 2
    weights = builder.tensor((FRAME,), "int16", data=window)
    builder.custom("SignalWindow", [frame, weights], [windowed], shift=12)
    scaled, bits = builder.tensor((FRAME,), "int16"), builder.tensor((), "int32")
    builder.custom("SignalFftAutoScale", [windowed], [scaled, bits])
    spectrum, energy = builder.tensor((2 * BINS,), "int16"), builder.tensor((BINS,), "uint32")
    builder.custom("SignalRfft", [scaled], [spectrum], T=7, fft_length=FFT)
    builder.custom("SignalEnergy", [spectrum], [energy], start_index=1, end_index=BINS)
    bank, root, clean, noise, gained = (
        builder.tensor((CHANNELS,), dtype)
        for dtype in ("uint64", "uint32", "uint32", "uint32", "uint32")
    )
    builder.custom("SignalFilterBank", [energy, *_filters(builder)], [bank], num_channels=CHANNELS)
    builder.custom("SignalFilterBankSquareRoot", [bank, bits], [root])
    builder.custom(
        "SignalFilterBankSpectralSubtraction", [root], [clean, noise],
        num_channels=CHANNELS, smoothing=409, one_minus_smoothing=15975,
        alternate_smoothing=409, alternate_one_minus_smoothing=15975, smoothing_bits=10,
        min_signal_remaining=819, spectral_subtraction_bits=14, clamping=True,
    )  # fmt: skip
    gains = builder.tensor((125,), "int16", data=np.linspace(32000, 40, 125))
    builder.custom("SignalPCAN", [clean, noise, gains], [gained], snr_shift=9)
    logs, result = (
        builder.tensor((CHANNELS,), "int16"),
        builder.tensor((1, CHANNELS), "int16", scale=1.0),
    )
    builder.custom(
        "SignalFilterBankLog", [gained], [logs], input_correction_bits=3, output_scale=1600
    )
    shape = builder.tensor((2,), "int32", data=[1, CHANNELS])
    builder.operator("RESHAPE", [logs, shape], [result])
    return builder.build([source], [result])


def _filters(builder: ModelBuilder) -> list[int]:
    """Return triangles of four inputs each: weights, unweights, and where each channel begins."""
    width = 4
    ramp = np.tile(np.linspace(4095, 0, width), CHANNELS + 1)
    starts = 1 + width * np.arange(CHANNELS + 1)
    places = width * np.arange(CHANNELS + 1)
    lists = (ramp, 4096 - ramp, starts, places, np.full(CHANNELS + 1, width))
    return [builder.tensor((len(values),), "int16", data=values) for values in lists]
