"""Outputs of networks that detect objects, and what turns them into boxes."""

from __future__ import annotations

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


def detection(draw: Draw, dtype: str, *, regular: bool = False) -> Layer:
    """Draw boxes that overlap, of which some have equal scores."""
    boxes, classes, wanted, each = draw.shape(40, 5, 12, 3)
    background, depth = draw.integer(0, 1), draw.integer(4, 6)
    options = {
        "max_detections": wanted,
        "max_classes_per_detection": each,
        "num_classes": classes,
        "nms_score_threshold": draw.choice([0.0, 0.25, 0.5, 0.9]),
        "nms_iou_threshold": draw.choice([0.1, 0.5, 0.6, 1.0]),
        **{f"{name}_scale": draw.choice([1.0, 5.0, 10.0]) for name in "yxhw"},
    }
    if draw.integer(0, 1):
        options["detections_per_class"] = draw.integer(1, 20)
    if regular or draw.integer(0, 1):
        options["use_regular_nms"] = regular
    each = min(each, classes)
    slots = wanted if regular else each * wanted * each
    random = draw.random()
    centres, sizes = random.uniform(0, 1, (boxes, 2)), random.uniform(0.05, 0.6, (boxes, 2))
    anchors = np.concatenate([centres, sizes], axis=1).astype(dtype)
    inputs = (
        TensorSpec((1, boxes, depth), dtype),
        TensorSpec((1, boxes, classes + background), dtype),
        TensorSpec((boxes, 4), dtype, data=anchors),
    )
    shapes = ((1, slots, 4), (1, slots), (1, slots), (1,))
    outputs = tuple(TensorSpec(shape, dtype) for shape in shapes)
    spec = OperatorSpec(
        "TFLite_Detection_PostProcess", inputs, outputs, options=options, custom=True
    )
    samples = []
    for _ in range(draw.input_sets):
        steps = draw.choice([4, 16, 4096])
        scores = random.integers(0, steps + 1, inputs[1].shape) / steps
        encodings = random.normal(0, draw.choice([0.1, 1.0, 3.0]), inputs[0].shape)
        samples.append([encodings.astype(dtype), scores.astype(dtype)])

    def found(values: list[np.ndarray]) -> list[np.ndarray]:
        """Return the places with a detection, the others as 0."""
        found = np.arange(int(values[3][0]))
        left = np.setdiff1d(np.arange(slots), each * found + found % each)
        for value in values[:3]:
            value[:, left] = 0
        return values

    return Layer(spec, samples, defined=None if regular else found)
