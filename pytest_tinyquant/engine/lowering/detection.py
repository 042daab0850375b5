"""TFLite_Detection_PostProcess: boxes out of the outputs of a network that detects objects."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.custom_options import Scalar
from pytest_tinyquant.engine.lowering.custom_options import integer
from pytest_tinyquant.engine.lowering.custom_options import named_options
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_COORDINATES = 4
_FLOAT_BYTES = 4
_DETECTIONS_PER_CLASS = 100


def detection_postprocess(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower the decoding of boxes and non-maximum suppression in float32."""
    encodings, scores, anchors = (lowering.source(operator, i) for i in range(3))
    if len(operator.inputs) != 3 or len(operator.outputs) != 4:
        raise ModelError(f"{len(operator.inputs)} inputs and {len(operator.outputs)} outputs")
    outputs = tuple(lowering.tensor(index) for index in operator.outputs)
    lowering.suffix(operator, encodings, scores, anchors, *outputs)
    if encodings.dtype != "float32":
        raise lowering.unsupported(operator, encodings.dtype, "it has a kernel for float32 only")
    boxes = _box_count(encodings, scores, anchors)
    options = named_options(operator)
    numbers = _numbers(operator, lowering, options, scores, boxes)
    regular = bool(options.get("use_regular_nms", False))
    slots = min(outputs[0].elements // _COORDINATES, outputs[1].elements, outputs[2].elements)
    if slots < _slots_needed(numbers, regular=regular) or not outputs[3].elements:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in outputs)
        raise lowering.unsupported(
            operator, "float32", f"its outputs {shapes} are too small for what it may find"
        )
    decoded, ranks = boxes * _COORDINATES * _FLOAT_BYTES, boxes * _FLOAT_BYTES
    kept = _FLOAT_BYTES * numbers["max_detections"] if regular else 0
    fields: dict[str, Value] = {
        "encodings": lowering.address(encodings),
        "scores": lowering.address(scores),
        "anchors": lowering.address(anchors),
        **{
            f"output_{name}": lowering.address(tensor)
            for name, tensor in zip(("boxes", "classes", "scores", "count"), outputs, strict=True)
        },
        "boxes": ScratchMemory(0),
        "ranks": ScratchMemory(decoded),
        "kept": ScratchMemory(decoded + ranks) if regular else None,
        "active": ScratchMemory(decoded + ranks + kept),
        "box_count": boxes,
        "encoding_depth": encodings.shape[2],
        "score_depth": scores.shape[2],
        "slots": slots,
        **numbers,
        **_factors(options),
    }
    return KernelCall(
        f"tq_detection_{'regular' if regular else 'fast'}",
        "tq_detection_params",
        fields,
        lowering.reads(encodings, scores, anchors),
        operator.outputs,
        scratch_bytes=decoded + ranks + kept + boxes,
    )


def _box_count(encodings: Tensor, scores: Tensor, anchors: Tensor) -> int:
    shapes = encodings.shape, scores.shape, anchors.shape
    if [len(shape) for shape in shapes] != [3, 3, 2]:
        raise ModelError(f"its inputs are {', '.join(str(list(shape)) for shape in shapes)}")
    boxes = encodings.shape[1]
    fits = encodings.shape[0] == scores.shape[0] == 1 and scores.shape[1] == boxes
    if not fits or encodings.shape[2] < _COORDINATES or anchors.shape != (boxes, _COORDINATES):
        raise ModelError(f"its inputs are {', '.join(str(list(shape)) for shape in shapes)}")
    return boxes


def _numbers(
    operator: Operator,
    lowering: Lowering,
    options: Mapping[str, Scalar],
    scores: Tensor,
    boxes: int,
) -> dict[str, int]:
    classes = integer(options, "num_classes")
    if not 1 <= classes <= scores.shape[2] <= classes + 1:
        raise ModelError(f"it has {scores.shape[2]} scores for {classes} classes")
    wanted = integer(options, "max_detections")
    each = integer(options, "max_classes_per_detection")
    per_class = integer(options, "detections_per_class", _DETECTIONS_PER_CLASS)
    if min(wanted, each, per_class) < 1:
        raise ModelError(f"it is to give {wanted} detections of {each} classes, {per_class} each")
    if wanted > 1 << 16:
        raise lowering.unsupported(operator, "float32", f"it is to give {wanted} detections")
    return {
        "class_count": classes,
        "max_detections": wanted,
        "classes_per_detection": min(each, classes),
        # No more than there are boxes.
        "detections_per_class": min(per_class, boxes),
    }


def _slots_needed(numbers: Mapping[str, int], *, regular: bool) -> int:
    """Return how many places the outputs must have."""
    wanted, each = numbers["max_detections"], numbers["classes_per_detection"]
    if regular:
        return wanted
    # With several classes to a box TensorFlow Lite Micro leaves places free between them.
    return wanted * each * each


def _factors(options: Mapping[str, Scalar]) -> dict[str, float]:
    names = {
        "nms_score_threshold": "score_threshold",
        "nms_iou_threshold": "iou_threshold",
        "y_scale": "scale_y",
        "x_scale": "scale_x",
        "h_scale": "scale_h",
        "w_scale": "scale_w",
    }
    with np.errstate(over="ignore"):
        # What the kernel's parameters hold.
        found = {field: float(np.float32(options.get(name, 0.0))) for name, field in names.items()}
    scales = [value for field, value in found.items() if field.startswith("scale")]
    if not all(math.isfinite(value) for value in found.values()) or 0.0 in scales:
        raise ModelError(f"its thresholds and scales are {sorted(found.items())}")
    if not 0 < found["iou_threshold"] <= 1:
        raise ModelError(f"its nms_iou_threshold is {found['iou_threshold']}, not in (0, 1]")
    return found
